/**
 * What the FLV reader knows about bytes that are not where a tag should be: whether a tag begins at a place of a
 * damaged file, and what an input is that is no FLV at all. Pure functions over bytes. The last also tells of a file
 * what it is before anything reads it.
 */
import { MediaError } from "../errors.ts";
import { skipLastTier } from "../last-tier.ts";
import { FLV_TAG_HEADER_SIZE, PREVIOUS_TAG_SIZE } from "./flv-writer.ts";
import { kindOfTypeId } from "./packet.ts";

/** Size of the file header, without the first PreviousTagSize. FLV 10.1 E.2. */
export const FLV_HEADER_SIZE = 9;

/** While lost, larger tags are not believed: the search must be able to see two in a row. ffmpeg has the same. */
const MAX_SYNC_TAG = 1 << 20;
/** How the search goes: where the bytes end, whether no more will come, and whether one good tag is enough. */
export type SyncLimits = { readonly end: number; readonly final: boolean; readonly alone: boolean };

/** So much of a large tag is looked into before the rest is waited for, when anything may be damaged. */
const DOUBTFUL = 512 * 1024;

/** What `syncAt` says of a place where reading cannot go on. */
export const NO_SYNC = 0;
/** Of one where it can. Any larger number is how many bytes from that place the answer needs. */
export const SYNC = 1;

/** u24, big-endian. */
export function u24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** u32, big-endian. */
export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Whether the low five bits of a tag's first byte are a type that FLV knows: audio, video, AMF3 and AMF0 data. */
export function isTagType(type: number): boolean {
  return kindOfTypeId(type) !== undefined;
}

/** Whether a back-pointer is one of those that writers put behind a tag with a body of `size`. As ffmpeg. */
export function agrees(backPointer: number, size: number, sum: number): boolean {
  const tagSize = FLV_TAG_HEADER_SIZE + size;
  if (backPointer === tagSize || backPointer === tagSize - 1) return true;
  return (backPointer === size && size !== 0) || backPointer === sum;
}

/** Whether a type is that of sound or pictures, which come all the time; anything else is rare. */
export function isMedia(type: number): boolean {
  const kind = kindOfTypeId(type);
  return kind === "audio" || kind === "video";
}

/** Whether a file header stands here, as in files put one after the other with cat. 9 bytes must be there. */
export function isFlvHeader(bytes: Uint8Array, at: number): boolean {
  return isFlvSignature(bytes, at) && bytes[at + 3]! < 5 && bytes[at + 5] === 0;
}

/** Whether "FLV" stands here. */
export function isFlvSignature(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x46 && bytes[at + 1] === 0x4c && bytes[at + 2] === 0x56;
}

/**
 * Whether reading can go on at this place: two tags in a row whose back-pointers agree with their sizes, or a file
 * header. Returns SYNC, NO_SYNC or the number of bytes from `at` that the answer needs. With `final` no more bytes
 * will come, and a single good tag before a cut one is enough. `alone` believes a single tag of any size: its type,
 * stream id and back-pointer are 60 bits that chance does not get right.
 */
export function syncAt(bytes: Uint8Array, at: number, limits: SyncLimits): number {
  const { final, alone } = limits;
  if (bytes[at] === 0x46) return headerSyncAt(bytes, at, limits);
  const first = pairAt(bytes, at, limits);
  if (first < 0) return final ? NO_SYNC : -first;
  if (first === 0) return NO_SYNC;
  if (alone) return u24(bytes, at + 1) > 0 ? SYNC : NO_SYNC;
  if (bytes[at + first] === 0x46) {
    const header = headerSyncAt(bytes, at + first, limits);
    return header > SYNC ? header + first : header;
  }
  const second = pairAt(bytes, at + first, limits);
  if (second < 0) return final ? SYNC : first - second;
  return second === 0 ? NO_SYNC : SYNC;
}

/** The length of tag and back-pointer at `at`; 0 when they disagree, minus the bytes needed when cut by `end`. */
function pairAt(bytes: Uint8Array, at: number, { end, alone }: SyncLimits): number {
  if (at < end && ((bytes[at]! & 0xc0) !== 0 || !isTagType(bytes[at]! & 0x1f))) return 0;
  if (end - at < FLV_TAG_HEADER_SIZE) return -FLV_TAG_HEADER_SIZE;
  const size = u24(bytes, at + 1);
  if (u24(bytes, at + 8) !== 0 || (size > MAX_SYNC_TAG && !alone)) return 0;
  const length = FLV_TAG_HEADER_SIZE + size + PREVIOUS_TAG_SIZE;
  if (alone && length > DOUBTFUL) {
    const needed = believableLength(bytes, at, { end, length });
    if (needed === NO_SYNC || end - at < needed) return -needed;
  }
  if (end - at < length) return -length;
  return u32(bytes, at + length - PREVIOUS_TAG_SIZE) === FLV_TAG_HEADER_SIZE + size ? length : 0;
}

