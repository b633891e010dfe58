/**
 * The onMetaData of a recording, of a size that never changes: what is known at the moment, the keyframe index, and
 * room for the entries to come. The recorder writes it first and then again in the same place, every few seconds and
 * at the end; whoever finishes a file that a crash left behind does the same. protocol.md 7.5, 7.6.
 *
 *     [ numbers | tracks | keys of the source | headroom | keyframes { times, filepositions, spacer } ]
 *                                               0-8 bytes              an entry: 2 x 9 bytes; spacer: zeros
 *
 * The spacer is an array of numbers, which every reader can pass over: ffmpeg gives up at texts longer than 1 KiB,
 * and looks into `keyframes` only up to the second array that it knows. A number 0 is nine bytes of 0, so what lies
 * behind `used` is zeros but for the end marks, and only the part before it has to be written again.
 *
 * The first pair of the index is the first tag behind the metadata at time 0: yamdi and flvmeta put the sequence
 * header there, and mpegts.js leaves the first pair out for that reason. ffmpeg holds the first two pairs against the
 * tags it reads.
 */
import type { Amf0Value } from "../amf/amf0.ts";
import { encodeAmf0 } from "../amf/amf0.ts";
import {
  flvFlags,
  flvHeader,
  flvTag,
  FLV_FILE_HEADER_SIZE,
  FLV_FLAGS_OFFSET,
  FLV_TAG_HEADER_SIZE,
  PREVIOUS_TAG_SIZE,
} from "./flv-writer.ts";
import type { Keyframes } from "./keyframe-index.ts";
import { isStaleKey, type Metadata } from "./metadata.ts";
import { TYPE_ID_OF_KIND } from "./packet.ts";
import type { RecordingCounts, RecordingTally } from "./recording-tally.ts";
import type { TrackFacts } from "./recording-facts.ts";

/** What a head is made of. `claims` is what the source says about itself. */
export type HeadInput = {
  readonly claims: Metadata | undefined;
  readonly facts: TrackFacts;
  readonly tally: RecordingTally;
  /** The counts to tell; those of the tally, or earlier ones. */
  readonly counts: Readonly<RecordingCounts>;
  /** Where the first tag behind the metadata begins. */
  readonly firstTag: number;
  /** The length of the recording in ms; undefined: up to its latest packet. */
  readonly length: number | undefined;
  /** The name that the recording was to have: by it a numbered file is known as one of a series. */
  readonly name?: string | undefined;
};

/** A head: `used` is the length of what is not spacer, before it. */
export type Head = { readonly body: Uint8Array; readonly used: number };

/** By this a recording is known as one of runnel's. */
export const CREATOR = "runnel";

/** The key of that name. */
export const NAME_KEY = "recordingname";

/** Where the head stands in a recording: it is the body of the first tag. */
export const HEAD_AT = FLV_FILE_HEADER_SIZE + FLV_TAG_HEADER_SIZE;

/** An entry: two numbers with their markers. */
const ENTRY_BYTES = 18;
const NUMBER_BYTES = 9;
/** End marks of `keyframes` and of the whole. */
const END_MARKS = Uint8Array.of(0, 0, 9, 0, 0, 9);
/** What may become known later, such as a track that begins after the file, in bytes. */
const LATE_FACTS_BYTES = 512;

/** The size that a head should have, so that `room` keyframes fit beside what is known now. */
export function headSize(input: HeadInput, room: number): number {
  const none = { times: [], filepositions: [] };
  // One entry more for the pair of the first tag.
  return encode(input, none, 0).length + LATE_FACTS_BYTES + NUMBER_BYTES + ENTRY_BYTES * (room + 1);
}

/**
 * A head of exactly `size` bytes. An index that does not fit is thinned evenly; undefined if not even the rest fits.
 */
export function recordingHead(input: HeadInput, size: number): Head | undefined {
  const least = encode(input, { times: [], filepositions: [] }, 0).length;
  if (size < least) return undefined;
  const keyframes = indexOf(input, Math.floor((size - least) / ENTRY_BYTES));
  const left = size - least - ENTRY_BYTES * keyframes.times.length;
  const head = encode(input, keyframes, left % NUMBER_BYTES);
  const zeros = Math.floor(left / NUMBER_BYTES);
  const used = head.length - END_MARKS.length;
  const body = new Uint8Array(size);
  body.set(head.subarray(0, used));
  new DataView(body.buffer).setUint32(used - 4, zeros);
  body.set(END_MARKS, size - END_MARKS.length);
  return { body, used };
}

/** The flags byte of the file header of such a recording. */
export function recordingFlags(counts: Readonly<RecordingCounts>): number {
  return flvFlags({ audio: counts.audioBytes > 0, video: counts.videoBytes > 0 });
}

/** The pair of the first tag, then keyframes; thinned by halves, as the index thins itself. */
function indexOf({ tally, counts, firstTag }: HeadInput, room: number): Keyframes {
  const all = tally.index.take();
  let chosen: number[] = [];
  for (const [i, at] of all.filepositions.entries()) if (at < counts.end) chosen.push(i);
  const lead = (all.filepositions[0] ?? firstTag) > firstTag ? 1 : 0;
  while (chosen.length > Math.max(0, room - lead)) chosen = everySecond(chosen);
  if (chosen.length === 0) return { times: [], filepositions: [] };
  return {
    times: [...(lead === 1 ? [0] : []), ...chosen.map((i) => all.times[i]!)],
    filepositions: [...(lead === 1 ? [firstTag] : []), ...chosen.map((i) => all.filepositions[i]!)],
  };
}

