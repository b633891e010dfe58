/**
 * A stand-in for rpicam-vid: a program of that name in a folder of its own, which knows the options of the real one
 * (rpicam-apps core/options.cpp and core/video_options.hpp) and refuses all others as it does, and whose camera is
 * ffmpeg at real time. Its mood says what goes wrong. Started as a program it is the stand-in itself.
 */
import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "./mutate.ts";
import { scratch } from "./scratch.ts";

/** Options that need a value, and those that need none. */
const WITH_VALUE =
  "camera verbose config info-text width height timeout output post-process-file preview rotation roi shutter " +
  "analoggain gain metering exposure ev awb awbgains wrap brightness contrast saturation sharpness framerate denoise " +
  "viewfinder-width viewfinder-height tuning-file lores-width lores-height mode viewfinder-mode buffer-count " +
  "autofocus-mode autofocus-range autofocus-speed autofocus-window lens-position hdr metadata metadata-format " +
  "flicker-period bitrate profile level intra codec save-pts quality initial segment circular frames " +
  "libav-video-codec libav-video-codec-opts libav-format audio-codec audio-source audio-device audio-channels " +
  "audio-bitrate audio-samplerate av-sync sync";
const WITHOUT =
  "help version list-cameras nopreview fullscreen qt-preview hflip vflip flush no-raw autofocus-on-capture inline " +
  "listen keypress signal split libav-audio low-latency";

/**
 * `jitter`: frames are late by up to a frame and a half; `chunks`: in pieces of any size; `stall`: nothing for 5 s,
 * then everything at once; `crash`: ends with an error after 3 s, the first time; `none`: there is no camera;
 * `stubborn`: ignores TERM; `hang`: starts and gives nothing.
 */
export type Mood = "jitter" | "chunks" | "stall" | "crash" | "none" | "stubborn" | "hang";

/** A folder with the stand-in, and what it wrote down. */
export type Rpicam = {
  /** For the PATH of whoever shall find it. */
  readonly folder: string;
  readonly env: Record<string, string>;
  /** The command lines so far, without --help. */
  commands(): string[];
  /** The process ids of the stand-in and its ffmpeg, of all runs so far. */
  pids(): number[];
};

/** Makes a stand-in. `old` leaves out the options for libav, as versions of 2022 do. */
export function makeRpicam(
  moods: readonly Mood[] = [],
  options: { name?: string; old?: boolean } = {},
): Rpicam {
  const folder = scratch("rpicam");
  const program = join(folder, options.name ?? "rpicam-vid");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${import.meta.path}" "$@"\n`);
  chmodSync(program, 0o755);
  const lines = (name: string): string[] => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };
  return {
    folder,
    env: {
      PATH: `${folder}:${process.env["PATH"] ?? ""}`,
      FAKE_RPICAM: JSON.stringify({ folder, moods, old: options.old ?? false }),
    },
    commands: () => lines("commands"),
    pids: () => lines("pids").map(Number),
  };
}

/** How many processes, zombies apart, are in the groups of these: their children, and whoever watches over them. */
export function groupSize(pids: readonly number[]): number {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.filter((name) => {
    // Behind the name in brackets: state, parent, group. proc(5).
    const [state, , group] = textOf(`/proc/${name}/stat`)
      .replace(/^.*\) /s, "")
      .split(" ");
    return pids.includes(Number(group)) && state !== "Z";
  }).length;
}

/** How many processes were started with exactly these words. */
export function countOf(...argv: readonly string[]): number {
  const wanted = `${argv.join("\0")}\0`;
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.filter((name) => textOf(`/proc/${name}/cmdline`) === wanted).length;
}

