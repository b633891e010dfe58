/**
 * Aggregate messages (type 22): one message that holds several FLV tags. Flash Media Server and Wowza send them.
 * RTMP 1.0 §7.1.6; what the times mean is what ffmpeg, librtmp and nginx-rtmp agree on.
 */

import type { Message } from "./chunk-reader.ts";

const TAG_HEADER = 11;
const BACK_POINTER = 4;

/**
 * Calls `onMessage` for every tag in the body of `aggregate`. The first tag has the aggregate's own time, the
 * others keep their distance to it. A last tag without its back pointer counts; one that is cut ends the walk.
 */
export function unpackAggregate(aggregate: Message, onMessage: (message: Message) => void): void {
  const body = aggregate.payload;
  let first: number | undefined;
  let p = 0;
  while (p + TAG_HEADER <= body.length) {
    const size = (body[p + 1]! << 16) | (body[p + 2]! << 8) | body[p + 3]!;
    const end = p + TAG_HEADER + size;
    if (end > body.length) return;
    const time = (body[p + 7]! << 24) | (body[p + 4]! << 16) | (body[p + 5]! << 8) | body[p + 6]!;
    first ??= time;
    onMessage({
      typeId: body[p]! & 0x1f,
      messageStreamId: aggregate.messageStreamId,
      timestamp: (aggregate.timestamp + (time - first)) >>> 0,
      payload: new Uint8Array(body.subarray(p + TAG_HEADER, end)),
    });
    p = end + BACK_POINTER;
  }
}
