/**
 * The status line: `* show 01:12:40 4.98 Mb/s 30 fps gop 2s | rec 2.7 GiB | twitch ok | own retry in 8s`.
 * Repainted every second on a terminal, a plain line every minute elsewhere. It reads counters and never
 * disturbs the stream.
 */

import type { JobStatus, SinkStatus } from "../pipeline/report.ts";
import { formatBytes, formatClock, formatDuration, formatRate } from "./format.ts";
import type { Terminal } from "./terminal.ts";

const REPAINT_MS = 1000;

/** Shows how a job is doing until stopped; `plainEvery` (ms) is the pace where nobody watches, 0 for never. */
export class StatusFace {
  readonly #terminal: Terminal;
  readonly #plainEvery: number;
  readonly #say: (line: string) => void;
  #status: JobStatus | undefined;
  #timer: Timer | undefined;
  #lastBytes = 0;
  #lastFrames = 0;
  #lastAt = 0;

  constructor(terminal: Terminal, plainEvery: number, say: (line: string) => void) {
    this.#terminal = terminal;
    this.#plainEvery = plainEvery;
    this.#say = say;
  }

  /** Begins to show this job. */
  start(status: JobStatus): void {
    this.#status = status;
    this.#lastAt = performance.now();
    if (!this.#terminal.interactive && this.#plainEvery === 0) return;
    const every = this.#terminal.interactive ? REPAINT_MS : this.#plainEvery;
    this.#timer = setInterval(() => this.#tick(), every);
  }

  /** Removes the status line. */
  stop(): void {
    clearInterval(this.#timer);
    this.#terminal.status("");
  }

  /** The line as it would be shown now. */
  line(): string {
    const status = this.#status;
    if (status === undefined) return "nothing runs yet";
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

  #tick(): void {
    if (this.#terminal.interactive) this.#terminal.status(this.line());
    else this.#say(this.line());
  }
}

/** One job in one line; `now` is the clock of retryAt and firstMediaAt (ms). Pure. */
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
  if (counters.gop > 0) parts.push(`gop ${formatDuration(counters.gop)}`);
  return parts.join(" ");
}

function sinkPart(sink: SinkStatus, now: number): string {
  if (sink.kind === "file") {
    return sink.state === "failed" ? `${sink.name} failed` : `rec ${formatBytes(sink.bytesOut)}`;
  }
  switch (sink.state) {
    case "live":
      return sink.lagMs >= 500 ? `${sink.name} lag ${formatDuration(sink.lagMs)}` : `${sink.name} ok`;
    case "waiting":
      return `${sink.name} retry in ${formatDuration(Math.max(0, (sink.retryAt ?? now) - now))}`;
    default:
      return `${sink.name} ${sink.state}`;
  }
}
