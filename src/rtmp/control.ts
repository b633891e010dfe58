/**
 * Protocol control messages (types 1 to 6): bodies in, plain objects out, and back. RTMP 1.0 §5.4 and §7.1.7.
 * Bodies that are too short are not an error: peers send truncated ones (Flash Media Server's BufferReady).
 */

import { ChunkStreamId, MAX_CHUNK_SIZE, MessageType, UserControl } from "./constants.ts";
import { frameMessage } from "./chunk-writer.ts";

/** A control message that was understood. Sizes are bytes; `data` is an event's first 32-bit field, if it came. */
export type ControlMessage =
  | { readonly type: "set-chunk-size"; readonly size: number }
  | { readonly type: "abort"; readonly csid: number }
  | { readonly type: "acknowledgement"; readonly bytes: number }
  | { readonly type: "window-size"; readonly size: number }
  | { readonly type: "peer-bandwidth"; readonly size: number }
  | { readonly type: "user-control"; readonly event: number; readonly data: number | undefined };

/** Reads a control message; undefined when its body is too short to mean anything. */
export function decodeControl(typeId: number, body: Uint8Array): ControlMessage | undefined {
  if (typeId === MessageType.userControl) {
    if (body.length < 2) return undefined;
    const event = (body[0]! << 8) | body[1]!;
    return { type: "user-control", event, data: body.length >= 6 ? u32(body, 2) : undefined };
  }
  if (body.length < 4) return undefined;
  const value = u32(body, 0);
  switch (typeId) {
    case MessageType.setChunkSize:
      // Bit 31 is reserved; a chunk size of 0 could never move a byte and is left out.
      return { type: "set-chunk-size", size: Math.min(value & 0x7fffffff, MAX_CHUNK_SIZE) };
    case MessageType.abort:
      return { type: "abort", csid: value };
    case MessageType.acknowledgement:
      return { type: "acknowledgement", bytes: value };
    case MessageType.windowAcknowledgementSize:
      return { type: "window-size", size: value };
    case MessageType.setPeerBandwidth:
      return { type: "peer-bandwidth", size: value };
    default:
      return undefined;
  }
}

/** Set Chunk Size, ready to send. */
export function setChunkSize(size: number): Uint8Array {
  return control(MessageType.setChunkSize, [size]);
}

/** Acknowledgement of `bytes` received in all; the wire has its lower 32 bits. */
export function acknowledgement(bytes: number): Uint8Array {
  return control(MessageType.acknowledgement, [bytes]);
}

/** Window Acknowledgement Size, ready to send. */
export function windowAcknowledgementSize(size: number): Uint8Array {
  return control(MessageType.windowAcknowledgementSize, [size]);
}

/** Set Peer Bandwidth with the limit type dynamic, ready to send. */
export function setPeerBandwidth(size: number): Uint8Array {
  const body = new Uint8Array(5);
  putU32(body, 0, size);
  body[4] = 2;
  return frame(MessageType.setPeerBandwidth, body);
}

/** Ping response: the same four bytes that the request had. */
export function pingResponse(timestamp: number): Uint8Array {
  return userControl(UserControl.pingResponse, [timestamp]);
}

/** A user control event with its 32-bit fields, ready to send. */
export function userControl(event: number, fields: readonly number[]): Uint8Array {
  const body = new Uint8Array(2 + 4 * fields.length);
  body[0] = event >>> 8;
  body[1] = event;
  fields.forEach((field, i) => putU32(body, 2 + 4 * i, field));
  return frame(MessageType.userControl, body);
}

function control(typeId: number, fields: readonly number[]): Uint8Array {
  const body = new Uint8Array(4 * fields.length);
  fields.forEach((field, i) => putU32(body, 4 * i, field));
  return frame(typeId, body);
}

function frame(typeId: number, payload: Uint8Array): Uint8Array {
  const framing = { csid: ChunkStreamId.control, messageStreamId: 0, chunkSize: 128 };
  return frameMessage({ typeId, timestamp: 0, payload }, framing);
}

function u32(b: Uint8Array, p: number): number {
  return ((b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!) >>> 0;
}

function putU32(b: Uint8Array, p: number, value: number): void {
  // >>> takes a number modulo 2^32 first, which is what a 64-bit byte count needs.
  b[p] = value >>> 24;
  b[p + 1] = value >>> 16;
  b[p + 2] = value >>> 8;
  b[p + 3] = value >>> 0;
}
