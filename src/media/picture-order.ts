/**
 * PictureOrder: how many frames after its decoding a picture is shown, for raw streams that have no times but do say
 * in which order pictures are shown. In go the order counts of pictures as they are decoded, out come distances in
 * frames. Streams without reordering give 0 throughout, whatever is lost. H.264 8.2.1, H.265 8.3.1; protocol.md 8.2.
 *
 *     decoded   I0  P3  B1  B2  P6        order count, in frames
 *     shown at   1   4   2   3   7        with a depth of 1
 *     distance   1   3   0   0   3
 */

/** What a picture says of its place. */
export type OrderMark = {
  /** Counting starts over here. */
  readonly restart: boolean;
  /** The lowest bits of the order count; undefined where pictures are shown as they are decoded. */
  readonly lsb: number | undefined;
  /** How many bits those are. */
  readonly bits: number;
  /** How many pictures may come before one that is shown earlier; undefined when it is not said. */
  readonly depth: number | undefined;
};

/** More than any stream reorders; beyond it the count jumped. */
const MAX_DEPTH = 16;

/** Follows one stream; see the head of this file. */
export class PictureOrder {
  /** Order counts from one frame to the next: H.264 counts fields, if it does not count frames. */
  #step: number;
  #base = 0;
  #index = 0;
  #last = 0;
  #started = false;
  #learnt = 0;
  #recent: number[] = [];

  constructor(step: 1 | 2) {
    this.#step = step;
  }

  /** Frames between decoding and showing this picture, which is the next to be decoded. */
  place(mark: OrderMark): number {
    const { lsb } = mark;
    if (lsb === undefined) return 0;
    const count = this.#unwrap(mark, lsb);
    const depth = mark.depth ?? this.#learn(count);
    if (depth === 0) return 0;
    if ((count - this.#base) % this.#step !== 0) this.#step = 1;
    let distance = (count - this.#base) / this.#step - this.#index + depth;
    if (distance < 0 || distance > 2 * MAX_DEPTH) {
      this.#anchor(count);
      distance = depth;
    }
    this.#index += 1;
    return distance;
  }

  #unwrap({ restart, bits }: OrderMark, lsb: number): number {
    if (restart || !this.#started) {
      this.#started = true;
      this.#last = lsb;
      this.#recent = [];
      this.#anchor(lsb);
      return lsb;
    }
    const range = 2 ** bits;
    let step = (((lsb - this.#last) % range) + range) % range;
    if (step >= range / 2) step -= range;
    this.#last += step;
    return this.#last;
  }

  #anchor(count: number): void {
    this.#base = count;
    this.#index = 0;
  }

  /** Where the stream does not tell: the most pictures that were decoded before one that is shown earlier. */
  #learn(count: number): number {
    const later = this.#recent.reduce((sum, other) => sum + Number(other > count), 0);
    if (later > this.#learnt) this.#learnt = later;
    this.#recent.push(count);
    if (this.#recent.length > MAX_DEPTH) this.#recent.shift();
    return this.#learnt;
  }
}
