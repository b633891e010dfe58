/**
 * Cameras, commands and raw video as sources of a recipe's job. The keys are those of the flags, and so are their rules.
 */

import type { UsageProblem } from "../errors.ts";
import { applyCaptureFlags, parseCapture, type CaptureFlag, type CaptureTexts } from "./capture.ts";
import type { FromRecipe, JobReader } from "./job-reader.ts";
import type { CapturePlan } from "./plan.ts";
import { advised } from "./problems.ts";

/** Keys that only these sources have. */
export const CAPTURE_KEYS: readonly CaptureFlag[] = [
  ...(["fps", "format", "clock", "size", "bitrate", "keyframe", "rotation", "exposure"] as const),
];

/** Keys that name such a source. */
export const CAPTURE_SOURCES = ["camera", "exec", "h264"] as const;

const EXAMPLES: Readonly<Record<(typeof CAPTURE_SOURCES)[number], string>> = {
  camera: "write camera: rpicam",
  exec: "write exec: [COMMAND, ARGUMENT]",
  h264: "write h264: FILE",
};

/** Reads `camera`, `exec` or `h264`, whichever is there. */
export function readCapture(reader: JobReader, from: Partial<FromRecipe>): CapturePlan | undefined {
  const key = CAPTURE_SOURCES.find((one) => from[one] !== undefined) ?? "camera";
  const given = from[key];
  if (typeof given !== "object")
    return reader.try(["from", key], EXAMPLES[key], () => parseCapture(`${key}:${given}`));
  // A list needs no splitting into words.
  const plan = parseCapture("exec:-");
  return { ...plan, name: `exec:${given[0]}`, input: { kind: "exec", argv: given } };
}

/** The plan with what the keys beside the source say. */
export function withCaptureKeys(
  reader: JobReader,
  plan: CapturePlan,
  from: Partial<FromRecipe>,
): CapturePlan {
  const { fps, format, clock, size, bitrate, keyframe, rotation, exposure } = from;
  const texts: CaptureTexts = { fps, format, clock, size, bitrate, keyframe, rotation, exposure };
  const problems: UsageProblem[] = [];
  const result = applyCaptureFlags(plan, texts, problems);
  for (const problem of problems) {
    const key = problem.flag!.slice("--".length);
    const text = advised(problem, "write another value, or leave it out");
    // What fits depends on the format.
    reader.say(["from", key], problem.value === undefined ? `"${key}": ${text}` : text, [["from", "format"]]);
  }
  return result;
}
