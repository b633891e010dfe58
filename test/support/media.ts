/**
 * Test media, made once per run by ffmpeg: small H.264 + AAC shows whose frames differ, and ffmpeg as a publisher and
 * as a judge of files.
 */
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Child, run, runWell, start } from "./process.ts";
import { scratch } from "./scratch.ts";

/** `profile` high has B-frames, so composition times; baseline has none. */
export type Show = { seconds?: number; profile?: "baseline" | "high"; audio?: boolean; bitrate?: string };

/** ffmpeg says nothing but errors, and leaves the terminal alone. */
export const QUIET_FFMPEG = ["-hide_banner", "-nostdin", "-v", "error"];

/** Makes an FLV file with a keyframe every two seconds and returns its path. */
export async function makeShow(path: string, show: Show = {}): Promise<string> {
  const high = (show.profile ?? "high") === "high";
  const seconds = String(show.seconds ?? 4);
  const bitrate = show.bitrate ?? "300k";
  const size = show.bitrate === undefined ? "320x180" : "1280x720";
  // Noise, because a test pattern alone does not use up a high bitrate.
  const picture = `testsrc2=size=${size}:rate=25${show.bitrate === undefined ? "" : ",noise=alls=30:allf=t"}`;
  const audio = show.audio ?? true;
  await runWell(
    [
      "ffmpeg",
      ...QUIET_FFMPEG,
      ...["-f", "lavfi", "-i", picture],
      ...(audio ? ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"] : []),
      ...["-t", seconds, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"],
      ...[
        "-profile:v",
        high ? "high" : "baseline",
        "-bf",
        high ? "2" : "0",
        "-g",
        "50",
        "-sc_threshold",
        "0",
      ],
      ...["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate],
      ...(audio ? ["-c:a", "aac", "-b:a", "64k"] : []),
      ...["-f", "flv", "-y", path],
    ],
    { timeout: 120_000 },
  );
  return path;
}

const shelf = new Map<string, Promise<string>>();

/** Returns the path of a show; the same wish gives the same file within one test file. */
export async function show(wish: Show = {}): Promise<string> {
  const key = JSON.stringify(wish);
  const known = await shelf.get(key)?.catch(() => undefined);
  // The folder of an earlier test file has been removed with its file.
  if (known !== undefined && statSync(known, { throwIfNoEntry: false }) !== undefined) return known;
  const made = makeShow(join(scratch("media"), "show.flv"), wish);
  shelf.set(key, made);
  return made;
}

/** Puts a copy of a show where a server finds it. */
export async function putShow(folder: string, name: string, wish: Show = {}): Promise<string> {
  const path = join(folder, name);
  copyFileSync(await show(wish), path);
  return path;
}

/** Publishes a file with ffmpeg in real time (or at once), frames untouched. */
export function publish(file: string, url: string, options: { realtime?: boolean } = {}): Child {
  const pace = options.realtime === false ? [] : ["-re"];
  return start(["ffmpeg", ...QUIET_FFMPEG, ...pace, "-i", file, "-c", "copy", "-f", "flv", url], {
    timeout: 60_000,
  });
}

/** What ffmpeg has to say about a file when it decodes all of it: the empty string when nothing is wrong. */
export async function decodingErrors(file: string): Promise<string> {
  // On the file's own clock: in steps of a guessed frame rate two frames of a camera may fall together.
  const clock = ["-vsync", "passthrough", "-enc_time_base:v", "-1"];
  const argv = ["ffmpeg", ...QUIET_FFMPEG, "-i", file, ...clock, "-f", "null", "-"];
  const result = await run(argv, { timeout: 60_000 });
  return result.code === 0 ? result.stderr : `exit code ${result.code}: ${result.stderr}`;
}
