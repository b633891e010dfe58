/**
 * BitReader walks a byte array bit by bit, highest bit first, with the Exp-Golomb numbers of H.264 and H.265. The
 * payload of a NAL unit goes through removeEmulationPrevention before. Reading past the end is a
 * RangeError; the readers of parameter sets and AAC turn it into a MediaError with their place.
 */

/** A cursor over single bits of `bytes`. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position: number;

  /** Begins at the first bit of byte `start`. */
  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes;
    this.#position = start * 8;
  }

  /** How many bits are left. */
  get remaining(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** Whether anything but the closing 1 and zeros is left: more_rbsp_data() of H.264 7.2. */
  get more(): boolean {
    let last = this.#bytes.length - 1;
    while (last >= 0 && this.#bytes[last] === 0) last--;
    if (last < 0) return false;
    const lowest = this.#bytes[last]! & -this.#bytes[last]!;
    return this.#position < last * 8 + 7 - Math.log2(lowest);
  }

  bit(): number {
    const at = this.#claim(1);
    return (this.#bytes[at >> 3]! >> (7 - (at & 7))) & 1;
  }

  /** An unsigned number of 0 to 32 bits. */
  bits(count: number): number {
    let at = this.#claim(count);
    let left = count;
    let value = 0;
    while (left > 0) {
      const offset = at & 7;
      const taken = Math.min(8 - offset, left);
      const part = (this.#bytes[at >> 3]! >> (8 - offset - taken)) & ((1 << taken) - 1);
      value = value * 2 ** taken + part;
      at += taken;
      left -= taken;
    }
    return value;
  }

  skip(count: number): void {
    this.#claim(count);
  }

  /** Unsigned Exp-Golomb, at most 2^32 - 2. H.264 9.1. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros++;
      if (zeros > 31) throw new RangeError(`Exp-Golomb number of more than 32 bits at bit ${this.#position}`);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb: 0, 1, -1, 2, -2, ... H.264 9.1.1. */
  se(): number {
    const code = this.ue();
    if (code === 0) return 0;
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }

  /** Moves the cursor over `count` bits and returns where they begin. */
  #claim(count: number): number {
    const at = this.#position;
    if (!(count >= 0 && count <= this.remaining)) {
      throw new RangeError(`${count} bits wanted at bit ${at}, ${this.remaining} left`);
    }
    this.#position = at + count;
    return at;
  }
}

/**
 * The bytes of a NAL unit without the 03 that encoders put after two zeros so that no start code appears. Returns
 * the input itself when there is none. H.264 7.4.1, H.265 7.4.2.
 */
export function removeEmulationPrevention(nal: Uint8Array): Uint8Array {
  const first = nextEmulation(nal, 0);
  if (first < 0) return nal;
  const clean = new Uint8Array(nal.length - 1);
  let length = 0;
  let from = 0;
  for (let at = first; at >= 0; at = nextEmulation(nal, from)) {
    clean.set(nal.subarray(from, at), length);
    length += at - from;
    from = at + 1;
  }
  clean.set(nal.subarray(from), length);
  return clean.subarray(0, length + nal.length - from);
}

/** Where the next 03 after two zeros stands, both zeros at or after `from`; -1 when there is none. */
function nextEmulation(nal: Uint8Array, from: number): number {
  for (let at = from + 2; at < nal.length; at++) {
    if (nal[at] === 3 && nal[at - 1] === 0 && nal[at - 2] === 0) return at;
  }
  return -1;
}
