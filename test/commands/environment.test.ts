/** Where --for and --until come from: flag > environment > recipe > default, on a command line and beside a recipe. */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { flagsOf } from "../../src/commands/flags.ts";
import { givenFlags, givenVariables, readRecipes } from "../../src/commands/recipes.ts";
import { formatPlace } from "../../src/recipe/problems.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import { planOf, problemsOf } from "../support/command-line.ts";
import { removeScratch, scratch } from "../support/scratch.ts";

afterAll(removeScratch);

type Environment = Readonly<Record<string, string>>;

/** A time to come, as it is written, and in ms. */
const SOME_DAY = "2999-01-01T06:00";
const LATER_DAY = "2999-02-01T06:00";
const at = (text: string): number => Date.parse(text);

const times = ({ for: span, until }: Plan): object => ({ for: span, until });

describe("on a command line", () => {
  test.each<[string, Environment, object]>([
    ["", {}, { for: undefined, until: undefined }],
    ["", { RUNNEL_FOR: "2h" }, { for: 7_200_000, until: undefined }],
    ["", { RUNNEL_UNTIL: SOME_DAY }, { for: undefined, until: at(SOME_DAY) }],
    ["", { RUNNEL_FOR: "" }, { for: undefined, until: undefined }],
    ["--for 1h", { RUNNEL_FOR: "2h" }, { for: 3_600_000, until: undefined }],
    [`--until ${LATER_DAY}`, { RUNNEL_UNTIL: SOME_DAY }, { for: undefined, until: at(LATER_DAY) }],
    ["--for 1h", { RUNNEL_UNTIL: SOME_DAY }, { for: 3_600_000, until: at(SOME_DAY) }],
  ])("pull %s with %j", (flags, environment, expected) => {
    expect(times(planOf(`pull rtmp://h/live/x ${flags}`, environment))).toEqual(expected);
  });

  test.each<[string, Environment, readonly string[]]>([
    [
      "",
      { RUNNEL_FOR: "banana" },
      ['RUNNEL_FOR: "banana" is no duration; write one such as 250ms, 15s, 30m, 7h or 14d'],
    ],
    [
      "",
      { RUNNEL_UNTIL: "noon" },
      ['RUNNEL_UNTIL: "noon" is no time; write one such as 06:00 or 2026-11-20T06:00'],
    ],
    [
      "",
      { RUNNEL_RETRY_MIN: "9s", RUNNEL_RETRY_MAX: "1s" },
      ["RUNNEL_RETRY_MAX is shorter than RUNNEL_RETRY_MIN"],
    ],
    ["--retry-min 9s", { RUNNEL_RETRY_MAX: "1s" }, ["RUNNEL_RETRY_MAX is shorter than --retry-min"]],
    [
      "",
      { RUNNEL_KEY: "env:NOT_SET" },
      [
        "RUNNEL_KEY: the variable NOT_SET is not set",
        "RUNNEL_KEY is for a destination on a server, and there is none",
      ],
    ],
    // Names that people gave are left alone, whatever they look like.
    [
      "--segment 30m",
      { RUNNEL_OUTPUT: "my -o --for.mp4" },
      [
        '"my -o --for.mp4": recordings are FLV, MP4 is not in this version of runnel; write my -o --for.flv',
        "--segment is for a recording to a file, and there is none",
      ],
    ],
    [
      "-k x",
      { RUNNEL_RETRY_MIN: "-k" },
      [
        "-k is for a destination on a server, and there is none",
        'RUNNEL_RETRY_MIN: "-k" is no duration; write one such as 250ms, 15s, 30m, 7h or 14d',
      ],
    ],
    [
      "--for banana",
      { RUNNEL_FOR: "2h" },
      ['--for: "banana" is no duration; write one such as 250ms, 15s, 30m, 7h or 14d'],
    ],
  ])("pull %s with %j is wrong", (flags, environment, problems) => {
    expect(problemsOf(`pull rtmp://h/live/x ${flags}`, environment)).toEqual([...problems]);
  });
});

/** What `pull RECIPE` (with flags) or `run RECIPE` (without) reads. */
async function read(recipe: string, flags: string, environment: Environment) {
  const file = join(scratch("environment"), "r.yaml");
  writeFileSync(file, `version: 1\njobs:\n  a: { from: rtmp://h/live/x, record: x.flv, ${recipe} }\n`);
  const argv = flags.split(" ");
  const given =
    flags === "" ? await givenVariables(environment) : await givenFlags(argv, flagsOf("relay"), environment);
  const { jobs, problems } = await readRecipes([file], { environment, given });
  return { plans: jobs.map((job) => job.plan), problems };
}

describe("beside a recipe", () => {
  test.each<[string, string, Environment, object]>([
    ["for: 3h", "", {}, { for: 10_800_000, until: undefined }],
    ["for: 3h", "", { RUNNEL_FOR: "2h" }, { for: 7_200_000, until: undefined }],
    ["for: 3h", "--for 1h", { RUNNEL_FOR: "2h" }, { for: 3_600_000, until: undefined }],
    ["for: 3h", "", { RUNNEL_UNTIL: SOME_DAY }, { for: undefined, until: at(SOME_DAY) }],
    [`until: "${LATER_DAY}"`, "", { RUNNEL_UNTIL: SOME_DAY }, { for: undefined, until: at(SOME_DAY) }],
    [`until: "${LATER_DAY}"`, "", { RUNNEL_FOR: "2h" }, { for: 7_200_000, until: undefined }],
    ["insecure: false", "", { RUNNEL_FOR: "2h" }, { for: 7_200_000, until: undefined }],
    ["insecure: false", "", {}, { for: undefined, until: undefined }],
  ])("{ %s } %s with %j", async (recipe, flags, environment, expected) => {
    const { plans, problems } = await read(recipe, flags, environment);
    expect(problems).toEqual([]);
    expect(plans.map(times)).toEqual([expected]);
  });

  test("variables of flags that only some verbs have are for the jobs of those verbs", async () => {
    const { plans, problems } = await read("for: 3h", "", {
      RUNNEL_FPS: "5",
      RUNNEL_LOOP: "1",
      RUNNEL_JSON: "x",
    });
    expect(problems).toEqual([]);
    expect(plans[0]).toMatchObject({ verb: "pull", loop: false });
    const file = join(scratch("environment"), "push.yaml");
    writeFileSync(file, "version: 1\njobs:\n  a: { from: { h264: x.h264 }, record: x.flv }\n");
    const given = await givenVariables({ RUNNEL_FPS: "5" });
    const { jobs } = await readRecipes([file], { environment: {}, given });
    expect(jobs.map((job) => job.plan.source)).toMatchObject([{ kind: "capture", fps: 5 }]);
  });

  test.each([
    ["RUNNEL_FOR", "banana", /"banana" is no duration/],
    ["RUNNEL_UNTIL", "noon", /"noon" is no time/],
  ])("%s=%s is told by its name", async (name, text, what) => {
    const { problems } = await read("for: 3h", "", { [name]: text });
    expect(problems.map(({ place }) => formatPlace(place))).toEqual([name]);
    expect(problems[0]?.text).toMatch(what);
  });
});
