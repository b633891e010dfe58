/**
 * runJob and its sinks: one that fails or is slow is felt by nobody else, the end empties queues, a source that can
 * wait loses nothing. Source and sinks are in memory; see support/fake-job.ts.
 */
import { afterEach, describe, expect, jest, test } from "bun:test";
import { DiskError, RemoteError, TAKEN_BACK, TransportError } from "../../src/errors.ts";
import type { QueueLimits } from "../../src/pipeline/queue.ts";
import { settle } from "../support/fake-clock.ts";
import {
  FakeJob,
  FakeSink,
  makePlan,
  runFakeJob,
  scriptedSource,
  type Session,
} from "../support/fake-job.ts";
import { until } from "../support/ports.ts";

afterEach(() => {
  jest.useRealTimers();
});

const LOST = new TransportError("connection reset", "reset");
const UNREACHABLE = new TransportError("connection refused", "refused");
const REFUSED = new RemoteError("no", { code: "NetStream.Publish.BadName", refusal: "name" });
const HUNG_UP = new RemoteError("the server hung up", { code: TAKEN_BACK, refusal: "name" });
const FULL = new DiskError("the disk is full", { path: "x", code: "ENOSPC" });
const times = (count: number, error: unknown): unknown[] => Array.from({ length: count }, () => error);

const LINE = "V1 A1 K0 a0 f40";

/** Plays until the job stops it; `next` pushes more. */
function liveSource() {
  const controls = { push: (_line: string): void => {}, end: (): void => {} };
  const session: Session = async ({ push, stopped }) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    controls.push = push;
    controls.end = () => resolve("the end");
    push(LINE);
    return Promise.race([promise, stopped().then(() => "stopped")]);
  };
  return { source: scriptedSource("played", session), controls };
}

/** Waits for the end of a job while a slow sink takes one packet after the other. */
async function takingFrom(sink: FakeSink, job: FakeJob) {
  const timer = setInterval(() => sink.take(1), 1);
  const report = await job.done;
  clearInterval(timer);
  return report;
}

describe("all sinks without hope end the job", () => {
  test.each([
    ["refused", [REFUSED], 1],
    ["not reached three times", times(3, UNREACHABLE), 3],
    ["a disk that is full", [FULL], 1],
    ["a bug of ours", [new Error("oops")], 1],
  ])("%s", async (_name, failures, attempts) => {
    const sinks = [new FakeSink("a", { failures }), new FakeSink("b", { failures })];
    const { source } = liveSource();
    const { report, job } = await runFakeJob(makePlan(), source, sinks);
    expect(sinks.map((sink) => sink.attempts)).toEqual([attempts, attempts]);
    // Whoever is the last does not say that it will try again.
    const last = job.events.filter((event) => event.event === "retry" || event.event === "failed").at(-1);
    expect(last?.event).toBe("failed");
    expect(report.status.sinks.map(({ state }) => state)).toContain("failed");
    expect(report.stopped).toBe(false);
    for (const status of report.status.sinks) {
      expect(status).toMatchObject({ hopeless: true, everLive: false, error: failures[0] });
    }
  });

  test("also before a made source has begun", async () => {
    const source = scriptedSource("made", () => "the end");
    const sinks = [new FakeSink("a", { failures: [REFUSED] })];
    const { report, job } = await runFakeJob(makePlan(), source, sinks);
    expect([source.runs, report.mediaMs]).toEqual([0, 0]);
    expect(job.of("retry")).toEqual([]);
    expect(job.of("failed")).toEqual([{ event: "failed", name: "a", error: REFUSED.message }]);
  });

  test("hope that comes back is hope", async () => {
    const { source, controls } = liveSource();
    const sinks = [new FakeSink("a"), new FakeSink("b", { failures: times(5, UNREACHABLE) })];
    const job = new FakeJob(makePlan(), source, sinks);
    await until("b is live", () => sinks[1]!.sessions.length === 1);
    expect(job.status?.sinks[1]).toMatchObject({ hopeless: false, state: "live", error: undefined });
    controls.end();
    expect((await job.done).reason).toBe("the end");
  });
});

