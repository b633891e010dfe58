/**
 * The head of a recording and the scan of one that was not finished: the size never changes, the index is what
 * players expect of it and is thinned where there is no room, and what is read again is what was written.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { amfEcmaArray, type Amf0Value, decodeAmf0, encodeAmf0, getProperty } from "../../src/amf/amf0.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { readMetadata } from "../../src/media/metadata.ts";
import type { MediaPacket } from "../../src/media/packet.ts";
import { TrackFacts } from "../../src/media/recording-facts.ts";
import {
  beginningOf,
  BEGINNING_BYTES,
  behindHead,
  HEAD_AT,
  type HeadInput,
  headSize,
  recordingHead,
} from "../../src/media/recording-head.ts";
import { recordingNameIn, RecordingScan } from "../../src/media/recording-scan.ts";
import { RecordingTally } from "../../src/media/recording-tally.ts";
import { readTagHeader } from "../../src/media/tag.ts";
import { packets } from "../support/packets.ts";

/** The numbers of a head's index. */
type Index = { times: number[]; filepositions: number[]; spacer: number[] };

function makeInput(changes: Partial<HeadInput> = {}): HeadInput {
  const tally = changes.tally ?? new RecordingTally(4096);
  const facts = new TrackFacts();
  return {
    claims: undefined,
    facts,
    tally,
    counts: tally.counts,
    firstTag: 0,
    length: undefined,
    ...changes,
  };
}

function read(body: Uint8Array): { value: Amf0Value; index: Index } {
  const [name, value] = decodeAmf0(body);
  expect(name).toBe("onMetaData");
  const keyframes = getProperty(value, "keyframes");
  const list = (key: string): number[] => getProperty(keyframes, key) as number[];
  return {
    value,
    index: { times: list("times"), filepositions: list("filepositions"), spacer: list("spacer") },
  };
}

/** A tally of keyframes every two seconds behind a header at `first`. */
function tallyOf(keyframes: number, first: number, capacity = 4096): RecordingTally {
  const tally = new RecordingTally(capacity);
  tally.add(packets("V1")[0]!, 0, first);
  const [key] = packets("K0*100");
  for (let i = 0; i < keyframes; i++) tally.add(key!, i * 2000, first + 1000 + i * 5000);
  return tally;
}

