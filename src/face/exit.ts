/**
 * The end of a job in a number and in words: spec 5.8's exit codes and the last line.
 */

import {
  DiskError,
  MediaError,
  RemoteError,
  TransportError,
  UsageError,
  describe,
  isOurs,
} from "../errors.ts";
import type { JobReport, SinkStatus } from "../pipeline/report.ts";
import { formatBytes, formatDuration, plural } from "./format.ts";

/** Exit codes of spec 5.8. */
export const ExitCode = {
  done: 0,
  internal: 1,
  usage: 2,
  incomplete: 3,
  neverLive: 4,
  refused: 5,
  unreachable: 6,
  disk: 7,
  alreadyRunning: 8,
  interrupted: 130,
  terminated: 143,
} as const;

/** How a job ended. */
export type Outcome = { readonly code: number; readonly text: string };

/** The exit code that an error by itself amounts to. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  // A reader of our stdout who has seen enough is no trouble of the disk.
  if (error instanceof DiskError) return error.code === "EPIPE" ? ExitCode.incomplete : ExitCode.disk;
  if (error instanceof MediaError) return ExitCode.incomplete;
  if (error instanceof TransportError) {
    return error.fault === "stalled" ? ExitCode.neverLive : ExitCode.unreachable;
  }
  if (error instanceof RemoteError) {
    if (error.refusal === "not-live") return ExitCode.neverLive;
    return error.refusal === "failed" ? ExitCode.unreachable : ExitCode.refused;
  }
  return isOurs(error) ? ExitCode.unreachable : ExitCode.internal;
}

/** What became of a job. */
export function outcomeOf(report: JobReport): Outcome {
  const sinks = report.status.sinks;
  const delivered =
    sinks.some((sink) => sink.everLive) && report.mediaMs + report.status.counters.packets > 0;
  if (!delivered) return nothing(report);
  const none = hasNoRecording(report);
  const faultsOf = (required: boolean): string[] =>
    sinks
      .filter((sink) => sink.required === required)
      // What never was is not lost.
      .flatMap((sink) => sinkFaults(none ? { ...sink, everLive: false } : sink));
  const faults = [...sourceFaults(report), ...faultsOf(true)];
  const first = none ? "nothing recorded" : amountOf(report);
  const amount = [first, ...faultsOf(false).map((fault) => `not required: ${fault}`)].join("; ");
  if (faults.length === 0) {
    const how = report.stopped ? "stopped" : "done";
    return { code: ExitCode.done, text: `${how}: ${amount}` };
  }
  const disk = sinks.some((sink) => sink.error !== undefined && exitCodeOf(sink.error) === ExitCode.disk);
  const code = disk ? ExitCode.disk : ExitCode.incomplete;
  const why = faults.join("; ");
  return { code, text: none ? `${amount}: ${why}` : `incomplete: ${amount}; ${why}` };
}

/** Nothing left the program: the first cause decides. */
function nothing(report: JobReport): Outcome {
  const { sinks } = report.status;
  const records = report.verb === "pull" || (sinks.length > 0 && sinks.every((sink) => sink.kind === "file"));
  const what = records ? "nothing recorded" : "nothing sent";
  const failed = sinks.filter((sink) => sink.error !== undefined).map((sink) => sink.error);
  const errors = report.sourceError === undefined ? failed : [report.sourceError, ...failed];
  // Whoever stops a job that still tries has what was asked for.
  if (report.stopped && report.sourceError === undefined) {
    return { code: ExitCode.done, text: `stopped: ${what}` };
  }
  if (errors.length === 0) {
    return {
      code: ExitCode.neverLive,
      text: `${what}: "${report.sourceName}" was never live (${report.reason})`,
    };
  }
  const code = exitCodeOf(errors[0]);
  const never = code === ExitCode.neverLive ? "; the stream is not live" : "";
  return { code, text: `${what}: ${[...new Set(errors.map(describe))].join("; ")}${never}` };
}

