/**
 * The status line: `● show 01:12:40 4.98 Mb/s 30 fps gop 2.0s | rec 2.7 GiB | twitch ok | own retry 3 in 8s`, one for
 * each job. Repainted every second on a terminal, plain lines every minute elsewhere. It reads counters and never disturbs
 * the stream.
 */

import type { JobStatus, SinkStatus } from "../pipeline/report.ts";
import { formatBytes, formatClock, formatDuration, formatRate } from "./format.ts";
import type { Terminal } from "./terminal.ts";

const REPAINT_MS = 1000;

/** What is shown of one job. */
export class StatusRow {
  readonly #job: string;
  #status: JobStatus | undefined;
  #rest = "nothing runs yet";
  #lastBytes = 0;
  #lastFrames = 0;
  #lastAt = 0;

  constructor(job: string) {
    this.#job = job;
  }

  /** Whether the job runs. */
  get runs(): boolean {
    return this.#status !== undefined;
  }

  /** Media of the episode that runs, in bytes. */
  get mediaBytes(): number {
    return this.#status?.counters.bytes ?? 0;
  }

  /** From now on the job runs, and this is how it is doing. */
  show(status: JobStatus): void {
    this.#status = status;
    this.#lastBytes = 0;
    this.#lastFrames = 0;
    this.#lastAt = performance.now();
  }

  /** From now on the job does not run, and this is why. */
  rest(text: string): void {
    this.#status = undefined;
    this.#rest = text;
  }

  /** The line as it would be shown now; rates are those since the line before. */
  line(): string {
    const status = this.#status;
    if (status === undefined) return `○ ${this.#job} ${this.#rest}`;
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#lastAt) / 1000);
    const { bytes, videoFrames } = status.counters;
    const rates = {
      bits: ((bytes - this.#lastBytes) * 8) / seconds,
      fps: (videoFrames - this.#lastFrames) / seconds,
    };
    this.#lastBytes = bytes;
    this.#lastFrames = videoFrames;
    this.#lastAt = now;
    return statusLine(status, rates, now);
  }
}

/** Shows how jobs are doing until stopped; `plainEvery` (ms) is the pace where nobody watches, 0 for never. */
export class StatusFace {
  readonly #terminal: Terminal;
  readonly #plainEvery: number;
  readonly #say: (line: string) => void;
  readonly #rows: StatusRow[] = [];
  #timer: Timer | undefined;

  constructor(terminal: Terminal, plainEvery: number, say: (line: string) => void) {
    this.#terminal = terminal;
    this.#plainEvery = plainEvery;
    this.#say = say;
  }

  /** Makes the line of one more job, below the others. */
  row(job: string): StatusRow {
    const row = new StatusRow(job);
    this.#rows.push(row);
    const { interactive } = this.#terminal;
    if (this.#timer === undefined && (interactive || this.#plainEvery > 0))
      this.#timer = setInterval(() => this.#tick(), interactive ? REPAINT_MS : this.#plainEvery);
    return row;
  }

  /** Removes the status lines. */
  stop(): void {
    clearInterval(this.#timer);
    this.#terminal.status();
  }

  /** The lines of all jobs as they would be shown now. */
  lines(): string[] {
    return this.#rows.map((row) => row.line());
  }

  /** Media of all jobs as they run, in bytes; it begins anew where an episode does. */
  mediaBytes(): number {
    return this.#rows.reduce((sum, row) => sum + row.mediaBytes, 0);
  }

  #tick(): void {
    if (this.#terminal.interactive) this.#terminal.status(...this.lines());
    // Lines of jobs at rest would say the same again and again.
    else for (const row of this.#rows) if (row.runs) this.#say(row.line());
  }
}

/** One job in one line; `now` is the clock of retries and firstMediaAt (ms). Pure. */
export function statusLine(status: JobStatus, rates: { bits: number; fps: number }, now: number): string {
  const parts = [sourcePart(status, rates, now), ...status.sinks.map((sink) => sinkPart(sink, now))];
  return parts.join(" | ");
}

function sourcePart(status: JobStatus, rates: { bits: number; fps: number }, now: number): string {
  const { job, sourceState, counters, firstMediaAt } = status;
  if (firstMediaAt === undefined) return `○ ${job} ${sourceState}`;
  const mark = sourceState === "live" ? "●" : "○";
  const parts = [mark, job, formatClock(now - firstMediaAt)];
  if (sourceState !== "live") parts.push(sourceState);
  parts.push(formatRate(rates.bits));
  if (counters.videoFrames > 0) parts.push(`${Math.round(rates.fps)} fps`);
  if (counters.gop > 0) parts.push(`gop ${formatGop(counters.gop)}`);
  return parts.join(" ");
}

/** To a tenth of a second, so that the line keeps its width while GOPs differ a little. */
function formatGop(ms: number): string {
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)}s` : formatDuration(ms);
}

function sinkPart(sink: SinkStatus, now: number): string {
  if (sink.kind === "file") {
    return sink.state === "failed" ? `${sink.name} failed` : `rec ${formatBytes(sink.bytesOut)}`;
  }
  switch (sink.state) {
    case "live":
      return sink.lagMs >= 500 ? `${sink.name} lag ${formatDuration(sink.lagMs)}` : `${sink.name} ok`;
    case "waiting":
      if (sink.retry === undefined) return `${sink.name} waiting`;
      return `${sink.name} retry ${sink.retry.number} in ${formatDuration(sink.retry.at - now)}`;
    default:
      return `${sink.name} ${sink.state}`;
  }
}
