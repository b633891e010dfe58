/** `testcard:` as a source: what a server records of it decodes without a complaint, looks and sounds as announced. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { backwards, differences, lengthOf, mediaOf, readFlvFile } from "../support/flv-compare.ts";
import { decodingErrors } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { run, runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const FFMPEG = ["ffmpeg", "-nostdin", "-v", "warning"];

/** What ffprobe says of a stream of a file. */
async function probe(file: string, stream: string, entries: string): Promise<string[]> {
  const argv = ["-v", "error", "-select_streams", stream, "-show_entries", `stream=${entries}`];
  return (await runWell(["ffprobe", ...argv, "-of", "default=nw=1:nk=1", file])).trim().split("\n");
}

/** The picture of a file at a second, as grey values of its rows. */
async function picture(file: string, second: number): Promise<Buffer> {
  const argv = [
    "-ss",
    String(second),
    "-i",
    file,
    "-frames:v",
    "1",
    "-f",
    "rawvideo",
    "-pix_fmt",
    "gray",
    "-",
  ];
  return Buffer.from((await run([...FFMPEG, ...argv])).stdout);
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("the test card", () => {
  test("a server and a file get it alike; it is what it says, and moves", async () => {
    const server = await startNginx();
    const out = join(scratch(), "card.flv");
    const result = await runnel(["push", "testcard:", server.url("live", "card"), "-o", out, "--for", "5s"]);
    expectExit(result, 0);
    expectLastLine(result);
    const copy = await server.recording("card");
    const tags = await readFlvFile(out);
    expect(differences(tags, await readFlvFile(copy))).toEqual([]);
    expect(backwards(tags)).toEqual([]);
    expect(lengthOf(tags)).toBeGreaterThan(4_000);
    for (const file of [out, copy]) {
      expect(await decodingErrors(file)).toBe("");
      expect(await probe(file, "v", "codec_name,width,height,r_frame_rate")).toEqual([
        "h264",
        "640",
        "360",
        "25/1",
      ]);
      expect(await probe(file, "a", "codec_name")).toEqual(["aac"]);
    }
    const keys = mediaOf(tags).filter((tag) => tag.role === "key");
    keys.slice(1).forEach((key, i) => expect(key.timestamp - keys[i]!.timestamp).toBe(2_000));
    const video = mediaOf(tags).filter((tag) => tag.kind === "video" && tag.role !== "header");
    video.slice(1).forEach((frame, i) => expect(frame.timestamp - video[i]!.timestamp).toBe(40));

    const pcm = Buffer.from((await run([...FFMPEG, "-i", copy, "-vn", "-f", "s16le", "-"])).stdout);
    expect(pcm.length).toBeGreaterThan(44_100);
    expect(pcm.every((byte) => byte === 0)).toBe(true);

    const [early, late] = [await picture(copy, 1), await picture(copy, 3)];
    expect(early).toHaveLength(640 * 360);
    // Bars: several levels in the first row, the same in every row of the bars' upper part.
    const row = (n: number) => early.subarray(n * 640, (n + 1) * 640);
    expect(new Set(row(4)).size).toBeGreaterThan(4);
    expect(row(4).equals(row(20))).toBe(true);
    const changed = early.filter((value, i) => value !== late[i]).length;
    expect(changed).toBeGreaterThan(100);
    expect(changed).toBeLessThan((640 * 360) / 2);
  });

  test("a decoder that looks for trouble finds none", async () => {
    const out = join(scratch(), "card.flv");
    const card = ["push", "testcard:", "--serve=127.0.0.1:0/live/card", "-o", out, "--for", "3s"];
    expectExit(await runnel(card), 0);
    const strict = [
      "-xerror",
      "-err_detect",
      "crccheck+bitstream+buffer+explode+careful+compliant+aggressive",
    ];
    const result = await run([...FFMPEG, ...strict, "-i", out, "-f", "null", "-"]);
    expect([result.code, result.stderr]).toEqual([0, ""]);
  });

  test("two servers get the same", async () => {
    const server = await startNginx();
    const names = ["one", "two"];
    const urls = names.map((name) => server.url("live", name));
    expectExit(await runnel(["push", "testcard:", ...urls, "--for", "3s"]), 0);
    const [one, two] = await Promise.all(
      names.map(async (name) => readFlvFile(await server.recording(name))),
    );
    expect(differences(one!, two!)).toEqual([]);
  });
});
