/**
 * The two ends of a pipeline as the job sees them. What is behind them lives in sources/ and sinks/.
 */

import type { Ingest } from "./ingest.ts";
import type { PacketQueue, QueueLimits } from "./queue.ts";
import type { DeletedFile, FileReport } from "./report.ts";
import type { RetryPolicy } from "./supervise.ts";

/** Where media comes from. */
export interface Source {
  /** For people, without secrets. */
  readonly name: string;
  /**
   * `made`: a file, a pipe or a test picture; it waits until the sinks are ready, and its end is the job's.
   * `played`: a stream of a server. `awaited`: publishers come to us and go, and the job stays.
   */
  readonly nature: "made" | "played" | "awaited";
  /** Media is timed by its arrival: to wait would press it together. */
  readonly flows?: boolean;
  /** One session. Resolves with the reason when the stream ends, rejects when it is lost or never came. */
  run(ingest: Ingest, signal: AbortSignal): Promise<string>;
  /** Whether the session that has just ended was the last there can be: a server gave all of a file. */
  wasLast?(): boolean;
}

/** What a sink may use of the job. */
export type SinkContext = {
  /** A queue that begins with metadata, sequence headers and a keyframe; ask when ready to send. */
  subscribe(): PacketQueue;
  unsubscribe(queue: PacketQueue): void;
  /** A further queue for somebody whom the sink serves, and its end. */
  join(limits: QueueLimits): PacketQueue;
  leave(queue: PacketQueue): void;
  /** Settles when the source is over. */
  readonly ended: Promise<void>;
  /** The sink is connected or its file open. */
  onLive(): void;
  /** A recording is finished. */
  onFile(file: FileReport): void;
  /** A recording that an earlier run left unfinished is finished. */
  onRecovered(file: FileReport): void;
  /** A finished recording was deleted, as its `keep` says. */
  onDeleted(file: DeletedFile): void;
  /** Something that people should know, without secrets. */
  notice(text: string): void;
  /** A line for the curious, without secrets. */
  trace(line: string): void;
};

/** How the job ends: `hurry` when what can be left out should be, `abort` when nobody wants to wait any longer. */
export type Ending = { readonly hurry: AbortSignal; readonly abort: AbortSignal };

/** Where media goes. */
export interface Sink {
  /** The destination's name in logs; a file's path. */
  readonly name: string;
  /** `players` are whoever comes to watch: nothing depends on them. */
  readonly kind: "rtmp" | "file" | "players";
  /** How much may wait for it, and what happens beyond that. */
  readonly limits: QueueLimits;
  /** How long to wait between its attempts; undefined: as the job does. */
  readonly retry?: RetryPolicy | undefined;
  /** Whether the job is incomplete without it; undefined: it is. */
  readonly required?: boolean;
  /** Bytes that left so far, over all sessions. */
  readonly bytesOut: number;
  /** One session. Resolves when the source is over and everything has left; rejects on failure. */
  run(context: SinkContext, signal: AbortSignal): Promise<void>;
  /** The source was away for `ms`; media from `at` (dts) on is from after that. */
  gap?(at: number, ms: number): void;
  /** No further session will come: ends what sessions left open or under way. Rejects on failure. */
  close?(ending: Ending): Promise<void>;
}
