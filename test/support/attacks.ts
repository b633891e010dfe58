/** Bytes that a hostile peer may send, whichever side it is on. */
import { amf, frame } from "./rtmp-wire.ts";

/** Bytes without meaning, the same in every run. */
export function noise(length: number): Uint8Array {
  let state = 0x2545f491;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

/** The chunk streams of `giantBegun`. */
export const GIANT_CSIDS: readonly number[] = Array.from({ length: 61 }, (_, i) => 3 + i);

/** The first chunk, of 64 KiB, of a message of almost 16 MiB. Chunk size 65536 must have been announced. */
export function giantBegun(csid: number): Buffer {
  const message = { type: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(65_536) };
  const chunk = frame(csid, message, 65_536);
  chunk.writeUIntBE(0xffffff, 4, 3);
  return chunk;
}

/** Its next chunk. */
export function giantContinued(csid: number): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | csid]), Buffer.alloc(65_536)]);
}

/** Objects in objects, none of them ever ends. */
export function nestedObjects(depth: number): Buffer {
  const open = Buffer.from([3, 0, 1, 0x61]);
  return Buffer.concat(Array.from({ length: depth }, () => open));
}

/** An array that says it has 2^32 items, and has none. */
export const ENDLESS_ARRAY: Uint8Array = Uint8Array.of(10, 255, 255, 255, 255);
/** A string that says it has 4 GiB, and has one byte. */
export const ENDLESS_STRING: Uint8Array = Uint8Array.of(12, 255, 255, 255, 255, 65);

/** A command message with `rest` behind its name and transaction. */
export function commandWith(rest: Uint8Array, name = "connect"): Buffer {
  return frame(3, { type: 20, streamId: 0, timestamp: 0, payload: Buffer.concat([amf(name, 1), rest]) });
}
