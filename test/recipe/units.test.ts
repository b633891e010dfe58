/** Durations and times of day: what is understood, and what is said of the rest. */
import { describe, expect, test } from "bun:test";
import { isProblem, parseDuration, parseUntil } from "../../src/recipe/units.ts";

describe("parseDuration", () => {
  test.each([
    ["250ms", 250],
    ["0s", 0],
    ["15s", 15_000],
    ["1.5s", 1500],
    ["0.0004s", 0],
    ["30m", 1_800_000],
    ["7h", 25_200_000],
    ["14d", 1_209_600_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    [" 5s ", 5000],
    ["5 s", 5000],
  ])("%p is %p ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["15", "1.5", " 7 "])("%p has no unit, and two are suggested", (text) => {
    const n = text.trim();
    expect(parseDuration(text)).toEqual({
      value: text,
      what: "has no unit",
      instead: `write ${n}s for seconds or ${n}m for minutes`,
    });
  });

  test.each(["", "s", "five", "-5s", "5sec", "5S", "1h 30m", "1h30", "5s!", "x5s", "1.h", "∞", "5s5"])(
    "%p is none",
    (text) => {
      expect(parseDuration(text)).toEqual({
        value: text,
        what: "is no duration",
        instead: "write one such as 250ms, 15s, 30m, 7h or 14d",
      });
    },
  );
});

describe("parseUntil", () => {
  const NOW = new Date(2026, 10, 20, 14, 30, 0);
  const local = (...parts: [number, number, number, number, number, number?]): number =>
    new Date(...(parts as [number, number, number, number, number, number])).getTime();

  test.each([
    ["15:00", local(2026, 10, 20, 15, 0)],
    ["14:30:01", local(2026, 10, 20, 14, 30, 1)],
    ["14:30", local(2026, 10, 21, 14, 30)],
    ["06:00", local(2026, 10, 21, 6, 0)],
    ["6:00", local(2026, 10, 21, 6, 0)],
    ["00:00", local(2026, 10, 21, 0, 0)],
    ["23:59:59", local(2026, 10, 20, 23, 59, 59)],
    ["2026-11-20T15:00", local(2026, 10, 20, 15, 0)],
    ["2026-11-20 15:00", local(2026, 10, 20, 15, 0)],
    ["2027-01-01T00:00", local(2027, 0, 1, 0, 0)],
    ["2026-12-31T23:00:00Z", Date.UTC(2026, 11, 31, 23)],
  ])("%p", (text, ms) => {
    expect(parseUntil(text, NOW)).toBe(ms);
  });

  test("the last day of a month ends in the next one", () => {
    expect(parseUntil("06:00", new Date(2026, 1, 28, 7, 0))).toBe(local(2026, 2, 1, 6, 0));
  });

  test.each(["24:00", "12:60", "12:00:60", "noon", "", "6", "2026-13-01T00:00", "2026-11-20", "25:00"])(
    "%p is none",
    (text) => {
      expect(parseUntil(text, NOW)).toEqual({
        value: text,
        what: "is no time",
        instead: "write one such as 06:00 or 2026-11-20T06:00",
      });
    },
  );

  test("a date that is over is said so", () => {
    expect(parseUntil("2026-11-20T14:30", NOW)).toEqual({
      value: "2026-11-20T14:30",
      what: "is over",
      instead: "write a time to come",
    });
  });
});

test("isProblem tells a problem from a value", () => {
  expect([
    isProblem({ value: "x", what: "is y", instead: "write z" }),
    isProblem(5),
    isProblem(undefined),
    isProblem(null),
  ]).toEqual([...[true, false, false, false]]);
});