function sourceFaults(report: JobReport): string[] {
  const faults: string[] = [];
  const { gaps, sourceError } = report;
  if (gaps.count > 0) faults.push(`${plural(gaps.count, "gap")} (${formatDuration(gaps.ms)})`);
  if (sourceError !== undefined) faults.push(describe(sourceError));
  else if (isShort(report)) faults.push(`the source ended early (${report.reason})`);
  return faults;
}

/** Less than what was asked for, by more than a second and without the user having stopped it. */
function isShort(report: JobReport): boolean {
  const { wantedMs, mediaMs, stopped, nature, planned, status } = report;
  if (wantedMs === undefined || stopped || nature === "made" || planned) return false;
  // Stopped because no sink was left: those say why themselves.
  if (status.sinks.every((sink) => sink.error !== undefined)) return false;
  return mediaMs + 1000 < wantedMs;
}

function sinkFaults(sink: SinkStatus): string[] {
  const faults: string[] = [];
  if (sink.error !== undefined) {
    const words = describe(sink.error);
    const lost = sink.everLive && !words.startsWith("Lost ");
    faults.push(`${sink.name}${lost ? " lost" : ""}: ${words}`);
  }
  if (sink.downMs >= 1) faults.push(`${sink.name} down ${formatDuration(sink.downMs)}`);
  if (sink.lost.packets > 0) faults.push(`${sink.name} skipped ${formatDuration(sink.lost.ms)}`);
  return faults;
}

/** Whether all that was to be had was recordings, and there is none: of media that came, nothing is on the disk. */
function hasNoRecording({ status: { sinks }, files, earlierFiles }: JobReport): boolean {
  return files.length + earlierFiles.count === 0 && !sinks.some(mayHoldMedia);
}

/** A destination, stdout, or a recording that a disk did not let us finish: its `.part` may hold media. */
function mayHoldMedia({ kind, name, error }: SinkStatus): boolean {
  if (kind !== "file" || name === "stdout") return true;
  return error instanceof DiskError && (error.code === "EBUSY" || error.message.startsWith("Cannot finish "));
}

/** How much media there is to show for the job, in ms: where its only recording lost some, what the files hold. */
function gottenMs({ status: { sinks }, files, earlierFiles, mediaMs }: JobReport): number {
  const [sink] = sinks;
  const recorded =
    sinks.length === 1 && sink!.kind === "file" && files.length > 0 && earlierFiles.count === 0;
  if (!recorded || sinkFaults(sink!).length === 0) return mediaMs;
  return Math.min(
    mediaMs,
    files.reduce((sum, { ms }) => sum + ms, 0),
  );
}

/** `1h58m of 2h in 4 files, 2.1 GiB` or `12s sent to own, twitch (1.5 MiB)`. */
function amountOf(report: JobReport): string {
  const gotten = gottenMs(report);
  const wanted = report.wantedMs ?? report.mediaMs;
  const media = formatDuration(gotten);
  const time = gotten + 1000 >= wanted ? media : `${media} of ${formatDuration(wanted)}`;
  const { files, earlierFiles, deletedFiles } = report;
  const count = files.length + earlierFiles.count;
  const parts: string[] = [];
  if (count > 0) {
    const bytes = files.reduce((sum, file) => sum + file.bytes, earlierFiles.bytes);
    const names = count <= 2 ? `: ${files.map((file) => file.path).join(", ")}` : "";
    const which = count === 1 ? "" : `${deletedFiles} of them `;
    const gone = deletedFiles > 0 ? `, ${which}deleted since` : "";
    parts.push(` in ${plural(count, "file")}, ${formatBytes(bytes)}${gone}${names}`);
  }
  const sent = report.status.sinks.filter((sink) => sink.kind === "rtmp" && sink.everLive);
  if (sent.length > 0) parts.push(` sent to ${sent.map((sink) => sink.name).join(", ")}`);
  return `${time}${parts.join(";")}`;
}
