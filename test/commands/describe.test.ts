/** Plans in words, as --dry-run prints them: where media goes, and what else was asked for. */
import { expect, test } from "bun:test";
import { describePlan } from "../../src/commands/describe.ts";
import { formatExactTime } from "../../src/commands/calendar.ts";
import { localZone } from "../../src/recipe/schedule.ts";
import { planOf } from "../support/command-line.ts";

const six = formatExactTime(new Date(2026, 10, 21, 6, 0, 0).getTime(), localZone());

test.each<[line: string, ...rules: string[]]>([
  ["-o a.flv"],
  ["-o a.flv --for 90m", "for: 1h30m"],
  ["-o a.flv --stop 90", "for: 1m30s"],
  ["-o a.flv --until 06:00", `until: ${six}`],
  ["-o a.flv --wait 5m", "wait: 5m"],
  ["-o a.flv --follow", "follow: every session, until the end that is planned or a signal"],
  ["-o a.flv --segment 1h", "segment: 1h"],
  ["-o a.flv --segment 30m --align clock --join 2s", "segment: 30m, on the clock", "join: 2s"],
  ["-o a_{time}.flv --segment 1h --keep-age 14d", "segment: 1h", "keep: for 14d"],
  [
    "-o a_{time}.flv --segment 1h --keep-age 14d --keep-size 200GiB --keep-free 5GiB",
    "segment: 1h",
    "keep: for 14d, at most 200GiB, while 5GiB are free",
  ],
])("pull %s", (flags, ...rules) => {
  const [, , ...rest] = describePlan(planOf(`pull rtmp://h/live/cam ${flags}`));
  expect(rest).toEqual(rules.map((rule) => `  ${rule}`));
});

test("the date of --until is the one that was understood", () => {
  expect(six).toStartWith("Sat 2026-11-21 06:00:00 ");
});

test("what is sent has no rules for recordings", () => {
  expect(describePlan(planOf("relay rtmp://h/live/cam rtmp://d/app/KEY --for 2h"))).toEqual([
    "relay rtmp://h/live/cam",
    "  to d: rtmp://d/app/***",
    "  for: 2h",
  ]);
});
