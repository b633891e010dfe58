/**
 * The registry: from the kinds of a plan to the things that do them. A new kind of source or sink is a row here.
 * Each is loaded only where a plan has it: what is not there takes no memory.
 */

import { describe } from "../errors.ts";
import type { DialTarget } from "../net/rtmp-dial.ts";
import type { ListenPlan, NetPlan, Plan, SinkPlan, SourcePlan } from "../recipe/plan.ts";
import type { NameFields } from "./file-name.ts";
import type { JobParts } from "./job.ts";
import type { QueueLimits } from "./queue.ts";
import type { JobEvent } from "./report.ts";
import type { RunFramer } from "./sinks/run-framer.ts";
import type { Sink, Source } from "./source.ts";
import type { CaptureOptions } from "./sources/capture.ts";
import type { ListenPort } from "./sources/listen-port.ts";

/** What connect announces. */
type FourCcs = DialTarget["fourCcs"];

/** Takes what the parts say for the log, without secrets. */
export type Report = (event: JobEvent) => void;

/** A player skips ahead earlier: whoever watches wants now. Who comes to watch must not hold up the stream. */
const PLAYER_QUEUE: QueueLimits = { bytes: 8 * 1024 * 1024, ms: 5000, policy: "skip", unawaited: true };
/** A recording beside other sinks fails alone when this much waits for the disk. */
const RECORDING_QUEUE: QueueLimits = { bytes: 64 * 1024 * 1024, ms: Infinity, policy: "fail" };
/** One that the source waits for: more than the disk takes in one go would only be memory. */
const AWAITED_RECORDING_QUEUE: QueueLimits = { bytes: 2 * 1024 * 1024, ms: Infinity, policy: "hold" };

/** The source and sinks of a plan; `fourCcs` are the enhanced codecs that connect announces. */
export async function makeParts(plan: Plan, fourCcs: FourCcs, report: Report): Promise<JobParts> {
  const port = plan.listen === undefined ? undefined : await makePort(plan, plan.listen, report);
  const source =
    port !== undefined && plan.source.kind === "listen"
      ? await makeAccept(plan.listen!, port, report)
      : undefined;
  const framer = await makeFramer(plan);
  return {
    source: source ?? (await makeSource(plan, fourCcs, report)),
    sinks: await Promise.all(plan.sinks.map((sink) => makeSink(sink, plan, { fourCcs, framer, port }))),
    close: () => port?.close(),
  };
}

async function makePort(plan: Plan, listen: ListenPlan, report: Report): Promise<ListenPort> {
  const { ListenPort } = await import("./sources/listen-port.ts");
  const { app, key, playName } = listen;
  const rules = { app, key, playName, publishers: plan.source.kind === "listen" };
  return new ListenPort({ ...listen, idleTimeout: plan.net.stall }, rules, (text) =>
    report({ event: "notice", name: "listener", text }),
  );
}

async function makeAccept({ name }: ListenPlan, port: ListenPort, report: Report): Promise<Source> {
  const { rtmpAcceptSource } = await import("./sources/rtmp-accept.ts");
  return rtmpAcceptSource(name, port, () => report({ event: "waiting", name: "source", where: name }));
}

/** One for all destinations of a job, so that they share what it encodes. */
async function makeFramer(plan: Plan): Promise<RunFramer | undefined> {
  if (plan.sinks.every((sink) => sink.kind !== "rtmp")) return undefined;
  const { RunFramer } = await import("./sinks/run-framer.ts");
  return new RunFramer("publish");
}

/** What a plan says of its source. */
export type SourceSettings = Pick<Plan, "source" | "net" | "retry" | "realtime" | "loop">;

/** The source of a plan. */
export async function makeSource(plan: SourceSettings, fourCcs: FourCcs, report: Report): Promise<Source> {
  const { source, net } = plan;
  const trace = (text: string): void => report({ event: "trace", name: "source", text });
  switch (source.kind) {
    case "rtmp": {
      const { rtmpPlaySource } = await import("./sources/rtmp-play.ts");
      return rtmpPlaySource({ url: source.url, intent: "play", ...dialOptions(net), fourCcs }, trace);
    }
    case "http":
      return makeHttpSource(source, net, trace);
    case "file":
    case "stdin":
      return makeFlvSource(source, plan, trace);
    case "testcard":
      return (await import("./sources/testcard.ts")).testCardSource();
    case "capture":
      return makeCapture(source, plan, report);
    case "listen":
      throw new Error("a source that listens needs its port");
    default:
      return source satisfies never;
  }
}

type PlanOf<K extends SourcePlan["kind"]> = Extract<SourcePlan, { kind: K }>;

async function makeHttpSource(
  source: PlanOf<"http">,
  net: NetPlan,
  trace: (text: string) => void,
): Promise<Source> {
  const { flvSource } = await import("./sources/flv-input.ts");
  const { httpSegments } = await import("../net/http-flv.ts");
  let whole = false;
  const target = { ...source, ...netOptions(net), onWhole: () => void (whole = true) };
  const open = (signal: AbortSignal) => {
    whole = false;
    return httpSegments(target, signal);
  };
  const wasWhole = (): boolean => whole;
  return flvSource({ name: source.name, open, live: true, realtime: false, loop: false, wasWhole, trace });
}

