/** Numbers as people read them, at the borders between units. */
import { describe, expect, test } from "bun:test";
import { formatBytes, formatClock, formatDuration, formatRate, plural } from "../../src/face/format.ts";

describe("durations", () => {
  test.each([
    [-5, "0ms"],
    [0, "0ms"],
    [0.4, "0ms"],
    [850, "850ms"],
    [1000, "1s"],
    [1040, "1s"],
    [4200, "4.2s"],
    [59_949, "59.9s"],
    [59_950, "1m"],
    [60_000, "1m"],
    [108_000, "1m48s"],
    [3_599_000, "59m59s"],
    [3_599_500, "1h"],
    [3_600_000, "1h"],
    [7_080_000, "1h58m"],
    [86_369_000, "23h59m"],
    [86_399_000, "1d"],
    [86_400_000, "1d"],
    [273_600_000, "3d4h"],
    [1_209_600_000, "14d"],
  ])("%p ms is %p", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

test.each([
  [0, "00:00:00"],
  [-1, "00:00:00"],
  [999, "00:00:00"],
  [4_360_000, "01:12:40"],
  [86_400_000, "24:00:00"],
  [360_000_000, "100:00:00"],
])("the clock at %p ms is %p", (ms, text) => {
  expect(formatClock(ms)).toBe(text);
});

test.each([
  [0, "0 B"],
  [-1, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [1_048_524, "1023.9 KiB"],
  [1_048_576, "1.0 MiB"],
  [2.7 * 1024 ** 3, "2.7 GiB"],
  [1024 ** 4, "1.0 TiB"],
  [5000 * 1024 ** 4, "5000.0 TiB"],
])("%p bytes are %p", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0 kb/s"],
  [-5, "0 kb/s"],
  [128_000, "128 kb/s"],
  [999_499, "999 kb/s"],
  [999_500, "1.00 Mb/s"],
  [4_980_000, "4.98 Mb/s"],
])("%p bits a second are %p", (bits, text) => {
  expect(formatRate(bits)).toBe(text);
});

test("plural", () => {
  expect([plural(0, "gap"), plural(1, "file"), plural(2, "file")]).toEqual(["0 gaps", "1 file", "2 files"]);
});
