/**
 * An RTMP aggregate message (type 22) holds several FLV tags, headers and back-pointers included; FMS and Wowza send
 * them. In goes the message, out come the media messages that it stands for. Called by whoever turns messages into
 * packets; the tag layout is FLV's, so the function lives here. RTMP 1.0 §7.1.6.
 */
import { MediaError } from "../errors.ts";

/** One media message out of an aggregate; `body` is a view into the aggregate. */
export type AggregatePart = { typeId: number; timestamp: number; body: Uint8Array };

const TAG_HEADER_SIZE = 11;
const BACK_POINTER_SIZE = 4;

/**
 * Takes an aggregate apart. Times are the message's plus the distance to the first part, modulo 2^32; the last part
 * counts even when its back-pointer is cut, and empty parts are left out. Throws MediaError when a part is larger
 * than what is left.
 */
export function readAggregate(body: Uint8Array, timestamp: number): AggregatePart[] {
  const parts: AggregatePart[] = [];
  let first = -1;
  let at = 0;
  while (at + TAG_HEADER_SIZE <= body.length) {
    const size = (body[at + 1]! << 16) | (body[at + 2]! << 8) | body[at + 3]!;
    const low = (body[at + 4]! << 16) | (body[at + 5]! << 8) | body[at + 6]!;
    const time = ((body[at + 7]! << 24) | low) >>> 0;
    const start = at + TAG_HEADER_SIZE;
    if (size > body.length - start) {
      throw new MediaError(`Cannot read aggregate: a part of ${size} bytes, ${body.length - start} left`, at);
    }
    if (first < 0) first = time;
    if (size > 0) {
      const part = body.subarray(start, start + size);
      parts.push({ typeId: body[at]! & 0x1f, timestamp: (timestamp + time - first) >>> 0, body: part });
    }
    at = start + size + BACK_POINTER_SIZE;
  }
  return parts;
}
