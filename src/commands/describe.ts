/**
 * Plans in words, without secrets: for --dry-run, `check` and the hints of both.
 */

import { audioInWords } from "../recipe/audio.ts";
import type { Plan, SinkPlan } from "../recipe/plan.ts";
import { redactUrl } from "../rtmp/url.ts";

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
  ];
}
