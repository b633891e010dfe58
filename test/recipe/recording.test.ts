/** Flags about recordings: units, what needs what, and all problems at once. */
import { describe, expect, test } from "bun:test";
import { planOf, problemsOf } from "../support/command-line.ts";

const PULL = "pull rtmp://s/a/b out-{n}.flv";

describe("recordings", () => {
  test.each([
    ["", { segment: undefined, join: undefined, keep: undefined }],
    ["--segment 30m", { segment: { every: 1_800_000, align: "media" } }],
    ["--segment 1h --align clock", { segment: { every: 3_600_000, align: "clock" } }],
    ["--join 90s", { join: 90_000 }],
    ["--join 0s", { join: 0 }],
    ["--keep-age 14d", { keep: { ageMs: 14 * 86_400_000, bytes: undefined, freeBytes: undefined } }],
    ["--keep-size 200GiB --keep-free 500MB", { keep: { bytes: 200 * 1024 ** 3, freeBytes: 500e6 } }],
  ])("%p", (flags, expected) => {
    expect(planOf(`${PULL} ${flags}`).record).toMatchObject(expected);
  });

  test("take their rules from the environment too", () => {
    expect(planOf(PULL, { RUNNEL_SEGMENT: "10m", RUNNEL_KEEP_FREE: "2GiB" }).record).toMatchObject({
      segment: { every: 600_000 },
      keep: { freeBytes: 2 * 1024 ** 3 },
    });
  });

  test.each([
    ["--segment 30", '--segment: "30" has no unit; write 30s for seconds or 30m for minutes'],
    ["--segment 0s", "--segment: must be more than nothing"],
    ["--align clock", "--align clock needs --segment: --segment 30m --align clock"],
    ["--segment 1h --align hour", '--align: "hour" is nothing to align to; write --align clock'],
    ["--join soon", '--join: "soon" is no duration; write one such as 250ms, 15s, 30m, 7h or 14d'],
    ["--keep-size 200", '--keep-size: "200" has no unit; write 200MiB or 200GiB'],
    ["--keep-free much", '--keep-free: "much" is no size; write one such as 16MiB, 500MB or 200GiB'],
    ["--keep-age 0d", "--keep-age: must be more than nothing"],
  ])("%p", (flags, problem) => {
    expect(problemsOf(`${PULL} ${flags}`)).toEqual([problem]);
  });

  test("are told of together", () => {
    expect(problemsOf(`${PULL} --segment 1 --join 2 --keep-size 3`)).toHaveLength(3);
  });

  test("must be there", () => {
    expect(problemsOf("relay rtmp://s/a/b rtmp://d/a/c --segment 30m")).toEqual([
      "--segment is for a recording to a file, and there is none",
    ]);
    expect(problemsOf("pull rtmp://s/a/b - --keep-age 1d")).toEqual([
      "--keep-age is for a recording to a file, and there is none",
    ]);
  });
});
