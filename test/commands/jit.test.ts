/** When the compiler is told that the beginning is over: once, and not before there is media. */
import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { compileWhenWarm } from "../../src/commands/jit.ts";

const MIB = 2 ** 20;
let policies: number[] = [];
let spy: { mockRestore(): void };

beforeEach(() => {
  jest.useFakeTimers();
  policies = [];
  spy = spyOn(Bun.unsafe, "setJITPolicy").mockImplementation((scale) => void policies.push(scale));
});

afterEach(() => {
  spy.mockRestore();
  jest.useRealTimers();
});

test("with enough media the compiler is less reluctant, and is told once", () => {
  let bytes = 0;
  using _warmUp = compileWhenWarm(() => bytes);
  jest.advanceTimersByTime(60_000);
  bytes = 2 * MIB - 1;
  jest.advanceTimersByTime(60_000);
  expect(policies).toEqual([]);
  bytes = 2 * MIB;
  jest.advanceTimersByTime(60_000);
  expect(policies).toEqual([5]);
});

test("a job that ends before that tells it nothing", () => {
  {
    using _warmUp = compileWhenWarm(() => 2 * MIB);
  }
  jest.advanceTimersByTime(60_000);
  expect(policies).toEqual([]);
});
