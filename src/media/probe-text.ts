/** The report of a StreamProbe as lines for people: what goes in is plain data, what comes out has no colours. */
import { codecLabel } from "./fourcc.ts";
import type { ProbeClaims, ProbeReport, ProbeStep, ProbeTrack } from "./probe.ts";
import { findingsInWords } from "./repair-finding.ts";
import type { Inspection } from "./repair-inspection.ts";

/** Packets that lie further apart than this, in ms, make players stop and wait. */
const MAX_LATE = 1000;
/** Steps and findings that are told one by one. */
const SHOWN_STEPS = 4;
const SHOWN_FINDINGS = 10;

/** The report as lines without line ends. */
export function formatProbe(report: ProbeReport): string[] {
  if (report.tracks.length === 0) return ["no audio or video"];
  const rate = report.bitrateKbps === undefined ? "" : `, ${bitrate(report.bitrateKbps)}`;
  const lines = [`duration: ${seconds(report.durationMs / 1000)}${rate}`];
  for (const track of report.tracks) lines.push(...trackLines(track));
  if (report.gop !== undefined) {
    const { count, min, median, max } = report.gop;
    const range =
      min === max ? seconds(min) : `${seconds(min)} to ${seconds(max)}, median ${seconds(median)}`;
    lines.push(`GOP: ${range} (${count} measured)`);
  }
  const skew = skewText(report);
  if (skew !== undefined) lines.push(`A/V skew: ${skew}`);
  lines.push(`timestamps: ${timestampHealth(report)}`);
  lines.push(...claimLines(report));
  return lines;
}

/** What is wrong with a file, by place, as lines; `repair` is the command that mends it, which a pipe has none. */
export function formatInspection(inspection: Inspection, repair: string | undefined): string[] {
  const { count, counts, findings } = inspection;
  const label = repair === undefined ? "input" : "file";
  if (count === 0) return [`${label}: sound`];
  const remedy = repair === undefined ? "" : `; to mend it: ${repair}`;
  const lines = [`${label}: ${findingsInWords(counts)}${remedy}`];
  for (const { offset, text } of findings.slice(0, SHOWN_FINDINGS)) lines.push(`  offset ${offset}: ${text}`);
  if (count > SHOWN_FINDINGS) lines.push(`  and ${count - SHOWN_FINDINGS} more`);
  return lines;
}

function trackLines(track: ProbeTrack): string[] {
  const name = track.track === 0 ? track.kind : `${track.kind} track ${track.track}`;
  const parts = [[track.label, track.profile, track.level].filter((part) => part !== undefined).join(" ")];
  if (track.enhanced) parts.push("enhanced FLV");
  if (track.width !== undefined) parts.push(`${track.width}x${track.height}`);
  if (track.bitDepth !== undefined && track.bitDepth !== 8) parts.push(`${track.bitDepth} bit`);
  if (track.kind === "video") parts.push(...frameRates(track));
  if (track.sampleRate !== undefined) parts.push(`${track.sampleRate} Hz`);
  if (track.channels !== undefined) parts.push(channelName(track.channels));
  if (track.bitrateKbps !== undefined) parts.push(bitrate(track.bitrateKbps));
  parts.push(plural(track.frames, "frame"));
  if (track.kind === "video") parts.push(plural(track.keyFrames, "key frame"));
  if (track.reordered) parts.push("B-frames");
  const lines = [`${name}: ${parts.join(", ")}`];
  if (track.headerChanges > 0) lines.push(`  the sequence header changed ${times(track.headerChanges)}`);
  if (track.problem !== undefined) lines.push(`  ${track.problem}`);
  return lines;
}

function frameRates(track: ProbeTrack): string[] {
  const { fps, measuredFps } = track;
  if (measuredFps === undefined) return fps === undefined ? [] : [`${decimal(fps)} fps`];
  const differs = fps === undefined || Math.abs(fps - measuredFps) > 0.02 * fps;
  if (!differs) return [`${decimal(fps)} fps`];
  return [
    fps === undefined
      ? `${decimal(measuredFps)} fps`
      : `${decimal(fps)} fps (measured ${decimal(measuredFps)})`,
  ];
}

