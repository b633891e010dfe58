/**
 * Recordings of H.265: size, rate and index from its parameter sets, segments, repair. Debian's ffmpeg reads no H.265
 * in FLV, so what it judges is the raw stream that stands in the tags: it decodes to the very pictures of the source.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getProperty } from "../../src/amf/amf0.ts";
import { type FlvTag, readFlv, readFlvFile } from "../support/flv-compare.ts";
import { annexBOf } from "../support/hevc-flv.ts";
import { QUIET_FFMPEG } from "../support/media.ts";
import { run } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { makeRaw } from "../support/raw-video.ts";
import { claim } from "../support/recordings.ts";
import { expectExit, expectLastLine, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const FRAMES = 150;
const FPS = 30;
/** Every second a keyframe, and B-frames between. */
const GOP = "keyint=30:min-keyint=30:scenecut=0:open-gop=0:bframes=2:log-level=none";
const HVC1 = 0x68766331;

let raw: Uint8Array;
let file: string;

beforeAll(async () => {
  if (!needs("ffmpeg")) return;
  const args = ["-preset", "ultrafast", "-x265-params", GOP];
  raw = await makeRaw({ codec: "hevc", size: "416x240", fps: FPS, frames: FRAMES, args });
  file = join(scratch("hevc"), "cam.h265");
  writeFileSync(file, raw);
});

/** One hash for each picture; ffmpeg must have nothing to say. */
async function pictures(stream: Uint8Array): Promise<string[]> {
  const argv = ["ffmpeg", ...QUIET_FFMPEG, "-f", "hevc", "-i", "-", "-f", "framemd5", "-"];
  const { code, stdout, stderr } = await run(argv, { stdin: stream });
  expect([code, stderr]).toEqual([0, ""]);
  const lines = Buffer.from(stdout).toString().split("\n");
  return lines.filter((line) => /^\d/.test(line)).map((line) => line.split(",").at(-1)!.trim());
}

const frames = (tags: readonly FlvTag[]): FlvTag[] =>
  tags.filter(({ kind, role }) => kind === "video" && (role === "key" || role === "frame"));

async function record(...flags: string[]): Promise<string> {
  const folder = scratch("hevc");
  const source = ["push", `h264:${file}`, "--format", "hevc", "--fps", String(FPS)];
  expectExit(await runnel([...source, "-o", join(folder, "out-{n}.flv"), "--no-realtime", ...flags]), 0);
  return folder;
}

describe.skipIf(!needs("ffmpeg"))("H.265", () => {
  test("is recorded with size, rate and index, bit for bit", async () => {
    const path = join(await record(), "out-1.flv");
    const claims = ["width", "height", "framerate", "videocodecid", "hasKeyframes"];
    expect(claims.map((key) => claim(path, key))).toEqual([416, 240, FPS, HVC1, true]);
    const index = claim(path, "keyframes");
    const [times, places] = ["times", "filepositions"].map((key) => getProperty(index, key) as number[]);
    expect(times).toEqual([0, 0, 1, 2, 3, 4]);
    const bytes = readFileSync(path);
    // Enhanced, a keyframe, coded frames with or without a composition time.
    for (const at of places!.slice(1)) expect([bytes[at], bytes[at + 11]! & 0xfd]).toEqual([9, 0x91]);
    const tags = readFlv(bytes);
    expect(frames(tags)).toHaveLength(FRAMES);
    expect(await pictures(annexBOf(tags))).toEqual(await pictures(raw));
    const probe = await runnel(["probe", path]);
    expectExit(probe, 0);
    const text = Buffer.from(probe.stdout).toString();
    expect(text).toMatch(/H\.265 Main .*416x240, 30 fps, .* 150 frames, 5 key frames, B-frames/);
    expect(text).toMatch(/GOP: 1 s .*timestamps: fine.*file: sound/s);
  });

  test("is cut on its keyframes, and nothing is lost", async () => {
    const folder = await record("--segment", "2s");
    const names = readdirSync(folder).sort();
    expect(names).toEqual(["out-1.flv", "out-2.flv", "out-3.flv"]);
    const files = await Promise.all(names.map((name) => readFlvFile(join(folder, name))));
    expect(files.map((tags) => frames(tags).length)).toEqual([60, 60, 30]);
    for (const tags of files) {
      expect(tags.slice(0, 3).map(({ kind, role }) => `${kind} ${role}`)).toEqual([
        "script data",
        "video header",
        "video key",
      ]);
    }
    const parts = await Promise.all(files.map((tags) => pictures(annexBOf(tags))));
    expect(parts.flat()).toEqual(await pictures(raw));
  });

  test("is mended: what was whole in the wreck decodes, and is found by the index", async () => {
    const path = join(await record(), "out-1.flv");
    const whole = readFileSync(path);
    const wreck = join(scratch("hevc"), "wreck.flv");
    const cut = Math.floor(whole.length * 0.7);
    writeFileSync(wreck, whole.subarray(0, cut));
    const check = await runnel(["repair", "--check", wreck]);
    expectExit(check, 3);
    const mended = wreck.replace(".flv", ".repaired.flv");
    const result = await runnel(["repair", wreck]);
    expectExit(result, 0);
    expectLastLine(result, /mended: /);
    const left = frames(await readFlvFile(mended));
    expect(left.length).toBeGreaterThan(FRAMES / 2);
    expect(left.map(({ hash }) => hash)).toEqual(
      frames(readFlv(whole))
        .slice(0, left.length)
        .map(({ hash }) => hash),
    );
    expect(["width", "height", "framerate"].map((key) => claim(mended, key))).toEqual([416, 240, FPS]);
    expect(claim(mended, "filesize")).toBe(statSync(mended).size);
    const index = claim(mended, "keyframes");
    const places = getProperty(index, "filepositions") as number[];
    const bytes = readFileSync(mended);
    for (const at of places.slice(1)) expect([bytes[at], bytes[at + 11]! & 0xfd]).toEqual([9, 0x91]);
    const good = await pictures(annexBOf(readFlv(bytes)));
    expect(good).toHaveLength(left.length);
  });
});
