/**
 * A scheduled job runs again and again under one pair of signals: what a run held must go with it, because that is a
 * whole GOP each time. Weak references tell which runs are still held.
 */
import { expect, test } from "bun:test";
import { runJob, type JobContext } from "../../src/pipeline/job.ts";
import { until } from "../support/ports.ts";
import { FakeSink, makePlan, scriptedSource } from "../support/fake-job.ts";

const RUNS = 200;

test("runs under the same signals leave nothing behind", async () => {
  const context: JobContext = {
    report: () => {},
    onStatus: () => {},
    stop: new AbortController().signal,
    abort: new AbortController().signal,
  };
  const held: WeakRef<FakeSink>[] = [];
  const runOnce = async (): Promise<void> => {
    const source = scriptedSource("made", ({ push }) => {
      push("V1 K0 f40 f80");
      return "the end";
    });
    const sink = new FakeSink("a");
    held.push(new WeakRef(sink));
    const { mediaMs } = await runJob(makePlan(), { source, sinks: [sink], close: () => {} }, context);
    expect(mediaMs).toBe(80);
  };
  for (let i = 0; i < RUNS; i++) await runOnce();
  const alive = (): number => {
    Bun.gc(true);
    return held.filter((one) => one.deref() !== undefined).length;
  };
  // The collector takes its time, and takes for a reference what looks like one on the stack.
  await until("most runs are forgotten", () => alive() < RUNS / 10);
});
