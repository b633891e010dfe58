/**
 * Runs one planned job with its face, and turns what became of it into an exit code and words. Whatever goes wrong with
 * it, a mistake of ours too, is an outcome like any other: nothing is thrown at the jobs beside it.
 */

import { describe, isOurs, UsageError } from "../errors.ts";
import { ExitCode, exitCodeOf, outcomeOf, type Outcome } from "../face/exit.ts";
import { Narrator } from "../face/narrator.ts";
import { StatusFace, type StatusRow } from "../face/status.ts";
import { audioFourCcs, videoFourCcs } from "../media/fourcc.ts";
import { runJob } from "../pipeline/job.ts";
import { makeParts } from "../pipeline/registry.ts";
import type { JobReport } from "../pipeline/report.ts";
import type { Plan } from "../recipe/plan.ts";
import { isProblem, parseDuration } from "../recipe/units.ts";
import type { Args } from "./args.ts";
import type { Faces } from "./faces.ts";
import { compileWhenWarm } from "./jit.ts";
import { listenForSignals, type Signals } from "./signals.ts";

/** What connect announces beyond the legacy codecs: everything that the table knows is passed on. */
const ENHANCED = { video: videoFourCcs(), audio: audioFourCcs() };
/** How often a plain status line is written when nothing is said about it, in ms. */
const DEFAULT_STATS_MS = 60_000;

/** What jobs of one process share: where they are seen, and how they are stopped. */
export type Stage = { readonly faces: Faces; readonly signals: Signals; readonly status: StatusFace };

/** Runs with a stage, which is taken down in the end. */
export async function onStage<T>(faces: Faces, stats: number, act: (stage: Stage) => Promise<T>): Promise<T> {
  const status = new StatusFace(faces.terminal, faces.quiet ? 0 : stats, (line) => faces.log.info(line));
  const onStatistics = (): void => {
    for (const line of status.lines()) faces.terminal.line(line);
  };
  using _warmUp = compileWhenWarm(() => status.mediaBytes());
  using signals = listenForSignals({ onStatistics });
  try {
    return await act({ faces, signals, status });
  } finally {
    status.stop();
  }
}

/** Runs the one job of a process; returns the exit code. */
export async function runPlan(
  plan: Plan,
  faces: Faces,
  { stats }: { readonly stats: number },
): Promise<number> {
  const narrator = narratorOf(plan, faces);
  const { code, text } = await onStage(faces, stats, async (stage) => {
    const outcome = await perform(plan, { stage, narrator, row: stage.status.row(plan.job) });
    return { ...outcome, code: stage.signals.exitCode ?? outcome.code };
  });
  faces.lastLine(text, code);
  return code;
}

/** Who tells of a job; a source that `wait` was given for is not missed before its time. */
export function narratorOf({ job, wait = 0 }: Plan, faces: Faces): Narrator {
  return new Narrator(faces.log, { job, json: faces.json, awaited: wait > 0 });
}

/** How a job is seen while it runs: where, and who tells of it. */
export type Showing = { readonly stage: Stage; readonly narrator: Narrator; readonly row: StatusRow };

/** Runs a job to its end and tells programs what became of it. Never throws. */
export async function perform(plan: Plan, showing: Showing): Promise<Outcome> {
  const { stage, narrator } = showing;
  const { outcome, report } = await attempt(plan, showing);
  summarize(narrator, { ...outcome, code: stage.signals.exitCode ?? outcome.code }, stage.faces, report);
  return outcome;
}

async function attempt(
  plan: Plan,
  { stage, narrator, row }: Showing,
): Promise<{ outcome: Outcome; report?: JobReport }> {
  try {
    const parts = await makeParts(plan, ENHANCED, (event) => narrator.tell(event));
    const report = await runJob(plan, parts, {
      report: (event) => narrator.tell(event),
      onStatus: (current) => row.show(current),
      stop: stage.signals.stop,
      abort: stage.signals.abort,
    });
    return { outcome: outcomeOf(report), report };
  } catch (error) {
    if (!isOurs(error) && error instanceof Error) stage.faces.log.error(error.stack ?? error.message);
    return { outcome: { code: exitCodeOf(error), text: describe(error) } };
  }
}

/** Tells programs how a job ended. */
export function summarize(
  narrator: Narrator,
  { code, text }: Outcome,
  faces: Faces,
  report?: JobReport,
): void {
  narrator.emit({
    event: "summary",
    exitCode: code,
    text: faces.terminal.mask(text),
    mediaMs: report?.mediaMs ?? 0,
    gaps: report?.gaps ?? { count: 0, ms: 0 },
    files: report?.files ?? [],
    earlierFiles: report?.earlierFiles ?? { count: 0, bytes: 0 },
    deletedFiles: report?.deletedFiles ?? 0,
  });
}

/** From the gravest on: what several jobs amount to. */
const GRAVITY: readonly number[] = [
  ...[ExitCode.terminated, ExitCode.interrupted, ExitCode.internal, ExitCode.disk, ExitCode.refused],
  ...[ExitCode.unreachable, ExitCode.neverLive, ExitCode.incomplete, ExitCode.alreadyRunning, ExitCode.done],
];

/** The gravest of exit codes: what needs a person comes before what time heals, and that before what was meant. */
export function gravest(codes: readonly number[]): number {
  return GRAVITY.find((candidate) => codes.includes(candidate)) ?? ExitCode.internal;
}

/** How often a status line is wanted where no terminal is, in ms. Throws UsageError. */
export function statsInterval(args: Args): number {
  const text = args.values.get("stats")?.[0];
  if (text === undefined) return DEFAULT_STATS_MS;
  const ms = parseDuration(text);
  if (isProblem(ms)) throw new UsageError({ flag: args.variables.get("stats") ?? "--stats", ...ms });
  return ms;
}
