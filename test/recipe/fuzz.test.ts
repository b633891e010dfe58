/**
 * Damaged recipes: whatever is done to a good one, either it is good still or problems with a place come out, never
 * another exception, and never a secret. The same damage in every run; a failure names its seed and number.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatProblems } from "../../src/recipe/problems.ts";
import { mutations, pick, seededRandom, type Random } from "../support/mutate.ts";
import { read, type World } from "../support/recipes.ts";

const RECIPES = join(import.meta.dir, "../../recipes");
const SECRET = "s3cr3t-k3y-of-n0body";
const WORLD: World = {
  variables: Object.fromEntries(
    ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "YOUTUBE_KEY", "BACKUP_KEY"].map((name) => [name, SECRET]),
  ),
  files: { "base.yaml": "version: 1\ndefaults: { to: { retry: { min: 1s } } }\n" },
};

const GOOD: readonly string[] = [
  ...readdirSync(RECIPES)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => readFileSync(join(RECIPES, file), "utf8")),
  `extends: base.yaml
x-a: &a { url: "rtmp://h/live/x?t=\${CAM_TOKEN}", wait: 5s }
jobs:
  a: { from: *a, record: { path: [x.flv, "-"], segment: 30m }, serve: "127.0.0.1:1936", on: { end: [x, "{job}"] } }
  b: { <<: { grace: 1s }, from: { <<: *a, stall: 4s }, to: { own: { url: rtmp://h/a, key: "\${OBS_KEY}", required: false } } }
`,
];

/** Reads a recipe that may be broken in any way; throws if that shows in any way but problems with a place. */
function survive(text: string): boolean {
  const { jobs, problems, secrets } = read(text, WORLD);
  const lines = formatProblems(problems, secrets).join("\n");
  if (problems.length > 0 && jobs.length > 0) throw new Error("jobs in spite of problems");
  for (const { place, text: said } of problems) {
    if (place.kind !== "recipe" || place.line < 1 || place.column < 1) throw new Error(`no place: ${said}`);
    if (!said.includes(" — ")) throw new Error(`no advice: ${said}`);
  }
  if (lines.includes(SECRET)) throw new Error(`a secret: ${lines}`);
  return problems.length === 0;
}

function surviveAll(texts: Iterable<string>, name: string): { good: number; bad: number } {
  const seen = { good: 0, bad: 0 };
  let number = 0;
  for (const text of texts) {
    number += 1;
    try {
      if (survive(text)) seen.good += 1;
      else seen.bad += 1;
    } catch (error) {
      throw new Error(`${name}, number ${number}: ${String(error)}\n${text}`, { cause: error });
    }
  }
  return seen;
}

test("the recipes are good before anything is done to them", () => {
  expect(GOOD.map(survive)).toEqual(GOOD.map(() => true));
});

test("bytes are damaged", () => {
  GOOD.forEach((recipe, seed) => {
    const bytes = new TextEncoder().encode(recipe);
    const texts = mutations(bytes, 300, seed).map((copy) => new TextDecoder().decode(copy));
    expect(surviveAll(texts, `seed ${seed}`).bad).toBeGreaterThan(50);
  });
});

const WORDS = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!tag ",
    "? ",
    "| ",
    ">\n",
    "#",
    "'",
    '"',
    "%",
    "@",
    "`",
  ],
  ...[
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "null",
    "~",
    "true",
    "yes",
    "0",
    "1e3",
    ".inf",
    "0x1F",
    "-1",
  ],
  ...[
    "${A}",
    "${A",
    "$$",
    "${file:x}",
    "${cred:x}",
    "$A",
    "${OBS_KEY}",
    "extends: base.yaml\n",
    "extends: main.yaml\n",
  ],
  ...[
    "x-y: 1\n",
    "__proto__: 1\n",
    "constructor: 1\n",
    "toString",
    "jobs:\n",
    "from: ",
    "to: ",
    "record: ",
    "5s",
    "1GiB",
    "15",
  ],
  ...[
    "\u0000",
    "\ufeff",
    "\u2028",
    "é",
    "漢",
    "🎥",
    "rtmp://",
    "listen:1935",
    "testcard:",
    "camera:x",
    "a".repeat(300),
  ],
];

/** Lines and words taken out, doubled, moved, or put in. */
function* reworded(recipe: string, count: number, random: Random): Generator<string> {
  for (let i = 0; i < count; i++) {
    const parts = recipe.split(/(?<=[\s{}[\],:])/);
    for (let changes = 1 + pick(random, 3); changes > 0; changes--) {
      const at = pick(random, parts.length);
      const other = parts[pick(random, parts.length)]!;
      const word = WORDS[pick(random, WORDS.length)]!;
      const change = pick(random, 4);
      if (change === 0) parts.splice(at, 1);
      else if (change === 1) parts.splice(at, 0, other);
      else if (change === 2) parts[at] = word;
      else parts.splice(at, 0, word);
    }
    yield parts.join("");
  }
}

test("words are damaged", () => {
  GOOD.forEach((recipe, seed) => {
    const texts = reworded(recipe, 600, seededRandom(0xface + seed));
    expect(surviveAll(texts, `seed ${0xface + seed}`).bad).toBeGreaterThan(200);
  });
});
