/**
 * pull, push and relay with a recipe where SOURCE stands: its jobs of that kind run once, now, for people whose cron is
 * cron. Flags beside it win over what it says.
 */

import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import type { Plan } from "../recipe/plan.ts";
import type { RecipeJob } from "../recipe/read-recipe.ts";
import type { Args } from "./args.ts";
import { describePlan } from "./describe.ts";
import { makeFaces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { givenFlags, readRecipes, recordsToStdout, refuseSharing, tellProblems } from "./recipes.ts";
import { runJobs } from "./run-jobs.ts";
import { statsInterval } from "./run-plan.ts";

/** Runs the jobs of a recipe that are the verb's; returns the exit code. Throws UsageError. */
export async function runRecipeJobs(
  verb: Plan["verb"],
  argv: readonly string[],
  { args, terminal }: { readonly args: Args; readonly terminal: Terminal },
): Promise<number> {
  const [file = "", ...more] = args.positionals;
  if (more.length > 0)
    throw new UsageError(
      `a recipe stands alone; leave out ${more.length === 1 ? "what" : "all that"} follows it`,
    );
  const job = args.values.get("job")?.[0];
  const given = await givenFlags(argv, flagsOf(verb), process.env);
  const read = await readRecipes([file], { environment: process.env, given, job });
  const jobs = read.jobs.filter((one) => one.plan.verb === verb);
  const plans = jobs.map((one) => one.plan);
  const faces = makeFaces(terminal, args, { mediaOnStdout: plans.some(recordsToStdout) });
  faces.terminal.hide(read.secrets);
  if (read.problems.length > 0) {
    await tellProblems(read, faces.terminal);
    return ExitCode.usage;
  }
  const others = read.jobs.filter((one) => one.plan.verb !== verb).map((one) => hint(one, file));
  if (plans.length === 0) throw new UsageError(others);
  refuseSharing(
    plans,
    given.some(({ name }) => name === "output"),
  );
  const has = (name: string): boolean => (args.counts.get(name) ?? 0) > 0;
  if (has("print-recipe"))
    throw new UsageError("--print-recipe prints a command line as a recipe, and this is one");
  for (const other of others) faces.log.info(other);
  if (has("dry-run")) {
    for (const line of plans.flatMap(describePlan)) faces.terminal.out(line);
    return ExitCode.done;
  }
  // Now, whatever their schedule says.
  const now = jobs.map(({ plan, file: recipe }) => ({ plan, file: recipe, schedule: undefined }));
  return runJobs(now, faces, statsInterval(args));
}

function hint({ plan }: RecipeJob, file: string): string {
  return `"${plan.job}" is a job for ${plan.verb}; runnel ${plan.verb} ${file} --job ${plan.job}`;
}
