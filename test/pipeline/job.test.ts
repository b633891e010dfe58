/**
 * runJob with a source and sinks in memory: how the source is waited for, how a job ends, and what its report says.
 * Sinks that fail or are slow are in job-sinks.test.ts.
 */
import { describe, expect, test } from "bun:test";
import { DiskError, ProtocolError, RemoteError, TransportError, type Refusal } from "../../src/errors.ts";
import { ExitCode, outcomeOf } from "../../src/face/exit.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import {
  FakeJob,
  FakeSink,
  makePlan,
  runFakeJob,
  scriptedSource,
  type Session,
} from "../support/fake-job.ts";
import type { SourcePlan } from "../../src/recipe/plan.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { until } from "../support/ports.ts";

const LOST = new TransportError("connection reset", "reset");
const UNREACHABLE = new TransportError("connection refused", "refused");
const STALLED = new TransportError("the server sends nothing", "stalled");
const refused = (refusal: Refusal): RemoteError => new RemoteError("no", { code: "x", refusal });
const NOT_LIVE = refused("not-live");

const show: Session = ({ push }) => {
  push("V1 A1 K0 a0 f40");
  return "the end";
};
const failing =
  (error: unknown): Session =>
  async () => {
    throw error;
  };
const lost =
  (line: string): Session =>
  async ({ push }) => {
    push(line);
    throw LOST;
  };

describe("a source that was never live", () => {
  test.each([
    ["is not live", NOT_LIVE, 1],
    ["stalls", STALLED, 1],
    ["is refused for its key", refused("auth"), 1],
    ["is refused for its name", refused("name"), 1],
    ["is refused for its application", refused("app"), 1],
    ["is a file that is not there", new DiskError("no such file", { path: "x", code: "ENOENT" }), 1],
    ["has a bad certificate", new TransportError("bad certificate", "tls"), 1],
    ["cannot be reached", UNREACHABLE, 3],
    ["breaks the rules", new ProtocolError("nonsense", { layer: "chunk" }), 3],
    ["has trouble of its own", refused("failed"), 3],
  ])("%s", async (_name, error, attempts) => {
    const source = scriptedSource("played", failing(error));
    const sink = new FakeSink("a");
    const { report, job } = await runFakeJob(makePlan(), source, [sink]);
    expect(source.runs).toBe(attempts);
    expect(report.sourceError).toBe(error);
    expect([report.mediaMs, report.stopped, sink.attempts]).toEqual([0, false, 0]);
    expect(job.of("retry")).toHaveLength(attempts - 1);
    expect(job.closed).toBe(1);
  });

  test.each([
    ["not live", NOT_LIVE],
    ["not reached", UNREACHABLE],
  ])("is asked again until --wait is over: %s", async (_name, error) => {
    const source = scriptedSource("played", failing(error));
    const { report } = await runFakeJob(makePlan({ wait: 40 }), source, [new FakeSink("a")]);
    expect(source.runs).toBeGreaterThan(3);
    expect(report.sourceError).toBe(error);
  });

  test.each<[string, () => Partial<Plan>]>([
    ["within --wait", () => ({ wait: 300 })],
    ["for as long as it is wanted", () => ({ for: 300 })],
    ["until a time of day", () => ({ until: Date.now() + 300 })],
  ])("and is refused is asked again %s; then that is why nothing came", async (_name, times) => {
    const error = refused("auth");
    const source = scriptedSource("played", failing(error));
    const { report } = await runFakeJob(makePlan(times()), source, [new FakeSink("a")]);
    expect(source.runs).toBeGreaterThan(1);
    expect(report.sourceError).toBe(error);
    expect(outcomeOf(report)).toMatchObject({ code: ExitCode.refused, text: "nothing sent: no" });
  });

  test("comes after all", async () => {
    const source = scriptedSource("played", failing(NOT_LIVE), failing(UNREACHABLE), show);
    const sink = new FakeSink("a");
    const { report } = await runFakeJob(makePlan({ wait: 10_000 }), source, [sink]);
    expect(sink.lines).toEqual(["V1 A1 K0 a0 f40"]);
    expect([report.reason, report.sourceError, report.gaps.count]).toEqual(["the end", undefined, 0]);
  });

  test.each([
    ["without a window", {}],
    ["with one", { for: 60_000 }],
  ])("ends before any media: that is not being live, %s", async (_name, window) => {
    const source = scriptedSource("played", ({ push }) => {
      push("M1 V1");
      return "unpublished";
    });
    const { report } = await runFakeJob(makePlan(window), source, [new FakeSink("a")]);
    expect(source.runs).toBe(1);
    expect(report.sourceError).toBeInstanceOf(RemoteError);
    expect((report.sourceError as RemoteError).refusal).toBe("not-live");
  });
});

