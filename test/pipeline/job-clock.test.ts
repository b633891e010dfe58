/** The planned end of a job, also under a wall clock that steps: timers and clocks are moved by hand. */
import { afterEach, beforeEach, expect, jest, setSystemTime, test } from "bun:test";
import { settle } from "../support/fake-clock.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource } from "../support/fake-job.ts";

const BEGIN = Date.parse("2026-05-01T23:00:00Z");
const MINUTE = 60_000;

beforeEach(() => {
  jest.useFakeTimers({ now: BEGIN });
});
afterEach(() => {
  jest.useRealTimers();
  setSystemTime();
});

/** A live job that is to end at a wall time, half an hour after it began. */
function liveJob() {
  const source = scriptedSource("played", async ({ push, stopped }) => {
    push("V1 K0 f40");
    await stopped();
    return "stopped";
  });
  const job = new FakeJob(makePlan({ until: BEGIN + 30 * MINUTE }), source, [new FakeSink("a")]);
  let ended = false;
  void job.done.then(() => (ended = true));
  return { job, ended: () => ended };
}

test("--for counts from the first media", async () => {
  const { promise: begins, resolve: begin } = Promise.withResolvers<void>();
  const source = scriptedSource("played", async ({ push, stopped }) => {
    await begins;
    push("V1 K0 f40");
    await stopped();
    return "stopped";
  });
  const job = new FakeJob(makePlan({ for: 30 }), source, [new FakeSink("a")]);
  let ended = false;
  void job.done.then(() => (ended = true));
  await settle();
  jest.advanceTimersByTime(1000);
  begin();
  await settle();
  jest.advanceTimersByTime(29);
  await settle();
  expect(ended).toBe(false);
  jest.advanceTimersByTime(1);
  const { reason, wantedMs, stopped } = await job.done;
  expect([reason, wantedMs, stopped]).toEqual(["the planned end", 30, false]);
});

test("ends at its time", async () => {
  const { ended } = liveJob();
  await settle();
  jest.advanceTimersByTime(29 * MINUTE);
  await settle();
  expect(ended()).toBe(false);
  jest.advanceTimersByTime(MINUTE);
  await settle();
  expect(ended()).toBe(true);
});

test("the clock goes ahead over it: ends within half a minute", async () => {
  const { ended } = liveJob();
  await settle();
  jest.advanceTimersByTime(MINUTE);
  setSystemTime(BEGIN + 40 * MINUTE);
  jest.advanceTimersByTime(MINUTE / 2);
  await settle();
  expect(ended()).toBe(true);
});

test("the clock goes back by ten minutes: goes on until it shows the time", async () => {
  const { ended } = liveJob();
  await settle();
  jest.advanceTimersByTime(20 * MINUTE);
  setSystemTime(BEGIN + 10 * MINUTE);
  jest.advanceTimersByTime(15 * MINUTE);
  await settle();
  expect(ended()).toBe(false);
  jest.advanceTimersByTime(6 * MINUTE);
  await settle();
  expect(ended()).toBe(true);
});
