/**
 * Plan: the one validated form of a job, whatever it was written in. Flags (and recipes) become a Plan before
 * anything starts; the pipeline sees nothing else. What its parts take as it stands has the same name on both sides
 * (RetryPolicy, KeepRule, HookCommands, CameraSettings): neither may import the other, and the compiler compares them.
 */

import type { RtmpUrl } from "../rtmp/url.ts";

/** Where media comes from. */
export type SourcePlan =
  | { readonly kind: "rtmp"; readonly url: RtmpUrl }
  | { readonly kind: "http"; readonly url: string; readonly name: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "testcard" }
  | { readonly kind: "listen" }
  | CapturePlan;

/** A camera, a command or raw video. */
export type CapturePlan = {
  readonly kind: "capture";
  /** For people, without what may be secret. */
  readonly name: string;
  readonly input: CaptureInput;
  /** What the input writes: FLV, or H.264 or H.265 with start codes. */
  readonly format: "flv" | "h264" | "hevc";
  /** Where the times of raw video come from. */
  readonly clock: ClockPlan;
  /** Frames per second that are known or expected; undefined: as the stream says. */
  readonly fps: number | undefined;
  /** A command whose sound is joined with the pictures. */
  readonly audio: { readonly argv: readonly string[] } | undefined;
};

/** Where the bytes of a capture come from. */
export type CaptureInput =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "exec"; readonly argv: readonly string[] }
  | { readonly kind: "rpicam"; readonly settings: CameraSettings }
  | { readonly kind: "v4l2"; readonly device: string; readonly settings: CameraSettings };

/** What a camera is asked for. */
export type CameraSettings = {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly keyframeMs: number;
  /** Degrees. */
  readonly rotation: number | undefined;
  /** As the camera's program calls it. */
  readonly exposure: string | undefined;
};

/** Times by arrival, by counting frames, or from a list in a file. */
export type ClockPlan =
  { readonly kind: "arrival" } | { readonly kind: "fps" } | { readonly kind: "pts"; readonly path: string };

/** Where clients are served: a publisher as the source, players who watch. `cert` and `certKey` are PEM texts. */
export type ListenPlan = {
  /** The address as a URL for people, without key or name. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** What publishers must know; undefined lets everybody publish. */
  readonly key: string | undefined;
  /** The name that players ask for; undefined serves none. */
  readonly playName: string | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
};

/** The shortest and the longest wait between attempts, in ms. */
export type RetryPolicy = { readonly min: number; readonly max: number };

/** A server that media is published to. */
export type DestinationPlan = {
  readonly kind: "rtmp";
  readonly name: string;
  readonly url: RtmpUrl;
  /** What may wait for it before it skips ahead; `ms` is media time. */
  readonly queue: { readonly bytes: number; readonly ms: number };
  /** undefined: the job's. */
  readonly retry: RetryPolicy | undefined;
  /** Without it the job is incomplete. */
  readonly required: boolean;
};

/** Where media goes. `name` is the log tag and the identity. */
export type SinkPlan =
  | DestinationPlan
  | { readonly kind: "file"; readonly name: string; readonly template: string }
  | { readonly kind: "stdout"; readonly name: string }
  /** Whoever plays from the job's own listener. */
  | { readonly kind: "players"; readonly name: string };

/** How connections are made; times in ms. `ca` is PEM text. */
export type NetPlan = {
  readonly ca: string | undefined;
  readonly insecure: boolean;
  readonly bind: string | undefined;
  readonly connectTimeout: number;
  readonly stepTimeout: number;
  readonly startTimeout: number;
  readonly stall: number;
};

/** How recordings to files are cut, joined and kept; times in ms. */
export type RecordPlan = {
  /** A new file after this long; on the clock, a new file at each multiple of it. */
  readonly segment: { readonly every: number; readonly align: "media" | "clock" } | undefined;
  /** An outage of the source that is shorter goes on in the same file; undefined: as long as destinations wait. */
  readonly join: number | undefined;
  /** Which finished files go; undefined keeps everything. */
  readonly keep: KeepRule | undefined;
};

/** What finished files must keep to, the oldest going first: age in ms, their sum and the disk's free room in bytes. */
export type KeepRule = {
  readonly ageMs: number | undefined;
  readonly bytes: number | undefined;
  readonly freeBytes: number | undefined;
};

/** When a command of the user runs. */
export type HookEvent = "start" | "segment" | "gap" | "end";

/** Commands as argv lists; {path} {job} {duration} in them are filled in. */
export type HookCommands = Readonly<Partial<Record<HookEvent, readonly string[]>>>;

/** Recordings that are never cut nor deleted. */
export const PLAIN_RECORDING: RecordPlan = { segment: undefined, join: undefined, keep: undefined };

/** One job, ready to run. Times in ms. */
export type Plan = {
  readonly job: string;
  readonly verb: "pull" | "push" | "relay";
  readonly source: SourcePlan;
  readonly sinks: readonly SinkPlan[];
  /** Set if the source listens or players are served. */
  readonly listen: ListenPlan | undefined;
  /** Ends this long after the first media. */
  readonly for: number | undefined;
  /** Ends at this wall time (ms since 1970). */
  readonly until: number | undefined;
  /** How long a stream that is not live yet is waited for. */
  readonly wait: number | undefined;
  /** When a played stream ends, the next session is waited for, and gets files of its own. */
  readonly follow: boolean;
  /** Destinations stay connected this long when the source is lost. */
  readonly grace: number;
  readonly retry: RetryPolicy;
  readonly net: NetPlan;
  /** A file or pipe is paced by its timestamps. */
  readonly realtime: boolean;
  readonly loop: boolean;
  /** Silence is added where the source has no sound. */
  readonly silentAudio?: boolean;
  /** Existing files are overwritten. */
  readonly force: boolean;
  readonly record: RecordPlan;
  readonly hooks: HookCommands;
  /** What must never be shown: keys, tokens, passwords. */
  readonly secrets: readonly string[];
};
