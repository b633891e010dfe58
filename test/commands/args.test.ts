/** The strict argument layer: every way to write a flag, what the environment adds, and what is said of the rest. */
import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/commands/args.ts";
import { nearest } from "../../src/recipe/nearest.ts";
import { environmentName, FLAGS, flagsOf } from "../../src/commands/flags.ts";
import { problemLine, UsageError } from "../../src/errors.ts";
import { words } from "../support/command-line.ts";

type Environment = Record<string, string | undefined>;

function parse(
  line: string,
  environment: Environment = {},
  verb: "pull" | "push" | "relay" | "probe" = "relay",
) {
  const { positionals, values, counts } = parseArgs(words(line), flagsOf(verb), environment);
  return { positionals, values: Object.fromEntries(values), counts: Object.fromEntries(counts) };
}

function problemsOf(line: string, environment: Environment = {}, verb?: "pull" | "push" | "relay" | "probe") {
  try {
    parse(line, environment, verb);
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

describe("what is given", () => {
  const CASES: [line: string, expected: object][] = [
    ["", { positionals: [], values: {}, counts: {} }],
    ["a b c", { positionals: ["a", "b", "c"] }],
    ["a --for 5s b", { positionals: ["a", "b"], values: { for: ["5s"] } }],
    ["--for=5s", { values: { for: ["5s"] } }],
    ["--for=", { values: { for: [""] } }],
    ["--key=a=b=c", { values: { key: ["a=b=c"] } }],
    ["--to a --to=b -t c -td -t=e", { values: { to: ["a", "b", "c", "d", "e"] } }],
    ["-o -", { values: { output: ["-"] }, positionals: [] }],
    ["-o - -", { values: { output: ["-"] }, positionals: ["-"] }],
    ["--output=-x", { values: { output: ["-x"] } }],
    ["-v", { counts: { verbose: 1 } }],
    ["-vv", { counts: { verbose: 2 } }],
    ["-v --verbose -v", { counts: { verbose: 3 } }],
    ["-qv", { counts: { quiet: 1, verbose: 1 } }],
    ["-qvo a.flv", { counts: { quiet: 1, verbose: 1 }, values: { output: ["a.flv"] } }],
    ["-voa.flv", { counts: { verbose: 1 }, values: { output: ["a.flv"] } }],
    ["--force", { counts: { force: 1 } }],
    ["--force --force", { counts: { force: 2 } }],
    ["--serve x", { counts: { serve: 1 }, positionals: ["x"] }],
    ["--serve=1935/a/b", { values: { serve: ["1935/a/b"] }, counts: {} }],
    ["-- --for -v -", { positionals: ["--for", "-v", "-"], counts: {} }],
    ["a -- b", { positionals: ["a", "b"] }],
    ["--tcUrl rtmp://x/y", { values: { tcUrl: ["rtmp://x/y"] } }],
    ["--for ''", { values: { for: [""] } }],
  ];

  test.each(CASES)("%p", (line, expected) => {
    expect(parse(line)).toMatchObject(expected);
  });
});

describe("what is refused", () => {
  const CASES: [line: string, ...problems: string[]][] = [
    ["--frce", "unknown flag --frce - did you mean --force?"],
    ["--Force", "unknown flag --Force - did you mean --force?"],
    ["--retrymin 1s", "unknown flag --retrymin - did you mean --retry-min?"],
    ["--ofr 1s", "unknown flag --ofr - did you mean --for?"],
    ["--xyzzyx", "unknown flag --xyzzyx; --help lists them all"],
    ["--frce=SECRET", "unknown flag --frce - did you mean --force?"],
    ["-x", "unknown flag -x; --help lists them all"],
    ["-r rtmp://h/l/x", "unknown flag -r; the source needs no flag (rtmpdump's -r is --rtmp here)"],
    ["-y x", "unknown flag -y; rtmpdump's -y is --playpath here"],
    ["-vx", "unknown flag -x; --help lists them all"],
    ["--loop", "--loop is a flag of push, not of this command"],
    ["--force=1", '--force takes no value; leave out "=1"'],
    ["--verbose=2", '--verbose takes no value; leave out "=2"'],
    ["--for", "--for needs a value: --for 2h"],
    ["--for --force", "--for needs a value: --for 2h"],
    ["-o", "-o needs a value: -o PATH"],
    ["-o -v", "-o needs a value: -o PATH"],
    ["-k -- x", "-k needs a value: -k [NAME=]KEY|env:VAR|@FILE"],
    ["--for 1s --for 2s", "--for was given twice; once is enough"],
    [
      "--frce --for --loop -x",
      "unknown flag --frce - did you mean --force?",
      "--for needs a value: --for 2h",
      "--loop is a flag of push, not of this command",
      "unknown flag -x; --help lists them all",
    ],
  ];

  test.each(CASES)("%p", (line, ...problems) => {
    expect(problemsOf(line)).toEqual(problems);
  });

  test("a value behind an unknown flag is never shown", () => {
    expect(problemsOf("--kee SECRET --kex=SECRET").join()).not.toContain("SECRET");
  });
});

describe("the environment", () => {
  test.each([
    ["RUNNEL_FOR", "5s", "values", "for", ["5s"]],
    ["RUNNEL_RETRY_MIN", "1s", "values", "retry-min", ["1s"]],
    ["RUNNEL_TC_URL", "rtmp://x", "values", "tcUrl", ["rtmp://x"]],
    ["RUNNEL_TO", "rtmp://x", "values", "to", ["rtmp://x"]],
    ["RUNNEL_SERVE", "1935/a", "values", "serve", ["1935/a"]],
    ["RUNNEL_SERVE", "1", "counts", "serve", 1],
    ["RUNNEL_FORCE", "1", "counts", "force", 1],
    ["RUNNEL_FORCE", "TRUE", "counts", "force", 1],
    ["RUNNEL_FORCE", "yes", "counts", "force", 1],
    ["RUNNEL_FORCE", "on", "counts", "force", 1],
    ["RUNNEL_FORCE", "0", "counts", "force", undefined],
    ["RUNNEL_FORCE", "no", "counts", "force", undefined],
    ["RUNNEL_FORCE", "Off", "counts", "force", undefined],
    ["RUNNEL_FORCE", "false", "counts", "force", undefined],
    ["RUNNEL_FORCE", "", "counts", "force", undefined],
    ["RUNNEL_FOR", "", "values", "for", undefined],
    ["RUNNEL_VERBOSE", "2", "counts", "verbose", 2],
    ["RUNNEL_VERBOSE", "yes", "counts", "verbose", 1],
  ] as const)("%s=%p", (name, text, where, flag, expected) => {
    expect(parse("", { [name]: text })[where][flag]).toEqual(expected as never);
  });

  test("gives way to the command line", () => {
    const environment = { RUNNEL_FOR: "5s", RUNNEL_TO: "x", RUNNEL_VERBOSE: "2", RUNNEL_SERVE: "1935/a" };
    expect(parse("--for 9s -t y -v --serve", environment)).toEqual({
      positionals: [],
      values: { for: ["9s"], to: ["y"] },
      counts: { verbose: 1, serve: 1 },
    });
  });

  test("of a flag that the command does not have is left alone", () => {
    expect(problemsOf("", { RUNNEL_LOOP: "perhaps" })).toEqual([]);
  });

  test("that is neither yes nor no is a problem", () => {
    expect(problemsOf("--frce", { RUNNEL_FORCE: "perhaps" })).toEqual([
      "unknown flag --frce - did you mean --force?",
      'RUNNEL_FORCE="perhaps" is neither 1 nor 0',
    ]);
  });
});

describe("the table of flags", () => {
  test("has each name, letter and variable once", () => {
    const names = FLAGS.map((flag) => flag.name);
    const letters = FLAGS.flatMap((flag) => flag.short ?? []);
    const variables = FLAGS.map(environmentName);
    for (const list of [names, letters, variables]) expect(new Set(list).size).toBe(list.length);
  });

  test.each(FLAGS.map((flag) => [flag.name, environmentName(flag)]))("--%s is %s", (_name, variable) => {
    expect(variable).toMatch(/^RUNNEL_[A-Z]+(_[A-Z]+)*$/);
  });

  test("says something about each flag", () => {
    for (const flag of FLAGS) {
      expect(flag.doc.length).toBeGreaterThan(5);
      expect(flag.verbs.length).toBeGreaterThan(0);
      if (flag.kind === "value" || flag.kind === "list") expect(flag.hint).toBeDefined();
    }
  });
});

describe("nearest", () => {
  const WORDS = ["pull", "push", "relay", "probe"];

  test.each([
    ["pul", "pull"],
    ["psuh", "push"],
    ["PULL", "pull"],
    ["rely", "relay"],
    ["proeb", "probe"],
    ["record", undefined],
    ["", undefined],
    ["x", undefined],
  ])("%p is %p", (word, expected) => {
    expect(nearest(word, WORDS)).toBe(expected as never);
  });
});
