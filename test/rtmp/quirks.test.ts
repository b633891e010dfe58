import { describe, expect, test } from "bun:test";
import { ContinuationTimestamps, extendedDeltaTime, nextTimestamp } from "../../src/rtmp/quirks.ts";

const stream = {
  timestamp: 0x1000054,
  delta: 0x1000054,
  absolute: true,
  extendedValue: 0x1000054,
  active: true,
};

describe("nextTimestamp", () => {
  const cases: [name: string, timestamp: number, delta: number, absolute: boolean, expected: number][] = [
    ["V-14 a delta is repeated", 46, 23, false, 69],
    ["a large delta too", 16_778_000, 16_778_000, false, 33_556_000],
    ["V-16 a small absolute time is taken for one", 1000, 1000, true, 2000],
    ["V-16 a larger one is not", 1001, 1001, true, 1001],
    ["at 0 both readings agree", 0, 0, true, 0],
    ["V-20 it wraps", 0xfffffff0, 0x20, false, 0x10],
  ];

  test.each(cases)("%s", (_, timestamp, delta, absolute, expected) => {
    expect(nextTimestamp({ ...stream, timestamp, delta, absolute })).toBe(expected);
  });
});

describe("extendedDeltaTime", () => {
  const cases: [name: string, previous: number, value: number, expected: number][] = [
    ["V-15 a delta from 0", 0, 16_778_000, 16_778_000],
    ["V-23 a delta, modulo 2^32", 16, 0xffaabbcc, 0xffaabbdc],
    ["a delta of hours after hours", 20_000_000, 16_777_216 + 100_000, 36_877_216],
    ["SRS: the time itself, a frame later", 16_777_300, 16_777_340, 16_777_340],
    ["SRS: the time itself, a little earlier", 16_777_340, 16_777_300, 16_777_300],
    ["SRS: across 2^32", 0xfffffff0, 0x10, 0x10],
  ];

  test.each(cases)("%s", (_, previous, value, expected) => {
    expect(extendedDeltaTime(previous, value)).toBe(expected);
  });
});

describe("ContinuationTimestamps", () => {
  const answers = (values: readonly number[], active = true): boolean[] => {
    const continuations = new ContinuationTimestamps();
    return values.map((value) => continuations.repeats(value, { ...stream, active }));
  };

  test("V-18 who repeats it once is believed from then on", () => {
    expect(answers([0x1000054, 0x1000054, 7, 0])).toEqual([true, true, true, true]);
  });

  test("V-17 who leaves it out once is believed, but equal bytes are never payload by chance", () => {
    expect(answers([7, 0, 8, 0x1000054])).toEqual([false, false, false, true]);
  });

  test("V-19 who writes zeros is believed for zeros only", () => {
    expect(answers([0, 0, 7, 0])).toEqual([true, true, false, true]);
  });

  test("the absolute time counts where the header had a delta", () => {
    const continuations = new ContinuationTimestamps();
    expect(continuations.repeats(0x2000000, { ...stream, timestamp: 0x2000000 })).toBe(true);
    expect(continuations.omitted).toBe(false);
  });

  test("the beginning of a message only counts when it is equal", () => {
    expect(answers([0, 7], false)).toEqual([false, false]);
    const continuations = new ContinuationTimestamps();
    continuations.repeats(7, { ...stream, active: false });
    expect(continuations.omitted).toBe(false);
    expect(continuations.repeats(0x1000054, { ...stream, active: false })).toBe(true);
    expect(continuations.repeats(7, stream)).toBe(true);
  });

  test("a refuted guess", () => {
    const continuations = new ContinuationTimestamps();
    continuations.repeats(0, stream);
    expect(continuations.guessed).toBe(true);
    continuations.refute();
    expect([continuations.guessed, continuations.omitted]).toEqual([false, true]);
    expect(continuations.repeats(0, stream)).toBe(false);
  });
});
