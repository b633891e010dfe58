/**
 * Recipes without a disk: files and variables come from tables. What comes out is the plans, or the problems as people
 * see them.
 */
import type { Surroundings } from "../../src/recipe/expand.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import { formatProblems } from "../../src/recipe/problems.ts";
import { readRecipe, type ReadOptions, type ReadRecipe } from "../../src/recipe/read-recipe.ts";

/** The present of every test. */
export const NOW = new Date("2026-11-20T12:00:00Z");

/** What is around a recipe. The recipe itself is `main.yaml`. */
export type World = {
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly options?: Partial<ReadOptions>;
};

/** Files and variables out of tables. */
export function aroundOf({ files = {}, variables = {} }: World): Surroundings {
  return {
    variable: (name) => variables[name],
    readFile: (path, folder) => {
      const id = path.startsWith("/") || folder === "" ? path : `${folder}/${path}`;
      const text = files[id];
      const slash = id.lastIndexOf("/");
      if (text === undefined) return { problem: "there is no such file" };
      return { text, name: id, folder: slash < 0 ? "" : id.slice(0, slash), id };
    },
  };
}

/** Reads a recipe. */
export function read(text: string, world: World = {}): ReadRecipe {
  const files = { ...world.files, "main.yaml": text };
  return readRecipe("main.yaml", {
    around: aroundOf({ ...world, files }),
    now: NOW,
    override: (tree) => tree,
    inspect: () => [],
    ...world.options,
  });
}

/** The plans of a recipe that must be right. */
export function plansOf(text: string, world: World = {}): Plan[] {
  const { jobs, problems, secrets } = read(text, world);
  if (problems.length > 0) throw new Error(formatProblems(problems, secrets).join("\n"));
  return jobs.map((job) => job.plan);
}

/** The only plan of a recipe that has one job called `a`; `job` is what stands under its name. */
export function planOf(job: string, world: World = {}): Plan {
  return plansOf(jobRecipe(job), world)[0]!;
}

/** A recipe with one job called `a`. */
export function jobRecipe(job: string): string {
  const body = job
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
  return `version: 1\njobs:\n  a:\n${body}\n`;
}

/** What is wrong, each as `line:column text`; with the file's name, where it is not the recipe itself. */
export function problemsOf(text: string, world: World = {}): string[] {
  return read(text, world).problems.map(({ place, text: what }) => {
    if (place.kind !== "recipe") return `${place.kind} ${what}`;
    const file = place.text.name === "main.yaml" ? "" : `${place.text.name}:`;
    return `${file}${place.line}:${place.column} ${what}`;
  });
}
