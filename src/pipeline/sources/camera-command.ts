/**
 * The command lines of the programs that read cameras. Settings go in, together with what the program of this machine
 * can do (its own list of options, formats or encoders), words of a command come out. Pure: asking the machine is
 * camera.ts's. rpicam-apps core/options.cpp, core/video_options.hpp; v4l2-ctl(1); ffmpeg(1).
 */

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
  /** As the program calls it. */
  readonly exposure: string | undefined;
};

/** Programs for the camera of a Raspberry Pi, the newest first. */
export const RPICAM_PROGRAMS = ["rpicam-vid", "libcamera-vid", "raspivid"] as const;

/** Frames from one keyframe to the next. */
function keyframeDistance({ fps, keyframeMs }: CameraSettings): string {
  return String(Math.max(1, Math.round((fps * keyframeMs) / 1000)));
}

/** The options that a program's help names: `--width arg` and the like. */
export function optionsIn(help: string): Set<string> {
  return new Set(help.match(/--[a-z0-9][a-z0-9-]*/g) ?? []);
}

/** The command for rpicam-vid or libcamera-vid, whose help names these options. */
export function rpicamCommand(
  program: string,
  settings: CameraSettings,
  known: ReadonlySet<string>,
): string[] {
  const { width, height, fps, bitrate, rotation, exposure } = settings;
  const argv = [program, "--timeout", "0", "--nopreview", "--codec", "h264"];
  argv.push("--width", String(width), "--height", String(height), "--framerate", String(fps));
  argv.push("--bitrate", String(bitrate), "--intra", keyframeDistance(settings));
  // Parameter sets before every keyframe; each frame written at once.
  argv.push("--inline", "--flush");
  // A Pi 5 has no encoder: rpicam-vid uses libav's, which must be told the format where there is no file name to tell
  // it, and which would use B-frames and hold frames back. Encoders in hardware ignore both.
  if (known.has("--libav-format")) argv.push("--libav-format", "h264");
  if (known.has("--low-latency")) argv.push("--low-latency");
  if (rotation !== undefined) argv.push("--rotation", String(rotation));
  if (exposure !== undefined) argv.push("--exposure", exposure);
  return [...argv, "--output", "-"];
}

/** The command for raspivid, of systems before 2022. */
export function raspividCommand(settings: CameraSettings): string[] {
  const { width, height, fps, bitrate, rotation, exposure } = settings;
  const argv = ["raspivid", "--timeout", "0", "--nopreview", "--codec", "H264"];
  argv.push("--width", String(width), "--height", String(height), "--framerate", String(fps));
  argv.push("--bitrate", String(bitrate), "--intra", keyframeDistance(settings), "--inline", "--flush");
  if (rotation !== undefined) argv.push("--rotation", String(rotation));
  if (exposure !== undefined) argv.push("--exposure", exposure);
  return [...argv, "--output", "-"];
}

/** The question to v4l2-ctl: which formats and which controls has this device? */
export function v4l2Question(device: string): string[] {
  return ["v4l2-ctl", "--device", device, "--list-formats", "--list-ctrls"];
}

/** Whether the answer says that the camera gives H.264 by itself. */
export function givesH264(answer: string): boolean {
  return /'H264'/.test(answer);
}

/** The command for a camera that gives H.264 by itself, with those of its controls that it has. */
export function v4l2Command(device: string, settings: CameraSettings, answer: string): string[] {
  const { width, height, fps, bitrate } = settings;
  const wanted: readonly (readonly [string, string])[] = [
    ["video_bitrate", String(bitrate)],
    ["h264_i_frame_period", keyframeDistance(settings)],
    ["video_gop_size", keyframeDistance(settings)],
    ["repeat_sequence_header", "1"],
  ];
  const controls = wanted.filter(([name]) => new RegExp(`^\\s*${name} 0x`, "m").test(answer));
  const argv = ["v4l2-ctl", "--device", device];
  argv.push(`--set-fmt-video=width=${width},height=${height},pixelformat=H264`, `--set-parm=${fps}`);
  if (controls.length > 0) argv.push(`--set-ctrl=${controls.map((pair) => pair.join("=")).join(",")}`);
  return [...argv, "--stream-mmap", "--stream-to=-"];
}

/** An encoder that ffmpeg may have, and the device that shows that the machine has it, too. */
type Encoder = {
  readonly name: string;
  readonly device: string;
  readonly before?: readonly string[];
  readonly after: readonly string[];
};

const ENCODERS: readonly Encoder[] = [
  { name: "h264_v4l2m2m", device: "/dev/video11", after: ["-pix_fmt", "yuv420p"] },
  { name: "h264_rkmpp", device: "/dev/mpp_service", after: [] },
  { name: "h264_nvenc", device: "/dev/nvidia0", after: ["-preset", "p4", "-tune", "ll", "-bf", "0"] },
  {
    name: "h264_vaapi",
    device: "/dev/dri/renderD128",
    before: ["-vaapi_device", "/dev/dri/renderD128"],
    after: ["-vf", "format=nv12,hwupload", "-bf", "0"],
  },
];
const SOFTWARE: Encoder = {
  name: "libx264",
  device: "",
  after: ["-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
};

/** The encoder to use, from the list that `ffmpeg -encoders` prints; libx264 where the machine has none. */
export function pickEncoder(list: string, exists: (path: string) => boolean): Encoder {
  return (
    ENCODERS.find(({ name, device }) => new RegExp(`\\b${name}\\b`).test(list) && exists(device)) ?? SOFTWARE
  );
}

/** The command for a camera that gives raw or JPEG pictures: ffmpeg encodes them. */
export function encodeCommand(device: string, settings: CameraSettings, encoder: Encoder): string[] {
  const { width, height, fps, bitrate } = settings;
  const argv = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", ...(encoder.before ?? [])];
  argv.push("-f", "v4l2", "-framerate", String(fps), "-video_size", `${width}x${height}`, "-i", device);
  argv.push("-an", "-c:v", encoder.name, ...encoder.after);
  argv.push("-b:v", String(bitrate), "-g", keyframeDistance(settings));
  return [...argv, "-f", "h264", "-flush_packets", "1", "-"];
}
