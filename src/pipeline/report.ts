/**
 * What a job tells while it runs (events, counters) and at its end (the report). Plain data: the face decides
 * how it looks.
 */

import type { HubCounters } from "./hub.ts";
import type { QueueLoss } from "./queue.ts";

/** How a source or sink is doing. */
export type State = "idle" | "connecting" | "live" | "waiting" | "done" | "failed";

/** Something that happened, for logs and for --json. Texts are for people and hold no secrets. */
export type JobEvent =
  | { readonly event: "start"; readonly source: string; readonly destinations: readonly string[] }
  | { readonly event: "live"; readonly name: string }
  /** `attempts` sessions in a row have ended after a moment, this one among them; 0 if it was longer. */
  | {
      readonly event: "ended";
      readonly name: string;
      readonly reason: string;
      readonly attempts: number;
    }
  | {
      readonly event: "retry";
      readonly name: string;
      /** The peer said no, to the key, the application or the name. */
      readonly refused?: boolean;
      readonly error: string;
      readonly attempts: number;
      readonly waitMs: number;
    }
  | { readonly event: "failed"; readonly name: string; readonly error: string }
  | { readonly event: "gap"; readonly ms: number }
  | { readonly event: "drop"; readonly name: string; readonly packets: number; readonly ms: number }
  | { readonly event: "segment"; readonly path: string; readonly bytes: number; readonly ms: number }
  /** A file that an earlier run left unfinished. */
  | { readonly event: "recovered"; readonly path: string; readonly bytes: number; readonly ms: number }
  /** A finished recording was deleted, as its `keep` says. */
  | ({ readonly event: "deleted" } & DeletedFile)
  /** A listener is open for publishers. */
  | { readonly event: "waiting"; readonly name: string; readonly where: string }
  | { readonly event: "notice"; readonly name: string; readonly text: string }
  | { readonly event: "trace"; readonly name: string; readonly text: string };

/** One sink, as counted so far. Times in ms. */
export type SinkStatus = {
  readonly name: string;
  readonly kind: "rtmp" | "file" | "players";
  /** Without it the job is incomplete. */
  readonly required: boolean;
  state: State;
  everLive: boolean;
  /** Without connection since it was live for the first time. */
  downMs: number;
  downSince: number | undefined;
  /** While it waits: which retry in a row comes next, and when, on the job's monotonic clock (ms). */
  retry: { readonly number: number; readonly at: number } | undefined;
  /** No longer believed to come: refused, or failed three times without ever being live. */
  hopeless: boolean;
  error: unknown;
  bytesOut: number;
  /** Bytes and media time that wait in its queue. */
  queuedBytes: number;
  lagMs: number;
  readonly lost: QueueLoss;
};

/** A job as it stands; the same object while the job runs. */
export type JobStatus = {
  readonly job: string;
  sourceState: State;
  counters: HubCounters;
  readonly sinks: readonly SinkStatus[];
  /** When the first media came, on the job's monotonic clock. */
  firstMediaAt: number | undefined;
};

/** A finished recording. */
export type FileReport = { readonly path: string; readonly bytes: number; readonly ms: number };

/** A recording that `keep` gave away, by which of its rules, and whether this run had made it. */
export type DeletedFile = {
  readonly path: string;
  readonly bytes: number;
  readonly why: "age" | "size" | "free";
  readonly ofThisRun: boolean;
};

/** What became of a job. */
export type JobReport = {
  readonly verb: "pull" | "push" | "relay";
  readonly status: JobStatus;
  /** Why the source ended, in words. */
  readonly reason: string;
  readonly sourceName: string;
  readonly nature: "made" | "played" | "awaited";
  /** Why the source was given up. */
  readonly sourceError: unknown;
  /** The end that --for or --until had planned has come. */
  readonly planned: boolean;
  /** Stopped by the user. */
  readonly stopped: boolean;
  readonly wantedMs: number | undefined;
  readonly mediaMs: number;
  readonly gaps: { readonly count: number; readonly ms: number };
  /** The latest recordings; those before them are only counted. */
  readonly files: readonly FileReport[];
  readonly earlierFiles: { readonly count: number; readonly bytes: number };
  /** How many of all these `keep` has deleted since. */
  readonly deletedFiles: number;
};