describe("a head", () => {
  test.each([0, 1, 2, 10, 63, 64, 65, 200])("has its size with %p keyframes, and the right ones", (count) => {
    const size = headSize(makeInput(), 64);
    const firstTag = behindHead(size);
    const tally = tallyOf(count, firstTag);
    const { body, used } = recordingHead(makeInput({ tally, counts: tally.counts, firstTag }), size)!;
    const { index, value } = read(body);
    expect(body).toHaveLength(size);
    expect(index.times).toHaveLength(index.filepositions.length);
    expect(getProperty(value, "hasKeyframes")).toBe(count > 0);
    expect(body.subarray(used, size - 6).every((byte) => byte === 0)).toBe(true);
    if (count === 0) return expect(index.times).toEqual([]);
    expect([index.times[0], index.filepositions[0]]).toEqual([0, firstTag]);
    const step = index.times.length > 2 ? index.times[2]! / 2 : 1;
    expect(Math.log2(step) % 1).toBe(0);
    for (const [i, time] of index.times.slice(1).entries()) {
      expect(time).toBe(i * step * 2);
      expect(index.filepositions[i + 1]).toBe(firstTag + 1000 + i * step * 5000);
    }
    // Thinned by halves: what is left fills at least half of the room.
    expect(index.times.length).toBeGreaterThanOrEqual(Math.min(count, 32));
  });

  test("begins its index with the first keyframe where nothing is before it", () => {
    const size = headSize(makeInput(), 64);
    const tally = new RecordingTally(64);
    for (const [i, key] of packets("K0 K2000").entries())
      tally.add(key, i * 2000, behindHead(size) + i * 100);
    const input = makeInput({ tally, counts: tally.counts, firstTag: behindHead(size) });
    expect(read(recordingHead(input, size)!.body).index.times).toEqual([0, 2]);
  });

  test("tells only what is before the end of the counts", () => {
    const tally = tallyOf(3, 5000);
    const counts = { ...tally.counts };
    tally.add(packets("K0*100")[0]!, 6000, 50_000);
    const { index } = read(recordingHead(makeInput({ tally, counts, firstTag: 5000 }), 10_000)!.body);
    expect(index.times).toEqual([0, 0, 2, 4]);
  });

  test("keeps every key of the source, at any size, and its own instead of what is stale", () => {
    const entries = Array.from({ length: 200 }, (_, i): [string, Amf0Value] => [`x${i}`, "y".repeat(i)]);
    const source = amfEcmaArray({ duration: 77, keyframes: amfEcmaArray({ times: [1] }), encoder: "OBS" });
    source.entries.push(...entries, ["fileSize", 77], ["2.1", true], ["2.1", false]);
    const claims = readMetadata(encodeAmf0(["onMetaData", source]));
    const input = makeInput({ claims });
    const { value, index } = read(recordingHead(input, headSize(input, 64))!.body);
    for (const [key, text] of entries) expect(getProperty(value, key)).toBe(text);
    expect([getProperty(value, "duration"), getProperty(value, "encoder"), index.times]).toEqual([
      0,
      "OBS",
      [],
    ]);
    expect([getProperty(value, "fileSize"), getProperty(value, "2.1")]).toEqual([undefined, false]);
  });

  test("that is too small for what must stand in it is none", () => {
    expect(recordingHead(makeInput(), 100)).toBeUndefined();
  });

  test.each([
    ["what the source says", 50, 25, 50],
    ["else the SPS", undefined, 25, 25],
    ["else what was counted", undefined, undefined, 12.5],
  ])("takes the frame rate from %s", (_name, claimed, sps, expected) => {
    const metadata = encodeAmf0([
      "onMetaData",
      amfEcmaArray(claimed === undefined ? {} : { framerate: claimed }),
    ]);
    const tally = new RecordingTally(64);
    for (const [i, one] of packets("K0 f80 f160").entries()) tally.add(one, i * 80, 1000 + i);
    const facts = new TrackFacts();
    Object.defineProperty(facts, "fps", { value: sps });
    const input = makeInput({ claims: readMetadata(metadata), tally, counts: tally.counts, facts });
    expect(getProperty(read(recordingHead(input, 5000)!.body).value, "framerate")).toBe(expected);
  });
});

