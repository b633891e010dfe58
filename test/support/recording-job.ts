/** A whole job around a recording, with a live source that the test plays, a destination, and a disk that may fail. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Disk } from "../../src/pipeline/sinks/disk.ts";
import { outcomeOf } from "../../src/face/exit.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource, type Play } from "./fake-job.ts";
import { faultyDisk, type Fault } from "./faulty-disk.ts";
import { until } from "./ports.ts";
import { TestRecording } from "./recordings.ts";

/** A live source that the test pushes with; frames of a keyframe every 400 ms go on until it is told to stop. */
function liveSource() {
  let play: Play | undefined;
  const end = Promise.withResolvers<string>();
  const source = scriptedSource("played", (session) => {
    play = session;
    return Promise.race([end.promise, session.stopped().then(() => "stopped")]);
  });
  let at = 0;
  return {
    source,
    get count() {
      return at / 40;
    },
    end: () => end.resolve("the end"),
    /** Plays this many frames of 40 ms. */
    frames(count: number, size = 200): void {
      if (at === 0) play!.push("V1 A1");
      for (let i = 0; i < count; i++, at += 40)
        play!.push(`${at % 400 === 0 ? "K" : "f"}${at}*${size} a${at}`);
    },
    begun: () => until("the source plays", () => play),
  };
}

/** A job with a recording and a destination; the disk does as `fault` says, and `patch` replaces calls. */
export async function recordingJob(
  fault: Fault,
  rules: ConstructorParameters<typeof TestRecording>[0] = {},
  folder?: string,
  patch: Partial<Disk> = {},
) {
  const recording = new TestRecording(rules, {
    disk: { ...faultyDisk(fault), ...patch },
    ...(folder === undefined ? {} : { folder }),
  });
  const destination = new FakeSink("server");
  const live = liveSource();
  const job = new FakeJob(makePlan({ retry: { min: 20, max: 40 } }), live.source, [
    recording.sink,
    destination,
  ]);
  await live.begun();
  const frames = (): number => destination.sessions.flat().filter((text) => /^[Kf]/.test(text)).length;
  const finish = async () => {
    live.end();
    const report = await job.done;
    return { report, outcome: outcomeOf(report) };
  };
  /** Bytes of what is being written that are on the disk. */
  const written = (): number => {
    const part = recording.names.find((name) => name.endsWith(".part"));
    return part === undefined ? 0 : statSync(join(recording.folder, part)).size;
  };
  const status = () => job.status!.sinks[0]!;
  return { recording, destination, live, job, frames, written, finish, status };
}
