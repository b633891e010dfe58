/**
 * Aggregate messages (type 22): one message that holds several FLV tags, headers and back pointers included. Flash
 * Media Server and Wowza send them. In goes the message, out come the messages that it stands for, whether a server
 * plays it or a publisher sends it. RTMP 1.0 §7.1.6; what the times mean is what ffmpeg, librtmp and nginx-rtmp agree on.
 */

import type { Message } from "./chunk-reader.ts";
import { MessageType } from "./constants.ts";

const TAG_HEADER = 11;
const BACK_POINTER = 4;
/** Servers gather some seconds in one message. More parts than this would be a way to make us hold many objects. */
const MAX_PARTS = 4096;

/** What an FLV tag can be; above all not another aggregate, nor a command. */
const TAG_TYPES: ReadonlySet<number> = new Set([
  MessageType.audio,
  MessageType.video,
  MessageType.dataAmf3,
  MessageType.dataAmf0,
]);

/**
 * Calls `onMessage` for every tag in the body of `aggregate` that is not empty. The first tag has the aggregate's
 * own time, the others keep their distance to it. A last tag without its back pointer counts; one that is cut
 * ends the walk. Payloads are copies: a part may be kept long after the others are gone.
 */
export function unpackAggregate(aggregate: Message, onMessage: (message: Message) => void): void {
  const body = aggregate.payload;
  let first: number | undefined;
  let p = 0;
  for (let parts = 0; parts < MAX_PARTS && p + TAG_HEADER <= body.length; parts++) {
    const typeId = body[p]! & 0x1f;
    const size = (body[p + 1]! << 16) | (body[p + 2]! << 8) | body[p + 3]!;
    const end = p + TAG_HEADER + size;
    if (end > body.length) return;
    const time = (body[p + 7]! << 24) | (body[p + 4]! << 16) | (body[p + 5]! << 8) | body[p + 6]!;
    first ??= time;
    if (size > 0 && TAG_TYPES.has(typeId)) {
      onMessage({
        typeId,
        messageStreamId: aggregate.messageStreamId,
        timestamp: (aggregate.timestamp + (time - first)) >>> 0,
        payload: new Uint8Array(body.subarray(p + TAG_HEADER, end)),
        slab: undefined,
      });
    }
    p = end + BACK_POINTER;
  }
}
