/**
 * Follows the schedule of one job until it is stopped: waits, never longer than CHECK_EVERY_MS at a time because the
 * wall clock may step, and begins what the agenda says is due. Called by run-jobs.ts for each scheduled job.
 */

import { sleepUntil } from "../pipeline/sleep.ts";
import { Agenda, CHECK_EVERY_MS, type Clocks, type Due, type Run } from "../recipe/agenda.ts";
import type { Schedule } from "../recipe/schedule.ts";

/** What there is to follow a schedule with; tests bring clocks of their own. */
export type Following = {
  readonly stop: AbortSignal;
  readonly clocks?: () => Clocks;
  /** Waits for the event, this many ms, or until stopped; whichever is first. */
  readonly sleep?: (event: Promise<unknown> | undefined, ms: number, stop: AbortSignal) => Promise<void>;
  /** Carries out a run; settles when it is over and never rejects. */
  readonly begin: (run: Run) => Promise<void>;
  /** Hears of what is due beside beginnings. */
  readonly say: (due: Exclude<Due, { kind: "begin" }>) => void;
  /** Hears when the next run is due, each time that nothing runs. */
  readonly idle: (next: number | undefined) => void;
};

const realClocks = (): Clocks => ({ wall: Date.now(), steady: performance.now() });

/** Follows a schedule; resolves when it was stopped, or has no further run, and the last run is over. */
export async function followSchedule(schedule: Schedule, following: Following): Promise<void> {
  const { stop, begin, say, idle, clocks = realClocks, sleep = sleepUntil } = following;
  const agenda = new Agenda(schedule);
  let going: Promise<void> | undefined;
  // One for each look: a run may go on for months, and must not collect what every look would hang on it.
  let over = Promise.withResolvers<void>();
  const start = (run: Run): void => {
    going = begin(run).finally(() => {
      going = undefined;
      agenda.ended();
      over.resolve();
    });
  };
  let told: number | undefined;
  while (!stop.aborted) {
    for (const due of agenda.look(clocks())) {
      if (due.kind === "begin") start(due.run);
      else say(due);
    }
    const { wall } = clocks();
    const next = agenda.next(wall);
    if (going === undefined && (next !== told || next === undefined)) idle(next);
    told = going === undefined ? next : undefined;
    if (next === undefined && going === undefined) return;
    // Timers may fire a little early: a ms more spares a second look.
    const wait = next === undefined ? CHECK_EVERY_MS : Math.min(CHECK_EVERY_MS, next - wall + 1);
    over = Promise.withResolvers();
    await sleep(going === undefined ? undefined : over.promise, Math.max(1, wait), stop);
  }
  await going;
}
