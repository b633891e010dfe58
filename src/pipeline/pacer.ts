/**
 * Pacer: plays media times at the speed of the clock, for sources that are files.
 */

/** Keeps media time from running ahead of the clock. */
export class Pacer {
  readonly #now: () => number;
  #start: number | undefined;

  /** `now` is a monotonic clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Ms until media at `position` (ms) is due; 0 if it is. The first position is due at once. */
  due(position: number): number {
    const now = this.#now();
    this.#start ??= now - position;
    return Math.max(0, this.#start + position - now);
  }
}
