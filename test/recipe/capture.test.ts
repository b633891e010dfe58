/** Addresses and flags of cameras, commands and raw video: what they become, and what is wrong with them. */
import { describe, expect, test } from "bun:test";
import { problemLine, UsageError, type UsageProblem } from "../../src/errors.ts";
import {
  applyCaptureFlags,
  CAMERA_DEFAULTS,
  captureJobName,
  isCaptureAddress,
  parseCapture,
  refuseCaptureFlags,
  splitCommand,
  type CaptureTexts,
} from "../../src/recipe/capture.ts";

const NONE: CaptureTexts = {
  ...{ fps: undefined, format: undefined, clock: undefined, size: undefined },
  ...{ bitrate: undefined, keyframe: undefined, rotation: undefined, exposure: undefined },
};

/** A source with flags; throws what is wrong. */
function plan(address: string, flags: Partial<CaptureTexts> = {}) {
  const problems: UsageProblem[] = [];
  const planned = applyCaptureFlags(parseCapture(address), { ...NONE, ...flags }, problems);
  if (problems.length > 0) throw new UsageError(problems);
  return planned;
}

describe("addresses", () => {
  test.each([
    [
      "h264:cam.h264",
      { input: { kind: "file", path: "cam.h264" }, format: "h264", clock: { kind: "fps" } },
      "cam",
    ],
    ["h264:-", { input: { kind: "stdin" }, format: "h264", clock: { kind: "arrival" } }, "stdin"],
    [
      'exec:/usr/bin/ffmpeg -i "my file" -f flv -',
      {
        input: { kind: "exec", argv: ["/usr/bin/ffmpeg", "-i", "my file", "-f", "flv", "-"] },
        format: "flv",
        name: "exec:/usr/bin/ffmpeg",
      },
      "ffmpeg",
    ],
    [
      "camera:rpicam",
      { input: { kind: "rpicam", settings: CAMERA_DEFAULTS }, clock: { kind: "arrival" } },
      "camera",
    ],
    [
      "CAMERA:v4l2",
      { input: { kind: "v4l2", device: "/dev/video0" }, name: "camera:v4l2:/dev/video0" },
      "camera",
    ],
    ["camera:v4l2:/dev/v4l/by-id/x", { input: { kind: "v4l2", device: "/dev/v4l/by-id/x" } }, "camera"],
  ] as const)("%s", (text, expected, job) => {
    expect(isCaptureAddress(text)).toBe(true);
    const parsed = parseCapture(text);
    expect(parsed).toMatchObject({ kind: "capture", ...expected });
    expect(captureJobName(parsed)).toBe(job);
  });

  test.each([
    ["h264:", '"h264:" needs a file'],
    ["exec:", '"exec:" needs a command'],
    ["exec:  ", '"exec:" needs a command'],
    ["exec:a 'b", "a quote or backslash has no end"],
    ["camera:", "no camera that runnel knows; camera:rpicam"],
    ["camera:webcam", "no camera that runnel knows; camera:rpicam"],
    ["camera:v4l2:video0", "no camera that runnel knows; camera:rpicam"],
  ])("%s is refused", (text, problem) => {
    expect(() => parseCapture(text)).toThrow(problem);
  });

  test("others are none of ours", () => {
    expect(["rtmp://h/camera:", "cam.flv", "-", "testcard:"].filter(isCaptureAddress)).toEqual([]);
  });
});

describe("splitCommand", () => {
  test.each([
    ["a b  c", ["a", "b", "c"]],
    [" a ", ["a"]],
    [`a 'b c' "d e"`, ["a", "b c", "d e"]],
    [`a b'c d'"e f"g`, ["a", "bc de fg"]],
    [`a "" ''`, ["a", "", ""]],
    [String.raw`a b\ c \"d "e\"f" 'g\h'`, ["a", "b c", '"d', 'e"f', String.raw`g\h`]],
    ["a $HOME `b` *.c ; d | e", ["a", "$HOME", "`b`", "*.c", ";", "d", "|", "e"]],
    ["", []],
  ])("%s", (text, words) => {
    expect(splitCommand(text)).toEqual(words);
  });

  test.each(["a 'b", 'a "b', "a \\", 'a "b\\"'])("%s has no end", (text) => {
    expect(() => splitCommand(text)).toThrow(UsageError);
  });
});

