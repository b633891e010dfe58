/**
 * `runnel run`: every job of the recipes in one process, scheduled ones on their schedule.
 */

import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import { parseArgs } from "./args.ts";
import { makeFaces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { givenVariables, readRecipes, recordsToStdout, refuseSharing, tellProblems } from "./recipes.ts";
import { runJobs } from "./run-jobs.ts";
import { statsInterval } from "./run-plan.ts";

/** Runs the command; returns the exit code. Throws UsageError. */
export async function runRunCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const args = parseArgs(argv, flagsOf("run"), process.env);
  const { positionals } = args;
  if (positionals.length === 0) throw new UsageError("run needs a recipe: runnel run RECIPE.yaml...");
  const stats = statsInterval(args);
  // What variables of other commands' flags say holds for the jobs too, as `check` shows it.
  const given = await givenVariables(process.env);
  const job = args.values.get("job")?.[0];
  const read = await readRecipes(positionals, { environment: process.env, given, job });
  const plans = read.jobs.map((one) => one.plan);
  const faces = makeFaces(terminal, args, { mediaOnStdout: plans.some(recordsToStdout) });
  faces.terminal.hide(read.secrets);
  if (read.problems.length > 0) {
    await tellProblems(read, faces.terminal);
    return ExitCode.usage;
  }
  const { sharedAddresses } = await import("../recipe/shared-addresses.ts");
  const { formatPlace } = await import("../recipe/problems.ts");
  const { sameNames } = await import("../recipe/read-recipe.ts");
  const twice = sameNames(read.jobs);
  if (twice.length > 0) throw new UsageError(twice);
  // Of one recipe they are told with their place by now; these are in two.
  const shared = sharedAddresses(read.jobs).map(({ place, text }) => `${formatPlace(place)}: ${text}`);
  if (shared.length > 0) throw new UsageError(shared);
  refuseSharing(
    plans,
    given.some(({ name }) => name === "output"),
  );
  return runJobs(read.jobs, faces, stats);
}
