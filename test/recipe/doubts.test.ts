/**
 * One broken place in a recipe that is right otherwise: whatever line it is in, nothing is told but the YAML's own
 * problem, because everything else that could be said would only follow from it. What is told beside it of recipes with
 * more problems is in broken/doubts.txt.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Doubts } from "../../src/recipe/doubts.ts";
import { parseText } from "../../src/recipe/parse.ts";
import { formatPlace, sortProblems } from "../../src/recipe/problems.ts";
import { problemsOf, type World } from "../support/recipes.ts";

const RECIPES = join(import.meta.dir, "../../recipes");
const WORLD: World = {
  variables: Object.fromEntries(
    ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "YOUTUBE_KEY", "BACKUP_KEY"].map((name) => [name, "value-of-it"]),
  ),
  files: { "base.yaml": "version: 1\njobs: { night: { from: { url: rtmp://h/l/base } } }\n" },
};

/** Every key of a job in block style, with lists, anchors, a base and defaults. */
const LARGE = `extends: base.yaml
x-slow: &slow
  min: 2s
  max: 90s
version: 1
defaults:
  grace: 5s
  to:
    buffer:
      max: 5s
jobs:
  night:
    schedule:
      cron: "0 23 * * *"
      for: 7h
    record:
      path:
        - a.flv
        - b.flv
      segment:
        every: 30m
        align: clock
      keep: { age: 14d,
        size: 200GiB }
    retry: *slow
    on:
      end:
      - logger
      - done
  show:
    from:
      listen: "0.0.0.0:1935"
      app: live
      key: "\${OBS_KEY}"
    serve: true
    to:
      own: rtmp://nginx.lan/live/show
      other:
        url: rtmps://live.example/app
        key: "\${TWITCH_KEY}"
        retry:
          <<: *slow
          max: 3m
`;

const GOOD: readonly (readonly [string, string])[] = [
  ["every key", LARGE],
  ...readdirSync(RECIPES)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => [file, readFileSync(join(RECIPES, file), "utf8")] as const),
];

/** Ways to break a line. Not every one breaks every line. */
const WAYS: readonly (readonly [string, (line: string) => string])[] = [
  ["an @ before the value", (line) => line.replace(/: (?=\S)/, ": @")],
  ["a quotation mark before the value", (line) => line.replace(/: (?=[^"\s])/, ': "')],
  ["a brace before the value", (line) => line.replace(/: (?=\S)/, ": {")],
  ["a colon in the value", (line) => line.replace(/: (?=\w)/, ": a: ")],
  ["no colon", (line) => line.replace(/:(?= |$)/, "")],
  ["no closing bracket", (line) => line.replace(/[}\]](?=[^}\]]*$)/, "")],
  ["no closing quotation mark", (line) => line.replace(/"(?=[^"]*$)/, "")],
  ["a stray bracket", (line) => `${line} ]`],
  ["one space less", (line) => line.replace(/^ /, "")],
  ["one space more", (line) => line.replace(/^(?= *\w)/, " ")],
  ["a tab", (line) => line.replace(/^ +/, "\t")],
  ["a percent sign", (line) => line.replace(/^( *)(?=\w)/, "$1%")],
];

function* brokenOnce(recipe: string): Generator<string> {
  const lines = recipe.split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    for (const [, change] of WAYS) {
      const changed = change(line);
      if (changed !== line) yield lines.with(i, changed).join("\n");
    }
  }
}

/** What is wrong with the text as YAML. */
function yamlProblems(content: string): readonly string[] {
  const text = { name: "main.yaml", folder: "", lines: content.split("\n") };
  const { problems } = parseText(content, text, new Doubts());
  return sortProblems(problems).map(
    ({ place, text: what }) => `${formatPlace(place).replace("main.yaml:", "")} ${what}`,
  );
}

describe.each(GOOD)("%s", (_name, recipe) => {
  test("is right", () => {
    expect(problemsOf(recipe, WORLD)).toEqual([]);
  });

  test("broken in one place, tells of that place only", () => {
    let broken = 0;
    for (const text of brokenOnce(recipe)) {
      const expected = yamlProblems(text);
      if (expected.length === 0) continue;
      broken += 1;
      expect({ text, told: problemsOf(text, WORLD) }).toEqual({ text, told: [...expected] });
    }
    expect(broken).toBeGreaterThan(20);
  });
});
