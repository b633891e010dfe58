/** --help: one table with the recipe's keys, 80 columns, and nothing that makes a start slow. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FLAGS, flagText, type Flag, type Verb } from "../../src/commands/flags.ts";
import { commandHelp, programHelp } from "../../src/commands/help.ts";
import { rootCommand, subCommandOf, VERBS } from "../../src/commands/verbs.ts";
import { OVERRIDING } from "../../src/recipe/overrides.ts";
import { jobSchema } from "../../src/recipe/schema.ts";
import { keySentence, valueHint, WORDS, type KeyWords } from "../../src/recipe/words.ts";
import { keyRows } from "../support/recipe-keys.ts";

const SOURCE = join(import.meta.dir, "../../src");

/** Flags that no key of a recipe stands for: how a command talks, what it does with a plan, and rtmpdump's words. */
const WITHOUT_KEY = [
  ...["check", "dry-run", "job", "print-recipe", "next", "resolved", "probe"],
  ...["quiet", "verbose", "json", "log-format", "stats"],
  ...["rtmp", "stop", "timeout", "silent-audio"],
];

const ROWS: readonly KeyWords[] = Object.values(WORDS);

/** What the definition of recipes knows of each key of a job, by its path. */
const FIELDS = new Map(keyRows(jobSchema).map(({ path, field }) => [path, field]));

describe("a flag with a key", () => {
  const keyed = FLAGS.flatMap((flag): [string, Flag, KeyWords][] =>
    flag.words === undefined ? [] : [[flag.name, flag, flag.words]],
  );

  test.each(keyed)("--%s has its sentence, hint and default from the table of keys", (_name, flag, words) => {
    expect(ROWS).toContain(words);
    expect(flag.doc).toBe(words.says);
    expect(flag.hint).toBe(valueHint(words));
    const verb = flag.verbs.find((one) => flag.docs?.[one] === undefined)!;
    expect(flagText(flag, verb)).toStartWith(words.says);
    if (words.shown !== undefined) expect(flagText(flag, verb)).toContain(`default ${words.shown}`);
  });

  test.each(keyed)("--%s says what the key says", (_name, _flag, words) => {
    const field = FIELDS.get(words.path);
    expect(field?.description).toBe(keySentence(words));
    if (words.example !== undefined) expect(field?.example).toBe(words.example);
    if (words.example !== undefined) expect(field?.shown).toBe(words.shown);
  });

  test("is each that is not named here as one without", () => {
    const others = FLAGS.filter((flag) => flag.words === undefined).map((flag) => flag.name);
    expect(others.toSorted()).toEqual(WITHOUT_KEY.toSorted());
  });

  test("is each that may stand beside a recipe; and no row of the table is for nothing", () => {
    const names: string[] = keyed.map(([name]) => name);
    expect(OVERRIDING.filter((name) => !names.includes(name))).toEqual(["silent-audio"]);
    expect(ROWS.filter((words) => !keyed.some(([, , used]) => used === words))).toEqual([]);
  });
});

describe("--help", () => {
  const pages = VERBS.map((verb) => [verb, commandHelp(subCommandOf(verb)!, "runnel")] as const);
  const all = [...pages, ["runnel", programHelp(rootCommand("1.2.3"))] as const];

  test.each(all)("of %s fits 80 columns", (_name, text) => {
    expect(text.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
  });

  test.each(pages)("of %s names each of its flags once", (verb, text) => {
    for (const flag of FLAGS) {
      const lines = text
        .split("\n")
        .filter((line) => new RegExp(`^  (-., )?--${flag.name}(?=[ [=]|$)`).test(line));
      expect([flag.name, lines.length]).toEqual([flag.name, flag.verbs.includes(verb as Verb) ? 1 : 0]);
    }
  });

  test("asks for no DEST, for which -t, -k and -o may stand", () => {
    for (const verb of ["push", "relay"]) {
      const [, text = ""] = pages.find(([name]) => name === verb)!;
      expect(text).toContain(`usage: runnel ${verb} [FLAGS] SOURCE [DEST...]\n`);
      expect(text).not.toContain("Required");
    }
  });

  test("names every command", () => {
    for (const verb of VERBS)
      expect(programHelp(rootCommand("1.2.3"))).toMatch(new RegExp(`^  ${verb} `, "m"));
  });
});

/** The files and packages that a module needs before it does anything. */
function loaded(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!existsSync(file)) return seen;
  const imports = readFileSync(file, "utf8").matchAll(/^(?:import|export) (?!type)[^;]*?from "([^"]+)"/gm);
  for (const [, name = ""] of imports) loaded(name.startsWith(".") ? join(dirname(file), name) : name, seen);
  return seen;
}

test("neither zod nor yaml is loaded for it", () => {
  const needed = loaded(join(SOURCE, "main.ts"));
  expect(needed).toContain(join(SOURCE, "recipe/words.ts"));
  expect(needed).not.toContain("zod");
  expect(needed).not.toContain("yaml");
  expect(loaded(join(SOURCE, "recipe/schema.ts"))).toContain("zod");
});
