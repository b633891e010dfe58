/** Command lines for cameras, as the programs' own documentation has them. */
import { describe, expect, test } from "bun:test";
import {
  encodeCommand,
  givesH264,
  optionsIn,
  pickEncoder,
  raspividCommand,
  rpicamCommand,
  v4l2Command,
  type CameraSettings,
} from "../../../src/pipeline/sources/camera-command.ts";

const SETTINGS: CameraSettings = {
  ...{ width: 1280, height: 720, fps: 25, bitrate: 3_000_000, keyframeMs: 2000 },
  ...{ rotation: undefined, exposure: undefined },
};
const TURNED = { ...SETTINGS, rotation: 180, exposure: "sport" };
const line = (argv: readonly string[]): string => argv.join(" ");

describe("rpicam-vid", () => {
  // boost::program_options prints options in these forms.
  const help =
    "  -h [ --help ] [=arg(=1)] (=0)\n  --width arg (=0)\n  --libav-format arg\n  --low-latency [=arg(=1)] (=0)";

  test("the options that a help names", () => {
    expect(optionsIn(help)).toEqual(new Set(["--help", "--width", "--libav-format", "--low-latency"]));
    expect(optionsIn("")).toEqual(new Set());
  });

  const plain =
    "--timeout 0 --nopreview --codec h264 --width 1280 --height 720 --framerate 25 --bitrate 3000000 --intra 50 --inline --flush";

  test("of today", () => {
    const argv = rpicamCommand("rpicam-vid", SETTINGS, optionsIn(help));
    expect(line(argv)).toBe(`rpicam-vid ${plain} --libav-format h264 --low-latency --output -`);
  });

  test("without libav, turned, exposed", () => {
    const argv = rpicamCommand("libcamera-vid", TURNED, new Set());
    expect(line(argv)).toBe(`libcamera-vid ${plain} --rotation 180 --exposure sport --output -`);
  });

  test("raspivid", () => {
    expect(line(raspividCommand(TURNED))).toBe(
      `raspivid ${plain.replace("h264", "H264")} --rotation 180 --exposure sport --output -`,
    );
  });

  test("keyframes are counted in frames", () => {
    const intra = (fps: number, keyframeMs: number): string | undefined => {
      const argv = raspividCommand({ ...SETTINGS, fps, keyframeMs });
      return argv[argv.indexOf("--intra") + 1];
    };
    expect([intra(30, 2000), intra(29.97, 2000), intra(10, 50), intra(1, 100)]).toEqual([
      "60",
      "60",
      "1",
      "1",
    ]);
  });
});

describe("v4l2-ctl", () => {
  const answer = [
    "ioctl: VIDIOC_ENUM_FMT",
    "\tType: Video Capture",
    "\t[0]: 'YUYV' (YUYV 4:2:2)",
    "\t[1]: 'H264' (H.264, compressed)",
    "Codec Controls",
    "             video_bitrate_mode 0x009909ce (menu)   : min=0 max=1 default=0 value=0 flags=update",
    "                  video_bitrate 0x009909cf (int)    : min=25000 max=25000000 step=25000 default=10000000",
    "         repeat_sequence_header 0x009909e2 (bool)   : default=0 value=0",
    "            h264_i_frame_period 0x00990a66 (int)    : min=0 max=2147483647 step=1 default=60 value=60",
  ].join("\n");

  test("knows a camera that encodes", () => {
    expect(givesH264(answer)).toBe(true);
    expect(givesH264("[0]: 'MJPG' (Motion-JPEG, compressed)")).toBe(false);
    expect(givesH264("")).toBe(false);
  });

  test("sets the controls that are there", () => {
    expect(line(v4l2Command("/dev/video2", SETTINGS, answer))).toBe(
      "v4l2-ctl --device /dev/video2 --set-fmt-video=width=1280,height=720,pixelformat=H264 --set-parm=25 " +
        "--set-ctrl=video_bitrate=3000000,h264_i_frame_period=50,repeat_sequence_header=1 --stream-mmap --stream-to=-",
    );
    expect(line(v4l2Command("/dev/video2", SETTINGS, "'H264'"))).not.toContain("--set-ctrl");
  });
});

describe("ffmpeg", () => {
  const list = " V....D libx264\n V..... h264_nvenc\n V..... h264_v4l2m2m\n V....D h264_vaapi\n";

  test.each([
    ["a Pi 4", ["/dev/video11"], "h264_v4l2m2m"],
    ["a PC", ["/dev/dri/renderD128"], "h264_vaapi"],
    ["a PC with a card", ["/dev/nvidia0", "/dev/dri/renderD128"], "h264_nvenc"],
    ["a Pi 5", [], "libx264"],
    ["a board whose encoder ffmpeg does not know", ["/dev/mpp_service"], "libx264"],
  ])("the encoder of %s", (_name, devices, encoder) => {
    expect(pickEncoder(list, (path) => devices.includes(path)).name).toBe(encoder);
  });

  test("the command", () => {
    const software = pickEncoder("", () => false);
    expect(line(encodeCommand("/dev/video0", SETTINGS, software))).toBe(
      "ffmpeg -hide_banner -nostdin -loglevel error -f v4l2 -framerate 25 -video_size 1280x720 -i /dev/video0 -an " +
        "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 3000000 -g 50 -f h264 -flush_packets 1 -",
    );
    const vaapi = pickEncoder(list, (path) => path === "/dev/dri/renderD128");
    expect(line(encodeCommand("/dev/video0", SETTINGS, vaapi))).toContain(
      "-vaapi_device /dev/dri/renderD128 -f v4l2",
    );
  });
});
