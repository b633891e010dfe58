/**
 * BitWriter is the counterpart of BitReader: bits, Exp-Golomb numbers and whole bytes go in, a NAL unit comes out, with
 * its header byte and emulation prevention. For the test card, which makes parameter sets and slices without an encoder.
 */
import { withRoom } from "./room.ts";

/** Bytes that a new writer has room for. */
const CAPACITY = 4096;

/** A growing raw byte sequence payload, highest bit first; `take` ends it. */
export class BitWriter {
  #bytes: Uint8Array = new Uint8Array(CAPACITY);
  /** Whole bytes written. */
  #length = 0;
  /** Bits that wait for their byte to be full. */
  #held = 0;
  #heldBits = 0;

  /** An unsigned number of 0 to 32 bits. */
  bits(value: number, count: number): void {
    for (let at = count - 1; at >= 0; at--) {
      this.#held = (this.#held << 1) | ((value >>> at) & 1);
      this.#heldBits++;
      if (this.#heldBits === 8) this.#flushByte();
    }
  }

  /** Unsigned Exp-Golomb, at most 2^31 - 2. H.264 9.1. */
  ue(value: number): void {
    const code = value + 1;
    const length = 32 - Math.clz32(code);
    this.bits(0, length - 1);
    this.bits(code, length);
  }

  /** Zeros up to the next whole byte. */
  align(): void {
    if (this.#heldBits > 0) this.bits(0, 8 - this.#heldBits);
  }

  /** Whole bytes as they are; only when aligned. */
  bytes(bytes: Uint8Array): void {
    if (this.#heldBits !== 0) throw new Error("Internal: bytes in the middle of a byte");
    this.#bytes = withRoom(this.#bytes, this.#length, bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Ends the payload with a 1 and zeros and makes a NAL unit of it. `header` is the unit's first byte. The array has
   * its exact size and is nobody else's; the writer is empty again. H.264 7.3.1, 7.3.2.11.
   */
  takeNal(header: number): Uint8Array {
    this.bits(1, 1);
    this.align();
    const nal = escape(header, this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return nal;
  }

  #flushByte(): void {
    this.#bytes = withRoom(this.#bytes, this.#length, 1);
    this.#bytes[this.#length] = this.#held;
    this.#length++;
    this.#held = 0;
    this.#heldBits = 0;
  }
}

/** Puts the header before a payload, and 03 behind any two zeros that a byte of 0 to 3 follows. H.264 7.4.1. */
function escape(header: number, payload: Uint8Array): Uint8Array {
  const nal = new Uint8Array(1 + payload.length + countEscapes(payload));
  nal[0] = header;
  let length = 1;
  let zeros = 0;
  for (const byte of payload) {
    if (zeros === 2 && byte <= 3) {
      nal[length++] = 3;
      zeros = 0;
    }
    nal[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return nal;
}

function countEscapes(payload: Uint8Array): number {
  let count = 0;
  let zeros = 0;
  for (const byte of payload) {
    if (zeros === 2 && byte <= 3) {
      count++;
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return count;
}
