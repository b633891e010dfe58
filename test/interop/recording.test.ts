/**
 * Recordings as files that other programs read: segments that put together are the whole, frame by frame, an index
 * that ffmpeg seeks by, and a stream that changes on the way.
 */
import { describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getProperty } from "../../src/amf/amf0.ts";
import { mediaOf, readFlvFile, type FlvTag } from "../support/flv-compare.ts";
import { decodingErrors, makeShow, putShow, QUIET_FFMPEG, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { run, runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { claim, headOf } from "../support/recordings.ts";
import { events, expectExit, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** What the frames of a file decode to, one hash each. */
async function decoded(path: string, kind: "v" | "a"): Promise<string[]> {
  const argv = ["ffmpeg", ...QUIET_FFMPEG, "-i", path, "-map", `0:${kind}`, "-f", "framemd5", "-"];
  const lines = (await runWell(argv)).split("\n").filter((line) => /^\d/.test(line));
  return lines.map((line) => line.split(",").at(-1)!.trim());
}

const frames = (tags: readonly FlvTag[]): FlvTag[] => mediaOf(tags).filter((tag) => tag.role !== "header");
const asText = (tags: readonly FlvTag[], shift = 0): string[] =>
  tags.map((tag) => `${tag.kind} ${tag.role} ${Math.round(tag.timestamp + shift)} ${tag.hash}`);

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("segments", () => {
  test.each(["high", "baseline"] as const)(
    "put together are the whole recording (%s profile)",
    async (profile) => {
      const nginx = await startNginx();
      await putShow(nginx.vod, "file.flv", { seconds: 13, profile });
      const [dir, url] = [scratch(), nginx.url("vod", "file.flv")];
      const whole = join(dir, "whole.flv");
      const argv = ["pull", url, join(dir, "s-{n}.flv"), "--segment", "3s", "--json"];
      const [cut, plain] = await Promise.all([runnel(argv), runnel(["pull", url, whole])]);
      expectExit(plain, 0);
      expectExit(cut, 0);
      expectLastLine(cut, /in 4 files, /);
      const names = ["s-1.flv", "s-2.flv", "s-3.flv", "s-4.flv"];
      expect(readdirSync(dir).sort()).toEqual([...names, "whole.flv"]);
      expect(
        events(cut)
          .filter((event) => event["event"] === "segment")
          .map((event) => event["ms"]),
      ).toHaveLength(4);
      const paths = names.map((name) => join(dir, name));

      const parts = await Promise.all(paths.map(readFlvFile));
      let shift = 0;
      const joined = parts.flatMap((tags, i) => {
        const [script, first, second] = tags;
        expect([script?.kind, first?.role, second?.role]).toEqual(["script", "header", "header"]);
        const begin = frames(tags).find((tag) => tag.kind === "video")!;
        expect(begin.role).toBe("key");
        // The server begins with sound; a cut is the keyframe's.
        if (i > 0) expect(begin.timestamp).toBe(0);
        const text = asText(frames(tags), shift);
        shift += 1000 * Number(claim(paths[i]!, "duration"));
        return text;
      });
      const expected = frames(await readFlvFile(whole));
      // Sound and picture are interleaved anew at a cut; each by itself is in order.
      for (const kind of ["video", "audio"]) {
        const mine = (text: string): boolean => text.startsWith(kind);
        expect(joined.filter(mine)).toEqual(asText(expected).filter(mine));
      }
      const pictures = (await Promise.all(paths.map((path) => decoded(path, "v")))).flat();
      expect(pictures).toEqual(await decoded(whole, "v"));
      for (const path of paths) expect(await decodingErrors(path)).toBe("");
    },
  );

  test("on the clock begin with the first keyframe behind it", async () => {
    const dir = scratch();
    const file = await show({ seconds: 13 });
    const out = join(dir, "%S.flv");
    const started = Date.now();
    const result = await runnel(["push", file, "-o", out, "--segment", "5s", "--align", "clock"]);
    expectExit(result, 0);
    const seconds = readdirSync(dir).map((name) => Number(name.slice(0, 2)));
    const first = new Date(started).getSeconds();
    expect(seconds.length).toBeGreaterThanOrEqual(3);
    // A keyframe comes every two seconds, so a file begins at most that late.
    for (const second of seconds.filter((one) => Math.abs(one - first) > 1))
      expect(second % 5).toBeLessThan(3);
  });
});

describe.skipIf(!needs("ffmpeg"))("the index", () => {
  test("leads ffmpeg to the middle of a file without reading the first half", async () => {
    const out = join(scratch(), "out.flv");
    const file = await show({ seconds: 30, bitrate: "2M" });
    expectExit(await runnel(["push", file, "-o", out, "--no-realtime"]), 0);
    const index = getProperty(headOf(out), "keyframes");
    const [times, places] = ["times", "filepositions"].map((key) => getProperty(index, key) as number[]);
    expect(times!.slice(1)).toEqual(Array.from({ length: 15 }, (_, i) => 2 * i));
    const bytes = readFileSync(out);
    for (const at of places!.slice(1)) expect([bytes[at], bytes[at + 11]! >> 4]).toEqual([9, 1]);
    expect(bytes[places![0]!]).toBe(9);

    const seek = [
      "-ss",
      "21",
      "-i",
      out,
      "-map",
      "0:v",
      "-c",
      "copy",
      "-frames:v",
      "1",
      "-f",
      "framemd5",
      "-",
    ];
    const result = await run(["ffmpeg", "-nostdin", "-hide_banner", "-v", "debug", ...seek]);
    expect(result.code).toBe(0);
    const read = Math.max(
      ...[...result.stderr.matchAll(/(\d+) bytes read/g)].map((match) => Number(match[1])),
    );
    expect(read).toBeLessThan(0.6 * statSync(out).size);
    expect(result.stderr).not.toMatch(/index parsing failed/i);
    // The frame is the keyframe at 20 s.
    const exact = ["-i", out, "-ss", "20", "-map", "0:v", "-frames:v", "1", "-f", "framemd5", "-"];
    const wanted = await runWell(["ffmpeg", ...QUIET_FFMPEG, ...exact]);
    const found = ["-ss", "20", "-i", out, "-map", "0:v", "-frames:v", "1", "-f", "framemd5", "-"];
    const hash = (text: string): string | undefined => text.trim().split("\n").at(-1)?.split(",").at(-1);
    expect(hash(await runWell(["ffmpeg", ...QUIET_FFMPEG, ...found]))).toBe(hash(wanted));
  });

  test("tells size and rate of a source without metadata, from its SPS", async () => {
    const dir = scratch();
    const bare = join(dir, "bare.flv");
    const bytes = readFileSync(await show({ seconds: 4 }));
    const head = 13 + 11 + bytes.readUIntBE(14, 3) + 4;
    writeFileSync(bare, Buffer.concat([bytes.subarray(0, 13), bytes.subarray(head)]));
    const out = join(dir, "out.flv");
    expectExit(await runnel(["push", bare, "-o", out, "--no-realtime"]), 0);
    const told = Object.fromEntries(
      ["width", "height", "framerate", "videocodecid", "audiocodecid", "hasVideo", "hasAudio"].map((key) => [
        key,
        claim(out, key),
      ]),
    );
    expect(told).toEqual({
      width: 320,
      height: 180,
      framerate: 25,
      videocodecid: 7,
      audiocodecid: 10,
      hasVideo: true,
      hasAudio: true,
    });
  });
});

describe.skipIf(!needs("ffmpeg"))("a stream that changes", () => {
  test("goes on in a new file, each a whole show", async () => {
    const dir = scratch();
    const [a, b, both] = [join(dir, "a.flv"), join(dir, "b.flv"), join(dir, "both.flv")];
    copyFileSync(await show({ seconds: 4 }), a);
    await makeShow(b, { seconds: 4, bitrate: "1M" });
    writeFileSync(both, Buffer.concat([readFileSync(a), readFileSync(b)]));
    expectExit(await runnel(["push", both, "-o", join(dir, "out-{n}.flv"), "--no-realtime"]), 0);
    const outs = ["out-1.flv", "out-2.flv"].map((name) => join(dir, name));
    expect(readdirSync(dir).filter((name) => name.startsWith("out"))).toHaveLength(2);
    expect(outs.map((path) => claim(path, "width"))).toEqual([320, 1280]);
    expect(await decoded(outs[0]!, "v")).toEqual(await decoded(a, "v"));
    expect(await decoded(outs[1]!, "v")).toEqual(await decoded(b, "v"));
    for (const path of outs) expect(await decodingErrors(path)).toBe("");
  });
});
