/** `runnel push` of files and pipes to nginx-rtmp, which records what arrives, and to ffmpeg as a listener. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { backwards, differences, lengthOf, mediaOf, readFlvFile } from "../support/flv-compare.ts";
import { decodingErrors, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { freePort, untilBound } from "../support/ports.ts";
import { run, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("push", () => {
  test.each([
    ["in real time", "high", []],
    ["as fast as it goes", "high", ["--no-realtime"]],
    ["without B-frames", "baseline", ["--no-realtime"]],
  ] as const)("a file %s arrives bit for bit", async (_name, profile, flags) => {
    const nginx = await startNginx();
    const file = await show({ profile });
    const result = await runnel(["push", file, nginx.url("live", "show"), ...flags]);
    expectExit(result, 0);
    expectLastLine(result);
    const recording = await nginx.recording("show");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
    expect(await decodingErrors(recording)).toBe("");
  });

  test("video alone arrives bit for bit", async () => {
    const nginx = await startNginx();
    const file = await show({ audio: false });
    expectExit(await runnel(["push", file, nginx.url("live", "show"), "--no-realtime"]), 0);
    const recording = await nginx.recording("show");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
  });

  test("stdin is a source", async () => {
    const nginx = await startNginx();
    const file = await show();
    const pipe = 'cat "$1" | "$0" push - "$2"';
    const result = await run(["sh", "-c", pipe, await runnelBinary(), file, nginx.url("live", "show")]);
    expectExit(result, 0);
    const recording = await nginx.recording("show");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
  });

  test("a loop goes on in time where the file ends", async () => {
    const nginx = await startNginx();
    const file = await show({ seconds: 2 });
    const result = await runnel(["push", file, nginx.url("live", "show"), "--loop", "--for", "6s"]);
    expectExit(result, 0);
    const once = await readFlvFile(file);
    const looped = await readFlvFile(await nginx.recording("show"));
    expect(backwards(looped)).toEqual([]);
    expect(lengthOf(looped)).toBeGreaterThan(2 * lengthOf(once));
    const frames = mediaOf(once).filter((tag) => tag.role !== "header" && tag.kind === "video");
    const video = mediaOf(looped).filter((tag) => tag.role !== "header" && tag.kind === "video");
    video.forEach((tag, i) => expect(tag.hash).toBe(frames[i % frames.length]!.hash));
    // No frame is missing between two rounds: no step is much longer than a frame lasts.
    const steps = video.slice(1).map((tag, i) => tag.timestamp - video[i]!.timestamp);
    expect(Math.max(...steps)).toBeLessThan(250);
  });

  test("a key goes to the end of the URL", async () => {
    const nginx = await startNginx();
    const file = await show();
    const env = { SHOW_KEY: "show" };
    const url = `rtmp://127.0.0.1:${nginx.port}/live`;
    expectExit(await runnel(["push", file, url, "-k", "env:SHOW_KEY", "--no-realtime"], { env }), 0);
    const recording = await nginx.recording("show");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
  });

  test("two destinations get the same", async () => {
    const nginx = await startNginx();
    const file = await show();
    const urls = [nginx.url("live", "one"), nginx.url("live", "two")];
    expectExit(await runnel(["push", file, ...urls]), 0);
    const tags = await readFlvFile(file);
    for (const name of ["one", "two"])
      expect(differences(tags, await readFlvFile(await nginx.recording(name)))).toEqual([]);
  });

  test("ffmpeg as a listener gets the same", async () => {
    const port = await freePort();
    const url = `rtmp://127.0.0.1:${port}/live/x`;
    const out = join(scratch(), "out.flv");
    const argv = ["-listen", "1", "-i", url, "-c", "copy", "-f", "flv", out];
    await using listener = start(["ffmpeg", "-nostdin", "-v", "error", ...argv]);
    await untilBound(port);
    const file = await show();
    expectExit(await runnel(["push", file, url]), 0);
    await listener.finished;
    expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
    expect(await decodingErrors(out)).toBe("");
  });
});
