/**
 * The keyframe index of an FLV file: when its key frames come and where their tags begin, for the `keyframes` object
 * of onMetaData that players seek by. In go key frames in the order of the file, out come the lists. Used by whoever
 * writes FLV files: recordings, which keep room for it at the head, and repair, which knows their number before it
 * writes. protocol.md 7.6.
 *
 * Memory and the size of onMetaData stay bounded however long the file gets: when the index is full, every second
 * entry goes, and from then on only every second (fourth, eighth ...) key frame is taken.
 */

/** As many entries as fit a third of the 1 MiB of onMetaData that is read: 4.5 h with a key frame every second. */
export const MAX_INDEX_ENTRIES = 16_384;

/** Parallel lists, as they stand in the file: seconds, and bytes from the start of the file to the tag header. */
export type Keyframes = { readonly times: readonly number[]; readonly filepositions: readonly number[] };

/** Gathers key frames; `capacity` is even and at least 2. */
export class KeyframeIndex {
  readonly #capacity: number;
  readonly #times: number[] = [];
  readonly #positions: number[] = [];
  /** Of so many key frames one is taken. */
  #stride = 1;
  /** How many are passed over before the next is taken. */
  #toSkip = 0;

  constructor(capacity = MAX_INDEX_ENTRIES) {
    this.#capacity = capacity;
  }

  /** How many entries there are. */
  get length(): number {
    return this.#times.length;
  }

  /** Takes a key frame: its time in ms, and the byte at which its tag header stands. */
  add(timeMs: number, position: number): void {
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return;
    }
    if (this.#times.length === this.#capacity) this.#halve();
    this.#times.push(timeMs / 1000);
    this.#positions.push(position);
    this.#toSkip = this.#stride - 1;
  }

  /** The entries, thinned evenly to at most `count`; the first is always among them. */
  take(count = this.#capacity): Keyframes {
    const length = this.#times.length;
    if (length <= count) return { times: [...this.#times], filepositions: [...this.#positions] };
    const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
    return {
      times: chosen.map((i) => this.#times[i]!),
      filepositions: chosen.map((i) => this.#positions[i]!),
    };
  }

  /** The capacity is even, so the key frame that comes next is one that the wider stride takes. */
  #halve(): void {
    const kept = this.#times.length / 2;
    for (let i = 0; i < kept; i++) {
      this.#times[i] = this.#times[2 * i]!;
      this.#positions[i] = this.#positions[2 * i]!;
    }
    this.#times.length = kept;
    this.#positions.length = kept;
    this.#stride *= 2;
  }
}
