import { describe, expect, test } from "bun:test";
import { amfEcmaArray, amfObject, decodeAmf0, encodeAmf0, getProperty } from "../../src/amf/amf0.ts";
import { MediaError } from "../../src/errors.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { findingsInWords } from "../../src/media/repair-finding.ts";
import { hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { backwards, readFlv } from "../support/flv-compare.ts";
import { inSegments, mend } from "../support/mending.ts";
import { randomBytes } from "../support/mutate.ts";

const HEADER = flvHeader({ audio: true, video: true });
const AVC = hex`1700000000 0142c01fffe1000e 6742c01f8c8d40f028900f08846a 010004 68ce3c80`;
const AVC_2 = hex`1700000000 0142c01fffe1000e 6742c01f8c8d40f028900f08846a 010004 68ce3c81`;
const AAC = hex`af001390`;
const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const lengthOf = (...parts: readonly Uint8Array[]): number =>
  parts.reduce((sum, part) => sum + part.length, 0);

/** Video every 40 ms with a key frame each fifth, audio 20 ms later; no two bodies are the same. */
function frames(count: number, from = 0, seed = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const time = from + i * 40;
    const head = i % 5 === 0 ? hex`1701000000` : hex`2701000000`;
    const video = flvTag(9, time, concat(head, randomBytes(30, seed + 2 * i)));
    return concat(video, flvTag(8, time + 20, concat(hex`af01`, randomBytes(20, seed + 2 * i + 1))));
  });
}

const HEADERS = concat(flvTag(9, 0, AVC), flvTag(8, 0, AAC));

function metadata(values: Record<string, number | string> = {}): Uint8Array {
  return flvTag(18, 0, encodeAmf0(["onMetaData", amfEcmaArray({ duration: 0.78, mood: "calm", ...values })]));
}

/** A file of one second whose only flaw is that it has no index. */
const PLAIN = [HEADER, metadata(), HEADERS, ...frames(20)];
const NO_INDEX = { kind: "index", offset: 13, text: "there is no keyframe index" } as const;

const kinds = (segments: readonly Uint8Array[]): string[] => mend(segments).findings.map(({ kind }) => kind);
const times = (file: Uint8Array): number[] =>
  mend([file])
    .tags.filter(({ role }) => role !== "header")
    .map(({ timestamp }) => timestamp);

/** What is found besides the head's flaws, which come with any damage. */
function damage(...parts: readonly Uint8Array[]): { kind: string; offset: number; text: string }[] {
  const file = concat(...parts);
  const { findings } = mend([file]);
  for (const size of [1, 7, 1000]) expect(mend(inSegments(file, size)).findings).toEqual(findings);
  const ofTheHead = new Set(["index", "duration", "filesize"]);
  return findings.filter(({ kind }) => !ofTheHead.has(kind));
}

