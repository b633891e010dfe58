/** When jobs run: both changes of the clock in three time zones, a leap day, windows that are open. */
import { describe, expect, test } from "bun:test";
import { cronProblem, nextRuns, openWindow, zoneProblem, type Schedule } from "../../src/recipe/schedule.ts";
import { read } from "../support/recipes.ts";

const runs = (cron: string, tz: string, from: string, n: number): string[] =>
  nextRuns({ cron, tz }, new Date(from), n).map((run) => run.toISOString().replace(":00.000Z", "Z"));

describe("a time that the clock skips comes at the same distance from midnight:", () => {
  test.each<[tz: string, cron: string, from: string, expected: string[]]>([
    [
      "Europe/Berlin",
      "30 2 * * *",
      "2026-03-27T12:00Z",
      ["2026-03-28T01:30Z", "2026-03-29T01:30Z", "2026-03-30T00:30Z"],
    ],
    [
      "America/New_York",
      "30 2 * * *",
      "2026-03-06T12:00Z",
      ["2026-03-07T07:30Z", "2026-03-08T07:30Z", "2026-03-09T06:30Z"],
    ],
    [
      "Australia/Sydney",
      "30 2 * * *",
      "2026-10-02T00:00Z",
      ["2026-10-02T16:30Z", "2026-10-03T16:30Z", "2026-10-04T15:30Z"],
    ],
  ])("%s", (tz, cron, from, expected) => {
    expect(runs(cron, tz, from, 3)).toEqual(expected);
  });
});

describe("a time that comes twice counts once:", () => {
  test.each<[tz: string, cron: string, from: string, expected: string[]]>([
    [
      "Europe/Berlin",
      "30 2 * * *",
      "2026-10-23T12:00Z",
      ["2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"],
    ],
    [
      "America/New_York",
      "30 1 * * *",
      "2026-10-30T12:00Z",
      ["2026-10-31T05:30Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"],
    ],
    [
      "Australia/Sydney",
      "30 2 * * *",
      "2026-04-03T00:00Z",
      ["2026-04-03T15:30Z", "2026-04-04T15:30Z", "2026-04-05T16:30Z"],
    ],
  ])("%s", (tz, cron, from, expected) => {
    expect(runs(cron, tz, from, 3)).toEqual(expected);
  });

  test("even when asked between the two", () => {
    expect(runs("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45Z", 1)).toEqual(["2026-10-26T01:30Z"]);
  });
});

describe("every hour is every hour of the clock on the wall, without a gap:", () => {
  test.each<[tz: string, from: string]>([
    ["Europe/Berlin", "2026-03-28T22:30:00Z"],
    ["Europe/Berlin", "2026-10-24T22:30:00Z"],
    ["America/New_York", "2026-03-08T04:30:00Z"],
    ["America/New_York", "2026-11-01T03:30:00Z"],
    ["Australia/Sydney", "2026-10-03T13:30:00Z"],
    ["Australia/Sydney", "2026-04-04T13:30:00Z"],
  ])("%s from %s", (tz, from) => {
    const times = nextRuns({ cron: "0 * * * *", tz }, new Date(from), 6).map((run) => run.getTime());
    expect(times.map((time) => (time - times[0]!) / 3_600_000)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("days", () => {
  test("a leap day comes every four years", () => {
    expect(runs("0 12 29 2 *", "Europe/Berlin", "2026-01-01T00:00Z", 3)).toEqual([
      "2028-02-29T11:00Z",
      "2032-02-29T11:00Z",
      "2036-02-29T11:00Z",
    ]);
    expect(runs("0 12 * * *", "UTC", "2028-02-28T00:00Z", 3)).toEqual([
      "2028-02-28T12:00Z",
      "2028-02-29T12:00Z",
      "2028-03-01T12:00Z",
    ]);
  });

  test("of the week are named", () => {
    expect(runs("0 23 * * MON-FRI", "UTC", "2026-11-20T12:00Z", 3)).toEqual([
      "2026-11-20T23:00Z",
      "2026-11-23T23:00Z",
      "2026-11-24T23:00Z",
    ]);
  });

  test("a run that is now is not the next one", () => {
    expect(runs("0 23 * * *", "UTC", "2026-11-20T23:00Z", 1)).toEqual(["2026-11-21T23:00Z"]);
  });
});

describe("a window", () => {
  const nightly: Schedule = { cron: "0 23 * * *", tz: "Europe/Berlin", for: 7 * 3_600_000 };
  const open = (schedule: Schedule, now: string) => openWindow(schedule, new Date(now))?.toISOString();

  test.each<[now: string, expected: string | undefined]>([
    ["2026-11-20T21:59:59Z", undefined],
    ["2026-11-20T22:00:00Z", "2026-11-20T22:00:00.000Z"],
    ["2026-11-21T04:59:59Z", "2026-11-20T22:00:00.000Z"],
    ["2026-11-21T05:00:00Z", undefined],
    ["2026-11-21T12:00:00Z", undefined],
  ])("at %s", (now, expected) => {
    expect(open(nightly, now)).toBe(expected);
  });

  test("that overlaps the next is the later one", () => {
    expect(open({ ...nightly, for: 30 * 3_600_000 }, "2026-11-21T23:00:00Z")).toBe(
      "2026-11-21T22:00:00.000Z",
    );
  });

  test("without a length is never found open", () => {
    expect(open({ ...nightly, for: undefined }, "2026-11-20T22:00:00Z")).toBeUndefined();
  });
});

describe("a schedule in a recipe", () => {
  const scheduleOf = (text: string) =>
    read(`version: 1\njobs:\n  a: { from: rtmp://h/l/x, record: x.flv, schedule: ${text} }\n`).jobs[0];

  test("has a zone and a length; the length is the plan's too, for whoever starts the job now", () => {
    const job = scheduleOf('{ cron: "0 23 * * *", for: 7h, tz: Asia/Tokyo }');
    expect(job?.schedule).toEqual({ cron: "0 23 * * *", tz: "Asia/Tokyo", for: 25_200_000 });
    expect(job?.plan.for).toBe(25_200_000);
  });

  test("takes the machine's zone, and its length from the job, if it says none", () => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    expect(scheduleOf('"0 23 * * *"')?.schedule).toEqual({
      cron: "0 23 * * *",
      tz: timeZone,
      for: undefined,
    });
    expect(scheduleOf('"0 23 * * *", for: 2h')?.schedule?.for).toBe(7_200_000);
  });

  test("is judged by the parser that will run it", () => {
    expect(["@daily", "*/5 8-18 * * 1,3", "0 0 1 JAN *"].map(cronProblem)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"].map(zoneProblem)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