describe("a source that ends", () => {
  test("ends the job when nobody named a time", async () => {
    const source = scriptedSource("played", show);
    const sink = new FakeSink("a");
    const { report, job } = await runFakeJob(makePlan(), source, [sink]);
    expect([report.reason, report.mediaMs, source.runs]).toEqual(["the end", 40, 1]);
    expect(sink.lines).toEqual(["V1 A1 K0 a0 f40"]);
    expect(report.status.sinks[0]).toMatchObject({ everLive: true, state: "done", downMs: 0 });
    expect(job.events.map((event) => event.event)).toEqual(["start", "live", "live", "ended"]);
  });

  test("is looked for again until the time that was named", async () => {
    const source = scriptedSource("played", show);
    const sink = new FakeSink("a");
    const { report, job } = await runFakeJob(makePlan({ for: 60 }), source, [sink]);
    expect(source.runs).toBeGreaterThan(1);
    expect([report.reason, report.planned]).toEqual(["the planned end", true]);
    expect(report.gaps.count).toBe(job.of("gap").length);
    expect(report.gaps.count).toBe(source.runs - 1);
    expect(sink.sessions).toHaveLength(1);
    expect(sink.lines[0]).toStartWith("V1 A1 K0 a0 f40 K80 a80 f120");
  });

  test("after a moment each time is asked for ever more rarely", async () => {
    const source = scriptedSource("played", show);
    const plan = makePlan({ follow: true, retry: { min: 1, max: 60_000 } });
    const job = new FakeJob(plan, source, [new FakeSink("a")]);
    await until("four sessions", () => job.of("ended").length >= 4);
    job.stop();
    await job.done;
    expect(
      job
        .of("ended")
        .slice(0, 4)
        .map(({ attempts }) => attempts),
    ).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ["whatever time was named", { for: 60_000 }],
    ["with --follow", { follow: true }],
  ])("and was a file ends the job, %s", async (_name, window) => {
    const source = { ...scriptedSource("played", show), wasLast: () => true };
    const { report, job } = await runFakeJob(makePlan(window), source, [new FakeSink("a")]);
    expect([report.reason, report.planned]).toEqual(["the end", false]);
    expect([report.gaps.count, report.mediaMs]).toEqual([0, 40]);
    expect(job.of("ended")).toHaveLength(1);
  });

  test("and does not come again does not hold the job beyond that time", async () => {
    const source = scriptedSource("played", show, failing(NOT_LIVE));
    const { report } = await runFakeJob(makePlan({ for: 30 }), source, [new FakeSink("a")]);
    expect([report.reason, report.sourceError]).toEqual(["the planned end", undefined]);
  });

  test("by falling silent ends the job when nobody named a time", async () => {
    const stalls: Session = async ({ push }) => {
      push("K0 f40");
      throw STALLED;
    };
    const source = scriptedSource("played", stalls, failing(UNREACHABLE), failing(NOT_LIVE));
    const { report } = await runFakeJob(makePlan(), source, [new FakeSink("a")]);
    expect([report.reason, report.sourceError, source.runs]).toEqual([STALLED.message, undefined, 3]);
  });

  test("by falling silent had not ended if it is there again", async () => {
    const stalls: Session = async ({ push }) => {
      push("K0 f40");
      throw STALLED;
    };
    const hungUp = new RemoteError("hung up", { code: "closed", refusal: "not-live" });
    const source = scriptedSource("played", stalls, failing(hungUp), show);
    const sink = new FakeSink("a");
    const { report } = await runFakeJob(makePlan(), source, [sink]);
    expect([report.reason, report.gaps.count, source.runs]).toEqual(["the end", 1, 3]);
    expect(sink.lines).toEqual(["K0 f40 V1 A1 K80 a80 f120"]);
  });

  test("is waited for again with --follow, and each session is one of its own", async () => {
    const source = scriptedSource("played", show, failing(NOT_LIVE), show, failing(UNREACHABLE), show);
    const [to, file] = [new FakeSink("a"), new FakeSink("b", { kind: "file" })];
    const job = new FakeJob(makePlan({ follow: true, grace: 60_000 }), source, [to, file]);
    await until("three sessions", () => file.sessions.length >= 3 && to.sessions.length >= 3);
    job.stop();
    const report = await job.done;
    // A file that waits for the next session has nothing yet.
    for (const { lines } of [to, file])
      expect(new Set(lines.filter((line) => line !== ""))).toEqual(new Set(["V1 A1 K0 a0 f40"]));
    expect([report.gaps.count, report.sourceError, report.stopped]).toEqual([0, undefined, true]);
  });

  test("with --follow: one that is lost in the middle goes on in the same session", async () => {
    const source = scriptedSource("played", lost("V1 A1 K0 a0 f40"), show, failing(NOT_LIVE));
    const file = new FakeSink("b", { kind: "file" });
    const job = new FakeJob(makePlan({ follow: true }), source, [file]);
    await until("the end of the session", () => job.of("ended").length === 1);
    job.stop();
    const report = await job.done;
    expect(file.lines[0]).toBe("V1 A1 K0 a0 f40 K80 a80 f120");
    expect(report.gaps.count).toBe(1);
  });
});

