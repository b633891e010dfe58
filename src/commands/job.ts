/**
 * What pull, push and relay have in common: arguments to a plan, the plan to a job with its faces and signals,
 * the job to an exit code.
 */

import { UsageError } from "../errors.ts";
import { ExitCode, outcomeOf } from "../face/exit.ts";
import { Narrator } from "../face/narrator.ts";
import { StatusFace } from "../face/status.ts";
import { audioFourCcs, videoFourCcs } from "../media/fourcc.ts";
import { runJob } from "../pipeline/job.ts";
import { makeParts } from "../pipeline/registry.ts";
import { planFromFlags } from "../recipe/from-flags.ts";
import type { Plan } from "../recipe/plan.ts";
import { isProblem, parseDuration } from "../recipe/units.ts";
import { redactUrl } from "../rtmp/url.ts";
import { parseArgs, type Args } from "./args.ts";
import { checkPaths } from "./check-paths.ts";
import { makeFaces, type Faces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { jobRequest } from "./request.ts";
import { listenForSignals } from "./signals.ts";

/** What connect announces beyond the legacy codecs: everything that the table knows is passed on. */
const ENHANCED = { video: videoFourCcs(), audio: audioFourCcs() };
/** How often a plain status line is written when nothing is said about it, in ms. */
const DEFAULT_STATS_MS = 60_000;

/** Runs a verb with its arguments; returns the exit code. Throws UsageError before anything starts. */
export async function runJobCommand(verb: Plan["verb"], argv: readonly string[]): Promise<number> {
  const args = parseArgs(argv, flagsOf(verb), process.env);
  const plan = planFromFlags(jobRequest(verb, args, process.env));
  checkPaths(plan);
  const faces = makeFaces(args, { mediaOnStdout: plan.sinks.some((sink) => sink.kind === "stdout") });
  faces.terminal.hide(plan.secrets);
  const stats = statsInterval(args);
  if ((args.counts.get("dry-run") ?? 0) > 0) {
    for (const line of describePlan(plan)) faces.terminal.out(line);
    return ExitCode.done;
  }
  return runPlan(plan, faces, stats);
}

async function runPlan(plan: Plan, faces: Faces, stats: number): Promise<number> {
  const narrator = new Narrator(faces.log, { job: plan.job, json: faces.json });
  const status = new StatusFace(faces.terminal, faces.quiet ? 0 : stats, (line) => faces.log.info(line));
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

function statsInterval(args: Args): number {
  const text = args.values.get("stats")?.[0];
  if (text === undefined) return DEFAULT_STATS_MS;
  const ms = parseDuration(text);
  if (isProblem(ms)) throw new UsageError(`--stats: ${ms.problem}`);
  return ms;
}

/** A plan for people, without secrets. */
function describePlan(plan: Plan): string[] {
  const { source } = plan;
  const from =
    source.kind === "rtmp"
      ? redactUrl(source.url, { showName: true })
      : source.kind === "http"
        ? source.name
        : source.kind === "file"
          ? source.path
          : plan.listen !== undefined && source.kind === "listen"
            ? plan.listen.name
            : source.kind;
  const to = plan.sinks.map((sink) =>
    sink.kind === "rtmp"
      ? `  to ${sink.name}: ${redactUrl(sink.url)}`
      : sink.kind === "players"
        ? `  players: ${plan.listen!.name}/${plan.listen!.playName}`
        : `  record: ${sink.name}`,
  );
  return [`${plan.verb} ${from}`, ...to];
}
