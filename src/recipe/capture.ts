/**
 * Cameras, commands and raw video as sources: `camera:rpicam`, `camera:v4l2:/dev/video0`, `exec:COMMAND`,
 * `h264:FILE`, `h264:-`, and the flags that belong to them. Texts in, a CapturePlan out; problems are collected, so
 * that all of them can be said at once. spec.md 2, 3.
 */

import { UsageError, type UsageProblem } from "../errors.ts";
import type { CaptureInput, CapturePlan, CameraSettings, ClockPlan } from "./plan.ts";
import { isProblem, parseDuration, parseSize } from "./units.ts";

/** The flags of these sources, as typed; undefined where they were not given. */
export type CaptureTexts = Readonly<Record<CaptureFlag, string | undefined>>;

/** Flags that only these sources have. */
export type CaptureFlag =
  "fps" | "format" | "clock" | "size" | "bitrate" | "keyframe" | "rotation" | "exposure";

/** What a camera is asked for when nothing is said: what a Pi and a home's line can carry. */
export const CAMERA_DEFAULTS: CameraSettings = {
  width: 1280,
  height: 720,
  fps: 25,
  bitrate: 3_000_000,
  keyframeMs: 2000,
  rotation: undefined,
  exposure: undefined,
};

const DEFAULT_DEVICE = "/dev/video0";
const MAX_SIDE = 8192;
const MAX_FPS = 240;
const EXAMPLES = "camera:rpicam, camera:v4l2 or camera:v4l2:/dev/video0";

/** Whether this is the address of such a source. */
export function isCaptureAddress(text: string): boolean {
  return /^(camera|exec|h264):/i.test(text);
}

/** Parses the address; everything else as it is without flags. Throws UsageError. */
export function parseCapture(text: string): CapturePlan {
  const [, scheme = "", rest = ""] = /^([a-z0-9]+):(.*)$/is.exec(text.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case "h264":
      return rawPlan(rest);
    case "exec":
      return execPlan(rest);
    default:
      return cameraPlan(rest);
  }
}

const NOTHING_KNOWN = { kind: "capture", fps: undefined, audio: undefined } as const;

function rawPlan(path: string): CapturePlan {
  if (path === "") throw new UsageError('"h264:" needs a file behind it, or - for stdin');
  const stdin = path === "-";
  const input: CaptureInput = stdin ? { kind: "stdin" } : { kind: "file", path };
  const clock: ClockPlan = stdin ? { kind: "arrival" } : { kind: "fps" };
  return { ...NOTHING_KNOWN, name: `h264:${path}`, input, format: "h264", clock };
}

function execPlan(command: string): CapturePlan {
  const argv = splitCommand(command);
  if (argv.length === 0) throw new UsageError('"exec:" needs a command behind it: "exec:my-camera --hd"');
  // The rest may hold passwords.
  const name = `exec:${argv[0]!}`;
  const input: CaptureInput = { kind: "exec", argv };
  return { ...NOTHING_KNOWN, name, input, format: "flv", clock: { kind: "arrival" } };
}

function cameraPlan(device: string): CapturePlan {
  const v4l2 = /^v4l2(?::(\/.+))?$/i.exec(device);
  if (v4l2 === null && !/^rpicam$/i.test(device)) {
    throw new UsageError({
      value: `camera:${device}`,
      what: "is no camera that runnel knows",
      instead: EXAMPLES,
    });
  }
  const settings = CAMERA_DEFAULTS;
  const path = v4l2?.[1] ?? DEFAULT_DEVICE;
  const input: CaptureInput =
    v4l2 === null ? { kind: "rpicam", settings } : { kind: "v4l2", device: path, settings };
  const name = v4l2 === null ? "camera:rpicam" : `camera:v4l2:${path}`;
  return { ...NOTHING_KNOWN, name, input, format: "h264", clock: { kind: "arrival" } };
}

/**
 * Splits a command into words as a shell does, but without one: quotes keep spaces, a backslash keeps the next
 * character, nothing is expanded. Throws UsageError for a quote without end.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s+|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)/gy;
  let word: string | undefined;
  let at = 0;
  for (const [all, single, double, escaped, plain] of text.matchAll(pattern)) {
    at += all.length;
    const part = single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? "") + part;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (at < text.length) throw new UsageError(`exec: a quote or backslash has no end in the command`);
  return word === undefined ? words : [...words, word];
}

/** The plan with what the flags say. Problems, such as a flag that this source does not have, are added. */
export function applyCaptureFlags(
  plan: CapturePlan,
  texts: CaptureTexts,
  problems: UsageProblem[],
): CapturePlan {
  const { input } = plan;
  const camera = input.kind === "rpicam" || input.kind === "v4l2";
  const format = readFormat(plan, texts, problems);
  if (format === "flv") refuse(texts, ["fps", "clock"], "FLV has times of its own", problems);
  if (!camera) {
    refuse(texts, ["size", "bitrate", "keyframe", "rotation", "exposure"], "only for camera:", problems);
  }
  if (input.kind === "v4l2") refuse(texts, ["rotation", "exposure"], "only for camera:rpicam", problems);
  if (camera && texts.clock !== undefined)
    problems.push({ flag: "--clock", what: "a camera is timed by arrival" });
  const fps = readNumber("fps", texts.fps, { least: 1, most: MAX_FPS, example: "25" }, problems);
  const clock = readClock(plan, texts, problems);
  if (!camera) return { ...plan, format, clock, fps };
  const settings = readSettings(input.settings, texts, fps, problems);
  return { ...plan, input: { ...input, settings }, fps: settings.fps };
}