describe("a source that is lost", () => {
  test("and comes back leaves a gap, and the time goes on", async () => {
    const source = scriptedSource("played", lost("V1 A1 K1000 a1000 f1040"), lost("V1 K77 f117"), show);
    const sink = new FakeSink("a");
    const { report, job } = await runFakeJob(makePlan(), source, [sink]);
    expect(sink.lines).toEqual(["V1 A1 K0 a0 f40 K80 f120 K160 a160 f200"]);
    expect([report.reason, report.gaps.count, report.mediaMs]).toEqual(["the end", 2, 200]);
    expect(job.of("gap")).toHaveLength(2);
    expect(job.of("retry").map((event) => event.name)).toEqual(["source", "source"]);
  });

  test("for longer than its patience is given up", async () => {
    const source = scriptedSource("played", lost("K0 f40"), failing(UNREACHABLE));
    const { report } = await runFakeJob(makePlan({ wait: 30 }), source, [new FakeSink("a")]);
    expect(report.sourceError).toBe(UNREACHABLE);
    expect(report.mediaMs).toBe(40);
  });

  const SERVER: SourcePlan = { kind: "rtmp", url: parseRtmpUrl("rtmp://h/live/x") };
  test.each<[string, SourcePlan, unknown, unknown]>([
    ["the server that hung up has no such stream: it has ended", SERVER, NOT_LIVE, undefined],
    ["the server that hung up is not there", SERVER, UNREACHABLE, UNREACHABLE],
    ["the program that went away has nothing", { kind: "testcard" }, NOT_LIVE, NOT_LIVE],
  ])("for longer than its patience, and %s", async (_name, from, then, sourceError) => {
    const hungUp: Session = ({ push }) => {
      push("K0 f40");
      throw new TransportError("the server closed the connection", "closed");
    };
    const source = scriptedSource("played", hungUp, failing(then));
    const plan = makePlan({ wait: 30, source: from });
    const { report } = await runFakeJob(plan, source, [new FakeSink("a")]);
    expect([report.sourceError, report.mediaMs]).toEqual([sourceError, 40]);
  });

  test("for longer than --grace ends the sessions of its sinks; then a new one begins at 0", async () => {
    const source = scriptedSource("played", lost("M1 V1 K500 f540"), async ({ push }) => {
      await until("its session is over", () => a.state === "idle");
      push("M1 V1 K9000 f9040 f9080");
      return "the end";
    });
    const [a, b] = [new FakeSink("a"), new FakeSink("b", { kind: "file" })];
    const { report } = await runFakeJob(makePlan({ grace: 10 }), source, [a, b]);
    expect(a.lines).toEqual(["M1 V1 K0 f40", "M1 V1 K0 f40 f80"]);
    expect(b.lines).toEqual(a.lines);
    expect([report.gaps.count, report.mediaMs]).toEqual([1, 120]);
  });

  test("for less than --grace keeps them", async () => {
    const source = scriptedSource("played", lost("V1 K500 f540"), show);
    const sink = new FakeSink("a");
    await runFakeJob(makePlan({ grace: 5000 }), source, [sink]);
    expect(sink.sessions).toHaveLength(1);
  });

  test("before its first keyframe has been no picture yet", async () => {
    const source = scriptedSource("played", lost("V1 A1 f0 a10"), lost("f0 K40 f80"), show);
    const sink = new FakeSink("a");
    await runFakeJob(makePlan(), source, [sink]);
    expect(sink.lines[0]).toStartWith("V1 A1 a10 K");
  });
});

