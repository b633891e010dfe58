/** The planned end of a job, also under a wall clock that steps: timers and clocks are moved by hand. */
import { afterEach, beforeEach, expect, jest, setSystemTime, test } from "bun:test";
import { settle } from "../support/fake-clock.ts";
import { TransportError } from "../../src/errors.ts";
import type { JobReport } from "../../src/pipeline/report.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource, type Session } from "../support/fake-job.ts";

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

test("a source that was live is asked three times before it is given up, however long the waits are", async () => {
  const unreachable = new TransportError("connection refused", "refused");
  const short: Session = ({ push }) => {
    push("K0 f40");
    throw new TransportError("connection reset", "reset");
  };
  const gone: Session = () => {
    throw unreachable;
  };
  // After as many short sessions the wait is as long as the patience.
  const source = scriptedSource("played", ...Array.from({ length: 9 }, () => short), gone);
  const job = new FakeJob(makePlan({ retry: { min: 1000, max: MINUTE } }), source, [new FakeSink("a")]);
  let report: JobReport | undefined;
  void job.done.then((done) => (report = done));
  for (let minutes = 0; report === undefined && minutes < 60; minutes++) {
    jest.advanceTimersByTime(MINUTE);
    await settle();
  }
  expect(report?.sourceError).toBe(unreachable);
  expect(source.runs).toBe(9 + 3);
});
