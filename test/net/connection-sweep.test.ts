/** What connections leave is collected: soon, once for all that end together, and not all the time. */
import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { ConnectionSweep } from "../../src/net/connection-sweep.ts";

let collections = 0;
let now = 0;
let spies: { mockRestore(): void }[] = [];

beforeEach(() => {
  jest.useFakeTimers();
  collections = 0;
  now = 0;
  spies = [
    spyOn(performance, "now").mockImplementation(() => now),
    spyOn(Bun, "gc").mockImplementation((force) => {
      expect(force).toBe(true);
      collections += 1;
    }),
  ];
});

afterEach(() => {
  for (const spy of spies) spy.mockRestore();
  jest.useRealTimers();
});

function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += 100) {
    now += 100;
    jest.advanceTimersByTime(100);
  }
}

test("two seconds after the first of several, once", () => {
  const sweep = new ConnectionSweep();
  sweep.connectionOver();
  pass(1900);
  sweep.connectionOver();
  expect(collections).toBe(0);
  pass(100);
  expect(collections).toBe(1);
  pass(120_000);
  expect(collections).toBe(1);
  sweep.connectionOver();
  pass(2000);
  expect(collections).toBe(2);
});

test("every five seconds at most, and behind the last one", () => {
  const sweep = new ConnectionSweep();
  for (let i = 0; i < 600; i++) {
    sweep.connectionOver();
    pass(100);
  }
  // At 2, 7, ... 57 seconds.
  expect(collections).toBe(12);
  pass(5000);
  expect(collections).toBe(13);
  pass(120_000);
  expect(collections).toBe(13);
});
