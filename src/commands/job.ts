/**
 * What pull, push and relay have in common: arguments to a plan, the plan to a job. Where SOURCE is a recipe, its jobs
 * of that kind are the plan; code for recipes is loaded only then.
 */

import { ExitCode } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import type { Plan } from "../recipe/plan.ts";
import { parseArgs } from "./args.ts";
import { checkPaths } from "./check-paths.ts";
import { describePlan } from "./describe.ts";
import { makeFaces } from "./faces.ts";
import { flagsOf } from "./flags.ts";
import { isRecipe } from "./recipes.ts";
import { planFromArgs } from "./request.ts";
import { runPlan, statsInterval } from "./run-plan.ts";

/** Runs a verb with its arguments; returns the exit code. Throws UsageError before anything starts. */
export async function runJobCommand(
  verb: Plan["verb"],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const args = parseArgs(argv, flagsOf(verb), process.env);
  const has = (name: string): boolean => (args.counts.get(name) ?? 0) > 0;
  if (isRecipe(args.positionals[0]))
    return (await import("./recipe-job.ts")).runRecipeJobs(verb, argv, { args, terminal });
  const plan = planFromArgs(verb, args, { environment: process.env, now: new Date() });
  checkPaths(plan);
  if (has("print-recipe")) return (await import("./print-recipe.ts")).printRecipe(plan, args, terminal);
  const faces = makeFaces(terminal, args, {
    mediaOnStdout: plan.sinks.some((sink) => sink.kind === "stdout"),
  });
  faces.terminal.hide(plan.secrets);
  const stats = statsInterval(args);
  if (has("dry-run")) {
    for (const line of describePlan(plan)) faces.terminal.out(line);
    return ExitCode.done;
  }
  return runPlan(plan, faces, { stats });
}
