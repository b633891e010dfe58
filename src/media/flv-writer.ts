/**
 * The fixed parts of an FLV file: its header, the 11 bytes before each body and the 4 behind it. They are written into
 * the buffer of whoever writes the file, who puts the body between them. FLV 10.1 E.2, E.4.1.
 */
import { MediaError } from "../errors.ts";
import { skipLastTier } from "../last-tier.ts";

/** Bytes of a tag before its body. */
export const FLV_TAG_HEADER_SIZE = 11;
/** Bytes of the back-pointer behind each tag, and of the first one behind the file header. */
export const PREVIOUS_TAG_SIZE = 4;
/** Bytes of a file before its first tag, as flvHeader makes them. */
export const FLV_FILE_HEADER_SIZE = 13;
/** The largest body that the 24-bit size can say. */
export const MAX_FLV_BODY = 0xffffff;
/** Where the flags of a file header stand, to be set right when the file is closed. */
export const FLV_FLAGS_OFFSET = 4;

/** Beside the type of a tag: its frame is encrypted. */
export const FILTER_BIT = 0x20;

/** Which tracks a file says it has; advisory, readers go by the tags. */
export type FlvTracks = { audio: boolean; video: boolean };

/** What stands in a tag header: body size in bytes, time in ms (taken modulo 2^32). */
export type FlvTagFields = { typeId: number; size: number; timestamp: number };

/** The flags byte of the file header: 4 audio, 1 video. */
export function flvFlags(tracks: FlvTracks): number {
  return (tracks.audio ? 4 : 0) | (tracks.video ? 1 : 0);
}

/** The file header together with the PreviousTagSize of 0 behind it. */
export function flvHeader(tracks: FlvTracks): Uint8Array {
  return Uint8Array.of(0x46, 0x4c, 0x56, 1, flvFlags(tracks), 0, 0, 0, 9, 0, 0, 0, 0);
}

/** Writes the 11 bytes before a body into `target` at `at`. The highest time byte comes last. */
export function writeFlvTagHeader(target: Uint8Array, at: number, tag: FlvTagFields): void {
  const size = tag.size;
  if (size > MAX_FLV_BODY)
    throw new MediaError(`Cannot write FLV: a body of ${size} bytes, at most 16777215 fit`);
  if (at + FLV_TAG_HEADER_SIZE > target.length) throw new RangeError(`No room for a tag header at ${at}`);
  const time = tag.timestamp >>> 0;
  target[at] = tag.typeId;
  target[at + 1] = size >>> 16;
  target[at + 2] = size >>> 8;
  target[at + 3] = size;
  target[at + 4] = time >>> 16;
  target[at + 5] = time >>> 8;
  target[at + 6] = time;
  target[at + 7] = time >>> 24;
  target[at + 8] = 0;
  target[at + 9] = 0;
  target[at + 10] = 0;
}

/** Writes the back-pointer behind a tag whose body has `size` bytes. */
export function writePreviousTagSize(target: Uint8Array, at: number, size: number): void {
  if (at + PREVIOUS_TAG_SIZE > target.length) throw new RangeError(`No room for a back-pointer at ${at}`);
  const tagSize = FLV_TAG_HEADER_SIZE + size;
  target[at] = tagSize >>> 24;
  target[at + 1] = tagSize >>> 16;
  target[at + 2] = tagSize >>> 8;
  target[at + 3] = tagSize;
}

/** A whole tag in a buffer of its own, where no copy is worth saving. */
export function flvTag(typeId: number, timestamp: number, body: Uint8Array): Uint8Array {
  const tag = new Uint8Array(FLV_TAG_HEADER_SIZE + body.length + PREVIOUS_TAG_SIZE);
  writeFlvTagHeader(tag, 0, { typeId, size: body.length, timestamp });
  tag.set(body, FLV_TAG_HEADER_SIZE);
  writePreviousTagSize(tag, FLV_TAG_HEADER_SIZE + body.length, body.length);
  return tag;
}

skipLastTier(writeFlvTagHeader, writePreviousTagSize);
