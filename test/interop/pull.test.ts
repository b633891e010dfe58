/** `runnel pull` against nginx-rtmp: a live stream that it joins, and whole files from the play module. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import {
  backwards,
  differences,
  joinDifferences,
  lengthOf,
  readFlv,
  readFlvFile,
} from "../support/flv-compare.ts";
import { decodingErrors, publish, putShow, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { run, runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("pull", () => {
  test.each(["high", "baseline"] as const)("joins a live stream (%s profile)", async (profile) => {
    const nginx = await startNginx();
    const out = join(scratch(), "out.flv");
    const publisher = publish(await show({ seconds: 9, profile }), nginx.url("live", "show"));
    await nginx.sees("publish", "show");
    const result = await runnel(["pull", nginx.url("live", "show"), out, "--for", "4s"]);
    await publisher.stop();
    expectExit(result, 0);
    expectLastLine(result);
    expect(result.stdout).toHaveLength(0);
    expect(existsSync(`${out}.part`)).toBe(false);
    const part = await readFlvFile(out);
    expect(joinDifferences(await readFlvFile(await nginx.recording("show")), part)).toEqual([]);
    expect(backwards(part)).toEqual([]);
    expect(lengthOf(part)).toBeGreaterThan(1_500);
    expect(await decodingErrors(out)).toBe("");
  });

  test.each(["high", "baseline"] as const)("takes a whole file bit for bit (%s profile)", async (profile) => {
    const nginx = await startNginx();
    const file = await putShow(nginx.vod, "file.flv", { profile });
    const out = join(scratch(), "deep/er/out.flv");
    const result = await runnel(["pull", nginx.url("vod", "file.flv"), out]);
    expectExit(result, 0);
    expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
    expect(await decodingErrors(out)).toBe("");
  });

  test("the finished file knows its length and where its keyframes are", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const out = join(scratch(), "out.flv");
    expectExit(await runnel(["pull", nginx.url("vod", "file.flv"), out]), 0);
    const script = (await readFlvFile(out)).find((tag) => tag.kind === "script");
    const text = Buffer.from(script?.payload ?? []).toString("latin1");
    for (const key of [
      "duration",
      "filesize",
      "lasttimestamp",
      "width",
      "height",
      "framerate",
      "hasKeyframes",
    ])
      expect(text).toContain(key);
    for (const key of ["keyframes", "times", "filepositions"]) expect(text).toContain(key);
    const entries = ["-show_entries", "format=duration", "-of", "csv=p=0"];
    const duration = await runWell(["ffprobe", "-v", "error", ...entries, out]);
    expect(Number(duration)).toBeGreaterThan(3.8);
    expect(Number(duration)).toBeLessThan(4.3);
    const seek = ["-ss", "2", "-i", out, "-frames:v", "1", "-c", "copy", "-f", "null", "-"];
    expect((await run(["ffmpeg", "-nostdin", "-v", "error", ...seek])).stderr).toBe("");
  });

  test("media on stdout is nothing but media", async () => {
    const nginx = await startNginx();
    const file = await putShow(nginx.vod, "file.flv");
    const url = nginx.url("vod", "file.flv");
    const result = await runnel(["pull", url, "-"]);
    expectExit(result, 0);
    expectLastLine(result);
    expect(differences(await readFlvFile(file), readFlv(result.stdout))).toEqual([]);
    const pipe = '"$0" pull "$1" - | ffprobe -v error -show_entries stream=codec_name -of csv=p=0 -';
    const probed = await run(["sh", "-c", pipe, await runnelBinary(), url]);
    expect(Buffer.from(probed.stdout).toString().trim().split("\n").sort()).toEqual(["aac", "h264"]);
  });

  test("a pipe that closes early ends it without a stack trace", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv", { seconds: 8 });
    const pipe = '"$0" pull "$1" - | head -c 2000 >/dev/null';
    const result = await run(["sh", "-c", pipe, await runnelBinary(), nginx.url("vod", "file.flv")]);
    expect(result.stderr).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
    expect(result.stderr).not.toMatch(/internal/i);
  });

  test("without a name the file is named after the stream; an existing file is kept", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const cwd = scratch();
    expectExit(await runnel(["pull", nginx.url("vod", "file")], { cwd }), 0);
    expect(readdirSync(cwd)).toHaveLength(1);
    expect(readdirSync(cwd)[0]).toMatch(/^vod-file_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.flv$/);
    const out = join(scratch(), "out.flv");
    await Bun.write(out, "precious");
    expectExit(await runnel(["pull", nginx.url("vod", "file.flv"), out]), 0);
    expect(await Bun.file(out).text()).toBe("precious");
    expect(readdirSync(join(out, ".."))).toHaveLength(2);
    expectExit(await runnel(["pull", nginx.url("vod", "file.flv"), out, "--force"]), 0);
    expect(await decodingErrors(out)).toBe("");
  });

  test("one pull fills several files alike", async () => {
    const nginx = await startNginx();
    const file = await putShow(nginx.vod, "file.flv");
    const dir = scratch();
    const [a, b] = [join(dir, "a.flv"), join(dir, "b.flv")];
    expectExit(await runnel(["pull", nginx.url("vod", "file.flv"), a, "-o", b]), 0);
    for (const out of [a, b])
      expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
  });
});
