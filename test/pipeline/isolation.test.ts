/**
 * Who may hold up a source that can wait: a sink that is alone, or any where the source goes as fast as the slowest
 * takes it. Beside others nobody may, be it a disk that hangs or a destination that takes nothing (spec 5.2).
 */
import { describe, expect, test } from "bun:test";
import { makeParts } from "../../src/pipeline/registry.ts";
import type { QueueLimits } from "../../src/pipeline/queue.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import { planOf } from "../support/command-line.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource } from "../support/fake-job.ts";
import { brake, faultyDisk } from "../support/faulty-disk.ts";
import { until } from "../support/ports.ts";
import { TestRecording } from "../support/recordings.ts";

const DEST = "rtmp://127.0.0.1:1/live/a";
const PULL = "pull rtmp://127.0.0.1:1/live/show";
const MIB = 1024 * 1024;

/** The limits of what a command line writes to files and stdout. */
async function recordingLimits(line: string): Promise<QueueLimits[]> {
  const { sinks } = await makeParts(planOf(line), { video: [], audio: [] }, () => {});
  return sinks.filter(({ kind }) => kind === "file").map(({ limits }) => limits);
}

describe("the source waits for a recording", () => {
  test.each([
    [`${PULL} a.flv`],
    [`${PULL} -`],
    ["push show.flv -o a.flv"],
    ["push - -o a.flv"],
    [`push show.flv ${DEST} -o a.flv --no-realtime`],
    [`push - ${DEST} -o a.flv --no-realtime`],
    [`push h264:show.h264 --fps 25 ${DEST} -o a.flv --no-realtime`],
  ])("%s", async (line) => {
    expect((await recordingLimits(line)).map(({ policy }) => policy)).toEqual(["hold"]);
  });
});

describe("the source waits for no recording", () => {
  test.each([
    [`push show.flv ${DEST} -o a.flv`],
    [`push - ${DEST} -o a.flv`],
    [`push h264:show.h264 --fps 25 ${DEST} -o a.flv`],
    [`push testcard: ${DEST} -o a.flv`],
    [`relay rtmp://127.0.0.1:1/live/show ${DEST} -o a.flv`],
    [`${PULL} a.flv b.flv`],
    [`${PULL} a.flv -`],
  ])("%s", async (line) => {
    const policies = (await recordingLimits(line)).map(({ policy }) => policy);
    expect([...new Set(policies)]).toEqual(["fail"]);
  });
});

/** Frames of 1 MiB, so close to each other that nothing is ahead of the clock. */
const LINE = `V1 ${Array.from({ length: 40 }, (_, i) => `${i % 10 === 0 ? "K" : "f"}${i}*${MIB}`).join(" ")}`;
const EXPECTED = LINE.replaceAll(/\*\d+/g, "");

/** A source that pushes LINE, waiting for sinks as files and pipes do. */
const readSource = () =>
  scriptedSource("made", async ({ pushWaiting }) => {
    await pushWaiting(LINE);
    return "the end";
  });

const pushPlan = (source: Plan["source"]): Plan => makePlan({ verb: "push", source });

test("a disk that hangs is not felt by the destination of a paced file", async () => {
  const disk = brake();
  const [queue] = await recordingLimits(`push show.flv ${DEST} -o a.flv`);
  const recording = new TestRecording({}, { disk: faultyDisk(disk.fault), queue: queue! });
  const destination = new FakeSink("server");
  disk.stop();
  const plan = pushPlan({ kind: "file", path: "show.flv" });
  const job = new FakeJob(plan, readSource(), [recording.sink, destination]);
  await until("the destination has everything", () => destination.lines[0] === EXPECTED);
  disk.go();
  await job.done;
  expect(
    recording
      .text("show-1.flv")
      .split(" ")
      .filter((tag) => /^[Kf]/.test(tag)),
  ).toHaveLength(40);
});

test("a destination that takes nothing is not felt by the others of a paced pipe, nor by the recording", async () => {
  const limits: QueueLimits = { bytes: 4 * MIB, ms: Infinity, policy: "skip" };
  const stuck = new FakeSink("stuck", { manual: true, limits });
  const [good, file] = [new FakeSink("good", { limits }), new FakeSink("file", { kind: "file" })];
  const job = new FakeJob(pushPlan({ kind: "stdin" }), readSource(), [stuck, good, file]);
  await until("the others have everything", () => good.lines[0] === EXPECTED && file.lines[0] === EXPECTED);
  job.abort();
  await job.done;
  expect(stuck.lines).toEqual([""]);
});

test("a pipe waits for a destination that is alone, and nothing is lost", async () => {
  const limits: QueueLimits = { bytes: 4 * MIB, ms: Infinity, policy: "skip" };
  const sink = new FakeSink("a", { manual: true, limits });
  const job = new FakeJob(pushPlan({ kind: "stdin" }), readSource(), [sink]);
  const timer = setInterval(() => sink.take(1), 1);
  await job.done;
  clearInterval(timer);
  expect(sink.lines).toEqual([EXPECTED]);
  expect(job.of("drop")).toEqual([]);
});
