/**
 * ByteWriter builds a byte array whose length is not known beforehand: commands, metadata, file headers. Values
 * go in one after the other, take() hands the bytes out. Not for media payloads: those are framed into buffers of exact
 * size.
 */
import { withRoom } from "./room.ts";

const UTF8 = new TextEncoder();

/** A growing buffer; all integers are big-endian. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many bytes have been written since the last take(). */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#claim(2);
    this.#view.setUint16(at, value);
  }

  u24(value: number): void {
    const at = this.#claim(3);
    this.#view.setUint16(at, value >>> 8);
    this.#bytes[at + 2] = value;
  }

  u32(value: number): void {
    const at = this.#claim(4);
    this.#view.setUint32(at, value);
  }

  f64(value: number): void {
    const at = this.#claim(8);
    this.#view.setFloat64(at, value);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Appends the text alone, without a length; returns how many bytes it took. */
  utf8(text: string): number {
    const at = this.#length;
    // A UTF-16 unit never needs more than three bytes of UTF-8.
    if (at + text.length * 3 > this.#bytes.length) this.#enlarge(text.length * 3);
    const { written } = UTF8.encodeInto(text, this.#bytes.subarray(at));
    this.#length = at + written;
    return written;
  }

  /** All bytes written, as an array of exactly that size and nobody else's; the writer is empty again. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #claim(size: number): number {
    const at = this.#length;
    if (at + size > this.#bytes.length) this.#enlarge(size);
    this.#length = at + size;
    return at;
  }

  #enlarge(size: number): void {
    this.#bytes = withRoom(this.#bytes, this.#length, size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
