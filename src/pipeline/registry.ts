/**
 * The registry: from the kinds of a plan to the things that do them. A new kind of source or sink is a row here.
 */

import type { DialTarget } from "../net/rtmp-dial.ts";
import { httpSegments } from "../net/http-flv.ts";
import type { NetPlan, Plan, SinkPlan } from "../recipe/plan.ts";
import type { NameFields } from "./file-name.ts";
import type { JobParts } from "./job.ts";
import type { QueueLimits } from "./queue.ts";
import type { JobEvent } from "./report.ts";
import { flvFileSink } from "./sinks/flv-file.ts";
import { playersSink } from "./sinks/players.ts";
import { rtmpPublishSink } from "./sinks/rtmp-publish.ts";
import { RunFramer } from "./sinks/run-framer.ts";
import type { Sink, Source } from "./source.ts";
import { captureSource } from "./sources/capture.ts";
import { fileSegments, flvSource } from "./sources/flv-input.ts";
import { ListenPort } from "./sources/listen-port.ts";
import { rtmpAcceptSource } from "./sources/rtmp-accept.ts";
import { testCardSource } from "./sources/testcard.ts";
import { rtmpPlaySource } from "./sources/rtmp-play.ts";
import { stdinSegments } from "./sources/stdin.ts";

/** What connect announces. */
type FourCcs = DialTarget["fourCcs"];

/** Takes what the parts say for the log, without secrets. */
export type Report = (event: JobEvent) => void;

/** A player skips ahead earlier: whoever watches wants now. */
const PLAYER_QUEUE: QueueLimits = { bytes: 8 * 1024 * 1024, ms: 5000, policy: "skip" };
/** A recording beside destinations fails alone when this much waits for the disk. */
const RECORDING_QUEUE: QueueLimits = { bytes: 64 * 1024 * 1024, ms: Infinity, policy: "fail" };
/** A recording by itself makes the source wait instead. */
const LONE_RECORDING_QUEUE: QueueLimits = { bytes: 8 * 1024 * 1024, ms: Infinity, policy: "hold" };

/** The source and sinks of a plan; `fourCcs` are the enhanced codecs that connect announces. */
export function makeParts(plan: Plan, fourCcs: FourCcs, report: Report): JobParts {
  const framer = new RunFramer("publish");
  const port = makePort(plan, report);
  return {
    source:
      plan.source.kind === "listen"
        ? rtmpAcceptSource(plan.listen!.name, port!)
        : makeSource(plan, fourCcs, report),
    sinks: plan.sinks.map((sink) => makeSink(sink, plan, { fourCcs, framer, port })),
    close: () => port?.close(),
  };
}

function makePort(plan: Plan, report: Report): ListenPort | undefined {
  const { listen, net } = plan;
  if (listen === undefined) return undefined;
  const { app, key, playName } = listen;
  const rules = { app, key, playName, publishers: plan.source.kind === "listen" };
  return new ListenPort({ ...listen, idleTimeout: net.stall }, rules, (text) =>
    report({ event: "notice", name: "listener", text }),
  );
}

/** What a plan says of its source. */
export type SourceSettings = Pick<Plan, "source" | "net" | "realtime" | "loop">;

/** The source of a plan. */
export function makeSource(plan: SourceSettings, fourCcs: FourCcs, report: Report): Source {
  const { source, net, realtime, loop } = plan;
  const say = (text: string): void => report({ event: "trace", name: "source", text });
  switch (source.kind) {
    case "rtmp":
      return rtmpPlaySource({ url: source.url, intent: "play", ...dialOptions(net), fourCcs }, say);
    case "http": {
      const target = { ...source, ...netOptions(net) };
      const open = (signal: AbortSignal) => httpSegments(target, signal);
      return flvSource({ name: source.name, open, live: true, realtime: false, loop: false, trace: say });
    }
    case "file":
      return flvSource({
        name: source.path,
        open: () => fileSegments(source.path),
        live: false,
        realtime,
        loop,
        trace: say,
      });
    case "stdin":
      return flvSource({
        name: "stdin",
        open: stdinSegments,
        live: false,
        realtime,
        loop: false,
        trace: say,
      });
    case "testcard":
      return testCardSource();
    case "capture": {
      const notice = (text: string): void => report({ event: "notice", name: "source", text });
      return captureSource({ ...source, realtime, loop, stall: net.stall, trace: say, notice });
    }
    case "listen":
      throw new Error("a source that listens needs its port");
    default:
      return source satisfies never;
  }
}

type SinkParts = {
  readonly fourCcs: FourCcs;
  readonly framer: RunFramer;
  readonly port: ListenPort | undefined;
};

function makeSink(sink: SinkPlan, plan: Plan, { fourCcs, framer, port }: SinkParts): Sink {
  switch (sink.kind) {
    case "rtmp": {
      const target: DialTarget = { url: sink.url, intent: "publish", ...dialOptions(plan.net), fourCcs };
      const queue: QueueLimits = { ...sink.queue, policy: "skip" };
      const { name, retry, required } = sink;
      return rtmpPublishSink({ name, target, queue, framer, retry, required });
    }
    case "file": {
      const { name, template } = sink;
      const files = { template, fields: nameFields(plan), force: plan.force, ...plan.record };
      return flvFileSink({ name, files, queue: recordingQueue(plan) });
    }
    case "stdout":
      return flvFileSink({ name: sink.name, files: undefined, queue: recordingQueue(plan) });
    case "players":
      return playersSink({ name: sink.name, port: port!, queue: PLAYER_QUEUE, stall: plan.net.stall });
    default:
      return sink satisfies never;
  }
}

/** Without destinations beside it nothing is hurt when the source waits for the disk, and nothing is lost. */
function recordingQueue(plan: Plan): QueueLimits {
  const finite = plan.source.kind === "file" || plan.source.kind === "stdin";
  const alone = plan.sinks.every((sink) => sink.kind !== "rtmp");
  return alone || finite ? LONE_RECORDING_QUEUE : RECORDING_QUEUE;
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