/**
 * How many bytes a tag that claims `length` bytes needs before it can be judged: some, all, or NO_SYNC when other
 * tags stand in its beginning, so that a damaged size does not make the reader hold 16 MiB.
 */
export function believableLength(
  bytes: Uint8Array,
  at: number,
  { end, length }: { end: number; length: number },
): number {
  if (length <= DOUBTFUL) return length;
  if (end - at < DOUBTFUL) return DOUBTFUL;
  return holdsTag(bytes, at + 1, at + DOUBTFUL) ? NO_SYNC : length;
}

/** Whether a whole tag stands between two places: then what is around it is no tag. */
export function holdsTag(bytes: Uint8Array, start: number, end: number): boolean {
  const limits = { end, final: true, alone: true };
  for (let at = start; at < end; at++) if (syncAt(bytes, at, limits) === SYNC) return true;
  return false;
}

function headerSyncAt(bytes: Uint8Array, at: number, { end, final }: SyncLimits): number {
  const length = FLV_HEADER_SIZE + PREVIOUS_TAG_SIZE;
  if (end - at < length) return final ? NO_SYNC : length;
  const plain = isFlvHeader(bytes, at) && u32(bytes, at + 5) === FLV_HEADER_SIZE && u32(bytes, at + 9) === 0;
  return plain ? SYNC : NO_SYNC;
}

/** What an input is instead of FLV, and what to do about it; `fromPipe`: where it may come from stdin. */
export type Foreign = {
  name: string;
  hint: string;
  fromPipe?: string;
  matches: (bytes: Uint8Array) => boolean;
};

const CONVERT = "convert it first: ffmpeg -i FILE -c copy out.flv";
const RAW_VIDEO = "use h264:FILE for a raw H.264 stream";
const RAW_VIDEO_PIPE = "use h264:- for a raw H.264 stream on stdin, h264:FILE for one in a file";

/** What people hand in instead of FLV, and what to tell them. The first that matches counts. */
const FOREIGN: readonly Foreign[] = [
  { name: "MP4", hint: CONVERT, matches: (b) => startsWith(b, 4, "ftyp") || startsWith(b, 4, "styp") },
  { name: "Matroska or WebM", hint: CONVERT, matches: (b) => startsWith(b, 0, "\x1a\x45\xdf\xa3") },
  { name: "AVI or WAV", hint: CONVERT, matches: (b) => startsWith(b, 0, "RIFF") },
  {
    name: "an HLS playlist",
    hint: "use the address of the FLV or RTMP stream",
    matches: (b) => startsWith(b, 0, "#EXTM3U"),
  },
  { name: "a web page", hint: "check the address: the server did not send a stream", matches: isHtml },
  { name: "MPEG-PS", hint: CONVERT, matches: (b) => startsWith(b, 0, "\0\0\x01\xba") },
  {
    name: "Annex B video",
    hint: RAW_VIDEO,
    fromPipe: RAW_VIDEO_PIPE,
    matches: (b) => startsWith(b, 0, "\0\0\x01") || startsWith(b, 0, "\0\0\0\x01"),
  },
  { name: "MPEG-TS", hint: CONVERT, matches: (b) => b[0] === 0x47 && !startsWith(b, 0, "GIF8") },
];

/** The other kind that an input is of; undefined for FLV, which may have lost its first bytes, and for the unknown. */
export function foreignFormat(bytes: Uint8Array): Foreign | undefined {
  return FOREIGN.find((format) => format.matches(bytes));
}

/** The error for an input that does not begin with an FLV header, from its first bytes. */
export function notFlv(bytes: Uint8Array): MediaError {
  if (bytes.length === 0) return new MediaError("Cannot read FLV: the input is empty", 0);
  if ("FLV".startsWith(latin1(bytes.subarray(0, 3)))) {
    return new MediaError(
      `Cannot read FLV: the input ends inside the file header, after ${bytes.length} bytes`,
      0,
    );
  }
  const foreign = foreignFormat(bytes);
  if (foreign === undefined) {
    return new MediaError(
      'Cannot read FLV: the input does not begin with "FLV" and looks like nothing known',
      0,
    );
  }
  return new MediaError(
    `Cannot read FLV: the input looks like ${foreign.name}; ${foreign.fromPipe ?? foreign.hint}`,
    0,
  );
}

function isHtml(bytes: Uint8Array): boolean {
  return /^\s*<(!doctype|html|head|body|\?xml)/i.test(latin1(bytes));
}

function startsWith(bytes: Uint8Array, at: number, text: string): boolean {
  return latin1(bytes.subarray(at, at + text.length)) === text;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 64));
}

skipLastTier(u24, u32, isTagType, agrees, isMedia, isFlvHeader, isFlvSignature);
