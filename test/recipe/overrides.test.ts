/** Flags beside a recipe: they win, are checked like what they replace, and are remembered as flags. */
import { describe, expect, test } from "bun:test";
import { FLAGS } from "../../src/commands/flags.ts";
import type { JobTree } from "../../src/recipe/job-tree.ts";
import { overrideJob, OVERRIDING, type GivenFlag } from "../../src/recipe/overrides.ts";
import { formatProblems } from "../../src/recipe/problems.ts";
import { formatOrigin } from "../../src/recipe/read-recipe.ts";
import { nodeAt, type Node } from "../../src/recipe/tree.ts";
import { jobRecipe, read } from "../support/recipes.ts";

const flag = (name: string, ...values: string[]): GivenFlag => ({
  name,
  values,
  place: { kind: "flag", name: `--${name}` },
});

function withFlags(job: string, ...given: GivenFlag[]) {
  return read(jobRecipe(job), { options: { override: (tree) => overrideJob(tree, given) } });
}

const JOB = [
  "from: { url: rtmp://h/l/x, wait: 1m, grace: 5s }",
  'schedule: { cron: "0 23 * * *", for: 7h }',
  "record: { path: x.flv, segment: { every: 30m, align: clock } }",
  "to: { own: { url: rtmp://h/a/k, retry: { min: 9s, max: 99s } } }",
].join("\n");

describe("a flag", () => {
  test.each<[string, GivenFlag[], Record<string, unknown>]>([
    ["for", [flag("for", "2h")], { for: 7_200_000 }],
    [
      "until",
      [flag("until", "2026-11-21T06:00Z")],
      { for: undefined, until: Date.parse("2026-11-21T06:00Z") },
    ],
    [
      "both",
      [flag("for", "2h"), flag("until", "2026-11-21T06:00Z")],
      { for: 7_200_000, until: expect.any(Number) },
    ],
    ["wait", [flag("wait", "5s")], { wait: 5000 }],
    ["stall", [flag("stall", "5s")], { net: { stall: 5000 } }],
    ["grace", [flag("grace", "6s")], { grace: 6000 }],
    ["retry", [flag("retry-min", "2s"), flag("retry-max", "3s")], { retry: { min: 2000, max: 3000 } }],
    ["output", [flag("output", "y.flv")], { sinks: [{ template: "y.flv" }, { name: "own" }] }],
    [
      "several",
      [flag("output", "y.flv", "z.flv")],
      { sinks: [{ template: "y.flv" }, { template: "z.flv" }, {}] },
    ],
    ["segment", [flag("segment", "1h")], { record: { segment: { every: 3_600_000, align: "clock" } } }],
    ["keep", [flag("keep-age", "1d")], { record: { keep: { ageMs: 86_400_000 } } }],
    ["force", [flag("force")], { force: true }],
    ["insecure", [flag("insecure")], { net: { insecure: true } }],
    ["bind", [flag("bind", "192.0.2.7")], { net: { bind: "192.0.2.7" } }],
  ])("wins: %s", (_name, given, plan) => {
    const { jobs, problems } = withFlags(JOB, ...given);
    expect(problems).toEqual([]);
    expect(jobs[0]?.plan).toMatchObject(plan);
  });

  const beside = FLAGS.filter((one) => one.words !== undefined && OVERRIDING.includes(one.name));
  test.each(beside.map((one) => [one.name, one.words!] as const))(
    "--%s gives the key that its words are about",
    (name, { path, negated, example }) => {
      const given = flag(name, ...(example === undefined ? [] : ["some"]));
      let found: Node | undefined;
      const override = (tree: JobTree): JobTree => {
        const changed = overrideJob(tree, [given]);
        found = nodeAt(changed.whole, path.split("."));
        return changed;
      };
      read(jobRecipe("from: { url: rtmp://h/l/x }\nrecord: { path: x.flv }"), { options: { override } });
      const value = example === undefined ? negated !== true : "some";
      expect(found).toMatchObject({ value, place: { name: `--${name}` } });
    },
  );

  test("about waiting holds for destinations too", () => {
    const { jobs } = withFlags(JOB, flag("retry-min", "2s"));
    expect(jobs[0]?.plan.sinks[1]).toMatchObject({ retry: { min: 2000, max: 99_000 } });
  });

  test("wins over a truth value", () => {
    const { jobs } = withFlags(
      "from: { url: x.flv, loop: false }\nto: { own: rtmp://h/a/k }",
      flag("loop"),
      flag("no-realtime"),
    );
    expect(jobs[0]?.plan).toMatchObject({ loop: true, realtime: false });
  });

  test("about recordings makes none where there is none, but a path does", () => {
    const relay = "from: rtmp://h/l/x\nto: { own: rtmp://h/a/k }";
    expect(withFlags(relay, flag("segment", "1h"), flag("force")).jobs[0]?.plan.sinks).toHaveLength(1);
    expect(withFlags(relay, flag("output", "x.flv")).jobs[0]?.plan.sinks).toHaveLength(2);
  });

  test("that means nothing for a job is left out", () => {
    const { jobs } = withFlags("from: x.flv\nto: { own: rtmp://h/a/k }", flag("wait", "5s"));
    expect(jobs).toHaveLength(1);
  });

  test("is remembered where values come from", () => {
    const { jobs } = withFlags(JOB, flag("wait", "5s"), {
      name: "stall",
      values: ["5s"],
      place: { kind: "environment", name: "RUNNEL_STALL" },
    });
    const origin = (...path: string[]): string => formatOrigin(jobs[0]?.origin(path));
    expect([
      origin("from", "wait"),
      origin("from", "stall"),
      origin("from", "url"),
      origin("retry", "min"),
    ]).toEqual(["--wait", "RUNNEL_STALL", "main.yaml:4:18", "default"]);
  });

  test("is a problem of its own when it is wrong", () => {
    const { problems } = withFlags(JOB, flag("wait", "5"), flag("retry-max", "1ms"));
    expect(formatProblems(problems)).toEqual([
      '--wait  "5" has no unit — write 5s for seconds or 5m for minutes',
      "1 error. Nothing was started.",
    ]);
    const wrong = withFlags(JOB, flag("retry-max", "1s"), flag("retry-min", "2s"));
    expect(formatProblems(wrong.problems)[0]).toBe(
      '--retry-max  "max" is shorter than "min" — make it longer',
    );
  });
});
