/**
 * The one place that tries again. A source or a sink is an attempt that may fail, or end and be wanted again; between
 * attempts the wait doubles from `min` to `max` with jitter. It starts over after half a minute of real flow, and at the
 * end of a session: the next one must not be missed, so that only those that end after a moment make the wait longer.
 * Whether to go on is the caller's decision, who sees every failure and every end.
 */

import { isSaid } from "./faults.ts";
import { sleep } from "./sleep.ts";

/** The shortest and the longest wait between attempts, in ms. */
export type RetryPolicy = { readonly min: number; readonly max: number };

/** What the caller is told of a failed attempt, who decides whether to try again. */
export type Failure = {
  readonly error: unknown;
  /** Failed attempts in a row; an attempt that flowed for RESET_AFTER_MS starts a new row. */
  readonly attempts: number;
  /** The wait that the policy suggests, in ms. */
  readonly wait: number;
};

/** What follows an attempt that ended: nothing, another one after the wait, or another one with no wait at all. */
export type AfterEnd = "over" | "again" | "at-once";

/** The environment of a supervised thing; `random` gives 0 to 1, `now` is a monotonic clock in ms. */
export type Supervision<T = unknown> = {
  readonly policy: RetryPolicy;
  readonly random: () => number;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether an error is a refusal that asking again soon will not change. */
  readonly isHopeless?: (error: unknown) => boolean;
  /** Whether to try again, told before each wait. */
  readonly onFailure: (failure: Failure) => "retry" | "give-up";
  /**
   * What follows what an attempt resolved with; `short` ends in a row came after less than SESSION_MS of flow, this one
   * among them, 0 if it was longer. Without it the first end is the end.
   */
  readonly onEnd?: (result: T, short: number) => AfterEnd;
};

/** Flow for this long means that the trouble is over. */
export const RESET_AFTER_MS = 30_000;
/** What flowed for this long and ended was a session: the next one may begin right behind it. */
export const SESSION_MS = 2_000;

/** Supervision over the real clock. */
export function realSupervision(
  policy: RetryPolicy,
  onFailure: (failure: Failure) => "retry" | "give-up",
  isHopeless: (error: unknown) => boolean = isSaid,
): Supervision {
  const now = (): number => performance.now();
  return { policy, random: Math.random, now, sleep, isHopeless, onFailure };
}

/**
 * Runs `attempt` until it resolves for good, the caller gives up, or `signal` aborts; the attempt calls `live` when it
 * flows. Returns what the last attempt resolved with; throws its error when the caller gives up.
 */
export async function supervise<T>(
  attempt: (live: () => void) => Promise<T>,
  supervision: Supervision<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { now, onEnd, onFailure } = supervision;
  let attempts = 0;
  let short = 0;
  while (!signal.aborted) {
    let liveSince: number | undefined;
    const [outcome] = await Promise.allSettled([attempt(() => (liveSince ??= now()))]);
    const flowed = liveSince === undefined ? 0 : now() - liveSince;
    let wait: number;
    if (outcome.status === "fulfilled") {
      short = flowed >= SESSION_MS ? 0 : short + 1;
      const after = signal.aborted ? "over" : (onEnd?.(outcome.value, short) ?? "over");
      if (after === "over") return outcome.value;
      // Whoever ends in good order is there: attempts that failed before do not count.
      attempts = 0;
      if (after === "at-once") short = 0;
      wait = after === "at-once" ? 0 : backoff(undefined, short, supervision);
    } else {
      if (signal.aborted) return undefined;
      const error: unknown = outcome.reason;
      attempts = flowed >= RESET_AFTER_MS ? 1 : attempts + 1;
      wait = backoff(error, attempts, supervision);
      if (onFailure({ error, attempts, wait }) === "give-up") throw error;
    }
    if (wait > 0) await supervision.sleep(wait, signal);
  }
  return undefined;
}

/** The wait before the next attempt: doubling with up to a quarter of jitter; a refusal waits the longest. */
function backoff<T>(error: unknown, attempts: number, supervision: Supervision<T>): number {
  const { min, max } = supervision.policy;
  const isHopeless = supervision.isHopeless ?? isSaid;
  const doublings = Math.min(Math.max(0, attempts - 1), 30);
  const base = error !== undefined && isHopeless(error) ? max : Math.min(max, min * 2 ** doublings);
  return Math.round(base * (1 - supervision.random() / 4));
}
