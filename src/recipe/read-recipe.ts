/**
 * Reads recipes: a path goes in, planned jobs or every problem come out. This is the door to everything about recipes;
 * commands load it when a recipe is named and not before, because the YAML parser and the definition cost memory.
 */

import type { UsageProblem } from "../errors.ts";
import type { Doubts } from "./doubts.ts";
import type { Surroundings } from "./expand.ts";
import { planFromRecipe, type PlannedJob } from "./from-recipe.ts";
import { JobReader } from "./job-reader.ts";
import { jobTrees, type JobTree } from "./job-tree.ts";
import { loadRecipe } from "./load.ts";
import type { Plan } from "./plan.ts";
import { advised, formatPlace, sortProblems, type RecipeProblem } from "./problems.ts";
import { jobSchema, recipeSchema } from "./schema.ts";
import { insertedSecrets } from "./secrets.ts";
import { nodeAt, placeOf, type Node, type Path, type Place } from "./tree.ts";
import { sharedAddresses } from "./shared-addresses.ts";
import { salvage } from "./salvage.ts";
import { validate } from "./validate.ts";

/** A job of a recipe, ready to run. */
export type RecipeJob = PlannedJob & {
  /** The recipe, as it was named. */
  readonly file: string;
  /** Where the first of these values of the job came from; undefined if none was given. */
  readonly origin: (...paths: readonly Path[]) => Place | undefined;
};

/** What is wrong with a plan that only the disk can tell: the value that it is about, and advice if it has none. */
export type Finding = { readonly path: Path; readonly problem: UsageProblem; readonly instead: string };

/** What is needed to read a recipe. */
export type ReadOptions = {
  readonly around: Surroundings;
  readonly now: Date;
  /** Changes the jobs before they are planned: flags win over what a recipe says. */
  readonly override: (tree: JobTree) => JobTree;
  /** Looks at a plan from outside. */
  readonly inspect: (plan: Plan) => readonly Finding[];
  /** The only job that is wanted. */
  readonly job?: string | undefined;
};

/** A recipe that was read: its jobs, or what is wrong with it. `secrets` must not be shown in either case. */
export type ReadRecipe = {
  readonly jobs: readonly RecipeJob[];
  readonly problems: readonly RecipeProblem[];
  readonly secrets: readonly string[];
};

const isKeyName = (name: string): boolean => name === "key";

/** Reads a recipe. Never throws for what stands in files. */
export function readRecipe(file: string, options: ReadOptions): ReadRecipe {
  const { root, problems, doubts } = loadRecipe(file, options.around);
  const secrets = insertedSecrets(root, isKeyName);
  const found = validate(recipeSchema, root).problems;
  const trees = jobTrees(root);
  const meanings: RecipeProblem[] = [...found];
  if (trees.length === 0 && found.length === 0) meanings.push(noJobs(root));
  const jobs = trees.flatMap((tree) => {
    const wanted = options.job === undefined || options.job === tree.name;
    const reading = { file, options, problems: meanings, isValid: found.length === 0, doubts };
    const planned = planTree(wanted ? options.override(tree) : tree, reading);
    return wanted && planned !== undefined ? planned : [];
  });
  problems.push(...meanings.filter((problem) => doubts.isNews(problem)));
  if (problems.length === 0) problems.push(...sharedAddresses(jobs));
  if (problems.length > 0) return { jobs: [], problems: sortProblems(problems), secrets };
  return {
    jobs,
    problems: [],
    secrets: [...new Set([...secrets, ...jobs.flatMap((job) => job.plan.secrets)])],
  };
}

function noJobs(root: Node): RecipeProblem {
  const text = "there are no jobs — write jobs: { NAME: { from: ..., record: ... } }";
  const map = nodeAt(root, ["jobs"]) ?? root;
  return { place: placeOf(root, ["jobs"]), text, grounds: [{ place: map.place, absent: true }] };
}

type Reading = {
  readonly file: string;
  readonly options: ReadOptions;
  readonly problems: RecipeProblem[];
  /** The recipe as a whole is right: what is found now is news. */
  readonly isValid: boolean;
  readonly doubts: Doubts;
};

function planTree(
  tree: JobTree,
  { file, options, problems, isValid, doubts }: Reading,
): RecipeJob | undefined {
  const { around, now, inspect } = options;
  const checked = validate(jobSchema, tree.whole);
  if (checked.value === undefined) {
    if (isValid) problems.push(...checked.problems);
    problems.push(...furtherProblems(tree, { around, now, doubts }));
    return undefined;
  }
  const reader = new JobReader(tree, { recipe: checked.value, around, doubts });
  const hidden = insertedSecrets(tree.whole, isKeyName);
  const planned = planFromRecipe(reader, { now, hidden });
  for (const { path, problem, instead } of planned === undefined ? [] : inspect(planned.plan))
    reader.say(path, advised(problem, instead));
  problems.push(...reader.problems);
  if (planned === undefined || reader.problems.length > 0) return undefined;
  return { ...planned, file, origin: (...paths) => originOf(tree.whole, paths) };
}

/** What is wrong with the values of a job beside those that do not fit the definition. */
function furtherProblems(
  tree: JobTree,
  { around, now, doubts }: Pick<ReadOptions, "around" | "now"> & { readonly doubts: Doubts },
): RecipeProblem[] {
  const salvaged = salvage(jobSchema, tree.whole, doubts);
  const recipe = salvaged === undefined ? undefined : validate(jobSchema, salvaged.root).value;
  if (salvaged === undefined || recipe === undefined) return [];
  const mended = { ...tree, whole: salvaged.root };
  const reader = new JobReader(mended, { recipe, around, doubts: salvaged.doubts });
  planFromRecipe(reader, { now, hidden: [] });
  return reader.problems.filter((problem) => salvaged.doubts.isNews(problem));
}

function originOf(root: Node, paths: readonly Path[]): Place | undefined {
  for (const path of paths) {
    const node = nodeAt(root, path);
    if (node !== undefined) return node.place;
  }
  return undefined;
}

/** Jobs of the same name: in one process each name stands for one job. */
export function sameNames(jobs: readonly RecipeJob[]): string[] {
  return jobs.flatMap((job, i) => {
    const first = jobs.findIndex((other) => other.plan.job === job.plan.job);
    if (first === i) return [];
    return `${job.file}: the job "${job.plan.job}" is in ${jobs[first]!.file} too — give it another name`;
  });
}

/** For people: where a value came from. */
export function formatOrigin(place: Place | undefined): string {
  return place === undefined || place.kind === "none" ? "default" : formatPlace(place);
}
