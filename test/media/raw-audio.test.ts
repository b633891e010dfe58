/** Raw audio: which of the two formats it is, and the tags that come of it, in every cut. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import { RawAudio, type AudioFrame } from "../../src/media/raw-audio.ts";
import { readAudioHeader } from "../../src/media/tag-audio.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { oggOf } from "../support/ogg.ts";

const STEREO = "fff1508001bffc211004608c1c";
const MONO = "fff15040017ffc01182007";
const HEAD = "4f707573486561640101380180bb0000000000";
const OPUS = fromHex("4f707573");

function read(segments: readonly Uint8Array[]) {
  const frames: AudioFrame[] = [];
  const audio = new RawAudio((frame) => frames.push(frame));
  for (const segment of segments) audio.feed(segment);
  audio.end();
  return { frames, skipped: audio.skippedBytes };
}

const plain = (frames: readonly AudioFrame[]) =>
  frames.map(({ header, body, samples, facts }) => [toHex(header), toHex(body), samples, facts.channels]);

describe("RawAudio", () => {
  test("AAC", () => {
    const { frames } = everySplit(fromHex(STEREO + STEREO + MONO), read);
    const stereo = ["af001210", "af01211004608c1c", 1024, 2];
    expect(plain(frames)).toEqual([stereo, stereo, ["af001208", "af0101182007", 1024, 1]]);
    expect(frames[0]!.header).toBe(frames[1]!.header);
    expect(frames[0]!.facts).toEqual({ codec: "mp4a", sampleRate: 44_100, channels: 2 });
    const more = ["fff151c0017ffc01182007", "fff15000017ffc01182007"].map((text) =>
      plain(read([fromHex(text)]).frames),
    );
    expect(more.map(([frame]) => frame?.[3])).toEqual([8, undefined]);
  });

  test("Opus: the header is the stream's own, the comments are left out", () => {
    const packets = ["4f7075735461677300000000", "fc0102", "0b820304", ""].map(fromHex);
    const { frames } = everySplit(oggOf(fromHex(HEAD), packets), read);
    const header = `90${toHex(OPUS)}${HEAD}`;
    expect(plain(frames)).toEqual([
      [header, `91${toHex(OPUS)}fc0102`, 960, 1],
      [header, `91${toHex(OPUS)}0b820304`, 1920, 1],
    ]);
    expect(frames[0]!.facts).toEqual({ codec: "Opus", sampleRate: 48_000, channels: 1 });
    expect(readAudioHeader(frames[0]!.header)).toMatchObject({ role: "header", codec: "Opus" });
    expect(readAudioHeader(frames[0]!.body)).toMatchObject({
      role: "frame",
      codec: "Opus",
      payloadOffset: 5,
    });
  });

  test("Opus behind noise, and AAC behind noise", () => {
    const ogg = oggOf(fromHex(HEAD), [fromHex("fc0102")]);
    expect(read([fromHex("4f6767aaff"), ogg]).frames.length).toBe(1);
    expect(read([fromHex(`4f6767aaff${STEREO}${STEREO}`)]).frames.length).toBe(2);
  });

  test("an FLV file is something else, though two bytes in it may look like a header", () => {
    const flv = readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"));
    // Frames by chance: a header, a length that leads to another one, and something else behind that.
    const chance = fromHex(`${STEREO}${STEREO}aabbccddeeff0011`);
    const audio = new RawAudio(() => {
      throw new Error("there is no frame");
    });
    expect(audio.isForeign).toBe(false);
    for (const segment of [flv, chance, flv]) audio.feed(segment);
    audio.end();
    expect(audio.isForeign).toBe(true);
  });

  test("something else is said to be that, soon", () => {
    const audio = new RawAudio(() => {
      throw new Error("there is no frame");
    });
    const feed = (): void => {
      for (let i = 0; i < 5; i++) audio.feed(new Uint8Array(64 * 1024).fill(0x41));
    };
    expect(feed).toThrow(new MediaError("this is neither AAC with ADTS headers nor Opus in Ogg"));
  });

  test.each([
    ["AAC", fromHex((STEREO + MONO).repeat(8))],
    [
      "Opus",
      oggOf(
        fromHex(HEAD),
        [0xfc, 0x0b, 0x60].map((toc, i) => Uint8Array.of(toc, ...randomBytes(60, i))),
      ),
    ],
  ])("damaged %s: frames or nothing, never longer than what came", (_name, good) => {
    for (const bytes of mutations(good, 1000, 6716)) {
      const { frames } = read([bytes]);
      const size = frames.reduce((sum, { body }) => sum + body.length - 5, 0);
      expect(size).toBeLessThanOrEqual(bytes.length);
      for (const { samples } of frames) expect(samples).toBeWithin(1, 5761);
    }
  });
});
