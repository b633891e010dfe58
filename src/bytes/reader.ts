/**
 * ByteReader walks a byte array: fixed-width integers, doubles, text and views come out, the cursor moves on.
 * Every decoder of the program uses it except the chunk reader, which counts single bytes itself. Reading past
 * the end is a RangeError thrown in one place; the decoder that called turns it into an error with its own place.
 */

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A cursor over `bytes[start, end)`; all integers are big-endian. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly end: number;
  /** Where the next read begins, counted from the start of `bytes`. */
  position: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.position = start;
    this.end = Math.min(end, bytes.length);
  }

  /** How many bytes are left before the end. */
  get remaining(): number {
    return this.end - this.position;
  }

  u8(): number {
    return this.#bytes[this.#claim(1)]!;
  }

  u16(): number {
    const at = this.#claim(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  u24(): number {
    const at = this.#claim(3);
    return (this.#bytes[at]! << 16) | (this.#bytes[at + 1]! << 8) | this.#bytes[at + 2]!;
  }

  u32(): number {
    const at = this.#claim(4);
    const b = this.#bytes;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  f64(): number {
    const at = this.#claim(8);
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view.getFloat64(at);
  }

  /** The next `length` bytes as a view: it shares memory with the input. */
  bytes(length: number): Uint8Array {
    const at = this.#claim(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** The next `length` bytes as text; broken UTF-8 becomes U+FFFD, NUL and a byte order mark stay. */
  utf8(length: number): string {
    return UTF8.decode(this.bytes(length));
  }

  skip(length: number): void {
    this.#claim(length);
  }

  /** Moves the cursor over `length` bytes and returns where they begin: the one place that checks the bounds. */
  #claim(length: number): number {
    const at = this.position;
    if (!(length >= 0 && length <= this.end - at)) {
      throw new RangeError(`${length} bytes wanted at offset ${at}, ${this.end - at} left`);
    }
    this.position = at + length;
    return at;
  }
}
