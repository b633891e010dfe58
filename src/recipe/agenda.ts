/**
 * The agenda of one scheduled job: it is told what the clocks show, and says what is due. It never sleeps and trusts no
 * clock: the wall clock may step either way, the machine may have been off or asleep, and a run may still be going when
 * the next is due. It wants to be asked every CHECK_EVERY_MS at least.
 */

import { nextRuns, openWindow, type Schedule } from "./schedule.ts";

/** A run: when it was due, when it is to end (both ms since 1970), and whether it begins late. */
export type Run = { readonly at: number; readonly until: number | undefined; readonly late: boolean };

/** What a look at the clocks leads to. Times in ms since 1970. */
export type Due =
  | { readonly kind: "begin"; readonly run: Run }
  /** The run before is still going: this one is left out. */
  | { readonly kind: "overlap"; readonly at: number }
  /** Nobody was there at that time, and it is too late for it now; `more` beginnings after it fared likewise. */
  | { readonly kind: "missed"; readonly at: number; readonly more: number }
  /** The wall clock went this far ahead of time itself, or back. */
  | { readonly kind: "stepped"; readonly ms: number };

/** What the clocks show: the wall clock since 1970, and one that only goes forwards; in ms. */
export type Clocks = { readonly wall: number; readonly steady: number };

/** The wall clock is looked at this often at least, in ms. */
export const CHECK_EVERY_MS = 30_000;
/** How late a run without an end may begin: two looks and a bit, in ms. */
const PATIENCE_MS = 120_000;
/** A clock that goes back by less repeats nothing; by more, what it showed before was wrong. In ms; cron does the same. */
const CORRECTION_MS = 3 * 3_600_000;
/** Smaller steps are not worth a word, in ms. */
const STEP_MS = 60_000;
/** Missed beginnings are counted up to here. */
const MOST_MISSED = 1000;

/** Says what is due; see the head of this file. */
export class Agenda {
  readonly #schedule: Schedule;
  /** A run may begin this long after it was due. */
  readonly #patience: number;
  /** Every beginning up to this wall time has been dealt with. */
  #seen: number | undefined;
  #last: Clocks | undefined;
  #going: Run | undefined;
  /** Due at the moment when the run before it ends: it begins as soon as that has finished. */
  #waiting: number | undefined;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#patience = schedule.for ?? PATIENCE_MS;
  }

  /** What is due now; what it says to begin has begun. */
  look(now: Clocks): Due[] {
    const due = [...this.#steps(now)];
    const { wall } = now;
    if (this.#seen !== undefined && this.#seen - wall > CORRECTION_MS) this.#seen = undefined;
    if (this.#seen === undefined) {
      this.#seen = wall;
      const open = openWindow(this.#schedule, new Date(wall))?.getTime();
      if (open !== undefined && this.#going === undefined) due.push(this.#begin(open, wall));
      return due;
    }
    due.push(...this.#postponed(wall), ...this.#passed(this.#seen, wall));
    this.#seen = Math.max(this.#seen, wall);
    return due;
  }

  /** The run that was going has ended. */
  ended(): void {
    this.#going = undefined;
  }

  /** When the next run is due; undefined if there is none any more. */
  next(wall: number): number | undefined {
    const after = Math.max(wall, this.#seen ?? wall);
    return nextRuns(this.#schedule, new Date(after), 1)[0]?.getTime();
  }

  #steps(now: Clocks): Due[] {
    const last = this.#last;
    this.#last = now;
    if (last === undefined) return [];
    const ms = now.wall - last.wall - (now.steady - last.steady);
    return Math.abs(ms) < STEP_MS ? [] : [{ kind: "stepped", ms }];
  }

  #postponed(wall: number): Due[] {
    const at = this.#waiting;
    if (at === undefined || this.#going !== undefined) return [];
    this.#waiting = undefined;
    return at + this.#patience > wall ? [this.#begin(at, wall)] : [{ kind: "missed", at, more: 0 }];
  }

  /** What was due after `seen`, up to now. */
  #passed(seen: number, wall: number): Due[] {
    if (wall <= seen || (this.next(seen) ?? Infinity) > wall) return [];
    const latest = this.#latestOpen(seen, wall);
    const missed = this.#count(seen, latest === undefined ? wall : latest - 1);
    if (latest === undefined) return missed;
    if (this.#going === undefined && this.#waiting === undefined)
      return [...missed, this.#begin(latest, wall)];
    const { until } = this.#going ?? {};
    if (this.#waiting === undefined && (until === undefined || until > latest))
      return [{ kind: "overlap", at: latest }];
    // The run before it ends on time and is only finishing its files.
    this.#waiting = latest;
    return [];
  }

  #latestOpen(seen: number, wall: number): number | undefined {
    const window = { ...this.#schedule, for: this.#patience };
    const open = openWindow(window, new Date(wall))?.getTime();
    return open === undefined || open <= seen ? undefined : open;
  }

  /** Beginnings after `seen` up to `end`, as missed; none while a run is going that covers them. */
  #count(seen: number, end: number): Due[] {
    const until = this.#going === undefined ? seen : (this.#going.until ?? Infinity);
    let first: number | undefined;
    let more = 0;
    let after = Math.max(seen, until - 1);
    while (more < MOST_MISSED && after < end) {
      const next = nextRuns(this.#schedule, new Date(after), 1)[0]?.getTime();
      if (next === undefined || next > end) break;
      if (first === undefined) first = next;
      else more += 1;
      after = next;
    }
    return first === undefined ? [] : [{ kind: "missed", at: first, more }];
  }

  #begin(at: number, wall: number): Due {
    const { for: window } = this.#schedule;
    const until = window === undefined ? undefined : at + window;
    this.#going = { at, until, late: wall - at > CHECK_EVERY_MS };
    return { kind: "begin", run: this.#going };
  }
}
