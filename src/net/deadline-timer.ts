/**
 * DeadlineTimer: the clock of a session that says when it wants to be called. A deadline moves on with every message; the
 * timer is set for one that was announced, and asks anew when that has come, so that a message costs nothing.
 */

/** setTimeout takes no more, and calls at once what is given more: 24.8 days, in ms. */
export const LONGEST_TIMER_MS = 0x7fffffff;

/** Calls `onDue` at or before a session's deadline; see the head of this file. */
export class DeadlineTimer {
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #at = Infinity;
  /** Bound once: a closure in arm() would make a scope for every message. */
  readonly #due = (): void => {
    this.#at = Infinity;
    this.#onDue();
  };

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Sets the timer for a deadline (ms, monotonic), if that is earlier than the one that it is set for. */
  arm(deadline: number | undefined): void {
    if (deadline === undefined || deadline >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = deadline;
    const wait = Math.max(0, deadline - performance.now()) + 1;
    this.#timer = setTimeout(this.#due, Math.min(wait, LONGEST_TIMER_MS));
  }

  /** Ends it: no later deadline sets it again. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#at = -Infinity;
  }
}
