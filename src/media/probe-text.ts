/** The report of a StreamProbe as lines for people: what goes in is plain data, what comes out has no colours. */
import { codecLabel } from "./fourcc.ts";
import type { ProbeClaims, ProbeReport, ProbeTrack } from "./probe.ts";

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
  lines.push(`timestamps: ${timestampHealth(report)}`);
  lines.push(...claimLines(report));
  return lines;
}

function trackLines(track: ProbeTrack): string[] {
  const name = track.track === 0 ? track.kind : `${track.kind} track ${track.track}`;
  const parts = [[track.label, track.profile, track.level].filter((part) => part !== undefined).join(" ")];
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

function timestampHealth(report: ProbeReport): string {
  const faults: string[] = [];
  if (report.rollbacks > 0) faults.push(plural(report.rollbacks, "step") + " back");
  if (report.jumps > 0) faults.push(`${plural(report.jumps, "jump")} of more than 1 s`);
  if (report.skewMs !== undefined && Math.abs(report.skewMs) > 500) {
    const [first, last] = report.skewMs > 0 ? ["audio", "video"] : ["video", "audio"];
    faults.push(`${first} ends ${seconds(Math.abs(report.skewMs) / 1000)} before ${last}`);
  }
  return faults.length === 0 ? "fine" : faults.join(", ");
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
