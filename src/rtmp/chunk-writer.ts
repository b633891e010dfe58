/**
 * Messages in, chunk-encoded bytes out. Stateless: every message begins with a fmt 0 header and goes on in
 * fmt 3 chunks, so its bytes do not depend on what was sent before, and one encoded form serves every
 * destination that agrees on chunk size, message stream id and time. RTMP 1.0 §5.3.1; the extended timestamp
 * is repeated in every continuation, as all current peers do and expect.
 */
import { skipLastTier } from "../last-tier.ts";

/** How a message is cut into chunks; `csid` is 2 to 63. */
export type Framing = {
  readonly csid: number;
  readonly messageStreamId: number;
  readonly chunkSize: number;
};

const FMT0_HEADER = 12;

/** The number of bytes that `payloadSize` bytes take on the wire at `timestamp` (32-bit ms). */
export function framedSize(payloadSize: number, timestamp: number, chunkSize: number): number {
  const extension = timestamp >= 0xffffff ? 4 : 0;
  const continuations = payloadSize > chunkSize ? Math.ceil(payloadSize / chunkSize) - 1 : 0;
  return FMT0_HEADER + extension + payloadSize + continuations * (1 + extension);
}

/** Writes a message in chunks into `target` at `at`, which must have room; returns the position after it. */
export function frameInto(
  target: Uint8Array,
  at: number,
  message: { typeId: number; timestamp: number; payload: Uint8Array },
  framing: Framing,
): number {
  const { payload, timestamp } = message;
  const extended = timestamp >= 0xffffff;
  let p = writeHeader(target, at, message.typeId, timestamp, payload.length, framing);
  let sent = 0;
  for (;;) {
    const n = Math.min(framing.chunkSize, payload.length - sent);
    target.set(sent === 0 && n === payload.length ? payload : payload.subarray(sent, sent + n), p);
    p += n;
    sent += n;
    if (sent >= payload.length) return p;
    target[p++] = 0xc0 | framing.csid;
    if (extended) p = writeU32(target, p, timestamp);
  }
}

/** One message as chunks, in a buffer of its own. */
export function frameMessage(
  message: { typeId: number; timestamp: number; payload: Uint8Array },
  framing: Framing,
): Uint8Array {
  const bytes = new Uint8Array(framedSize(message.payload.length, message.timestamp, framing.chunkSize));
  frameInto(bytes, 0, message, framing);
  return bytes;
}

function writeHeader(
  target: Uint8Array,
  at: number,
  typeId: number,
  timestamp: number,
  length: number,
  framing: Framing,
): number {
  const extended = timestamp >= 0xffffff;
  const time24 = extended ? 0xffffff : timestamp;
  const streamId = framing.messageStreamId;
  target[at] = framing.csid;
  target[at + 1] = time24 >>> 16;
  target[at + 2] = time24 >>> 8;
  target[at + 3] = time24;
  target[at + 4] = length >>> 16;
  target[at + 5] = length >>> 8;
  target[at + 6] = length;
  target[at + 7] = typeId;
  target[at + 8] = streamId;
  target[at + 9] = streamId >>> 8;
  target[at + 10] = streamId >>> 16;
  target[at + 11] = streamId >>> 24;
  return extended ? writeU32(target, at + FMT0_HEADER, timestamp) : at + FMT0_HEADER;
}

function writeU32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

skipLastTier(framedSize, frameInto, writeHeader);