/** FLV from a file or a pipe. */
async function makeFlvSource(
  source: PlanOf<"file" | "stdin">,
  { realtime, loop }: SourceSettings,
  trace: (text: string) => void,
): Promise<Source> {
  const { flvSource } = await import("./sources/flv-input.ts");
  if (source.kind === "stdin") {
    const { stdinSegments } = await import("./sources/stdin.ts");
    return flvSource({ name: "stdin", open: stdinSegments, live: false, realtime, loop: false, trace });
  }
  const { path } = source;
  const { fileSegments } = await import("./sources/file-bytes.ts");
  const open = (signal: AbortSignal) => fileSegments(path, signal);
  return flvSource({ name: path, open, live: false, realtime, loop, trace });
}

async function makeCapture(
  source: PlanOf<"capture">,
  { net: { stall }, retry, realtime, loop }: SourceSettings,
  report: Report,
): Promise<Source> {
  const { captureSource } = await import("./sources/capture.ts");
  const say = (event: "trace" | "notice") => (text: string) => report({ event, name: "source", text });
  const lines = { trace: say("trace"), notice: say("notice"), ...audioReports(report) };
  return captureSource({ ...source, realtime, loop, stall, retry, ...lines });
}

/** The sound beside a camera is supervised apart, under a name of its own. */
function audioReports(report: Report): Pick<CaptureOptions, "onAudioLive" | "onAudioFailure"> {
  return {
    onAudioLive: () => report({ event: "live", name: "audio" }),
    onAudioFailure: ({ error, attempts, wait }) =>
      report({ event: "retry", name: "audio", error: describe(error), attempts, waitMs: wait }),
  };
}

type SinkParts = {
  readonly fourCcs: FourCcs;
  readonly framer: RunFramer | undefined;
  readonly port: ListenPort | undefined;
};

async function makeSink(sink: SinkPlan, plan: Plan, { fourCcs, framer, port }: SinkParts): Promise<Sink> {
  switch (sink.kind) {
    case "rtmp": {
      const target: DialTarget = { url: sink.url, intent: "publish", ...dialOptions(plan.net), fourCcs };
      const queue: QueueLimits = { ...sink.queue, policy: "skip" };
      const { name, retry, required } = sink;
      const { rtmpPublishSink } = await import("./sinks/rtmp-publish.ts");
      return rtmpPublishSink({ name, target, queue, framer: framer!, retry, required });
    }
    case "file": {
      const { name, template } = sink;
      const files = { template, fields: nameFields(plan), force: plan.force, ...plan.record };
      const { flvFileSink } = await import("./sinks/flv-file.ts");
      return flvFileSink({ name, files, queue: recordingQueue(plan) });
    }
    case "stdout": {
      const { flvFileSink } = await import("./sinks/flv-file.ts");
      return flvFileSink({ name: sink.name, files: undefined, queue: recordingQueue(plan) });
    }
    case "players": {
      const { playersSink } = await import("./sinks/players.ts");
      return playersSink({ name: sink.name, port: port!, queue: PLAYER_QUEUE, stall: plan.net.stall });
    }
    default:
      return sink satisfies never;
  }
}

/**
 * The source waits for a recording that is alone, which hurts nobody and loses nothing, and where it goes as fast as the
 * slowest takes it. Otherwise a disk that is slow is felt by nothing beside it.
 */
function recordingQueue({ source, sinks, realtime }: Plan): QueueLimits {
  const waits = sinks.length === 1 || (!realtime && isRead(source));
  return waits ? AWAITED_RECORDING_QUEUE : RECORDING_QUEUE;
}

/** Whether a source is a file or a pipe, which may be read at any pace. */
function isRead(source: SourcePlan): boolean {
  if (source.kind !== "capture") return source.kind === "file" || source.kind === "stdin";
  return source.input.kind === "file" || source.input.kind === "stdin";
}

function dialOptions(net: NetPlan): Omit<DialTarget, "url" | "intent" | "fourCcs"> {
  const { connectTimeout, stepTimeout, startTimeout, stall, bind } = net;
  return {
    tls: { ca: net.ca, insecure: net.insecure },
    bind,
    connectTimeout,
    stepTimeout,
    startTimeout,
    stall,
  };
}

function netOptions(net: NetPlan) {
  return {
    tls: { ca: net.ca, insecure: net.insecure },
    connectTimeout: net.connectTimeout,
    stall: net.stall,
  };
}

/** What the {fields} in this plan's file names stand for. */
export function nameFields(plan: Pick<Plan, "job" | "source">): NameFields {
  const { source, job } = plan;
  if (source.kind === "listen") return { job, app: job, stream: "in" };
  if (source.kind === "rtmp") return { job, app: source.url.app, stream: source.url.streamName };
  return { job, app: source.kind, stream: job };
}