/** A single one goes: the loop that asks for less must end. */
function everySecond(list: readonly number[]): number[] {
  return list.length === 1 ? [] : list.filter((_, i) => i % 2 === 0);
}

/** The whole with an empty spacer; its count, the last four bytes before the end marks, is still 0. */
function encode(input: HeadInput, keyframes: Keyframes, padding: number): Uint8Array {
  const index: [string, Amf0Value][] = [
    ["times", [...keyframes.times]],
    ["filepositions", [...keyframes.filepositions]],
    ["spacer", []],
  ];
  const entries: [string, Amf0Value][] = [
    ...entriesOf(input, keyframes),
    ["headroom", " ".repeat(padding)],
    ["keyframes", { kind: "object", entries: index }],
  ];
  return encodeAmf0(["onMetaData", { kind: "ecma", entries }]);
}

function entriesOf(input: HeadInput, keyframes: Keyframes): [string, Amf0Value][] {
  const { counts, claims, facts, length } = input;
  const merged = new Map<string, Amf0Value>();
  const put = (values: Readonly<Record<string, Amf0Value>>): void => {
    for (const [key, value] of Object.entries(values)) if (value !== undefined) merged.set(key, value);
  };
  const seconds = (length ?? counts.last) / 1000;
  const begun = counts.videoFrames + counts.audioFrames > 0;
  put({
    duration: seconds,
    filesize: counts.end,
    lasttimestamp: counts.last / 1000,
    ...lengthsOf(input, seconds),
    hasVideo: begun ? counts.videoFrames > 0 : facts.known.videocodecid !== undefined,
    hasAudio: begun ? counts.audioFrames > 0 : facts.known.audiocodecid !== undefined,
    hasMetadata: true,
    hasKeyframes: keyframes.times.length > 0,
    canSeekToEnd: counts.videoFrames === 0 || counts.endsWithKey,
    ...facts.known,
    metadatacreator: CREATOR,
    [NAME_KEY]: input.name,
  });
  // Of a key that stands twice the last counts, as for every reader.
  for (const [key, value] of new Map(claims?.entries)) {
    if (!merged.has(key) && !isStaleKey(key)) merged.set(key, value);
  }
  return [...merged];
}

/** Rates and sizes; the source knows its rates best, but many do not tell. */
function lengthsOf(
  { counts, claims, facts }: HeadInput,
  seconds: number,
): Readonly<Record<string, Amf0Value>> {
  const { audioBytes, videoBytes, dataBytes } = counts;
  const rate = (bytes: number): number => (seconds > 0 ? (bytes * 8) / 1000 / seconds : 0);
  const video =
    videoBytes > 0
      ? {
          lastkeyframetimestamp: counts.lastKey / 1000,
          lastkeyframelocation: counts.lastKeyAt,
          framerate: claims?.framerate || (facts.fps ?? measuredRate(counts)),
        }
      : {};
  return {
    ...video,
    videodatarate: claims?.videodatarate || rate(videoBytes),
    audiodatarate: claims?.audiodatarate || rate(audioBytes),
    datasize: audioBytes + videoBytes + dataBytes,
    videosize: videoBytes,
    audiosize: audioBytes,
  };
}

function measuredRate({ videoFrames, firstVideo, lastVideo }: Readonly<RecordingCounts>): number {
  const ms = lastVideo - firstVideo;
  return ms > 0 ? Math.round(((videoFrames - 1) / ms) * 1e6) / 1000 : 0;
}

/** Where the first tag behind a head of `size` bytes begins. */
export function behindHead(size: number): number {
  return HEAD_AT + size + PREVIOUS_TAG_SIZE;
}

/** How many bytes of a file tell whether it begins as a recording does. */
export const BEGINNING_BYTES = 128;

/** What such a beginning is: that of a recording, too short to say, or none. */
export type Beginning = "recording" | "perhaps" | "foreign";

/**
 * Looks at the first bytes of a file that ends inside its head, where it does not say yet whose it is. The keys that
 * every head begins with, in their order, are what no other writer has.
 */
export function beginningOf(bytes: Uint8Array): Beginning {
  const length = Math.min(bytes.length, BEGINNING.length);
  for (let i = 0; i < length; i++) if (BEGINNING[i] !== ANY && BEGINNING[i] !== bytes[i]) return "foreign";
  return length === BEGINNING.length ? "recording" : "perhaps";
}

/** Stands for a byte that may be any. */
const ANY = -1;

/** The first bytes of a recording up to its third key. */
const BEGINNING: readonly number[] = (() => {
  const keys = ["duration", "filesize", "lasttimestamp"] as const;
  const entries = keys.map((key): [string, Amf0Value] => [key, 0]);
  const body = encodeAmf0(["onMetaData", { kind: "ecma", entries }]);
  const name = encodeAmf0(["onMetaData"]).length;
  const bytes: number[] = [
    ...flvHeader({ audio: true, video: true }),
    ...flvTag(TYPE_ID_OF_KIND.data, 0, body),
  ];
  const free = (at: number, count: number): void => void bytes.fill(ANY, at, at + count);
  free(FLV_FLAGS_OFFSET, 1);
  // The size of the tag, the number of keys, and the values.
  free(FLV_FILE_HEADER_SIZE + 1, 3);
  free(HEAD_AT + name + 1, 4);
  let at = HEAD_AT + name + 5;
  for (const key of keys) {
    at += 2 + key.length + 1;
    free(at, 8);
    at += 8;
  }
  return bytes.slice(0, at);
})();
