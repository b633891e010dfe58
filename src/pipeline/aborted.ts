/**
 * Waiting for a signal, for who has something else to wait for beside it.
 */

/** Resolves when `signal` aborts, or at once if it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