describe("repair", () => {
  test("a file without an index gets one, and is sound then", () => {
    const { findings, file, tags } = mend([concat(...PLAIN)]);
    expect(findings).toEqual([NO_INDEX]);
    expect(tags).toEqual(readFlv(concat(...PLAIN)).slice(1));
    expect(mend([file!]).findings).toEqual([]);
    expect(concat(mend([file!]).file!)).toEqual(file!);
  });

  test("garbage, zeros and a cut tag in a sentence with their place", () => {
    const noise = randomBytes(300, 9);
    const [a, b] = [PLAIN.slice(0, 10), PLAIN.slice(10)];
    const at = lengthOf(...a);
    expect(damage(...a, noise, ...b)).toEqual([
      { kind: "garbage", offset: at, text: "300 bytes that are no FLV" },
    ]);
    expect(damage(...a, new Uint8Array(512), ...b)).toEqual([
      { kind: "zeros", offset: at, text: "512 zeros" },
    ]);
    expect(damage(...a, b[0]!.subarray(0, 30), new Uint8Array(4096))).toMatchObject([
      {
        kind: "garbage",
        offset: at,
        text: expect.stringMatching(/^\d+ bytes that are no FLV and \d+ zeros at the end$/),
      },
    ]);
    expect(damage(...a, new Uint8Array(4096))).toEqual([
      { kind: "zeros", offset: at, text: "4096 zeros at the end" },
    ]);
    expect(damage(...a, b[0]!.subarray(0, 30))).toEqual([
      { kind: "torn", offset: at, text: "the last tag is cut after 30 bytes" },
    ]);
  });

  test("says and saves the same however the file is cut into segments", () => {
    const second = concat(HEADER, HEADERS, ...frames(3, 9000, 40));
    everySplit(concat(...PLAIN.slice(0, 6), randomBytes(50, 2), second), mend);
  });

  test("nothing but the damaged bytes is lost, and what is kept is kept bit for bit", () => {
    const parts = [...PLAIN.slice(0, 10), randomBytes(300, 9), ...PLAIN.slice(10), new Uint8Array(100)];
    const { tags } = mend([concat(...parts)]);
    expect(tags).toEqual(readFlv(concat(...PLAIN)).slice(1));
  });

  test("timestamps that jump ahead go on behind the last", () => {
    const [before, after] = [frames(10), frames(10, 500_000, 500)];
    const file = concat(HEADER, metadata(), HEADERS, ...before, ...after);
    expect(damage(file)).toMatchObject([
      { kind: "jump", text: "the video timestamps jump ahead by 499640 ms, from 360 to 500000 ms" },
    ]);
    expect(backwards(mend([file]).tags)).toEqual([]);
    expect(times(file).at(-1)).toBe(780 + 20);
  });

  test.each([
    ["after hours", 10_000_000, 20],
    ["after a few seconds", 4000, 20],
  ])("a clock that starts over %s goes on behind the last", (_name, start, count) => {
    const file = concat(HEADER, metadata(), HEADERS, ...frames(20, start), ...frames(count, 0, 500));
    const found = damage(file);
    expect(found.map(({ kind }) => kind)).toEqual(["restart"]);
    expect(found[0]!.text).toBe(`the clock starts over: video at 0 ms after ${start + 760} ms`);
    const all = times(file);
    expect(backwards(mend([file]).tags)).toEqual([]);
    // The second part keeps its own pace: nothing is squeezed into one moment.
    expect(all.at(-1)! - all.at(-40)!).toBe(780);
    expect(all.at(-40)! - all.at(-41)!).toBe(40);
  });

  test("one stray stamp moves nothing but its own tag", () => {
    const parts = frames(20);
    const odd = parts[8]!.slice();
    odd[4]! ^= 0x02; // a bit of 2^17 ms in the first of the two tags
    const file = concat(HEADER, metadata(), HEADERS, ...parts.slice(0, 8), odd, ...parts.slice(9));
    expect(damage(file)).toMatchObject([
      { kind: "lone", text: expect.stringContaining("131392 ms stands alone") },
    ]);
    expect(times(file)).toEqual(times(concat(...PLAIN)));
  });

  test("small steps back are held, not moved", () => {
    const parts = frames(20);
    const late = concat(flvTag(9, 300, concat(hex`2701000000`, randomBytes(30, 77))), parts[9]!.subarray(50));
    const file = concat(HEADER, metadata(), HEADERS, ...parts.slice(0, 9), late, ...parts.slice(10));
    expect(damage(file)).toMatchObject([
      { kind: "rollback", text: "the video timestamp goes back by 20 ms, from 320 to 300 ms" },
    ]);
    expect(backwards(mend([file]).tags)).toEqual([]);
    expect(times(file).at(-1)).toBe(780);
  });

  test("wraps at 2^32 ms are no damage", () => {
    const file = concat(HEADER, metadata(), HEADERS, ...frames(20, 2 ** 32 - 400));
    expect(damage(file)).toEqual([]);
    expect(times(file).at(-1)).toBe(780);
  });

  test("sequence headers are dropped when they come again unchanged, and only then", () => {
    const [a, b] = [frames(10), frames(10, 400, 50)];
    const at = lengthOf(HEADER, metadata(), HEADERS, ...a);
    const again = concat(HEADER, metadata(), HEADERS, ...a, HEADERS, ...b);
    expect(damage(again)).toEqual([
      { kind: "doubled", offset: at, text: "the video sequence header comes again unchanged" },
      {
        kind: "doubled",
        offset: at + AVC.length + 15,
        text: "the audio sequence header comes again unchanged",
      },
    ]);
    expect(mend([again]).tags.filter(({ role }) => role === "header")).toHaveLength(2);
    const other = flvTag(9, 400, AVC_2);
    const changed = concat(
      HEADER,
      metadata(),
      HEADERS,
      ...a,
      other,
      ...b,
      flvTag(9, 800, AVC),
      ...frames(5, 800),
    );
    expect(damage(changed)).toEqual([]);
    expect(mend([changed]).tags.filter(({ role }) => role === "header")).toHaveLength(4);
  });

  test("two recordings in one file become one", () => {
    const second = [HEADER, metadata({ duration: 9, place: "harbour" }), HEADERS, ...frames(20, 0, 300)];
    const file = concat(...PLAIN, ...second);
    expect(damage(file)).toEqual([
      { kind: "session", offset: lengthOf(...PLAIN), text: "a second FLV header: another recording begins" },
    ]);
    const { tags, file: mended } = mend([file]);
    expect(tags.filter(({ role }) => role === "header")).toHaveLength(2);
    expect(tags.filter(({ kind }) => kind === "script")).toHaveLength(0);
    expect(tags).toHaveLength(2 + 80);
    expect(backwards(tags)).toEqual([]);
    expect(keysOf(mended!)).toMatchObject({ mood: "calm", place: "harbour", duration: 1.6 });
  });

  test("a header that comes late is put first, one that never comes is beyond repair", () => {
    const [a, b] = [frames(10), frames(10, 400, 50)];
    const late = concat(HEADER, metadata(), flvTag(8, 0, AAC), ...a, flvTag(9, 400, AVC), ...b);
    expect(damage(late)).toMatchObject([{ kind: "late", text: "video begins before its sequence header" }]);
    const { tags, file } = mend([late]);
    expect(tags[0]).toMatchObject({ kind: "video", role: "header" });
    expect(tags.filter(({ role }) => role === "header")).toHaveLength(2);
    expect(mend([file!]).findings).toEqual([]);
    const never = concat(HEADER, metadata(), flvTag(8, 0, AAC), ...a);
    expect(damage(never)).toMatchObject([
      { kind: "missing", offset: lengthOf(HEADER, metadata(), flvTag(8, 0, AAC)) },
    ]);
  });

  test("a tag whose back-pointer alone is wrong is kept", () => {
    const bad = flvTag(9, 800, concat(hex`2701000000`, randomBytes(30, 1)));
    bad.set([9, 9, 9, 9], bad.length - 4);
    const file = concat(...PLAIN, bad, ...frames(5, 840, 90));
    expect(damage(file)).toMatchObject([{ kind: "pointer", offset: lengthOf(...PLAIN) }]);
    expect(mend([file]).tags).toHaveLength(2 + 40 + 1 + 10);
  });
});

