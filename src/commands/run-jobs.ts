/**
 * Runs jobs of recipes side by side in one process: those without a schedule at once and to their end, those with one
 * whenever it says so. Each is alone: what fails, crashes or runs elsewhere is an outcome of its own.
 *
 * The exit code is that of the gravest outcome (see `gravest`); of a scheduled job the last run counts, because what
 * earlier ones came to was said when they ended.
 */

import { describe } from "../errors.ts";
import { ExitCode, type Outcome } from "../face/exit.ts";
import { plural } from "../face/format.ts";
import type { Narrator } from "../face/narrator.ts";
import type { StatusRow } from "../face/status.ts";
import type { Due, Run } from "../recipe/agenda.ts";
import type { Plan } from "../recipe/plan.ts";
import type { Schedule } from "../recipe/schedule.ts";
import { formatTime } from "./calendar.ts";
import { guardCrashes } from "./crash-guard.ts";
import { formatExact } from "./exact.ts";
import type { Faces } from "./faces.ts";
import { followSchedule } from "./follow-schedule.ts";
import { lockJob, type JobIdentity } from "./job-lock.ts";
import { gravest, narratorOf, onStage, perform, summarize, type Stage } from "./run-plan.ts";

/** A job of a recipe that is to run. */
export type JobToRun = {
  readonly plan: Plan;
  /** The recipe that it is in. */
  readonly file: string;
  /** undefined: at once. */
  readonly schedule: Schedule | undefined;
};

/** Of jobs that did not do what they should, so many are named in the last line. */
const MOST_NAMED = 3;

/** Runs jobs; returns the exit code. */
export async function runJobs(jobs: readonly JobToRun[], faces: Faces, stats: number): Promise<number> {
  const [only] = jobs;
  const isAlone = jobs.length === 1 && only?.schedule === undefined;
  let crashes = 0;
  using _guard = guardCrashes(faces.log, () => crashes++);
  const { outcomes, insisted } = await onStage(faces, stats, async (stage) => ({
    outcomes: await Promise.all(jobs.map((job) => new Runner(job, stage, isAlone).run())),
    insisted: stage.signals.exitCode,
  }));
  const codes = outcomes.map(({ code }) => code);
  const code = insisted ?? gravest(crashes > 0 ? [...codes, ExitCode.internal] : codes);
  const crashed = crashes > 0 ? `; ${plural(crashes, "internal error")}` : "";
  const text = isAlone ? outcomes[0]!.text : inWords(jobs, outcomes);
  faces.lastLine(`${text}${crashed}`, code);
  return code;
}

/** What became of all jobs, in one line. */
function inWords(jobs: readonly JobToRun[], outcomes: readonly Outcome[]): string {
  const named = outcomes.map(({ code, text }, i) => ({ code, text: `${jobs[i]!.plan.job}: ${text}` }));
  const failed = named.filter(({ code }) => code !== ExitCode.done);
  if (failed.length === 0) return `done: ${plural(jobs.length, "job")}`;
  const rest = failed.length - MOST_NAMED;
  return [
    `incomplete: ${jobs.length - failed.length} of ${plural(jobs.length, "job")} done`,
    ...failed.slice(0, MOST_NAMED).map(({ text }) => text),
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ].join("; ");
}

/** One job with its lock, its schedule and its face. */
class Runner {
  readonly #job: JobToRun;
  readonly #stage: Stage;
  readonly #isAlone: boolean;
  readonly #narrator: Narrator;
  readonly #row: StatusRow;
  #outcome: Outcome = { code: ExitCode.done, text: "stopped: no run was due" };

  constructor(job: JobToRun, stage: Stage, isAlone: boolean) {
    this.#job = job;
    this.#stage = stage;
    this.#isAlone = isAlone;
    this.#narrator = narratorOf(job.plan, stage.faces);
    this.#row = stage.status.row(job.plan.job);
  }