/** `video begins 23 ms after audio and ends 40 ms before it`. */
function skewText({ startSkewMs, skewMs }: ProbeReport): string | undefined {
  if (startSkewMs === undefined || skewMs === undefined) return undefined;
  const side = (ms: number): string =>
    ms === 0 ? "with" : `${millis(Math.abs(ms))} ${ms > 0 ? "after" : "before"}`;
  return `video begins ${side(startSkewMs)} audio and ends ${side(skewMs)} it`;
}

function timestampHealth(report: ProbeReport): string {
  const faults: string[] = [];
  const back = report.steps.filter(({ stepMs }) => stepMs < 0);
  const ahead = report.steps.filter(({ stepMs }) => stepMs > 0);
  if (report.rollbacks > 0) faults.push(`${plural(report.rollbacks, "step")} back${stepsText(back)}`);
  if (report.jumps > 0) faults.push(`${plural(report.jumps, "jump")} of more than 1 s${stepsText(ahead)}`);
  if (report.lateMs > MAX_LATE) {
    faults.push(`audio and video lie up to ${seconds(report.lateMs / 1000)} apart`);
  }
  if (report.skewMs !== undefined && Math.abs(report.skewMs) > 500) {
    const [first, last] = report.skewMs > 0 ? ["audio", "video"] : ["video", "audio"];
    faults.push(`${first} ends ${seconds(Math.abs(report.skewMs) / 1000)} before ${last}`);
  }
  return faults.length === 0 ? "fine" : faults.join(", ");
}

/** ` (video +12 s at 3.4 s, audio +12 s at 3.5 s)`. */
function stepsText(steps: readonly ProbeStep[]): string {
  if (steps.length === 0) return "";
  const shown = steps.slice(0, SHOWN_STEPS).map(({ kind, stepMs, atMs }) => {
    const step = Math.abs(stepMs) < 1000 ? `${stepMs} ms` : seconds(stepMs / 1000);
    return `${kind} ${stepMs > 0 ? "+" : ""}${step} at ${seconds(atMs / 1000)}`;
  });
  return ` (${shown.join(", ")}${steps.length > SHOWN_STEPS ? " ..." : ""})`;
}

function millis(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms / 1000);
}

function claimLines(report: ProbeReport): string[] {
  const claims = report.metadata;
  if (claims === undefined) return ["metadata: none"];
  const parts: string[] = [];
  if (claims.width !== undefined) parts.push(`${claims.width}x${claims.height ?? "?"}`);
  if (claims.framerate !== undefined) parts.push(`${decimal(claims.framerate)} fps`);
  if (claims.videoCodec !== undefined) parts.push(codecLabel(claims.videoCodec));
  if (claims.audioCodec !== undefined) parts.push(codecLabel(claims.audioCodec));
  if (claims.encoder !== undefined) parts.push(`encoder ${printable(claims.encoder)}`);
  const text = parts.length === 0 ? plural(claims.keys.length, "key") : parts.join(", ");
  return [`metadata: ${text}`, ...falseClaims(report, claims).map((line) => `  ${line}`)];
}

/** Where metadata and media differ: the media is right. */
function falseClaims(report: ProbeReport, claims: ProbeClaims): string[] {
  const lines: string[] = [];
  const video = report.tracks.find((track) => track.kind === "video");
  const audio = report.tracks.find((track) => track.kind === "audio");
  if (claims.videoCodec !== undefined && video === undefined) lines.push("claims video that never came");
  if (claims.audioCodec !== undefined && audio === undefined) lines.push("claims audio that never came");
  if (video?.width === undefined || claims.width === undefined) return lines;
  if (claims.width !== video.width || claims.height !== video.height) {
    lines.push(`claims ${claims.width}x${claims.height ?? "?"}, the video is ${video.width}x${video.height}`);
  }
  return lines;
}

function channelName(channels: number): string {
  if (channels === 1) return "mono";
  return channels === 2 ? "stereo" : `${channels} channels`;
}

function bitrate(kbps: number): string {
  return kbps >= 1000 ? `${(kbps / 1000).toFixed(2)} Mb/s` : `${kbps.toFixed(0)} kb/s`;
}

function seconds(value: number): string {
  return `${decimal(value)} s`;
}

function decimal(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Text from a peer must not reach a terminal with control characters in it. */
function printable(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 80);
}
