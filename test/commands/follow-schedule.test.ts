/**
 * Schedules through whole days on a clock that is moved by hand: both changes of daylight saving time, a leap day, clocks
 * that step, machines that sleep, runs that take too long. All times that come out are UTC.
 */
import { describe, expect, test } from "bun:test";
import { followSchedule } from "../../src/commands/follow-schedule.ts";
import type { Schedule } from "../../src/recipe/schedule.ts";
import { follow } from "../support/fake-schedule.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

const schedule = (cron: string, tz: string, hours?: number): Schedule => ({
  cron,
  tz,
  for: hours === undefined ? undefined : hours * HOUR,
});

/** Minutes only: a timer wakes a ms after the minute. */
const begins = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith("begin")).map((line) => line.slice(6, 22));

describe("daylight saving time", () => {
  test.each<[string, Schedule, string, string, string[]]>([
    [
      "Berlin in spring, a time that is skipped: at the same distance from midnight",
      schedule("30 2 * * *", "Europe/Berlin", 1),
      "2026-03-28T00:00Z",
      "2026-03-30T12:00Z",
      ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"],
    ],
    [
      "Berlin in autumn, a time that comes twice: once",
      schedule("30 2 * * *", "Europe/Berlin", 1),
      "2026-10-24T00:00Z",
      "2026-10-26T12:00Z",
      ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"],
    ],
    [
      "New York in spring",
      schedule("30 2 * * *", "America/New_York"),
      "2026-03-07T00:00Z",
      "2026-03-09T12:00Z",
      ["2026-03-07 07:30", "2026-03-08 07:30", "2026-03-09 06:30"],
    ],
    [
      "New York in autumn",
      schedule("30 1 * * *", "America/New_York"),
      "2026-10-31T00:00Z",
      "2026-11-02T12:00Z",
      ["2026-10-31 05:30", "2026-11-01 05:30", "2026-11-02 06:30"],
    ],
    [
      "Lord Howe in spring, by half an hour",
      schedule("15 2 * * *", "Australia/Lord_Howe"),
      "2026-10-02T12:00Z",
      "2026-10-05T00:00Z",
      ["2026-10-02 15:45", "2026-10-03 15:45", "2026-10-04 15:15"],
    ],
    [
      "Lord Howe in autumn",
      schedule("45 1 * * *", "Australia/Lord_Howe"),
      "2026-04-03T12:00Z",
      "2026-04-06T00:00Z",
      ["2026-04-03 14:45", "2026-04-04 14:45", "2026-04-05 15:15"],
    ],
    [
      "every hour means every hour, in autumn too",
      schedule("0 * * * *", "Europe/Berlin"),
      "2026-10-24T23:30Z",
      "2026-10-25T03:30Z",
      ["2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 03:00"],
    ],
    [
      "a leap day",
      schedule("0 12 29 2 *", "Europe/Berlin"),
      "2028-02-28T00:00Z",
      "2028-03-02T00:00Z",
      ["2028-02-29 11:00"],
    ],
  ])("%s", async (_name, plan, from, to, expected) => {
    const lines = await follow(plan, { from, to });
    expect(begins(lines)).toEqual(expected);
    expect(lines).toHaveLength(expected.length);
  });

  test("a window is as long as it says across a change", async () => {
    const lines = await follow(schedule("0 23 * * *", "Europe/Berlin", 7), {
      from: "2026-10-24T20:00Z",
      to: "2026-10-25T12:00Z",
    });
    expect(lines).toEqual(["begin 2026-10-24 21:00 until 2026-10-25 04:00"]);
  });
});

