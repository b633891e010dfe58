/**
 * runJob when the source is away for longer than `grace`: one episode ends and the next begins, and a sink that is still
 * busy with the first loses nothing of the second, however soon the job is stopped.
 */
import { describe, expect, test } from "bun:test";
import { TransportError } from "../../src/errors.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource, type Session } from "../support/fake-job.ts";
import { until } from "../support/ports.ts";

const LINE = "V1 A1 K0 a0 f40";
const LOST = new TransportError("connection reset", "reset");

/** A source whose sessions push what they are told and end when they are told, as publishers do. */
function publishers() {
  const controls = { push: (_line: string): void => {}, end: (): void => {}, sessions: 0 };
  const session: Session = async ({ push, stopped }) => {
    const over = Promise.withResolvers<string>();
    controls.push = push;
    controls.end = () => over.reject(LOST);
    controls.sessions += 1;
    push(LINE);
    return Promise.race([over.promise, stopped().then(() => "stopped")]);
  };
  return { source: scriptedSource("awaited", session), controls };
}

/** A job with a sink that is busy with the first episode while `episodes` more have come and gone; the last is live. */
async function busy(sink: FakeSink, episodes: number) {
  const { source, controls } = publishers();
  const job = new FakeJob(makePlan({ grace: 1 }), source, [sink]);
  await until("it is live", () => sink.sessions.length === 1);
  for (let n = 1; n <= episodes; n++) {
    const counters = job.status!.counters;
    controls.end();
    await until("the next episode", () => job.status!.counters !== counters && controls.sessions > n);
    controls.push(`f${n * 100}`);
  }
  return { job, controls };
}

/** Takes packets until the job is over. */
async function takingUntilDone(sink: FakeSink, job: FakeJob) {
  const timer = setInterval(() => sink.take(1), 1);
  const report = await job.done;
  clearInterval(timer);
  return report;
}

describe.each(["file", "rtmp"] as const)("a sink (%s) that is busy with an episode that is over", (kind) => {
  test("gets the next one when the job is stopped at that moment", async () => {
    const sink = new FakeSink("a", { kind, manual: true });
    const { job } = await busy(sink, 1);
    expect(sink.lines).toEqual([""]);
    job.stop();
    await takingUntilDone(sink, job);
    expect(sink.lines).toEqual([LINE, `${LINE} f100`]);
    expect(job.of("drop")).toEqual([]);
  });

  test("gets each of those that came and went meanwhile", async () => {
    const sink = new FakeSink("a", { kind, manual: true });
    const { job } = await busy(sink, 3);
    job.stop();
    await takingUntilDone(sink, job);
    expect(sink.lines).toEqual([LINE, `${LINE} f100`, `${LINE} f200`, `${LINE} f300`]);
  });

  test("goes on live when it has caught up", async () => {
    const sink = new FakeSink("a", { kind, manual: true });
    const { job, controls } = await busy(sink, 2);
    const timer = setInterval(() => sink.take(1), 1);
    await until("the third episode", () => sink.sessions.length === 3 && sink.lines[2]!.endsWith("f200"));
    controls.push("f240");
    await until("what is live", () => sink.lines[2]!.endsWith("f240"));
    clearInterval(timer);
    job.stop();
    await takingUntilDone(sink, job);
    expect(sink.lines).toEqual([LINE, `${LINE} f100`, `${LINE} f200 f240`]);
  });

  test("is given a few of them, and says what it lost", async () => {
    const sink = new FakeSink("a", { kind, manual: true });
    const { job } = await busy(sink, 6);
    job.stop();
    const report = await takingUntilDone(sink, job);
    expect(sink.lines).toEqual([LINE, ...[300, 400, 500, 600].map((at) => `${LINE} f${at}`)]);
    expect(report.status.sinks[0]!.lost.packets).toBe(12);
  });

  test("is not given any of them when the job is aborted", async () => {
    const sink = new FakeSink("a", { kind, manual: true });
    const { job } = await busy(sink, 2);
    job.abort();
    await job.done;
    expect(sink.lines).toEqual([""]);
  });
});
