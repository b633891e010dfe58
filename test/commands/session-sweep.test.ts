/** What sessions leave is collected: soon, once for all that end together, and not when the program ends before. */
import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { SessionSweep } from "../../src/commands/session-sweep.ts";

let collections = 0;
let spy: { mockRestore(): void };

beforeEach(() => {
  jest.useFakeTimers();
  collections = 0;
  spy = spyOn(Bun, "gc").mockImplementation((force) => {
    expect(force).toBe(true);
    collections += 1;
  });
});

afterEach(() => {
  spy.mockRestore();
  jest.useRealTimers();
});

test("two seconds after the first of several, once, and again for the next", () => {
  using sweep = new SessionSweep();
  sweep.sessionOver();
  jest.advanceTimersByTime(1500);
  sweep.sessionOver();
  expect(collections).toBe(0);
  jest.advanceTimersByTime(500);
  expect(collections).toBe(1);
  jest.advanceTimersByTime(60_000);
  expect(collections).toBe(1);
  sweep.sessionOver();
  jest.advanceTimersByTime(2000);
  expect(collections).toBe(2);
});

test("a program that ends collects nothing more", () => {
  {
    using sweep = new SessionSweep();
    sweep.sessionOver();
  }
  jest.advanceTimersByTime(60_000);
  expect(collections).toBe(0);
});