/** The job's name: what is captured. */
export function captureJobName({ input }: CapturePlan): string {
  const base = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) || "stream";
  switch (input.kind) {
    case "file":
      return base(input.path).replace(/\.(h264|264|avc|h265|265|hevc)$/i, "") || "stream";
    case "exec":
      return base(input.argv[0]!);
    case "stdin":
      return "stdin";
    default:
      return "camera";
  }
}

/** Problems for flags that were given to a source of another kind. */
export function refuseCaptureFlags(texts: CaptureTexts, problems: UsageProblem[]): void {
  const flags: CaptureFlag[] = [
    "fps",
    "format",
    "clock",
    "size",
    "bitrate",
    "keyframe",
    "rotation",
    "exposure",
  ];
  refuse(texts, flags, "only for camera:, exec: and h264: sources", problems);
}

function refuse(
  texts: CaptureTexts,
  flags: readonly CaptureFlag[],
  why: string,
  problems: UsageProblem[],
): void {
  for (const flag of flags) if (texts[flag] !== undefined) problems.push({ flag: `--${flag}`, what: why });
}

function readFormat(
  plan: CapturePlan,
  { format }: CaptureTexts,
  problems: UsageProblem[],
): CapturePlan["format"] {
  if (format === undefined) return plan.format;
  const { kind } = plan.input;
  const known = format === "h264" || format === "hevc" || (format === "flv" && kind === "exec");
  if (known && kind !== "rpicam" && kind !== "v4l2") return format;
  const wrong =
    kind === "exec"
      ? { value: format, what: "is none of flv, h264, hevc" }
      : { what: "h264 or hevc, for exec: and h264:" };
  problems.push({ flag: "--format", ...wrong });
  return plan.format;
}

function readClock(plan: CapturePlan, { clock }: CaptureTexts, problems: UsageProblem[]): ClockPlan {
  if (clock === undefined) return plan.clock;
  if (clock === "arrival" || clock === "fps") return { kind: clock };
  if (plan.input.kind !== "file")
    problems.push({ flag: "--clock", what: "a list of times belongs to a file", instead: "arrival or fps" });
  return { kind: "pts", path: clock };
}

function readSettings(
  base: CameraSettings,
  texts: CaptureTexts,
  fps: number | undefined,
  problems: UsageProblem[],
): CameraSettings {
  const [width, height] = readDimensions(texts.size, problems) ?? [base.width, base.height];
  const bitrate = readRate(texts.bitrate, problems) ?? base.bitrate;
  const keyframeMs = readKeyframe(texts.keyframe, problems) ?? base.keyframeMs;
  const turn = { least: 0, most: 359, example: "180" };
  const rotation = readNumber("rotation", texts.rotation, turn, problems) ?? base.rotation;
  const exposure = texts.exposure ?? base.exposure;
  if (exposure !== undefined && !/^[a-z]+$/i.test(exposure))
    problems.push({ flag: "--exposure", what: "a word, such as sport" });
  return { width, height, fps: fps ?? base.fps, bitrate, keyframeMs, rotation, exposure };
}

function readDimensions(text: string | undefined, problems: UsageProblem[]): [number, number] | undefined {
  if (text === undefined) return undefined;
  const [, width, height] = /^(\d+)x(\d+)$/i.exec(text.trim()) ?? [];
  const sides: [number, number] = [Number(width), Number(height)];
  if (sides.every((side) => side >= 16 && side <= MAX_SIDE && side % 2 === 0)) return sides;
  problems.push({
    flag: "--size",
    value: text,
    what: "is no size",
    instead: "write even numbers such as 1280x720",
  });
  return undefined;
}

/** `3M`, `800K`: bits per second. */
function readRate(text: string | undefined, problems: UsageProblem[]): number | undefined {
  if (text === undefined) return undefined;
  const rate = /^\d+(\.\d+)?\s*[kKM]$/.test(text.trim()) ? parseSize(text) : NaN;
  if (typeof rate === "number" && rate >= 10_000 && rate <= 1e9) return rate;
  problems.push({
    flag: "--bitrate",
    value: text,
    what: "is no bit rate",
    instead: "write one such as 3M or 800K",
  });
  return undefined;
}

function readKeyframe(text: string | undefined, problems: UsageProblem[]): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (!isProblem(ms) && ms > 0) return ms;
  problems.push({ flag: "--keyframe", ...(isProblem(ms) ? ms : { what: "must be longer than nothing" }) });
  return undefined;
}

type Range = { readonly least: number; readonly most: number; readonly example: string };

function readNumber(
  flag: CaptureFlag,
  text: string | undefined,
  { least, most, example }: Range,
  problems: UsageProblem[],
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const what = `is no number from ${least} to ${most}`;
  problems.push({ flag: `--${flag}`, value: text, what, instead: `write one such as ${example}` });
  return undefined;
}
