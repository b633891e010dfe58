/**
 * `check --probe`: goes as far towards every source and destination as it can without going live. RTMP servers are
 * connected to and asked for the application, nothing is published or played; listeners are bound for a moment; folders
 * of recordings are looked at.
 */

import { readSync, openSync, closeSync, statfsSync } from "node:fs";
import { describe, MediaError } from "../errors.ts";
import { formatBytes, formatDuration } from "../face/format.ts";
import { isFlvSignature } from "../media/flv-sync.ts";
import { httpSegments } from "../net/http-flv.ts";
import { dialRtmp, type LinkHandler } from "../net/rtmp-dial.ts";
import { listenTcp } from "../net/tcp-listen.ts";
import { expandName } from "../pipeline/file-name.ts";
import { nameFields } from "../pipeline/registry.ts";
import type { Plan, SinkPlan } from "../recipe/plan.ts";
import type { RtmpUrl } from "../rtmp/url.ts";
import { nearestFolder, requireCapture, requireFile } from "./check-paths.ts";
import { sinkInWords, sourceInWords } from "./describe.ts";

/** What came of one try; `error` is what was thrown. */
export type ProbeResult = {
  readonly name: string;
  readonly where: string;
  readonly text: string;
  readonly error?: unknown;
  readonly required: boolean;
};

/** Tries the source and every sink of a plan, all at once. Never throws for what peers and disks do. */
export function probePlan(plan: Plan, signal: AbortSignal): Promise<ProbeResult[]> {
  const source = attempt("source", sourceInWords(plan), true, () => trySource(plan, signal));
  const sinks = plan.sinks
    .filter((sink) => sink.kind !== "players" || plan.source.kind !== "listen")
    .map((sink) => {
      const required = sink.kind !== "rtmp" || sink.required;
      return attempt(nameOf(sink), sinkInWords(sink, plan), required, () => trySink(sink, plan, signal));
    });
  return Promise.all([source, ...sinks]);
}

function nameOf(sink: SinkPlan): string {
  return sink.kind === "file" ? "record" : sink.name;
}

async function attempt(
  name: string,
  where: string,
  required: boolean,
  run: () => Promise<string> | string,
): Promise<ProbeResult> {
  try {
    return { name, where, text: await run(), required };
  } catch (error) {
    return { name, where, text: describe(error), error, required };
  }
}

async function trySource(plan: Plan, signal: AbortSignal): Promise<string> {
  const { source, net, listen } = plan;
  switch (source.kind) {
    case "rtmp":
      return tryRtmp(source.url, "play", plan, signal);
    case "http": {
      const target = { ...source, ...net, tls: { ca: net.ca, insecure: net.insecure } };
      const from = performance.now();
      for await (const segment of httpSegments(target, signal)) {
        const is = isFlvSignature(segment, 0) ? "sends FLV" : "sends something that is no FLV";
        return `${is}, after ${formatDuration(performance.now() - from)}`;
      }
      return "answers, and sends nothing";
    }
    case "listen":
      return tryListen(listen!);
    case "file":
      return tryFile(source.path);
    case "capture":
      requireCapture(source);
      return "nothing to dial";
    case "stdin":
    case "testcard":
      return "nothing to dial";
    default:
      return source satisfies never;
  }
}

function trySink(sink: SinkPlan, plan: Plan, signal: AbortSignal): Promise<string> | string {
  switch (sink.kind) {
    case "rtmp":
      return tryRtmp(sink.url, "publish", plan, signal);
    case "file":
      return tryFolder(expandName(sink.template, nameFields(plan), new Date()));
    case "stdout":
      return "nothing to dial";
    case "players":
      return tryListen(plan.listen!);
    default:
      return sink satisfies never;
  }
}

/** Connects, shakes hands, and asks for the application. Whether the server knows the stream shows only live. */
async function tryRtmp(
  url: RtmpUrl,
  intent: "play" | "publish",
  plan: Plan,
  signal: AbortSignal,
): Promise<string> {
  const { net } = plan;
  const tls = { ca: net.ca, insecure: net.insecure };
  const target = { url, intent, ...net, tls, fourCcs: { video: [], audio: [] }, connectOnly: true };
  const from = performance.now();
  const link = await dialRtmp(target, IGNORE, signal);
  link.close();
  const untried = intent === "publish" ? "the stream key was not tried" : "the stream was not asked for";
  return `connected in ${formatDuration(performance.now() - from)}; ${untried}`;
}

const IGNORE: LinkHandler = {
  onMedia() {},
  onSegmentEnd() {},
  onEnded() {},
  onReturned() {},
  onDrain() {},
  onClose() {},
  onTrace() {},
};

function tryListen({ host, port, tls }: NonNullable<Plan["listen"]>): string {
  listenTcp({ host, port, tls }, () => undefined).close();
  return "the address is free";
}

function tryFile(path: string): string {
  if (requireFile(path).isFIFO()) return "is a pipe: nothing is read from it";
  const head = new Uint8Array(3);
  const file = openSync(path, "r");
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  if (isFlvSignature(head, 0)) return "is FLV";
  throw new MediaError(`"${path}" is no FLV`);
}

/** Folders are made when the file is: the nearest one that is there decides. */
function tryFolder(path: string): string {
  const { bavail, bsize } = statfsSync(nearestFolder(path, path));
  return `can be written, ${formatBytes(bavail * bsize)} free`;
}
