/**
 * When a source that failed is worth another attempt. Pure: facts in, a decision out.
 */

import { isNotLive, isPermanent, isRefusal } from "./faults.ts";
import type { Failure } from "./supervise.ts";

/** What is known of a source when an attempt has failed. Times in ms. */
export type SourceFacts = {
  readonly everLive: boolean;
  /**
   * How long the source is wanted: as --for says; Infinity until a time of day, which ends the job by itself; undefined
   * if the user named no time.
   */
  readonly window: number | undefined;
  /** Session after session is wanted, without end. */
  readonly follows: boolean;
  /** --wait: how long a stream that is not there yet is waited for. */
  readonly wait: number | undefined;
  readonly sinceStart: number;
  /** Since the source was live for the last time. */
  readonly sinceLost: number;
  /** Attempts that failed since then; the loss itself is none. */
  readonly failedSince: number;
};

/** Failed attempts in a row after which a source that is not there is given up. */
const PATIENCE_ATTEMPTS = 3;
/** How long a source that was live is looked for at least, if no time was planned, in ms. */
const LOST_PATIENCE_MS = 60_000;

/** Whether to try again. */
export function judgeSource(facts: SourceFacts, { error, attempts, wait }: Failure): "retry" | "give-up" {
  if (isPermanent(error)) return "give-up";
  if (facts.everLive) return isWorthLookingFor(facts, wait) ? "retry" : "give-up";
  if (facts.wait !== undefined) return facts.sinceStart + wait < facts.wait ? "retry" : "give-up";
  if (facts.follows) return "retry";
  // Keys are mended and names become free. --for counts from the first media: without a bound here it would never end.
  if (isRefusal(error)) return facts.sinceStart + wait < (facts.window ?? 0) ? "retry" : "give-up";
  if (isNotLive(error)) return "give-up";
  return attempts < PATIENCE_ATTEMPTS ? "retry" : "give-up";
}

/**
 * Whether a source that was live may come back. After many short sessions the wait is as long as all the patience, and
 * to wait once is not to have looked for it: some attempts are made however long they take.
 */
function isWorthLookingFor(facts: SourceFacts, wait: number): boolean {
  if (facts.window !== undefined || facts.follows) return true;
  if (facts.wait !== undefined) return facts.sinceLost + wait < facts.wait;
  return facts.failedSince < PATIENCE_ATTEMPTS || facts.sinceLost + wait < LOST_PATIENCE_MS;
}
