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

  /** Waits `ms`, or until `signal` aborts. */
  static sleep(ms: number, signal: AbortSignal): Promise<void> {
    return Pacer.sleepUntil(undefined, ms, signal);
  }

  /** Waits `ms`, or until `event` settles or `signal` aborts, if that is earlier. */
  static sleepUntil(event: Promise<unknown> | undefined, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done, { once: true });
      event?.then(done, done);
      if (signal.aborted) done();
    });
  }
}
