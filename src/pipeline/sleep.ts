/**
 * Sleeping: for a time, until something happens, or until a signal aborts. Whoever sleeps again and again until the same
 * thing happens makes a promise for each sleep: one that lives long keeps what every sleep hung on it.
 */

/** Timers of more, about 24 days, would fire at once. */
export const LONGEST_TIMER_MS = 0x7fffffff;

/** Waits `ms`, 24 days at most, or until `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return sleepUntil(undefined, ms, signal);
}

/** Waits `ms`, 24 days at most, or until `event` settles or `signal` aborts, if that is earlier. */
export function sleepUntil(
  event: Promise<unknown> | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS));
    signal.addEventListener("abort", done, { once: true });
    event?.then(done, done);
    if (signal.aborted) done();
  });
}
