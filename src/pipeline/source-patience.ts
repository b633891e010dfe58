/**
 * When a source that failed is worth another attempt. Pure: facts in, a decision out.
 */

import { isNotLive, isPermanent, isRefusal } from "./faults.ts";
import type { Failure } from "./supervise.ts";

/** What is known of a source when an attempt has failed. Times in ms. */
export type SourceFacts = {
  readonly everLive: boolean;
  /** The user named a time until which the source is wanted. */
  readonly hasWindow: boolean;
  /** Session after session is wanted, without end. */
  readonly follows: boolean;
  /** --wait: how long a stream that is not there yet is waited for. */
  readonly wait: number | undefined;
  readonly sinceStart: number;
  /** Since the source was live for the last time. */
  readonly sinceLost: number;
};

/** Failed attempts in a row after which a source that was never there is given up. */
const PATIENCE_ATTEMPTS = 3;
/** How long a source that was live is looked for, if no time was planned, in ms. */
const LOST_PATIENCE_MS = 60_000;

/** Whether to try again. */
export function judgeSource(facts: SourceFacts, { error, attempts, wait }: Failure): "retry" | "give-up" {
  if (isPermanent(error)) return "give-up";
  if (facts.everLive) {
    const endless = facts.hasWindow || facts.follows;
    return endless || facts.sinceLost + wait < (facts.wait ?? LOST_PATIENCE_MS) ? "retry" : "give-up";
  }
  if (isRefusal(error)) return "give-up";
  if (facts.wait !== undefined) return facts.sinceStart + wait < facts.wait ? "retry" : "give-up";
  if (facts.follows) return "retry";
  if (isNotLive(error)) return "give-up";
  return attempts < PATIENCE_ATTEMPTS ? "retry" : "give-up";
}