/** A file of /proc; "" if its process has ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

type Settings = { folder: string; moods: Mood[]; old: boolean };

function fail(text: string): never {
  process.stderr.write(`ERROR: *** ${text} ***\n`);
  process.exit(255);
}

/** The options by name, as the real program reads them. */
function parse(argv: readonly string[], settings: Settings): Map<string, string> {
  const libav = (name: string): boolean => /libav|low-latency|audio|av-sync/.test(name);
  const known = (list: string): Set<string> =>
    new Set(list.split(" ").filter((name) => !settings.old || !libav(name)));
  const [values, switches] = [known(WITH_VALUE), known(WITHOUT)];
  const found = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const name = /^--([a-z][a-z0-9-]*)$/.exec(argv[i]!)?.[1] ?? "";
    if (switches.has(name)) found.set(name, "");
    else if (values.has(name) && argv[i + 1] !== undefined) found.set(name, argv[++i]!);
    else fail(`unrecognised option '${argv[i]}'`);
  }
  if (found.has("help")) {
    const rows = [
      ...[...values].map((name) => `  --${name} arg`),
      ...[...switches].map((name) => `  --${name}`),
    ];
    process.stdout.write(`Valid options are:\n${rows.join("\n")}\n`);
    process.exit(0);
  }
  return found;
}

async function main(): Promise<void> {
  const settings = JSON.parse(process.env["FAKE_RPICAM"]!) as Settings;
  const has = (mood: Mood): boolean => settings.moods.includes(mood);
  const options = parse(process.argv.slice(2), settings);
  const note = (name: string, text: string): void => appendFileSync(join(settings.folder, name), `${text}\n`);
  note("commands", process.argv.slice(2).join(" "));
  if (has("none")) fail("no cameras available");
  if (has("stubborn")) process.on("SIGTERM", () => {});
  const option = (name: string): string => options.get(name) ?? fail(`no --${name}`);
  if (option("timeout") !== "0" || option("output") !== "-") fail("it would end, or write a file");
  // Without this, libav of a Pi 5 cannot tell what to write to stdout.
  if (!settings.old && options.get("libav-format") !== "h264") fail("cannot allocate output context");
  const crashes = has("crash") && !existsSync(join(settings.folder, "crashed"));
  const picture = `testsrc2=size=${option("width")}x${option("height")}:rate=${option("framerate")}`;
  const params = `keyint=${option("intra")}:scenecut=0:sliced-threads=0${options.has("inline") ? ":repeat-headers=1" : ""}`;
  const camera = Bun.spawn(
    [
      ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", params],
      ...["-b:v", option("bitrate"), "-f", "h264", "-flush_packets", "1", "-"],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  note("pids", `${process.pid}\n${camera.pid}`);
  if (crashes) {
    setTimeout(() => {
      writeFileSync(join(settings.folder, "crashed"), "");
      camera.kill("SIGKILL");
      fail("failed to start camera");
    }, 3000);
  }
  if (!has("hang")) await forward(camera.stdout, has);
  if (has("hang") || has("stubborn")) await Bun.sleep(60_000);
}

/** Passes on what the camera gives, in the way of the moods. */
async function forward(frames: AsyncIterable<Uint8Array>, has: (mood: Mood) => boolean): Promise<void> {
  const random = seededRandom(11);
  const begun = performance.now();
  let last: Promise<void> = Promise.resolve();
  for await (const frame of frames) {
    const now = performance.now() - begun;
    const stalled = has("stall") && now > 5000 && now < 10_000 ? 10_000 - now : 0;
    const due = Bun.sleep(stalled + (has("jitter") ? random() * 60 : 0));
    last = Promise.all([last, due]).then(() => write(frame, has("chunks") ? random : undefined));
  }
  await last;
}

async function write(frame: Uint8Array, random: (() => number) | undefined): Promise<void> {
  for (let at = 0; at < frame.length;) {
    const size = random === undefined ? frame.length : 1 + Math.floor(random() ** 3 * 4000);
    // Nobody reads any more: the real program ends by SIGPIPE, which this runtime ignores; so does ffmpeg then.
    await Bun.write(Bun.stdout, frame.subarray(at, at + size)).catch(() => process.exit(128 + 13));
    at += size;
    if (random !== undefined && random() < 0.3) await Bun.sleep(1);
  }
}

if (import.meta.main) await main();