describe("a clock that steps", () => {
  const nightly = schedule("0 23 * * *", "UTC", 7);
  const nightlyOnce = schedule("0 23 * * *", "UTC");

  test("forwards over a beginning whose window is open: begins late, for the rest", async () => {
    const steps = [{ at: "2026-05-01T20:00Z", to: "2026-05-02T01:00Z" }];
    const lines = await follow(nightly, { from: "2026-05-01T19:00Z", to: "2026-05-02T12:00Z", steps });
    expect(lines).toEqual([
      "stepped 300m",
      "begin 2026-05-02 01:00 late for 2026-05-01 23:00 until 2026-05-02 06:00",
    ]);
  });

  test("forwards over a whole window: it was missed", async () => {
    const steps = [{ at: "2026-05-01T20:00Z", to: "2026-05-04T12:00Z" }];
    const lines = await follow(nightly, { from: "2026-05-01T19:00Z", to: "2026-05-04T20:00Z", steps });
    expect(lines).toEqual(["stepped 3840m", "missed 2026-05-01 23:00 +2"]);
  });

  test("forwards over a beginning without a window: late by a minute is as good as on time", async () => {
    const steps = [{ at: "2026-05-01T22:59Z", to: "2026-05-01T23:01Z" }];
    const lines = await follow(nightlyOnce, { from: "2026-05-01T22:00Z", to: "2026-05-02T12:00Z", steps });
    expect(lines).toEqual(["stepped 2m", "begin 2026-05-01 23:01 late for 2026-05-01 23:00"]);
  });

  test("forwards by an hour over a beginning without a window: missed", async () => {
    const steps = [{ at: "2026-05-01T22:30Z", to: "2026-05-01T23:30Z" }];
    const lines = await follow(nightlyOnce, { from: "2026-05-01T22:00Z", to: "2026-05-02T12:00Z", steps });
    expect(lines).toEqual(["stepped 60m", "missed 2026-05-01 23:00 +0"]);
  });

  test("back over a beginning: it is not repeated", async () => {
    const steps = [{ at: "2026-05-01T23:30Z", to: "2026-05-01T22:30Z" }];
    const lines = await follow(nightlyOnce, { from: "2026-05-01T22:00Z", to: "2026-05-02T12:00Z", steps });
    expect(lines.filter((line) => !line.startsWith("stepped"))).toHaveLength(1);
    expect(lines).toContain("stepped -60m");
  });

  test("back by years, because it was wrong before: what it showed then counts for nothing", async () => {
    const steps = [{ at: "2031-01-01T23:30Z", to: "2026-05-01T23:10Z" }];
    const lines = await follow(nightly, {
      from: "2031-01-01T22:00Z",
      to: "2026-05-02T07:00Z",
      steps,
      takes: () => 10 * MINUTE,
    });
    expect(lines[0]).toBe("begin 2031-01-01 23:00 until 2031-01-02 06:00");
    expect(lines[1]).toMatch(/^stepped -/);
    expect(lines[2]).toBe("begin 2026-05-01 23:10 late for 2026-05-01 23:00 until 2026-05-02 06:00");
    expect(lines).toHaveLength(3);
  });

  test("a little, as time servers make it do: nobody is told", async () => {
    const steps = [{ at: "2026-05-01T22:30:00Z", to: "2026-05-01T22:30:40Z" }];
    const lines = await follow(nightlyOnce, { from: "2026-05-01T22:00Z", to: "2026-05-02T12:00Z", steps });
    expect(begins(lines)).toEqual(["2026-05-01 23:00"]);
    expect(lines).toHaveLength(1);
  });
});

describe("a machine that was off or asleep", () => {
  const nightly = schedule("0 23 * * *", "UTC", 7);

  test("is switched on within the window: the rest of it is recorded", async () => {
    const lines = await follow(nightly, { from: "2026-05-02T02:30Z", to: "2026-05-02T12:00Z" });
    expect(lines).toEqual(["begin 2026-05-02 02:30 late for 2026-05-01 23:00 until 2026-05-02 06:00"]);
  });

  test("is switched on after the window: nothing", async () => {
    expect(await follow(nightly, { from: "2026-05-02T06:00Z", to: "2026-05-02T12:00Z" })).toEqual([]);
  });

  test("slept over the beginning", async () => {
    const asleep = { from: "2026-05-01T21:00Z", to: "2026-05-02T05:00Z" };
    const lines = await follow(nightly, { from: "2026-05-01T19:00Z", to: "2026-05-02T12:00Z", asleep });
    expect(lines.at(-1)).toBe("begin 2026-05-02 05:00 late for 2026-05-01 23:00 until 2026-05-02 06:00");
  });
});