  /** Runs it, or follows its schedule until stopped. Never throws. */
  async run(): Promise<Outcome> {
    const { plan, schedule } = this.#job;
    try {
      if (schedule === undefined) await this.#once(plan);
      else await this.#locked("schedule", () => this.#follow(schedule));
    } catch (error) {
      // Nothing here is known to throw: it is a mistake of ours, and must not end the jobs beside this one.
      this.#outcome = { code: ExitCode.internal, text: describe(error) };
      summarize(this.#narrator, this.#outcome, this.#stage.faces);
    }
    this.#row.rest(this.#outcome.text);
    return this.#outcome;
  }

  /** One run; how it ended is said at once unless it is the last line anyway. */
  async #once(plan: Plan): Promise<void> {
    await this.#locked("run", async () => {
      this.#outcome = await perform(plan, {
        stage: this.#stage,
        narrator: this.#narrator,
        row: this.#row,
      });
    });
    const { code, text } = this.#outcome;
    if (this.#isAlone) return;
    const log = this.#stage.faces.log.withTag(plan.job);
    if (code === ExitCode.done) log.info(text);
    else log.error(text);
  }

  async #locked(part: JobIdentity["part"], act: () => Promise<void>): Promise<void> {
    const { file, plan } = this.#job;
    const lock = await lockJob({ recipe: file, job: plan.job, part }, process.env);
    if (lock.kind === "busy") {
      const who = lock.pid === undefined ? "another process" : `process ${lock.pid}`;
      this.#outcome = { code: ExitCode.alreadyRunning, text: `already running: ${who} has this job` };
      summarize(this.#narrator, this.#outcome, this.#stage.faces);
      return;
    }
    if (lock.kind === "none") this.#notice(`no lock keeps this job from running twice: ${lock.why}`);
    try {
      await act();
    } finally {
      if (lock.kind === "held") lock.release();
    }
  }

  async #follow(schedule: Schedule): Promise<void> {
    const { plan } = this.#job;
    await followSchedule(schedule, {
      stop: this.#stage.signals.stop,
      begin: (run) => {
        if (run.late) this.#notice(`late: this run was due at ${formatTime(run.at, schedule.tz)}`);
        return this.#once(planOfRun(plan, schedule, run));
      },
      say: (due) => this.#notice(dueInWords(due, schedule)),
      idle: (next) => this.#rest(next, schedule),
    });
  }

  #rest(next: number | undefined, { tz }: Schedule): void {
    const text = next === undefined ? "no further run is due" : `next run ${formatTime(next, tz)}`;
    this.#row.rest(text);
    this.#stage.faces.log.withTag(this.#job.plan.job).info(text);
    if (next !== undefined) this.#narrator.emit({ event: "next", at: new Date(next).toISOString() });
  }

  #notice(text: string): void {
    this.#narrator.tell({ event: "notice", name: "schedule", text });
  }
}

/**
 * The plan of one run of a scheduled job. Its window is counted from when it was due, not from the first media, and as
 * long as it is open a source that is not there is waited for, if the recipe does not say how long: after a power cut
 * the job may be up before the network.
 */
function planOfRun(plan: Plan, schedule: Schedule, { until }: Run): Plan {
  if (until === undefined) return plan;
  const isListening = plan.source.kind === "listen";
  return {
    ...plan,
    for: schedule.for === plan.for ? undefined : plan.for,
    until,
    wait: plan.wait ?? (isListening ? undefined : Infinity),
  };
}

function dueInWords(due: Exclude<Due, { kind: "begin" }>, { tz }: Schedule): string {
  switch (due.kind) {
    case "overlap":
      return `the run of ${formatTime(due.at, tz)} is left out: the one before is still going`;
    case "missed": {
      const more = due.more === 0 ? "" : ` and ${due.more} more`;
      return `the run of ${formatTime(due.at, tz)}${more} was missed: runnel was not awake`;
    }
    case "stepped":
      return `the clock went ${due.ms > 0 ? "ahead" : "back"} by ${formatExact(Math.abs(Math.round(due.ms / 1000) * 1000))}`;
    default:
      return due satisfies never;
  }
}