/** The fixture as packets: H.264 and AAC by ffmpeg. */
function fixture(): (MediaPacket & { time: number })[] {
  const list: (MediaPacket & { time: number })[] = [];
  const reader = new FlvReader({
    onTag: ({ typeId, timestamp, body }) => {
      const kind = typeId === 9 ? "video" : typeId === 8 ? "audio" : "data";
      const { role, codec, track } = readTagHeader(kind, body);
      if (kind !== "data")
        list.push({ kind, role, codec, track, dts: timestamp, body, slab: undefined, time: timestamp });
    },
  });
  reader.feed(readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv")));
  return list;
}

/** A recording as the sink writes it. */
function recording(list: readonly (MediaPacket & { time: number })[], name = "show.flv") {
  const facts = new TrackFacts();
  const tally = new RecordingTally(64);
  const size = headSize(makeInput({ facts, name }), 64);
  const tags: Uint8Array[] = [];
  let at = behindHead(size);
  for (const packet of list) {
    facts.learn(packet);
    tally.add(packet, packet.time, at);
    const tag = flvTag(packet.kind === "video" ? 9 : 8, packet.time, packet.body);
    tags.push(tag);
    at += tag.length;
  }
  const head = recordingHead(
    {
      claims: undefined,
      facts,
      tally,
      counts: tally.counts,
      firstTag: behindHead(size),
      length: undefined,
      name,
    },
    size,
  )!;
  const bytes = Buffer.concat([flvHeader({ audio: true, video: true }), flvTag(18, 0, head.body), ...tags]);
  return { bytes: new Uint8Array(bytes), tally, facts, size, lastTag: at - tags.at(-1)!.length };
}

const scanOf = (bytes: Uint8Array) => {
  const scan = new RecordingScan();
  for (let at = 0; at < bytes.length; at += 1000) scan.feed(bytes.subarray(at, at + 1000));
  return { scan, scanned: scan.end() };
};

describe("facts", () => {
  test("come from the sequence headers", () => {
    const { facts, bytes, size } = recording(fixture());
    expect(facts.known).toMatchObject({ videocodecid: 7, audiocodecid: 10 });
    const { value } = read(bytes.subarray(HEAD_AT, HEAD_AT + size));
    for (const key of ["width", "height", "framerate", "audiosamplerate", "duration", "filesize"]) {
      expect(getProperty(value, key)).toBeGreaterThan(0);
    }
  });

  test("of HEVC and of enhanced audio are their FourCC", () => {
    const facts = new TrackFacts();
    const body = new Uint8Array([0x90, 0x68, 0x76, 0x63, 0x31]);
    facts.learn({ kind: "video", role: "header", codec: "hvc1", track: 0, body });
    facts.learn({ kind: "audio", role: "header", codec: "Opus", track: 0, body: new Uint8Array([0x90]) });
    expect(facts.known).toMatchObject({ videocodecid: 0x68766331, audiocodecid: 0x4f707573 });
  });
});

describe("a scan", () => {
  test("finds what was written", () => {
    const { bytes, tally, size } = recording(fixture());
    const { scanned } = scanOf(bytes);
    expect(scanned?.headSize).toBe(size);
    expect(scanned?.tally.counts).toEqual(tally.counts);
    expect(scanned?.tally.index.take()).toEqual(tally.index.take());
    expect(recordingNameIn(bytes)).toBe("show.flv");
  });

  test("of a file cut at any byte of its last tags ends with the last whole one", () => {
    const list = fixture();
    const { bytes, lastTag } = recording(list);
    const { counts } = recording(list.slice(0, -1)).tally;
    for (let end = lastTag; end < bytes.length; end++) {
      expect(scanOf(bytes.subarray(0, end)).scanned?.tally.counts).toEqual(counts);
    }
  });

  test("of a file with a tail of zeros ends before it", () => {
    const { bytes, tally } = recording(fixture());
    const padded = new Uint8Array(bytes.length + 10_000);
    padded.set(bytes);
    expect(scanOf(padded).scanned?.tally.counts.end).toBe(tally.counts.end);
  });

  test.each([
    ["nothing", new Uint8Array(0)],
    ["text", new TextEncoder().encode("also mine")],
    [
      "an FLV of somebody else",
      new Uint8Array(readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"))),
    ],
    ["a header only", flvHeader({ audio: true, video: true })],
  ])("of %s finds no recording of ours", (_name, bytes) => {
    expect(scanOf(bytes).scanned).toBeUndefined();
    expect(recordingNameIn(bytes)).toBeUndefined();
  });

  test("goes on over 2^32 ms", () => {
    const times = [0, 2 ** 31 - 1, 2 ** 32 - 10, 2 ** 32 + 30];
    const list = times.map((time) => ({ ...packets("K0*50")[0]!, time }));
    expect(scanOf(recording(list).bytes).scanned?.tally.counts.last).toBe(2 ** 32 + 30);
  });
});

describe("the beginning", () => {
  test("of a recording is known by its first keys, whatever they say", () => {
    const { bytes } = recording(fixture());
    const cuts = Array.from({ length: BEGINNING_BYTES }, (_, end) => beginningOf(bytes.subarray(0, end + 1)));
    const known = cuts.indexOf("recording");
    expect(new Set(cuts.slice(0, known))).toEqual(new Set(["perhaps"]));
    expect(new Set(cuts.slice(known))).toEqual(new Set(["recording"]));
    expect(beginningOf(bytes)).toBe("recording");
  });

  test("of somebody else's file is not taken for one", () => {
    const bytes = readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"));
    expect(beginningOf(bytes.subarray(0, BEGINNING_BYTES))).toBe("foreign");
    expect(beginningOf(new TextEncoder().encode("half a download"))).toBe("foreign");
    expect(beginningOf(new Uint8Array(BEGINNING_BYTES))).toBe("foreign");
  });
});
