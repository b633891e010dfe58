/**
 * A schedule that is followed through days in no time: a clock that a test moves and lets step, and runs that last as
 * long as their window, or as long as a test says. What happened is kept as lines.
 */
import { followSchedule, type Following } from "../../src/commands/follow-schedule.ts";
import type { Clocks, Run } from "../../src/recipe/agenda.ts";
import type { Schedule } from "../../src/recipe/schedule.ts";

/** What happens while a schedule is followed. Times are ISO texts. */
export type Days = {
  readonly from: string;
  /** The end, once every step has been made. */
  readonly to: string;
  /** At `at` (as the clock shows it), the clock shows `to` instead. */
  readonly steps?: readonly { readonly at: string; readonly to: string }[];
  /** The machine sleeps between these: neither clock nor timers go on until it wakes. */
  readonly asleep?: { readonly from: string; readonly to: string };
  /** How long a run really takes, in ms; as long as its window if undefined. */
  readonly takes?: (run: Run) => number | undefined;
};

const DEFAULT_RUN_MS = 60_000;

/** Follows a schedule; returns a line for each thing that happened. */
export async function follow(schedule: Schedule, days: Days): Promise<string[]> {
  const world = new World(days);
  const following: Following = {
    stop: world.stop.signal,
    clocks: () => world.clocks,
    sleep: (event, ms) => world.sleep(event, ms),
    begin: (run) => world.run(run),
    say: (due) => {
      if (due.kind === "stepped") world.lines.push(`stepped ${due.ms / 60_000}m`);
      else world.lines.push(`${due.kind} ${iso(due.at)}${due.kind === "missed" ? ` +${due.more}` : ""}`);
    },
    idle: () => {},
  };
  await followSchedule(schedule, following);
  return world.lines;
}

class World {
  readonly lines: string[] = [];
  readonly stop = new AbortController();
  readonly #days: Days;
  readonly #steps: { at: number; to: number }[];
  readonly #runs: { ends: number; over: () => void }[] = [];
  #wall: number;
  #steady = 0;
  #slept = false;

  constructor(days: Days) {
    this.#days = days;
    this.#wall = Date.parse(days.from);
    this.#steps = (days.steps ?? []).map(({ at, to }) => ({ at: Date.parse(at), to: Date.parse(to) }));
  }

  get clocks(): Clocks {
    return { wall: this.#wall, steady: this.#steady };
  }

  run(run: Run): Promise<void> {
    const window = run.until === undefined ? DEFAULT_RUN_MS : run.until - this.#wall;
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = run.late ? ` late for ${iso(run.at)}` : "";
    const until = run.until === undefined ? "" : ` until ${iso(run.until)}`;
    this.lines.push(`begin ${iso(this.#wall)}${late}${until}`);
    const ends = this.#steady + (this.#days.takes?.(run) ?? window);
    this.#runs.push({ ends, over: resolve });
    return promise;
  }

  async sleep(event: Promise<unknown> | undefined, ms: number): Promise<void> {
    const first = this.#runs.toSorted((a, b) => a.ends - b.ends)[0];
    const ends = event !== undefined && first !== undefined && first.ends <= this.#steady + ms;
    this.#pass(ends ? first.ends - this.#steady : ms);
    if (ends) {
      this.#runs.splice(this.#runs.indexOf(first), 1);
      first.over();
      await event;
    }
    if (this.#steps.length === 0 && this.#wall >= Date.parse(this.#days.to)) this.#end();
  }

  #pass(ms: number): void {
    this.#steady += ms;
    this.#wall += ms;
    const [step] = this.#steps;
    if (step !== undefined && this.#wall >= step.at) {
      this.#steps.shift();
      this.#wall += step.to - step.at;
    }
    const { asleep } = this.#days;
    if (asleep === undefined || this.#slept || this.#wall < Date.parse(asleep.from)) return;
    this.#slept = true;
    this.#wall += Date.parse(asleep.to) - Date.parse(asleep.from);
  }

  #end(): void {
    this.stop.abort();
    for (const { over } of this.#runs) over();
  }
}

/** `2026-03-29 00:30`; seconds only where there are any. */
function iso(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/(:00)?\.\d+Z$/, "");
}
