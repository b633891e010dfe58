/** When a source that is made here begins: sinks that do not answer hold it up for a moment only. Timers are moved by hand. */
import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { aborted } from "../../src/pipeline/aborted.ts";
import { settle } from "../support/fake-clock.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource } from "../support/fake-job.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A sink that connects when it is told to. */
function slowSink(name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sink = new FakeSink(name);
  const run = sink.run.bind(sink);
  sink.run = async (context, signal) => {
    await Promise.race([promise, aborted(signal)]);
    return run(context, signal);
  };
  return { sink, answer: resolve };
}

const LINE = "V1 K0 f40 f80";

function made(flows?: boolean) {
  const source = scriptedSource("made", async ({ push, stopped }) => {
    push(LINE);
    await stopped();
    return "the end of the file";
  });
  return flows === undefined ? source : Object.assign(source, { flows });
}

/** Moves the clock, and lets come what comes of it. */
async function pass(ms: number): Promise<void> {
  await settle();
  jest.advanceTimersByTime(ms);
  await settle();
}

/** Stops a job, and gives its queues the moment that they take. */
async function end(job: FakeJob): Promise<void> {
  job.stop();
  await pass(1);
  await job.done;
}

test("a second behind the first sink that is ready, whatever the others do; and they miss nothing", async () => {
  const source = made();
  const [good, slow] = [new FakeSink("good"), slowSink("slow")];
  const job = new FakeJob(makePlan(), source, [slow.sink, good]);
  await pass(999);
  expect(source.runs).toBe(0);
  await pass(1);
  expect([source.runs, ...good.lines]).toEqual([1, LINE]);
  slow.answer();
  await pass(0);
  expect(slow.sink.lines).toEqual([LINE]);
  await end(job);
});

test("at once when all are ready", async () => {
  const source = made();
  const job = new FakeJob(makePlan(), source, [new FakeSink("a"), new FakeSink("b")]);
  await settle();
  expect(source.runs).toBe(1);
  job.stop();
  await job.done;
});

test.each([
  ["not before anybody is ready", makePlan(), [], false],
  [
    "with all of them where nothing may be dropped",
    makePlan({ realtime: false }),
    [new FakeSink("good")],
    false,
  ],
  ["so, too, if it is timed by its arrival", makePlan({ realtime: false }), [], true],
])("%s", async (_name, plan, others, flows) => {
  const source = made(flows);
  const slow = slowSink("slow");
  const job = new FakeJob(plan, source, [slow.sink, ...others]);
  await pass(60_000);
  expect(source.runs).toBe(0);
  slow.answer();
  await pass(0);
  expect(source.runs).toBe(1);
  await end(job);
});

test("at once if it is timed by its arrival: to wait would press it together", async () => {
  const source = made(true);
  const slow = slowSink("slow");
  const job = new FakeJob(makePlan(), source, [slow.sink]);
  await settle();
  expect(source.runs).toBe(1);
  slow.answer();
  await pass(0);
  expect(slow.sink.lines).toEqual([LINE]);
  await end(job);
});