describe("one sink is not felt by another:", () => {
  test("refused", async () => {
    const { source, controls } = liveSource();
    const [good, bad] = [new FakeSink("good"), new FakeSink("bad", { failures: times(999, REFUSED) })];
    const job = new FakeJob(makePlan(), source, [good, bad]);
    await until("it is refused", () => job.status?.sinks[1]?.hopeless);
    controls.push("f80");
    controls.end();
    const report = await job.done;
    expect(good.lines).toEqual([`${LINE} f80`]);
    expect(report.status.sinks.map((sink) => sink.everLive)).toEqual([true, false]);
  });

  test("a recording whose disk is full", async () => {
    const { source, controls } = liveSource();
    const file = new FakeSink("file", { kind: "file", failures: [FULL] });
    const good = new FakeSink("good");
    const job = new FakeJob(makePlan(), source, [file, good]);
    await until("it is live", () => good.sessions.length === 1);
    controls.end();
    const report = await job.done;
    expect(good.lines).toEqual([LINE]);
    expect(report.status.sinks[0]).toMatchObject({ state: "failed", error: FULL });
    expect(job.of("failed").map((event) => event.name)).toEqual(["file"]);
  });

  test("one that throws while it is woken", async () => {
    const { source, controls } = liveSource();
    const fault = new Error("a sink's bug");
    let broken = false;
    const bad = new FakeSink("bad", {
      onReady: () => {
        if (broken) throw fault;
      },
    });
    const good = new FakeSink("good");
    const job = new FakeJob(makePlan(), source, [bad, good]);
    await until("both are live", () => bad.sessions.length + good.sessions.length === 2);
    broken = true;
    controls.push("f80 K120");
    await until("it has failed", () => job.of("failed").length > 0);
    controls.push("f160");
    controls.end();
    const report = await job.done;
    expect(good.lines).toEqual([`${LINE} f80 K120 f160`]);
    expect(report.status.sinks[0]).toMatchObject({ state: "failed", error: fault });
  });

  test("one that is slow skips, and says what it lost", async () => {
    const { source, controls } = liveSource();
    const limits: QueueLimits = { bytes: 85, ms: Infinity, policy: "skip" };
    const [slow, good] = [new FakeSink("slow", { manual: true, limits }), new FakeSink("good")];
    const job = new FakeJob(makePlan(), source, [slow, good]);
    await until("both are live", () => slow.sessions.length + good.sessions.length === 2);
    slow.take(3);
    controls.push("f80 f120 f160 K200 f240");
    slow.take(Infinity);
    controls.end();
    const report = await takingFrom(slow, job);
    expect(slow.lines).toEqual(["V1 A1 K0 V1 A1 K200 f240"]);
    expect(good.lines).toEqual([`${LINE} f80 f120 f160 K200 f240`]);
    expect(job.of("drop")).toEqual([{ event: "drop", name: "slow", packets: 5, ms: 200 }]);
    expect(report.status.sinks[0]!.lost).toMatchObject({ packets: 5, ms: 200 });
  });
});

