/**
 * Recipes on the command line: which arguments are recipes, which flags may stand beside them, and reading them with
 * all that is outside. Everything behind readRecipe is loaded when a recipe is read: the YAML parser and the recipe's
 * definition cost memory that a command without a recipe need not pay.
 */

import { collect, UsageError, type UsageProblem } from "../errors.ts";
import type { GivenFlag } from "../recipe/overrides.ts";
import type { Plan } from "../recipe/plan.ts";
import type { RecipeProblem } from "../recipe/problems.ts";
import type { Finding, RecipeJob } from "../recipe/read-recipe.ts";
import type { Terminal } from "../face/terminal.ts";
import { parseArgs, type Args } from "./args.ts";
import { requireFile, requireName } from "./check-paths.ts";
import { environmentName, FLAGS, type Flag } from "./flags.ts";
import { surroundings } from "./surroundings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags about how a command talks and what it does with a plan: they mean the same with a recipe. */
const BESIDE = ["job", "quiet", "verbose", "json", "log-format", "stats", "dry-run", "print-recipe"];
const BESIDE_CHECK = ["next", "resolved", "probe"];

/** Whether an argument names a recipe. */
export function isRecipe(text: string | undefined): text is string {
  return text !== undefined && /\.ya?ml$/i.test(text) && !/^[a-z][a-z0-9+.-]*:/i.test(text);
}

/** The jobs of recipes, or what is wrong with them; `secrets` must not be shown in either case. */
export type ReadRecipes = {
  readonly jobs: readonly RecipeJob[];
  readonly problems: readonly RecipeProblem[];
  readonly secrets: readonly string[];
};

/** How to read recipes: the only job that is wanted, and flags that win over what recipes say. */
export type ReadRecipesOptions = {
  readonly environment: Environment;
  readonly job?: string | undefined;
  readonly given?: readonly GivenFlag[];
};

/** Reads recipes with everything that belongs to them. Throws UsageError if there is no such job. */
export async function readRecipes(
  files: readonly string[],
  options: ReadRecipesOptions,
): Promise<ReadRecipes> {
  const { readRecipe } = await import("../recipe/read-recipe.ts");
  const { overrideJob } = await import("../recipe/overrides.ts");
  const { environment, job, given = [] } = options;
  const read = files.map((file) =>
    readRecipe(file, {
      around: surroundings(environment),
      now: new Date(),
      override: (tree) => overrideJob(tree, given),
      inspect,
      job,
    }),
  );
  const jobs = read.flatMap((one) => one.jobs);
  const problems = read.flatMap((one) => one.problems);
  if (job !== undefined && jobs.length === 0 && problems.length === 0) {
    throw new UsageError(`there is no job "${job}" in ${files.join(", ")}`);
  }
  return { jobs, problems, secrets: [...new Set(read.flatMap((one) => one.secrets))] };
}

/** Writes what is wrong, and that nothing was started. */
export async function tellProblems({ problems, secrets }: ReadRecipes, terminal: Terminal): Promise<void> {
  const { formatProblems } = await import("../recipe/problems.ts");
  for (const line of formatProblems(problems, secrets)) terminal.line(line);
}

/** What only the disk can tell about a plan. */
function inspect(plan: Plan): Finding[] {
  const findings: Finding[] = [];
  const look = (path: Finding["path"], instead: string, check: () => void): void => {
    const problems: UsageProblem[] = [];
    collect(problems, check);
    findings.push(...problems.map((problem) => ({ path, problem, instead })));
  };
  const { source } = plan;
  if (source.kind === "file") {
    look(["from", "url"], "the path begins where runnel is started", () => requireFile(source.path));
  }
  for (const sink of plan.sinks) {
    if (sink.kind !== "file") continue;
    look(["record", "path"], "write another name", () => requireName(sink.template, plan));
  }
  return findings;
}

/** Whether media goes to stdout. */
export function recordsToStdout(plan: Plan): boolean {
  return plan.sinks.some((sink) => sink.kind === "stdout");
}

/** Refuses what only one job at a time can have. Throws UsageError. */
export function refuseSharing(plans: readonly Plan[], outputGiven: boolean): void {
  if (plans.length < 2) return;
  if (outputGiven)
    throw new UsageError({ what: "-o fits several jobs", instead: "name one of them with --job" });
  if (plans.filter(recordsToStdout).length > 1)
    throw new UsageError({ what: "several jobs record to stdout", instead: "name one of them with --job" });
  if (plans.filter((plan) => plan.source.kind === "stdin").length > 1)
    throw new UsageError({ what: "several jobs read stdin", instead: "name one of them with --job" });
}

/**
 * The flags that were given, each with where: on the command line or in the environment. Throws UsageError for flags
 * that mean nothing beside a recipe; their variables are meant for other commands and are left alone.
 */
export async function givenFlags(
  argv: readonly string[],
  flags: readonly Flag[],
  environment: Environment,
): Promise<GivenFlag[]> {
  const { OVERRIDING } = await import("../recipe/overrides.ts");
  const typed = parseArgs(argv, flags, {});
  const wrong = flags.filter(
    (flag) => isGiven(flag, typed) && ![...OVERRIDING, ...BESIDE, ...BESIDE_CHECK].includes(flag.name),
  );
  if (wrong.length > 0) {
    throw new UsageError(
      wrong.map((flag) => ({
        what: `--${flag.name} cannot stand beside a recipe`,
        instead: "write it into the recipe",
      })),
    );
  }
  const all = parseArgs(argv, flags, environment);
  return flags.flatMap((flag) => {
    if (!OVERRIDING.includes(flag.name) || !isGiven(flag, all)) return [];
    const place = isGiven(flag, typed)
      ? ({ kind: "flag", name: `--${flag.name}` } as const)
      : ({ kind: "environment", name: environmentName(flag) } as const);
    return { name: flag.name, values: all.values.get(flag.name) ?? [], place };
  });
}

/** The variables of flags that jobs of any kind may have: for commands that take none of these flags themselves. */
export async function givenVariables(environment: Environment): Promise<GivenFlag[]> {
  const { OVERRIDING } = await import("../recipe/overrides.ts");
  const flags = FLAGS.filter((flag) => OVERRIDING.includes(flag.name));
  return givenFlags([], flags, environment);
}

function isGiven(flag: Flag, args: Args): boolean {
  return args.values.has(flag.name) || (args.counts.get(flag.name) ?? 0) > 0;
}
