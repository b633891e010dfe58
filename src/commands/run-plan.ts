/**
 * Runs planned jobs with their faces and signals, and turns what became of them into an exit code and a last line.
 */

import { UsageError } from "../errors.ts";
import { ExitCode, outcomeOf } from "../face/exit.ts";
import { Narrator } from "../face/narrator.ts";
import { StatusFace } from "../face/status.ts";
import { Terminal } from "../face/terminal.ts";
import { audioFourCcs, videoFourCcs } from "../media/fourcc.ts";
import { runJob } from "../pipeline/job.ts";
import { makeParts } from "../pipeline/registry.ts";
import type { Plan } from "../recipe/plan.ts";
import { isProblem, parseDuration } from "../recipe/units.ts";
import type { Args } from "./args.ts";
import type { Faces } from "./faces.ts";
import { listenForSignals } from "./signals.ts";

/** What connect announces beyond the legacy codecs: everything that the table knows is passed on. */
const ENHANCED = { video: videoFourCcs(), audio: audioFourCcs() };
/** How often a plain status line is written when nothing is said about it, in ms. */
const DEFAULT_STATS_MS = 60_000;

/** Runs one job; returns the exit code. `screen` is where its status is painted, if that is a terminal. */
export async function runPlan(
  plan: Plan,
  faces: Faces,
  { stats, screen = faces.terminal }: { readonly stats: number; readonly screen?: Terminal },
): Promise<number> {
  const narrator = new Narrator(faces.log, { job: plan.job, json: faces.json });
  const status = new StatusFace(screen, faces.quiet ? 0 : stats, (line) => faces.log.info(line));
  using signals = listenForSignals({ onStatistics: () => faces.terminal.line(status.line()) });
  const parts = makeParts(plan, ENHANCED, (event) => narrator.tell(event));
  const report = await runJob(plan, parts, {
    report: (event) => narrator.tell(event),
    onStatus: (current) => status.start(current),
    stop: signals.stop,
    abort: signals.abort,
  });
  status.stop();
  const outcome = outcomeOf(report);
  const exitCode = signals.exitCode ?? outcome.code;
  narrator.emit({
    event: "summary",
    exitCode,
    text: faces.terminal.mask(outcome.text),
    mediaMs: report.mediaMs,
    gaps: report.gaps,
    files: report.files,
  });
  faces.lastLine(outcome.text, exitCode);
  return exitCode;
}

/** From the gravest on: what several jobs amount to. */
const GRAVITY: readonly number[] = [
  ...[ExitCode.terminated, ExitCode.interrupted, ExitCode.internal, ExitCode.disk, ExitCode.refused],
  ...[ExitCode.unreachable, ExitCode.neverLive, ExitCode.incomplete, ExitCode.done],
];

/** Runs jobs side by side; returns the gravest of their exit codes. */
export async function runPlans(plans: readonly Plan[], faces: Faces, stats: number): Promise<number> {
  const [only] = plans;
  if (only !== undefined && plans.length === 1) return runPlan(only, faces, { stats });
  // One line is painted over and over: several jobs write plain ones.
  const screen = new Terminal(process.env, false);
  const codes = await Promise.all(
    plans.map((plan) => {
      const lastLine: Faces["lastLine"] = (text, code) => faces.lastLine(`${plan.job}: ${text}`, code);
      return runPlan(plan, { ...faces, lastLine }, { stats, screen });
    }),
  );
  const code = GRAVITY.find((candidate) => codes.includes(candidate)) ?? ExitCode.internal;
  const well = codes.filter((one) => one === ExitCode.done).length;
  faces.lastLine(
    well === codes.length ? `done: ${well} jobs` : `incomplete: ${well} of ${codes.length} jobs done`,
    code,
  );
  return code;
}

/** How often a status line is wanted where no terminal is, in ms. Throws UsageError. */
export function statsInterval(args: Args): number {
  const text = args.values.get("stats")?.[0];
  if (text === undefined) return DEFAULT_STATS_MS;
  const ms = parseDuration(text);
  if (isProblem(ms)) throw new UsageError(`--stats: ${ms.problem}`);
  return ms;
}
