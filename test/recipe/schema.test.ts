/** What is made of the recipe's definition: the committed JSON Schema, the README's table; and the recipes themselves. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { recipeJsonSchema } from "../../src/recipe/json-schema.ts";
import { formatProblems } from "../../src/recipe/problems.ts";
import { keyRows, recipeKeyTable } from "../support/recipe-keys.ts";
import { plansOf, read } from "../support/recipes.ts";

const ROOT = join(import.meta.dir, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const RECIPES = readdirSync(join(ROOT, "recipes"))
  .filter((file) => file.endsWith(".yaml"))
  .sort();
const VARIABLES = Object.fromEntries(
  ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "YOUTUBE_KEY", "BACKUP_KEY"].map((name) => [name, `${name}-secret`]),
);

describe("the JSON Schema", () => {
  const schema = JSON.parse(recipeJsonSchema());

  test("that is committed is current: runnel schema > recipes/recipe.schema.json", () => {
    expect(readFileSync(join(ROOT, "recipes/recipe.schema.json"), "utf8")).toBe(recipeJsonSchema());
  });

  test("knows keys, defaults, and that others are wrong unless they are free", () => {
    const job = schema.properties.jobs.additionalProperties;
    expect(schema.required).toEqual(["version", "jobs"]);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.patternProperties).toEqual({ "^x-": {} });
    expect(job.additionalProperties).toBe(false);
    expect(job.required).toEqual(["from"]);
    expect(job.properties.grace).toEqual({ type: "string", description: expect.any(String), default: "10s" });
    const [text, map] = job.properties.from.anyOf;
    expect(text.type).toBe("string");
    expect(map.properties.stall.default).toBe("15s");
    expect(map.properties.loop).toEqual({ type: "boolean", description: expect.any(String), default: false });
  });

  test("says what is filled in in commands", () => {
    const { start, segment, gap, end } = schema.properties.jobs.additionalProperties.properties.on.properties;
    const fields = [start, segment, gap, end].map(({ description }) => description.match(/\{\w+\}/g));
    expect(fields).toEqual([["{job}"], ["{path}", "{duration}"], ["{duration}"], ["{path}", "{duration}"]]);
  });

  test("describes every key", () => {
    for (const { path, field } of keyRows()) {
      expect([path, field.description.length > 5]).toEqual([path, true]);
    }
  });
});

describe("the README", () => {
  test("has the table of keys", () => {
    expect(README).toContain(`<!-- recipe-keys -->\n${recipeKeyTable()}\n`);
  });

  test("shows a recipe that is right", () => {
    const example = /<!-- recipe -->\n```yaml\n([\s\S]*?)```/.exec(README)?.[1] ?? "";
    const world = { variables: VARIABLES, files: { "/run/secrets/youtube": "youtube-secret" } };
    expect(plansOf(example, world).map((plan) => [plan.job, plan.verb, plan.sinks.length])).toEqual([
      ["porch", "pull", 1],
      ["show", "relay", 4],
    ]);
  });
});

describe("every example in the definition can be written", () => {
  const shown = keyRows().filter(({ path }) => path.startsWith("jobs.NAME."));
  test.each(shown.map(({ path, field }) => [path, field.example]))("%s: %s", (path, example) => {
    const keys = path.replace("jobs.NAME.to.NAME", "jobs.NAME.to.n").split(".").slice(2);
    const line = keys.reduceRight((value, key) => `{ ${key}: ${value} }`, example);
    const { problems } = read(`version: 1\njobs:\n  a: ${line}\n`, { variables: VARIABLES });
    const about = problems.filter(
      ({ text }) => text.includes(`"${keys.at(-1)}"`) || / no unit|is no|cannot be/.test(text),
    );
    expect(
      about.filter(
        ({ text }) =>
          !/means nothing|names no|go together|does not listen|needs "every"|no such file/.test(text),
      ),
    ).toEqual([]);
  });
});

describe("the recipe", () => {
  test.each(RECIPES)("%s is right, and says who wants it and how to run it", (file) => {
    const text = readFileSync(join(ROOT, "recipes", file), "utf8");
    const { jobs, problems } = read(text, { variables: VARIABLES });
    expect(problems.length === 0 ? [] : formatProblems(problems)).toEqual([]);
    expect(jobs.length).toBeGreaterThan(0);
    expect(text).toMatch(/^# For /);
    expect(text).toMatch(/^#.*systemd/m);
    expect(text).toMatch(/^#.*[cC]ron/m);
    expect(text).toContain("# yaml-language-server: $schema=./recipe.schema.json\n");
  });

  test("is one of several", () => {
    expect(RECIPES).toEqual([
      "demo.yaml",
      "mirror.yaml",
      "nightly.yaml",
      "obs-to-three.yaml",
      "pi-camera.yaml",
    ]);
  });
});
