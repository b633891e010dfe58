/** Reports of jobs and the states in them, for tests of what people are told. */
import type { HubCounters } from "../../src/pipeline/hub.ts";
import type { JobReport, JobStatus, SinkStatus } from "../../src/pipeline/report.ts";

/** Counters of a stream that has run a while. */
export function makeCounters(changes: Partial<HubCounters> = {}): HubCounters {
  return {
    packets: 100,
    bytes: 1_000_000,
    videoFrames: 60,
    keyframes: 2,
    lastKey: 2000,
    gop: 2000,
    position: 4000,
    beforeKey: 0,
    ...changes,
  };
}

/** A destination that has been live and is done. */
export function makeSinkStatus(changes: Partial<SinkStatus> = {}): SinkStatus {
  return {
    name: "twitch",
    kind: "rtmp",
    required: true,
    state: "done",
    everLive: true,
    downMs: 0,
    downSince: undefined,
    retry: undefined,
    hopeless: false,
    error: undefined,
    bytesOut: 1_000_000,
    queuedBytes: 0,
    lagMs: 0,
    lost: { packets: 0, bytes: 0, ms: 0 },
    ...changes,
  };
}

/** The state of a job whose source has been live. */
export function makeStatus(changes: Partial<JobStatus> = {}): JobStatus {
  return {
    job: "show",
    sourceState: "live",
    counters: makeCounters(),
    sinks: [makeSinkStatus()],
    firstMediaAt: 0,
    ...changes,
  };
}

/** The report of a job that sent two minutes to one destination. */
export function makeReport(changes: Partial<JobReport> = {}, sinks?: readonly SinkStatus[]): JobReport {
  return {
    verb: "relay",
    status: makeStatus(sinks === undefined ? {} : { sinks }),
    reason: "the end",
    sourceName: "rtmp://h/live/cam",
    nature: "played",
    planned: false,
    sourceError: undefined,
    stopped: false,
    wantedMs: undefined,
    mediaMs: 120_000,
    gaps: { count: 0, ms: 0 },
    files: [],
    earlierFiles: { count: 0, bytes: 0 },
    deletedFiles: 0,
    ...changes,
  };
}

/** The report of a job from which nothing came. */
export function makeEmptyReport(changes: Partial<JobReport> = {}, sink: Partial<SinkStatus> = {}): JobReport {
  const status = makeStatus({
    counters: makeCounters({ packets: 0, bytes: 0, videoFrames: 0 }),
    sinks: [makeSinkStatus({ everLive: false, ...sink })],
    firstMediaAt: undefined,
  });
  return makeReport({ status, mediaMs: 0, ...changes });
}