/** The metadata of a file as an object. */
function keysOf(file: Uint8Array): Record<string, unknown> {
  const value = decodeAmf0(readFlv(file)[0]!.payload)[1];
  if (typeof value !== "object" || value === null || !("entries" in value)) throw new Error("no metadata");
  return Object.fromEntries(value.entries as [string, unknown][]);
}

describe("repair of the head", () => {
  test("says what is wrong with it, and where", () => {
    const wrong = [HEADER, metadata({ duration: 99, filesize: 5 }), HEADERS, ...frames(20)];
    const size = lengthOf(...wrong);
    expect(mend([concat(...wrong)]).findings).toEqual([
      { kind: "duration", offset: 13, text: "the metadata says a duration of 99 s, the file has 0.78 s" },
      { kind: "filesize", offset: 13, text: `the metadata says 5 bytes, the file has ${size}` },
      NO_INDEX,
    ]);
    const none = concat(HEADER, HEADERS, ...frames(20));
    expect(mend([none]).findings.map(({ text }) => text)).toEqual([
      "there is no metadata, so no duration and no keyframe index",
    ]);
    const video = frames(20).map((part) => part.subarray(0, 50));
    const flags = concat(HEADER, metadata(), flvTag(9, 0, AVC), ...video);
    expect(mend([flags]).findings[0]).toEqual({
      kind: "flags",
      offset: 4,
      text: "the file header says audio and video, there is video",
    });
    expect(mend([flags]).file![4]).toBe(1);
  });

  test("an index that points beside the key frames, or ends early, is wrong", () => {
    const file = mend([concat(...PLAIN)]).file!;
    const withIndex = (times: number[], filepositions: number[]): string[] => {
      const tag = flvTag(
        18,
        0,
        encodeAmf0([
          "onMetaData",
          amfEcmaArray({ duration: 0.78, keyframes: amfObject({ times, filepositions }) }),
        ]),
      );
      return mend([concat(HEADER, tag, HEADERS, ...frames(20))]).findings.map(({ text }) => text);
    };
    expect(withIndex([0, 0.2], [1, 2])).toEqual(["1 of 2 entries of the keyframe index are wrong"]);
    expect(withIndex([0, 0.2, 0.4], [1, 2])).toEqual(["there is no keyframe index"]);
    const keys = readKeyframes(file);
    expect(keys.positions).toEqual(keys.positions.toSorted((a, b) => a - b));
  });

  test("the index points at key frames, at their times", () => {
    const file = mend([concat(...PLAIN, new Uint8Array(9))]).file!;
    const { times: seconds, positions } = readKeyframes(file);
    const inFile = new Map(offsetsOf(file));
    expect(positions.length).toBeGreaterThanOrEqual(4);
    for (const [i, position] of positions.entries()) {
      const tag = inFile.get(position);
      expect(tag).toBeDefined();
      expect(tag!.timestamp / 1000).toBe(seconds[i]!);
      if (i > 0) expect(tag!.role).toBe("key");
    }
  });

  test("keys that nobody knows are kept, and what the media say is added", () => {
    const file = mend([concat(HEADER, metadata({ depth: 7 }), HEADERS, ...frames(20))]).file!;
    expect(keysOf(file)).toMatchObject({
      ...{ mood: "calm", depth: 7, duration: 0.78, filesize: file.length, lasttimestamp: 0.78 },
      ...{ videocodecid: 7, audiocodecid: 10, hasVideo: true, hasAudio: true, hasKeyframes: true },
    });
  });

  test("metadata that cannot be read is made anew", () => {
    const torn = flvTag(18, 0, metadata().subarray(11, 40));
    const file = concat(HEADER, torn, HEADERS, ...frames(20));
    expect(kinds([file])[0]).toBe("metadata");
    expect(keysOf(mend([file]).file!)["duration"]).toBe(0.78);
  });
});

