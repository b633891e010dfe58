/** Pacer: media time against a clock that the test moves. */
import { expect, test } from "bun:test";
import { Pacer } from "../../src/pipeline/pacer.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("the first position is due at once, whatever it is", () => {
  const clock = new FakeClock();
  clock.time = 12_345;
  expect(new Pacer(clock.now).due(9_000_000)).toBe(0);
});

test("what comes later is due when the clock gets there", () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock.now);
  pacer.due(1000);
  expect(pacer.due(1040)).toBe(40);
  clock.time = 30;
  expect(pacer.due(1040)).toBe(10);
  clock.time = 40;
  expect(pacer.due(1040)).toBe(0);
});

test("what is late, or goes back, is due at once and sets nothing anew", () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock.now);
  pacer.due(0);
  clock.time = 500;
  expect(pacer.due(100)).toBe(0);
  expect(pacer.due(600)).toBe(100);
});