describe("a time that was named", () => {
  const endless: Session = async ({ push, stopped }) => {
    push("V1 K0 f40");
    await stopped();
    return "stopped";
  };

  test("--until is a time of day, media or not", async () => {
    const silent: Session = async ({ stopped }) => {
      await stopped();
      return "stopped";
    };
    const plan = makePlan({ until: Date.now() + 30 });
    const { report } = await runFakeJob(plan, scriptedSource("played", silent), [new FakeSink("a")]);
    expect([report.reason, report.wantedMs]).toEqual(["the planned end", undefined]);
  });

  test("of both the earlier one counts", async () => {
    const plan = makePlan({ until: Date.now() + 40, for: 60_000 });
    const { report } = await runFakeJob(plan, scriptedSource("played", endless), [new FakeSink("a")]);
    expect(report.reason).toBe("the planned end");
  });

  test("that is over ends the job at once", async () => {
    const plan = makePlan({ until: Date.now() - 1000 });
    const { report } = await runFakeJob(plan, scriptedSource("played", endless), [new FakeSink("a")]);
    expect(report.reason).toBe("the planned end");
  });
});

describe("a source that is made here", () => {
  test("begins when the sinks are ready, and its end is the job's", async () => {
    const order: string[] = [];
    const sink = new FakeSink("a", { failures: [UNREACHABLE], onReady: () => order.push("sink") });
    const source = scriptedSource("made", (play) => {
      order.push("source");
      return show(play);
    });
    const { report } = await runFakeJob(makePlan({ for: 60_000 }), source, [sink, new FakeSink("b")]);
    expect(order[0]).toBe("source");
    expect([report.reason, source.runs, report.nature]).toEqual(["the end", 1, "made"]);
  });

  test("is given up when it cannot be read", async () => {
    const error = new DiskError("no such file", { path: "x", code: "ENOENT" });
    const { report } = await runFakeJob(makePlan(), scriptedSource("made", failing(error)), [
      new FakeSink("a"),
    ]);
    expect(report.sourceError).toBe(error);
  });

  test("does not begin when the job was stopped before", async () => {
    const source = scriptedSource("made", show);
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan(), source, [sink]);
    job.stop();
    const report = await job.done;
    expect([report.reason, report.stopped, source.runs]).toEqual(["stopped", true, 0]);
  });
});

describe("publishers that come to us", () => {
  test("are waited for up to --wait", async () => {
    const source = scriptedSource("awaited", async ({ stopped }) => {
      await stopped();
      return "stopped";
    });
    const { report } = await runFakeJob(makePlan({ wait: 20 }), source, [new FakeSink("a")]);
    expect(report.sourceError).toBeInstanceOf(TransportError);
    expect((report.sourceError as TransportError).fault).toBe("stalled");
  });

  test("come and go while the job stays; each show after a pause is one of its own", async () => {
    const source = scriptedSource("awaited", show, async (play) => {
      await until("the first show is over", () => sink.state === "idle");
      play.push("V2 K7000 f7040");
      await play.stopped();
      return "stopped";
    });
    const sink = new FakeSink("a");
    const job = new FakeJob(makePlan({ grace: 10 }), source, [sink]);
    await until("the second show", () => sink.lines[1] === "V2 K0 f40");
    job.stop();
    const report = await job.done;
    expect(sink.lines).toEqual(["V1 A1 K0 a0 f40", "V2 K0 f40"]);
    expect([report.gaps.count, report.stopped, job.of("ended").length]).toEqual([0, true, 1]);
  });

  test("a destination that breaks while its show ends gets the next show", async () => {
    const source = scriptedSource("awaited", show, async (play) => {
      await Promise.race([second.promise, play.stopped()]);
      if (!play.signal.aborted) play.push("V2 K7000 f7040");
      await play.stopped();
      return "stopped";
    });
    const sink = new FakeSink("a", { manual: true });
    const second = Promise.withResolvers<void>();
    const job = new FakeJob(makePlan({ grace: 10 }), source, [sink]);
    await until("the first session", () => sink.sessions.length === 1);
    await until("its show ends", () => sink.state === "ending");
    sink.lose(LOST);
    await until("it is gone", () => sink.state === "idle");
    second.resolve();
    await until("the next session", () => sink.sessions.length === 2);
    sink.take(Infinity);
    job.stop();
    await until("it is told to end", () => sink.state === "ending");
    sink.take(Infinity);
    expect((await job.done).stopped).toBe(true);
    expect(sink.lines).toEqual(["", "V2 K0 f40"]);
  });
});
