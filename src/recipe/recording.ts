/**
 * What flags say about recordings: segments, joining, what to keep. A part of planFromFlags; problems are
 * collected, so that all of them can be said at once.
 */

import type { UsageProblem } from "../errors.ts";
import type { KeepRule, RecordPlan, SinkPlan } from "./plan.ts";
import { isProblem, parseDuration, parseSize, type Problem } from "./units.ts";

/** Flags about recordings. */
export type RecordingFlag = "segment" | "align" | "join" | "keep-age" | "keep-size" | "keep-free";

/** Their values as typed; undefined where one was not given. */
export type RecordingTexts = Readonly<Record<RecordingFlag, string | undefined>>;

/** The rules for the recordings among `sinks`. */
export function readRecording(
  texts: RecordingTexts,
  sinks: readonly SinkPlan[],
  problems: UsageProblem[],
): RecordPlan {
  const read = reader(texts, problems);
  const every = read("segment", parseDuration);
  const keep: KeepRule = {
    ageMs: read("keep-age", parseAge),
    bytes: read("keep-size", parseSize),
    freeBytes: read("keep-free", parseSize),
  };
  const given = (Object.keys(texts) as RecordingFlag[]).filter((flag) => texts[flag] !== undefined);
  if (given.length > 0 && !sinks.some((sink) => sink.kind === "file")) {
    problems.push({ what: [{ flag: `--${given[0]}` }, " is for a recording to a file, and there is none"] });
  }
  return {
    segment:
      every === undefined ? undefined : { every, align: texts.align === undefined ? "media" : "clock" },
    join: readJoin(texts, problems),
    keep: Object.values(keep).every((limit) => limit === undefined) ? undefined : keep,
  };
}

/** Reads a flag whose value must be more than nothing. */
function reader(texts: RecordingTexts, problems: UsageProblem[]) {
  checkAlign(texts, problems);
  return (flag: RecordingFlag, parse: (text: string) => number | Problem): number | undefined => {
    const text = texts[flag];
    const value = text === undefined ? undefined : parse(text);
    if (value === undefined || (!isProblem(value) && value > 0)) return value;
    problems.push({
      flag: `--${flag}`,
      ...(isProblem(value) ? value : { what: "must be more than nothing" }),
    });
    return undefined;
  };
}

function checkAlign({ align, segment }: RecordingTexts, problems: UsageProblem[]): void {
  if (align === undefined) return;
  if (align !== "clock")
    problems.push({
      flag: "--align",
      value: align,
      what: "is nothing to align to",
      instead: "write --align clock",
    });
  if (segment === undefined)
    problems.push({ what: [{ flag: "--align" }, " clock needs --segment: --segment 30m --align clock"] });
}

/** Nothing is a value here: any outage starts the next file. */
function readJoin({ join }: RecordingTexts, problems: UsageProblem[]): number | undefined {
  if (join === undefined) return undefined;
  const value = parseDuration(join);
  if (!isProblem(value)) return value;
  problems.push({ flag: "--join", ...value });
  return undefined;
}

/** Whoever keeps recordings for "14" does not mean seconds. */
function parseAge(text: string): number | Problem {
  return /^\d+$/.test(text.trim())
    ? { value: text, what: "has no unit", instead: `write ${text.trim()}d` }
    : parseDuration(text);
}