describe("a sink that is lost", () => {
  test("comes back and begins with headers and the current GOP", async () => {
    const { source, controls } = liveSource();
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan(), source, [sink]);
    await until("live", () => sink.sessions.length === 1);
    controls.push("K80 f120");
    sink.lose(LOST);
    await until("live again", () => sink.sessions.length === 2);
    controls.push("f160");
    controls.end();
    const report = await job.done;
    expect(sink.lines).toEqual([`${LINE} K80 f120`, "V1 A1 K80 f120 f160"]);
    expect(report.status.sinks[0]).toMatchObject({ everLive: true, state: "done", error: undefined });
    expect(report.status.sinks[0]!.downMs).toBeGreaterThan(0);
    expect(job.of("retry")).toMatchObject([{ name: "a", error: LOST.message, attempts: 1 }]);
    expect(job.of("drop")).toEqual([]);
  });

  test("and waits when the source ends is not waited for", async () => {
    const { source, controls } = liveSource();
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan({ retry: { min: 60_000, max: 60_000 } }), source, [sink]);
    await until("live", () => sink.sessions.length === 1);
    sink.lose(LOST);
    await until("it waits", () => job.status?.sinks[0]?.state === "waiting");
    expect(job.status?.sinks[0]?.retry).toMatchObject({ number: 1 });
    controls.end();
    const report = await job.done;
    expect(report.status.sinks[0]).toMatchObject({ everLive: true, error: LOST });
  });

  test("right after it was accepted because it was refused was never live", async () => {
    const { source, controls } = liveSource();
    const sink = new FakeSink("a");
    const other = new FakeSink("b");
    const job = new FakeJob(makePlan({ retry: { min: 60_000, max: 60_000 } }), source, [sink, other]);
    await until("live", () => sink.sessions.length === 1);
    sink.lose(REFUSED);
    await until("without hope", () => job.status?.sinks[0]?.hopeless);
    controls.end();
    const report = await job.done;
    expect(report.status.sinks[0]).toMatchObject({ everLive: false, error: REFUSED });
  });

  test("right after it was accepted is asked about the third time, if it was never live for longer", async () => {
    const { source, controls } = liveSource();
    const [sink, other] = [new FakeSink("a"), new FakeSink("b")];
    const job = new FakeJob(makePlan(), source, [sink, other]);
    for (let n = 1; n <= 4; n++) {
      await until("live", () => sink.sessions.length === n && job.status?.sinks[0]?.state === "live");
      sink.lose(HUNG_UP);
      await until("it is told", () => job.of("retry").length === n);
    }
    await until("live", () => sink.sessions.length === 5);
    controls.end();
    await job.done;
    const asks = job.of("retry").map((event) => /is the stream key right/.test(event.error));
    expect(asks).toEqual([false, false, true, true]);
  });

  test("right after it was accepted, three times, is asked about by the only one, too", async () => {
    const { source } = liveSource();
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan(), source, [sink]);
    for (let n = 1; n <= 3; n++) {
      await until("live", () => sink.sessions.length === n && job.status?.sinks[0]?.state === "live");
      sink.lose(HUNG_UP);
    }
    await job.done;
    expect(job.of("failed")).toMatchObject([{ error: expect.stringContaining("is the stream key right") }]);
  });

  test("right after it was accepted is only lost, if it was live before", async () => {
    const { source, controls } = liveSource();
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan(), source, [sink]);
    for (const [n, error] of [LOST, ...times(6, HUNG_UP)].entries()) {
      await until("live", () => sink.sessions.length === n + 1 && job.status?.sinks[0]?.state === "live");
      sink.lose(error);
      await until("it is told", () => job.of("retry").length === n + 1);
      expect(job.status?.sinks[0]).toMatchObject({ hopeless: false, everLive: true });
    }
    await until("live", () => sink.sessions.length === 8);
    controls.end();
    await job.done;
    expect(job.of("retry").filter((event) => /key/.test(event.error))).toEqual([]);
  });
});

