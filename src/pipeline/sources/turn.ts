/**
 * When media of a source that is made here may go on: when it is due, and the sinks that must not lose anything have
 * room for it. Used by files, pipes, raw video and the test card.
 */

import type { Ingest } from "../ingest.ts";
import type { Pacer } from "../pacer.ts";
import { sleep } from "../sleep.ts";

/** What is due within this many ms goes with what is due now: timers are no finer. */
const DUE_SOON_MS = 4;

/** A source's way on; without a pacer media is due at once. */
export type Turns = {
  readonly ingest: Ingest;
  readonly pacer: Pacer | undefined;
  readonly signal: AbortSignal;
};

/** What to wait for before media at `time` (ms) goes on; undefined if that is nothing, which costs nothing. */
export function untilTurn(turns: Turns, time: number): Promise<void> | undefined {
  const wait = turns.pacer?.due(time) ?? 0;
  return wait > DUE_SOON_MS || turns.ingest.mustWait ? passTime(turns, wait) : undefined;
}

async function passTime({ ingest, signal }: Turns, wait: number): Promise<void> {
  // What was pushed before must not wait, too.
  ingest.flush();
  if (wait > DUE_SOON_MS) await sleep(wait, signal);
  if (ingest.mustWait) await ingest.room(signal);
}
