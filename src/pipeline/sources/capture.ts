/**
 * Source: a camera, a command or raw video. Chooses where the bytes come from and what reads them.
 */

import { readFileSync } from "node:fs";
import { MediaError } from "../../errors.ts";
import { parsePtsList } from "../../media/capture-clock.ts";
import type { Source } from "../source.ts";
import type { Failure, RetryPolicy } from "../supervise.ts";
import { cameraCommand, type Camera } from "./camera.ts";
import { childSegments } from "./child.ts";
import { cannotRead, fileSegments } from "./file-bytes.ts";
import { flvSource } from "./flv-input.ts";
import type { JoinedAudioOptions } from "./joined-audio.ts";
import { rawVideoSource, type RawVideoOptions } from "./raw-video.ts";
import { stdinSegments } from "./stdin.ts";

/** What is captured. */
export type CaptureOptions = {
  /** For people, without secrets. */
  readonly name: string;
  readonly input:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "stdin" }
    | { readonly kind: "exec"; readonly argv: readonly string[] }
    | Camera;
  readonly format: "flv" | "h264" | "hevc";
  readonly clock: { readonly kind: "arrival" | "fps" } | { readonly kind: "pts"; readonly path: string };
  readonly fps: number | undefined;
  readonly realtime: boolean;
  readonly loop: boolean;
  /** A program that gives nothing for this long has failed, in ms. */
  readonly stall: number;
  /** A command whose sound is joined with the pictures. */
  readonly audio: { readonly argv: readonly string[] } | undefined;
  readonly retry: RetryPolicy;
  /** The sound has begun; it failed and will be tried again. */
  readonly onAudioLive: () => void;
  readonly onAudioFailure: (failure: Failure) => void;
  readonly trace: (line: string) => void;
  readonly notice: (line: string) => void;
};

/** A camera, a command or raw video as a source. */
export function captureSource(options: CaptureOptions): Source {
  const { name, input, format, trace } = options;
  const open = (signal: AbortSignal): AsyncIterable<Uint8Array> => openInput(options, signal);
  const program = input.kind === "exec" ? input.argv[0]! : undefined;
  if (format === "flv")
    return flvSource({ name, open, live: true, realtime: false, loop: false, program, trace });
  const made = input.kind === "file" || input.kind === "stdin";
  const camera = input.kind === "rpicam" || input.kind === "v4l2";
  const raw: Omit<RawVideoOptions, "clock"> = {
    name,
    nature: made ? "made" : "played",
    open,
    codec: format,
    fps: options.fps,
    bitrate: camera ? input.settings.bitrate : undefined,
    realtime: options.realtime,
    loop: options.loop && input.kind === "file",
    audio: audioOf(options),
    trace,
    notice: options.notice,
  };
  const { nature } = raw;
  // The list is read when the source starts: its problems are the source's.
  return {
    name,
    nature,
    flows: options.clock.kind === "arrival",
    run: (ingest, signal) => rawVideoSource({ ...raw, clock: clockOf(options.clock) }).run(ingest, signal),
  };
}

function audioOf(options: CaptureOptions): JoinedAudioOptions | undefined {
  const { audio, stall, retry, onAudioLive, onAudioFailure, trace, notice } = options;
  if (audio === undefined) return undefined;
  return { argv: audio.argv, stall, retry, onLive: onAudioLive, onFailure: onAudioFailure, trace, notice };
}

function clockOf(clock: CaptureOptions["clock"]): RawVideoOptions["clock"] {
  if (clock.kind !== "pts") return clock;
  let text: string;
  try {
    text = readFileSync(clock.path, "utf8");
  } catch (cause) {
    throw cannotRead(clock.path, cause);
  }
  const times = parsePtsList(text);
  if (times === undefined) throw new MediaError(`"${clock.path}" is no list of times`);
  return { kind: "pts", times };
}

async function* openInput(options: CaptureOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { input, stall, trace } = options;
  switch (input.kind) {
    case "file":
      // Pictures are views of what was read until they are tags.
      yield* fileSegments(input.path, signal, { buffer: "each" });
      return;
    case "stdin":
      yield* stdinSegments(signal);
      return;
    case "exec":
      yield* childSegments({ argv: input.argv, stall, endless: false, trace }, signal);
      return;
    case "rpicam":
    case "v4l2": {
      const argv = await cameraCommand(input, options.notice);
      trace(argv.join(" "));
      yield* childSegments({ argv, stall, endless: true, trace }, signal);
      return;
    }
    default:
      input satisfies never;
  }
}