describe("runs that meet", () => {
  test("one that is still going is not doubled, and this is said", async () => {
    const lines = await follow(schedule("0 * * * *", "UTC"), {
      from: "2026-05-01T00:30Z",
      to: "2026-05-01T04:30Z",
      takes: () => 90 * MINUTE,
    });
    expect(begins(lines)).toEqual(["2026-05-01 01:00", "2026-05-01 03:00"]);
    expect(lines.filter((line) => line.startsWith("overlap"))).toEqual([
      "overlap 2026-05-01 02:00",
      "overlap 2026-05-01 04:00",
    ]);
  });

  test("windows that overlap: the first one goes on, the second is left out", async () => {
    const lines = await follow(schedule("0 * * * *", "UTC", 1.5), {
      from: "2026-05-01T00:45Z",
      to: "2026-05-01T03:30Z",
    });
    expect(lines.slice(1)).toEqual([
      "overlap 2026-05-01 01:00",
      "begin 2026-05-01 02:00 until 2026-05-01 03:30",
      "overlap 2026-05-01 03:00",
    ]);
  });

  test("hour after hour without a break: each waits until the one before has finished its files", async () => {
    const lines = await follow(schedule("0 * * * *", "UTC", 1), {
      from: "2026-05-01T00:00:01Z",
      to: "2026-05-01T03:30Z",
      takes: ({ at, until }) => until! - Math.max(at, Date.parse("2026-05-01T00:00:01Z")) + 1500,
    });
    expect(begins(lines)).toEqual([
      "2026-05-01 00:00",
      "2026-05-01 01:00",
      "2026-05-01 02:00",
      "2026-05-01 03:00",
    ]);
    expect(lines).toHaveLength(4);
  });

  test("one that fails early is not begun again within its window", async () => {
    const lines = await follow(schedule("0 23 * * *", "UTC", 7), {
      from: "2026-05-01T22:00Z",
      to: "2026-05-02T22:00Z",
      takes: () => MINUTE,
    });
    expect(begins(lines)).toEqual(["2026-05-01 23:00"]);
  });

  test("several jobs know nothing of each other", async () => {
    const days = { from: "2026-05-01T00:30Z", to: "2026-05-01T03:31Z" };
    const [slow, quick] = await Promise.all([
      follow(schedule("0 * * * *", "UTC"), { ...days, takes: () => 10 * HOUR }),
      follow(schedule("30 * * * *", "UTC"), days),
    ]);
    expect(begins(slow)).toHaveLength(1);
    expect(begins(quick)).toEqual(["2026-05-01 01:30", "2026-05-01 02:30", "2026-05-01 03:30"]);
  });

  test("a stop ends it at once", async () => {
    expect(
      await follow(schedule("0 0 * * *", "UTC"), { from: "2026-05-01T12:00Z", to: "2026-05-01T12:00Z" }),
    ).toEqual([]);
  });
});

test("a run that goes on for months collects nothing from the looks at the clock", async () => {
  const stop = new AbortController();
  const run = Promise.withResolvers<void>();
  const events: (Promise<unknown> | undefined)[] = [];
  let wall = Date.parse("2026-03-28T00:00Z");
  await followSchedule(schedule("0 * * * *", "UTC"), {
    stop: stop.signal,
    clocks: () => ({ wall, steady: wall }),
    sleep: async (event, ms) => {
      wall += ms;
      events.push(event);
      if (events.length < 500) return;
      run.resolve();
      stop.abort();
    },
    begin: () => run.promise,
    say: () => {},
    idle: () => {},
  });
  const during = events.filter((event) => event !== undefined);
  expect(during.length).toBeGreaterThan(300);
  // One promise for each sleep: what is hung on it goes with it.
  expect(new Set(during).size).toBe(during.length);
});
