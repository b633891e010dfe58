/**
 * Everything that can be wrong with a recipe, and what is said about it. The cases are in broken/*.txt:
 *
 *     ### the name of a case ("recipe: ..." is a whole recipe, others are what stands under a job's name in line 3)
 *     YAML
 *     --> line:column what — what instead
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatProblems } from "../../src/recipe/problems.ts";
import { jobRecipe, problemsOf, read } from "../support/recipes.ts";

type Case = { readonly name: string; readonly recipe: string; readonly problems: readonly string[] };

const FOLDER = join(import.meta.dir, "broken");

function casesOf(file: string): Case[] {
  const blocks = readFileSync(join(FOLDER, file), "utf8").split(/^### /m).slice(1);
  return blocks.map((block) => {
    const lines = block.trimEnd().split("\n");
    const name = lines[0] ?? "";
    const first = lines.findIndex((line) => line.startsWith("--> "));
    const body = lines.slice(1, first).join("\n");
    const problems = lines.slice(first).map((line) => line.replace("--> ", ""));
    return { name, recipe: name.startsWith("recipe: ") ? `${body}\n` : jobRecipe(body), problems };
  });
}

const FILES = readdirSync(FOLDER).map((file) => [file, casesOf(file)] as const);

describe.each(FILES)("%s", (_file, cases) => {
  test.each(cases.map(({ name, recipe, problems }) => [name, recipe, problems] as const))(
    "%s",
    (_name, recipe, problems) => {
      expect(problemsOf(recipe)).toEqual([...problems]);
    },
  );
});

const ALL = FILES.flatMap(([, cases]) => cases);

test("there are more than sixty of them", () => {
  expect(ALL.length).toBeGreaterThan(60);
});

test("each says what is wrong and what to write instead", () => {
  expect(ALL.flatMap(({ problems }) => problems).filter((problem) => !/\S — \S/.test(problem))).toEqual([]);
});

test("each is shown with its line and a caret, and the number of errors at the end", () => {
  for (const { recipe } of ALL) {
    const { problems, secrets } = read(recipe);
    const lines = formatProblems(problems, secrets);
    const heads = lines.filter((line) => line.startsWith("main.yaml:"));
    expect(heads.length).toBe(problems.length);
    expect(lines.at(-1)).toBe(
      `${problems.length} error${problems.length === 1 ? "" : "s"}. Nothing was started.`,
    );
  }
});
