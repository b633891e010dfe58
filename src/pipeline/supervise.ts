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
  /** Failed attempts in a row; one that flowed for RESET_AFTER_MS starts a new row. Absences have a row of their own. */
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
  /** Whether an error says that the other side is there and only has nothing yet. */
  readonly isAbsent?: (error: unknown) => boolean;
  /** Whether to try again, told before each wait. */
  readonly onFailure: (failure: Failure) => "retry" | "give-up";
  /**
   * What follows what an attempt resolved with; `short` ends in a row came after less than SESSION_MS of flow, this one
   * among them, 0 if it was longer. Without it the first end is the end.
   */
  readonly onEnd?: (result: T, short: number) => AfterEnd;
};

/** What is not there yet is asked for this often at least, in ms: as much of its beginning is missed, or all of it. */
const ABSENT_MS = 5_000;
/** Flow for this long means that the trouble is over. */
export const RESET_AFTER_MS = 30_000;
/** What flowed for this long and ended was a session: the next one may begin right behind it. */
export const SESSION_MS = 1_000;

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
  const row = new Row();
  while (!signal.aborted) {
    let liveSince: number | undefined;
    const [outcome] = await Promise.allSettled([attempt(() => (liveSince ??= now()))]);
    const flowed = liveSince === undefined ? undefined : now() - liveSince;
    let wait: number;
    if (outcome.status === "fulfilled") {
      const short = row.ended(flowed ?? 0);
      const after = signal.aborted ? "over" : (onEnd?.(outcome.value, short) ?? "over");
      if (after === "over") return outcome.value;
      wait = after === "at-once" ? 0 : backoff(undefined, short, supervision);
    } else {
      if (signal.aborted) return undefined;
      const error: unknown = outcome.reason;
      const absent = flowed === undefined && supervision.isAbsent?.(error) === true;
      const attempts = absent ? row.wasAbsent() : row.failed(flowed);
      wait = backoff(error, attempts, absent ? withShortWaits(supervision) : supervision);
      if (onFailure({ error, attempts, wait }) === "give-up") throw error;
    }
    if (wait > 0) await supervision.sleep(wait, signal);
  }
  return undefined;
}

/** With waits of ABSENT_MS at most, unless the shortest one is longer. */
function withShortWaits<T>(supervision: Supervision<T>): Supervision<T> {
  const { min, max } = supervision.policy;
  return { ...supervision, policy: { min, max: Math.min(max, Math.max(min, ABSENT_MS)) } };
}

/** What comes in a row: failures, absences, sessions that end after a moment. Each makes its own wait longer. */
class Row {
  #failed = 0;
  #absent = 0;
  #short = 0;

  /** A session of so many ms ended in good order; how many in a row did so after a moment. */
  ended(flowed: number): number {
    this.#failed = 0;
    this.#absent = 0;
    this.#short = flowed >= SESSION_MS ? 0 : this.#short + 1;
    return this.#short;
  }

  /** An attempt failed, or a session of so many ms broke off; how many in a row did. */
  failed(flowed: number | undefined): number {
    if (flowed !== undefined) this.#absent = 0;
    const ms = flowed ?? 0;
    if (ms >= SESSION_MS) this.#short = 0;
    this.#failed = ms >= RESET_AFTER_MS ? 1 : this.#failed + 1;
    return this.#failed;
  }

  /** There was nothing yet, which is no trouble that a session would have to make good; how many times in a row. */
  wasAbsent(): number {
    this.#absent += 1;
    return this.#absent;
  }
}

/** The wait before the next attempt: doubling with up to a quarter of jitter; a refusal waits the longest. */
function backoff<T>(error: unknown, attempts: number, supervision: Supervision<T>): number {
  const { min, max } = supervision.policy;
  const isHopeless = supervision.isHopeless ?? isSaid;
  if (error !== undefined && isHopeless(error)) return jittered(max, supervision.random);
  const doublings = Math.min(Math.max(0, attempts - 1), 30);
  return jittered(Math.min(max, min * 2 ** doublings), supervision.random);
}

function jittered(wait: number, random: () => number): number {
  return Math.round(wait * (1 - random() / 4));
}