describe("the end", () => {
  test("of the source lets queues empty", async () => {
    const { source, controls } = liveSource();
    const sink = new FakeSink("a", { manual: true });
    const job = new FakeJob(makePlan(), source, [sink]);
    await until("live", () => sink.sessions.length === 1);
    controls.end();
    await settle();
    expect(job.status?.sinks[0]?.state).toBe("live");
    sink.take(Infinity);
    await job.done;
    expect(sink.lines).toEqual([LINE]);
  });

  test("by a stop lets queues empty too", async () => {
    const { source } = liveSource();
    const sink = new FakeSink("a", { manual: true });
    const job = new FakeJob(makePlan(), source, [sink]);
    await until("live", () => sink.sessions.length === 1);
    job.stop();
    await settle();
    sink.take(Infinity);
    const report = await job.done;
    expect([report.reason, report.stopped]).toEqual(["stopped", true]);
    expect(sink.lines).toEqual([LINE]);
  });

  test("by a stop waits two seconds for a sink that takes nothing", async () => {
    const { source } = liveSource();
    const [stuck, good] = [new FakeSink("stuck", { manual: true }), new FakeSink("good")];
    const job = new FakeJob(makePlan(), source, [stuck, good]);
    await until("live", () => stuck.sessions.length + good.sessions.length === 2);
    let over = false;
    void job.done.then(() => (over = true));
    jest.useFakeTimers();
    job.stop();
    await settle();
    jest.advanceTimersByTime(1999);
    await settle();
    expect(over).toBe(false);
    jest.advanceTimersByTime(1);
    await job.done;
    expect([stuck.lines, good.lines]).toEqual([[""], [LINE]]);
  });

  test("by an abort comes at once", async () => {
    const { source } = liveSource();
    const stuck = new FakeSink("stuck", { manual: true });
    const job = new FakeJob(makePlan(), source, [stuck]);
    await until("live", () => stuck.sessions.length === 1);
    // No time passes.
    jest.useFakeTimers();
    job.stop();
    job.abort();
    await job.done;
    expect(stuck.lines).toEqual([""]);
  });

  test("of a stream so short that its sink has only begun to connect does not lose it", async () => {
    const source = scriptedSource("played", ({ push }) => {
      push(LINE);
      return "the end";
    });
    const sink = new FakeSink("a");
    await runFakeJob(makePlan(), source, [sink]);
    expect(sink.lines).toEqual([LINE]);
  });
});

describe("a file that is not played in real time", () => {
  const plan = makePlan({ realtime: false, verb: "push" });
  const SIZE = 1024 * 1024;
  const frames = Array.from({ length: 60 }, (_, i) => `${i % 10 === 0 ? "K" : "f"}${i * 40}*${SIZE}`);
  const expected = `V1 ${frames.map((one) => one.replace(/\*.*/, "")).join(" ")}`;

  test("waits for the slowest sink and loses nothing", async () => {
    const source = scriptedSource("made", async ({ pushWaiting }) => {
      await pushWaiting(`V1 ${frames.join(" ")}`);
      return "the end";
    });
    const [slow, fast] = [new FakeSink("slow", { manual: true }), new FakeSink("fast")];
    const job = new FakeJob(plan, source, [slow, fast]);
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, job.status?.sinks[0]?.queuedBytes ?? 0);
      slow.take(1);
    }, 1);
    await job.done;
    clearInterval(timer);
    expect(slow.lines).toEqual([expected]);
    expect(fast.lines).toEqual([expected]);
    expect(most).toBeLessThanOrEqual(6 * SIZE);
    expect(job.of("drop")).toEqual([]);
  });

  test("goes on with a keyframe when its sink was lost, and is not stuck", async () => {
    const source = scriptedSource("made", async ({ pushWaiting }) => {
      await pushWaiting(`V1 ${frames.join(" ")}`);
      return "the end";
    });
    const sink = new FakeSink("a", { manual: true });
    const job = new FakeJob(plan, source, [sink]);
    await until("live", () => sink.sessions.length === 1);
    // Header and keyframe are taken; the rest of a GOP that is larger than the queue waits.
    let taken = 0;
    await until("it has begun", () => (taken += sink.take(2 - taken)) === 2);
    await until("the source waits", () => (job.status?.sinks[0]?.queuedBytes ?? 0) > 2 * SIZE);
    sink.lose(LOST);
    await until("live again", () => sink.sessions.length === 2);
    await takingFrom(sink, job);
    expect(sink.lines[1]).toStartWith("V1 K400 f440");
    expect(sink.lines[1]).toEndWith(frames.at(-1)!.replace(/\*.*/, ""));
  });

  test("does not wait for a sink that was lost while there are others", async () => {
    const source = scriptedSource("made", async ({ pushWaiting }) => {
      await pushWaiting(`V1 ${frames.join(" ")}`);
      return "the end";
    });
    const lost = new FakeSink("lost", { manual: true, failures: [undefined, ...times(999, UNREACHABLE)] });
    const good = new FakeSink("good");
    const job = new FakeJob(plan, source, [lost, good]);
    await until("the source waits", () => (job.status?.sinks[0]?.queuedBytes ?? 0) > 2 * SIZE);
    lost.lose(LOST);
    await job.done;
    expect(good.lines).toEqual([expected]);
  });
});
