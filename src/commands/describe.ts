/**
 * Plans in words, without secrets: for --dry-run, `check` and the hints of both.
 */

import { audioInWords } from "../recipe/audio.ts";
import type { Plan, SinkPlan } from "../recipe/plan.ts";
import { localZone } from "../recipe/schedule.ts";
import { redactUrl } from "../rtmp/url.ts";
import { formatExactTime } from "./calendar.ts";
import { formatExact, formatExactSize } from "./exact.ts";

/** Where a plan's media comes from. */
export function sourceInWords(plan: Plan): string {
  const { source, listen } = plan;
  switch (source.kind) {
    case "rtmp":
      return redactUrl(source.url, { showName: true });
    case "http":
    case "capture":
      return source.name;
    case "file":
      return source.path;
    case "listen":
      return listen?.name ?? source.kind;
    case "stdin":
    case "testcard":
      return source.kind;
    default:
      return source satisfies never;
  }
}

/** Where one sink of a plan leads. */
export function sinkInWords(sink: SinkPlan, { listen }: Plan): string {
  switch (sink.kind) {
    case "rtmp":
      return redactUrl(sink.url);
    case "file":
      return sink.template;
    case "players":
      return `${listen?.name ?? ""}/${listen?.playName ?? ""}`;
    case "stdout":
      return "stdout";
    default:
      return sink satisfies never;
  }
}

/** A plan in a few lines. */
export function describePlan(plan: Plan): string[] {
  const to = plan.sinks.map((sink) => {
    const where = sinkInWords(sink, plan);
    if (sink.kind === "rtmp") return `  to ${sink.name}: ${where}`;
    return sink.kind === "players" ? `  players: ${where}` : `  record: ${where}`;
  });
  const audio = plan.silentAudio === true ? "silent" : audioInWords(plan.source);
  return [
    `${plan.verb} ${sourceInWords(plan)}`,
    ...(audio === undefined ? [] : [`  audio: ${audio}`]),
    ...to,
    ...rulesInWords(plan),
  ];
}

/** What was asked of a plan beside where the media goes: when it ends, what it waits for, how recordings are cut and kept. */
export function rulesInWords(plan: Plan): string[] {
  const { wait, until, follow } = plan;
  const line = (name: string, text: string | undefined): string[] =>
    text === undefined ? [] : [`  ${name}: ${text}`];
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : formatExact(ms);
  return [
    ...line("for", time(plan.for)),
    ...line("until", until === undefined ? undefined : formatExactTime(until, localZone())),
    ...line("wait", time(wait)),
    ...line("follow", follow ? "every session, until the end that is planned or a signal" : undefined),
    ...recordingRules(plan).flatMap(([name, text]) => line(name, text)),
  ];
}

type Rule = readonly [name: string, text: string | undefined];

/** Rules for recordings mean nothing where there are none. */
function recordingRules({ sinks, record: { segment, join, keep } }: Plan): Rule[] {
  if (!sinks.some(({ kind }) => kind === "file")) return [];
  const where = segment?.align === "clock" ? ", on the clock" : "";
  const kept = [
    ...(keep?.ageMs === undefined ? [] : [`for ${formatExact(keep.ageMs)}`]),
    ...(keep?.bytes === undefined ? [] : [`at most ${formatExactSize(keep.bytes)}`]),
    ...(keep?.freeBytes === undefined ? [] : [`while ${formatExactSize(keep.freeBytes)} are free`]),
  ];
  return [
    ["segment", segment === undefined ? undefined : `${formatExact(segment.every)}${where}`],
    ["join", join === undefined ? undefined : formatExact(join)],
    ["keep", kept.length === 0 ? undefined : kept.join(", ")],
  ];
}
