/**
 * `runnel check`: says all that is wrong with recipes, or what they will do: the jobs, their next runs, the whole plan
 * with where each value came from, and whether sources and destinations answer.
 */

import { UsageError } from "../errors.ts";
import { ExitCode, exitCodeOf } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import type { RecipeJob } from "../recipe/read-recipe.ts";
import { formatPlace } from "../recipe/problems.ts";
import { nextRuns, type Schedule } from "../recipe/schedule.ts";
import { parseArgs, type Args } from "./args.ts";
import { formatExactTime } from "./calendar.ts";
import { probePlan, type ProbeResult } from "./check-probe.ts";
import { rulesInWords, sinkInWords, sourceInWords } from "./describe.ts";
import { formatExact } from "./exact.ts";
import { makeFaces, type Faces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { givenVariables, readRecipes, tellProblems, type ReadRecipes } from "./recipes.ts";
import { formatResolved, resolvedValues } from "./resolved.ts";
import { listenForSignals } from "./signals.ts";

/** More recipes than these are counted in the last line. */
const MOST_NAMED = 3;

/** What is said about each job beside its name. */
type Wanted = { readonly next: number; readonly resolved: boolean; readonly probe: boolean };

/** Runs the command; returns the exit code. Throws UsageError. */
export async function runCheckCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const flags = flagsOf("check");
  const args = parseArgs(argv, flags, process.env);
  if (args.positionals.length === 0)
    throw new UsageError("check needs a recipe: runnel check RECIPE.yaml...");
  const has = (name: string): boolean => (args.counts.get(name) ?? 0) > 0;
  const wanted = { next: howMany(args), resolved: has("resolved"), probe: has("probe") };
  // What variables of other commands' flags say holds for the jobs too.
  const given = await givenVariables(process.env);
  const job = args.values.get("job")?.[0];
  const read = await readRecipes(args.positionals, { environment: process.env, given, job });
  const faces = makeFaces(terminal, args, { mediaOnStdout: false });
  faces.terminal.hide(read.secrets);
  if (read.problems.length > 0) {
    tellJsonProblems(read, faces);
    await tellProblems(read, faces.terminal);
    return ExitCode.usage;
  }
  return tellJobs(read.jobs, wanted, faces);
}

function howMany(args: Args): number {
  const text = args.values.get("next")?.[0];
  if (text === undefined) return 0;
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new UsageError({ flag: "--next", value: text, what: "is no number of runs", instead: "write 5" });
  return Number(text);
}

function tellJsonProblems({ problems }: ReadRecipes, faces: Faces): void {
  for (const { place, text } of problems) {
    const where =
      place.kind === "recipe" ? { file: place.text.name, line: place.line, column: place.column } : {};
    faces.json?.(JSON.stringify({ event: "problem", place: formatPlace(place), ...where, text }));
  }
}

/** Says what each job will do; the exit code tells of the first source or destination that does not answer. */
async function tellJobs(jobs: readonly RecipeJob[], wanted: Wanted, faces: Faces): Promise<number> {
  using signals = listenForSignals({ onStatistics: () => {} });
  const probed = await Promise.all(
    jobs.map((job) => (wanted.probe ? probePlan(job.plan, signals.stop) : [])),
  );
  for (const [i, job] of jobs.entries()) {
    const results = probed[i] ?? [];
    if (faces.json === undefined) for (const line of jobLines(job, wanted, results)) faces.terminal.out(line);
    else faces.json(JSON.stringify(jobObject(job, wanted, results)));
  }
  const failed = probed.flat().find(({ error, required }) => error !== undefined && required);
  const files = [...new Set(jobs.map((job) => job.file))];
  const where = files.length > MOST_NAMED ? `${files.length} recipes` : files.join(", ");
  const count = `${jobs.length} job${jobs.length === 1 ? "" : "s"} in ${where}`;
  if (failed === undefined) {
    faces.lastLine(`${count}: nothing is wrong`, ExitCode.done);
    return ExitCode.done;
  }
  const code = exitCodeOf(failed.error);
  faces.lastLine(`${count}: ${failed.text}`, code);
  return code;
}

function jobLines(job: RecipeJob, wanted: Wanted, results: readonly ProbeResult[]): string[] {
  const { plan, schedule, file } = job;
  const to = plan.sinks.map(
    (sink) => `${sink.kind === "rtmp" ? `${sink.name} ` : ""}${sinkInWords(sink, plan)}`,
  );
  const lines = [`${file}: ${plan.job} (${plan.verb}) ${sourceInWords(plan)} -> ${to.join(", ")}`];
  if (schedule !== undefined) lines.push(`  ${scheduleInWords(schedule)}`);
  // The table of values says the same, and where it comes from; a schedule says itself how long a run is.
  if (!wanted.resolved)
    lines.push(...rulesInWords(schedule?.for === undefined ? plan : { ...plan, for: undefined }));
  if (wanted.next > 0) lines.push(...nextLines(schedule, wanted.next));
  if (wanted.resolved) lines.push(...formatResolved(resolvedValues(job)));
  return [...lines, ...results.map(resultLine)];
}

function scheduleInWords({ cron, tz, for: window }: Schedule): string {
  return `at "${cron}" (${tz})${window === undefined ? "" : ` for ${formatExact(window)}`}`;
}

function nextLines(schedule: Schedule | undefined, n: number): string[] {
  if (schedule === undefined) return ["  no schedule: it begins when runnel run does"];
  return nextRuns(schedule, new Date(), n).map(
    (run) => `  next ${formatExactTime(run.getTime(), schedule.tz)}`,
  );
}

function resultLine({ name, where, text, error, required }: ProbeResult): string {
  if (error === undefined) return `  ok   ${name}: ${where}: ${text}`;
  return `  ${required ? "FAIL" : "fail"} ${name}${required ? "" : " (not required)"}: ${text}`;
}

function jobObject(job: RecipeJob, wanted: Wanted, results: readonly ProbeResult[]): object {
  const { plan, schedule, file } = job;
  return {
    event: "job",
    file,
    job: plan.job,
    verb: plan.verb,
    source: sourceInWords(plan),
    destinations: plan.sinks.map((sink) => ({ name: sink.name, where: sinkInWords(sink, plan) })),
    ...(schedule === undefined ? {} : { schedule }),
    ...(wanted.next > 0
      ? { next: schedule === undefined ? [] : nextRuns(schedule, new Date(), wanted.next) }
      : {}),
    ...(wanted.resolved ? { resolved: resolvedValues(job) } : {}),
    ...(wanted.probe
      ? {
          probe: results.map(({ name, text, error, required }) => ({
            name,
            ok: error === undefined,
            text,
            required,
          })),
        }
      : {}),
  };
}
