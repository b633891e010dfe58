/**
 * `check --resolved`: a whole plan as a table of values, each with where it came from: a flag, a variable, a line of the
 * recipe, or nothing at all. Secrets are ***.
 */

import { formatOrigin, type RecipeJob } from "../recipe/read-recipe.ts";
import { audioInWords } from "../recipe/audio.ts";
import type { DestinationPlan, Plan } from "../recipe/plan.ts";
import type { Path } from "../recipe/tree.ts";
import { formatExact, formatExactSize } from "./exact.ts";
import { sinkInWords, sourceInWords } from "./describe.ts";

/** One value of a plan. */
export type ResolvedValue = { readonly key: string; readonly value: string; readonly from: string };

const SOURCE_PATHS: readonly Path[] = ["url", "listen", "camera", "exec", "h264"].map((key) => ["from", key]);

/** Every value of a job's plan. */
export function resolvedValues(job: RecipeJob): ResolvedValue[] {
  const { plan, schedule, origin } = job;
  const row = (key: string, value: string | undefined, ...paths: readonly Path[]): ResolvedValue[] => {
    const places = paths.length === 0 ? [key.split(".")] : paths;
    return value === undefined ? [] : [{ key, value, from: formatOrigin(origin(...places)) }];
  };
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : formatExact(ms);
  const { stall, ca, insecure, bind } = plan.net;
  return [
    ...row("from", sourceInWords(plan), ...SOURCE_PATHS),
    ...listenerRows(plan, row),
    ...row("from.wait", time(plan.wait)),
    ...row("from.follow", plan.follow ? "true" : undefined),
    ...row("from.stall", formatExact(stall)),
    ...captureRows(plan, row),
    ...(plan.source.kind === "file" || plan.source.kind === "stdin"
      ? [...row("from.loop", String(plan.loop)), ...row("from.realtime", String(plan.realtime))]
      : []),
    ...row("schedule.cron", schedule?.cron),
    ...row("schedule.tz", schedule?.tz),
    ...row("for", time(plan.for), ["schedule", "for"], ["for"]),
    ...row("until", plan.until === undefined ? undefined : new Date(plan.until).toISOString()),
    ...row("grace", formatExact(plan.grace)),
    ...row("retry.min", formatExact(plan.retry.min)),
    ...row("retry.max", formatExact(plan.retry.max)),
    ...recordRows(plan, row),
    ...plan.sinks.flatMap((sink) => (sink.kind === "rtmp" ? destinationRows(sink, plan, row) : [])),
    ...Object.entries(plan.hooks).flatMap(([event, argv]) =>
      row(`on.${event}`, JSON.stringify(argv), ["on", event], ["on", event, 0]),
    ),
    ...row("ca", ca === undefined ? undefined : "a certificate authority"),
    ...row("insecure", String(insecure)),
    ...row("bind", bind),
  ];
}

type Row = (key: string, value: string | undefined, ...paths: readonly Path[]) => ResolvedValue[];

function listenerRows(plan: Plan, row: Row): ResolvedValue[] {
  const { listen, source } = plan;
  if (listen === undefined) return [];
  const own = source.kind === "listen";
  const inAddress: Path[] = [
    ["from", "listen"],
    ["from", "url"],
  ];
  const keyPaths: Path[] = [["from", "key"], ...(listen.key === undefined ? [] : inAddress)];
  return [
    ...(own ? row("from.app", listen.app, ["from", "app"]) : []),
    ...(own ? row("from.key", listen.key === undefined ? "none" : "***", ...keyPaths) : []),
    ...row("serve", listen.playName === undefined ? "false" : `${listen.name}/${listen.playName}`),
    ...(listen.tls === undefined ? [] : row("cert", "a certificate", ["from", "cert"], ["serve", "cert"])),
  ];
}

function captureRows({ source, silentAudio }: Plan, row: Row): ResolvedValue[] {
  const sound = silentAudio === true ? "silent" : audioInWords(source);
  const audio = row("audio", sound, ["audio"], ["audio", "exec"], ["audio", "exec", 0]);
  if (source.kind !== "capture") return audio;
  const { input, format, clock, fps } = source;
  if (input.kind !== "rpicam" && input.kind !== "v4l2") {
    const times = clock.kind === "pts" ? clock.path : clock.kind;
    return [
      ...row("from.format", format),
      ...row("from.clock", format === "flv" ? undefined : times),
      ...row("from.fps", fps?.toString()),
      ...audio,
    ];
  }
  const { settings } = input;
  return [
    ...row("from.size", `${settings.width}x${settings.height}`),
    ...row("from.fps", String(settings.fps)),
    ...row("from.bitrate", `${settings.bitrate / 1e6}M`),
    ...row("from.keyframe", formatExact(settings.keyframeMs)),
    ...row("from.rotation", settings.rotation?.toString()),
    ...row("from.exposure", settings.exposure),
    ...audio,
  ];
}

function recordRows(plan: Plan, row: Row): ResolvedValue[] {
  const files = plan.sinks.filter((sink) => sink.kind === "file" || sink.kind === "stdout");
  if (files.length === 0) return [];
  const { segment, join, keep } = plan.record;
  const size = (bytes: number | undefined): string | undefined =>
    bytes === undefined ? undefined : formatExactSize(bytes);
  return [
    ...files.flatMap((sink, i) => {
      const paths: Path[] = [
        ["record", "path", i],
        ["record", "path"],
      ];
      return row("record.path", sinkInWords(sink, plan), ...paths);
    }),
    ...(segment === undefined
      ? []
      : [
          ...row("record.segment.every", formatExact(segment.every)),
          ...row("record.segment.align", segment.align),
        ]),
    ...row("record.join", join === undefined ? undefined : formatExact(join)),
    ...row("record.keep.age", keep?.ageMs === undefined ? undefined : formatExact(keep.ageMs)),
    ...row("record.keep.size", size(keep?.bytes)),
    ...row("record.keep.free", size(keep?.freeBytes)),
    ...row("record.force", String(plan.force)),
  ];
}

function destinationRows(sink: DestinationPlan, plan: Plan, row: Row): ResolvedValue[] {
  const at = ["to", sink.name];
  const key = `to.${sink.name}`;
  const retry = sink.retry ?? plan.retry;
  const waits = (name: "min" | "max"): ResolvedValue[] =>
    row(`${key}.retry.${name}`, formatExact(retry[name]), [...at, "retry", name], ["retry", name]);
  return [
    ...row(`${key}.url`, sinkInWords(sink, plan), [...at, "url"]),
    ...row(`${key}.required`, String(sink.required), [...at, "required"]),
    ...row(`${key}.buffer.max`, formatExact(sink.queue.ms), [...at, "buffer", "max"]),
    ...row(`${key}.buffer.bytes`, formatExactSize(sink.queue.bytes), [...at, "buffer", "bytes"]),
    ...waits("min"),
    ...waits("max"),
  ];
}

/** The values as a table in text. */
export function formatResolved(values: readonly ResolvedValue[]): string[] {
  const keys = Math.max(...values.map(({ key }) => key.length));
  const texts = Math.min(60, Math.max(...values.map(({ value }) => value.length)));
  return values.map(({ key, value, from }) => `  ${key.padEnd(keys)}  ${value.padEnd(texts)}  ${from}`);
}
