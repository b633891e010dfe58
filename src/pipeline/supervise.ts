/**
 * The one place that tries again. A source or a sink is an attempt that may fail; between attempts the wait
 * doubles from `min` to `max` with jitter and starts over after half a minute of real flow. Whether to go on is
 * the caller's decision, who sees every failure.
 */

import { isSaid } from "./faults.ts";
import { Pacer } from "./pacer.ts";

/** The shortest and the longest wait between attempts, in ms. */
export type RetryPolicy = { readonly min: number; readonly max: number };

/** What the caller is told of a failed attempt, and decides: undefined gives up, a number is the wait in ms. */
export type Failure = {
  readonly error: unknown;
  /** Failed attempts in a row; an attempt that flowed for RESET_AFTER_MS starts a new row. */
  readonly attempts: number;
  /** The wait that the policy suggests, in ms. */
  readonly wait: number;
};

/** The environment of a supervised thing; `random` gives 0 to 1, `now` is a monotonic clock in ms. */
export type Supervision = {
  readonly policy: RetryPolicy;
  readonly random: () => number;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether an error is a refusal that asking again soon will not change. */
  readonly isHopeless?: (error: unknown) => boolean;
  /** Whether to try again, told before each wait. */
  readonly onFailure: (failure: Failure) => "retry" | "give-up";
};

/** Flow for this long means that the trouble is over. */
export const RESET_AFTER_MS = 30_000;

/** Supervision over the real clock. */
export function realSupervision(
  policy: RetryPolicy,
  onFailure: (failure: Failure) => "retry" | "give-up",
  isHopeless: (error: unknown) => boolean = isSaid,
): Supervision {
  const now = (): number => performance.now();
  return { policy, random: Math.random, now, sleep: Pacer.sleep, isHopeless, onFailure };
}

/**
 * Runs `attempt` until it resolves, the caller gives up, or `signal` aborts; the attempt calls `live` when it
 * flows. Returns what the last attempt resolved with; throws its error when the caller gives up.
 */
export async function supervise<T>(
  attempt: (live: () => void) => Promise<T>,
  supervision: Supervision,
  signal: AbortSignal,
): Promise<T | undefined> {
  let attempts = 0;
  while (!signal.aborted) {
    let liveSince: number | undefined;
    try {
      return await attempt(() => (liveSince ??= supervision.now()));
    } catch (error) {
      if (signal.aborted) return undefined;
      const flowed = liveSince !== undefined && supervision.now() - liveSince >= RESET_AFTER_MS;
      attempts = flowed ? 1 : attempts + 1;
      const wait = backoff(error, attempts, supervision);
      if (supervision.onFailure({ error, attempts, wait }) === "give-up") throw error;
      await supervision.sleep(wait, signal);
    }
  }
  return undefined;
}

/** The wait before the next attempt: doubling with up to a quarter of jitter; a refusal waits the longest. */
function backoff(error: unknown, attempts: number, supervision: Supervision): number {
  const { min, max } = supervision.policy;
  const isHopeless = supervision.isHopeless ?? isSaid;
  const base = isHopeless(error) ? max : Math.min(max, min * 2 ** Math.min(attempts - 1, 30));
  return Math.round(base * (1 - supervision.random() / 4));
}