describe("repair of nothing", () => {
  test.each([
    ["an empty file", new Uint8Array(0)],
    ["an MP4 file", hex`0000002066747970 69736f6d 00000200`],
  ])("%s is refused", (_name, bytes) => {
    expect(() => mend([bytes])).toThrow(MediaError);
  });

  test("zeros and a header without tags leave nothing to save", () => {
    expect(mend([new Uint8Array(5000)]).file).toBeUndefined();
    expect(mend([HEADER]).file).toBeUndefined();
  });
});

test("findings in words", () => {
  expect(findingsInWords({})).toBe("");
  expect(findingsInWords({ torn: 1, doubled: 3 })).toBe("a cut last tag, 3 doubled sequence headers");
  expect(findingsInWords({ torn: 1, missing: 1 }, (kind) => kind === "missing")).toBe(
    "a missing sequence header",
  );
});

function readKeyframes(file: Uint8Array): { times: number[]; positions: number[] } {
  const value = decodeAmf0(readFlv(file)[0]!.payload)[1];
  const index = getProperty(value, "keyframes");
  return {
    times: getProperty(index, "times") as number[],
    positions: getProperty(index, "filepositions") as number[],
  };
}

function offsetsOf(file: Uint8Array): [number, ReturnType<typeof readFlv>[number]][] {
  let at = 13;
  return readFlv(file).map((tag) => {
    const here = at;
    at += tag.payload.length + 15;
    return [here, tag];
  });
}

test("bodies of a mended file are those of the damaged one", () => {
  const bodies = readFlv(concat(...PLAIN)).map(({ payload }) => toHex(payload));
  const { tags } = mend([concat(...PLAIN.slice(0, 12), new Uint8Array(70), ...PLAIN.slice(12))]);
  expect(tags.map(({ payload }) => toHex(payload))).toEqual(bodies.slice(1));
});

describe("two video tracks", () => {
  const LAG = 400;
  /** A frame on one of two tracks, every 100 ms, a keyframe each fifth. */
  const frame = (track: number, i: number): Uint8Array =>
    concat(
      i % 5 === 0 ? hex`96` : hex`a6`,
      hex`01 76703039`,
      Uint8Array.of(track),
      randomBytes(30, 2 * i + track),
    );
  const at = (i: number): Uint8Array[] => [
    flvTag(9, 1000 + i * 100, frame(0, i)),
    flvTag(9, 1000 + i * 100 - LAG, frame(1, i)),
  ];

  test("keep their times though one lags behind the other, and one of them is the index", () => {
    const header = flvHeader({ audio: false, video: true });
    const input = concat(header, ...Array.from({ length: 20 }, (_, i) => at(i)).flat());
    const { findings, file, tags } = mend([input]);
    expect(findings.map(({ kind }) => kind)).toEqual(["metadata"]);
    const timesOf = (track: number): number[] =>
      tags.filter(({ payload }) => payload[6] === track).map(({ timestamp }) => timestamp);
    expect(timesOf(0)).toEqual(Array.from({ length: 20 }, (_, i) => i * 100));
    // What lies before the start of the file is at its start.
    expect(timesOf(1)).toEqual(Array.from({ length: 20 }, (_, i) => Math.max(0, i * 100 - LAG)));
    const head = decodeAmf0(readFlv(file!)[0]!.payload)[1];
    expect(getProperty(getProperty(head, "keyframes"), "times")).toEqual([0, 0.5, 1, 1.5]);
    expect(getProperty(head, "framerate")).toBe(10);
  });
});
