/** `runnel relay listen:` as a test's door, and the programs that come to it as publishers. */
import { join } from "node:path";
import { QUIET_FFMPEG } from "./media.ts";
import { freePort, untilBound } from "./ports.ts";
import { type Child, type Finished, start, type StartOptions } from "./process.ts";
import { startRunnel } from "./runnel.ts";
import { scratch } from "./scratch.ts";

/** A relay that listens, with the recording it makes. */
export type ListeningRelay = AsyncDisposable & {
  port: number;
  process: Child;
  /** The folder of the recordings; the first is `rec.flv`, the one of the next episode `rec-2.flv`. */
  folder: string;
  file: string;
  /** Where publishers go: the application, and the key as the stream's name. */
  url(name?: string): string;
  /** Waits until it has noticed that its publisher is gone. */
  lostPublisher(): Promise<void>;
  /** Ends it as Ctrl-C does. */
  end(): Promise<Finished>;
};

/** The key of publishers, unless a test says otherwise. */
export const LISTEN_KEY = "sEcReT-kEy";

/** `source` is what stands behind `-k source=`, where the key shall not stand in the address. */
export type ListeningOptions = StartOptions & { scheme?: "rtmp" | "rtmps"; source?: string };

/** Starts `runnel relay listen:127.0.0.1:PORT/live/KEY ARGS -o rec.flv` and waits until it listens. */
export async function startListening(
  args: readonly string[] = [],
  options: ListeningOptions = {},
): Promise<ListeningRelay> {
  const port = await freePort();
  const folder = scratch("listening");
  const file = join(folder, "rec.flv");
  const address = `listen:127.0.0.1:${port}/live`;
  const source =
    options.source === undefined ? [`${address}/${LISTEN_KEY}`] : [address, "-k", `source=${options.source}`];
  const argv = ["relay", ...source, ...args, "-o", file];
  const process = await startRunnel(argv, { timeout: 80_000, ...options });
  await untilBound(port);
  return {
    port,
    process,
    folder,
    file,
    url: (name = LISTEN_KEY) => `${options.scheme ?? "rtmp"}://127.0.0.1:${port}/live/${name}`,
    lostPublisher: () => process.says(/ended: the publisher left/, 20_000),
    end: () => {
      process.signal("SIGINT");
      return process.finished;
    },
    [Symbol.asyncDispose]: () => process.stop(),
  };
}

/** ffmpeg encodes a moving picture and a tone, and keeps a copy of what it sends. */
export function encodeAndPublish(url: string, copy: string, seconds: number): Child {
  const picture = `testsrc2=size=320x180:rate=25,format=yuv420p`;
  const argv = [
    ...["-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", "sine=sample_rate=44100"],
    ...["-t", String(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac"],
    ...["-flags", "+global_header", "-map", "0:v", "-map", "1:a"],
    ...["-f", "tee", `[f=flv]${copy}|[f=flv]${url}`],
  ];
  return start(["ffmpeg", ...QUIET_FFMPEG, ...argv], { timeout: 60_000 });
}

/** GStreamer takes a file apart, muxes it anew, keeps a copy of that and publishes it in real time. */
export function gstreamerPublish(file: string, copy: string, sink: readonly string[]): Child {
  const pipeline = [
    ...`filesrc location=${file} ! flvdemux name=demux`.split(" "),
    ..."demux.video ! queue ! h264parse ! mux.".split(" "),
    ..."demux.audio ! queue ! aacparse ! mux.".split(" "),
    ..."flvmux name=mux streamable=true ! identity sync=true ! tee name=both".split(" "),
    ...`both. ! queue ! filesink async=false location=${copy}`.split(" "),
    ..."both. ! queue !".split(" "),
    ...sink,
  ];
  return start(["gst-launch-1.0", "-q", ...pipeline], { timeout: 60_000 });
}