describe("flags", () => {
  test("of a camera", () => {
    const flags = {
      fps: "15",
      size: "1920x1080",
      bitrate: "800K",
      keyframe: "4s",
      rotation: "180",
      exposure: "sport",
    };
    expect(plan("camera:rpicam", flags)).toMatchObject({
      fps: 15,
      input: {
        settings: {
          ...{ width: 1920, height: 1080, fps: 15, bitrate: 800_000, keyframeMs: 4000 },
          ...{ rotation: 180, exposure: "sport" },
        },
      },
    });
    expect(plan("camera:rpicam").fps).toBe(25);
  });

  test("of a command and of raw video", () => {
    expect(plan("exec:cam", { format: "h264", fps: "29.97" })).toMatchObject({ format: "h264", fps: 29.97 });
    expect(plan("exec:cam", { format: "hevc", clock: "fps" })).toMatchObject({
      format: "hevc",
      clock: { kind: "fps" },
    });
    expect(plan("h264:a.h265", { format: "hevc" })).toMatchObject({ format: "hevc" });
    expect(plan("h264:a.h264", { clock: "a.pts" })).toMatchObject({ clock: { kind: "pts", path: "a.pts" } });
    expect(plan("h264:-", { clock: "fps", fps: "25" })).toMatchObject({ clock: { kind: "fps" }, fps: 25 });
  });

  test.each<[string, Partial<CaptureTexts>, string[]]>([
    [
      "camera:rpicam",
      { size: "1281x720" },
      ['--size: "1281x720" is no size; write even numbers such as 1280x720'],
    ],
    [
      "camera:rpicam",
      { bitrate: "3000" },
      ['--bitrate: "3000" is no bit rate; write one such as 3M or 800K'],
    ],
    [
      "camera:rpicam",
      { keyframe: "2" },
      ['--keyframe: "2" has no unit; write 2s for seconds or 2m for minutes'],
    ],
    ["camera:rpicam", { fps: "0" }, ['--fps: "0" is no number from 1 to 240; write one such as 25']],
    ["camera:rpicam", { exposure: "--output=x" }, ["--exposure: a word, such as sport"]],
    [
      "camera:rpicam",
      { format: "h264", clock: "fps" },
      ["--format: h264 or hevc, for exec: and h264:", "--clock: a camera is timed by arrival"],
    ],
    ["camera:v4l2", { rotation: "180" }, ["--rotation: only for camera:rpicam"]],
    ["exec:cam", { format: "mp4" }, ['--format: "mp4" is none of flv, h264, hevc']],
    [
      "exec:cam",
      { fps: "25", clock: "fps" },
      ["--fps: FLV has times of its own", "--clock: FLV has times of its own"],
    ],
    ["exec:cam", { size: "1280x720" }, ["--size: only for camera:"]],
    ["h264:a", { format: "flv" }, ["--format: h264 or hevc, for exec: and h264:"]],
    ["h264:-", { clock: "times.txt" }, ["--clock: a list of times belongs to a file; arrival or fps"]],
  ])("%s %p", (address, flags, problems) => {
    try {
      plan(address, flags);
    } catch (error) {
      expect((error as UsageError).problems.map(problemLine)).toEqual(problems);
      return;
    }
    throw new Error("nothing was wrong");
  });

  test("of sources that have none", () => {
    const problems: UsageProblem[] = [];
    refuseCaptureFlags({ ...NONE, fps: "25", size: "1x1" }, problems);
    expect(problems.map(problemLine)).toEqual([
      "--fps: only for camera:, exec: and h264: sources",
      "--size: only for camera:, exec: and h264: sources",
    ]);
  });
});
