/**
 * Cameras, commands and raw video: what nginx-rtmp records of `runnel push`. The camera is a stand-in for rpicam-vid
 * that checks its command line and has moods; see support/rpicam.ts.
 */
import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backwards, differences, mediaOf, readFlvFile, type FlvTag } from "../support/flv-compare.ts";
import { startNginx } from "../support/nginx.ts";
import { until } from "../support/ports.ts";
import { run } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { complaints, ffmpeg, makeRaw, nalsOf, readUnits } from "../support/raw-video.ts";
import { countOf, groupSize, makeRpicam, type Mood } from "../support/rpicam.ts";
import { runnelBinary } from "../support/binary.ts";
import { expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const SMALL = ["--size", "320x180", "--bitrate", "300K", "--fps", "25"];

const framesOf = (tags: readonly FlvTag[], kind: FlvTag["kind"]): FlvTag[] =>
  mediaOf(tags).filter((tag) => tag.kind === kind && tag.role !== "header");
const stepsOf = (tags: readonly FlvTag[]): number[] =>
  tags.slice(1).map((tag, i) => tag.timestamp - tags[i]!.timestamp);

/** Frames per second by the timestamps of a recording. */
function rateOf(tags: readonly FlvTag[]): number {
  return ((tags.length - 1) * 1000) / (tags.at(-1)!.timestamp - tags[0]!.timestamp);
}

/** The most that the newest audio is ever behind or ahead of the newest video, in ms, in the order of the file. */
function skewOf(tags: readonly FlvTag[]): number {
  const video = framesOf(tags, "video");
  const audio = framesOf(tags, "audio");
  let worst = Math.abs(audio[0]!.timestamp - video[0]!.timestamp);
  let at = 0;
  for (const { timestamp } of video) {
    while (at + 1 < audio.length && audio[at + 1]!.timestamp <= timestamp) at++;
    worst = Math.max(worst, Math.abs(timestamp - audio[at]!.timestamp));
  }
  return worst;
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("a camera of a Raspberry Pi", () => {
  test.each<[string, Mood[], string, number]>([
    ["as it should be", [], "10s", 5],
    ["with jitter and in odd pieces", ["jitter", "chunks"], "20s", 12],
    ["that stalls for 5 s and catches up", ["stall"], "25s", 12],
  ])(
    "%s: right rate, even times, sound beside the picture, nothing to complain of",
    async (_name, moods, length, even) => {
      const nginx = await startNginx();
      const camera = makeRpicam(moods);
      const argv = [
        "push",
        "camera:rpicam",
        nginx.url("live", "cam"),
        ...SMALL,
        "--silent-audio",
        "--for",
        length,
      ];
      const result = await runnel(argv, { env: camera.env, timeout: 60_000 });
      expectExit(result, 0);
      expectLastLine(result, /^done: /);
      const recording = await nginx.recording("cam");
      expect(await complaints(recording)).toBe("");
      const tags = await readFlvFile(recording);
      expect(backwards(tags)).toEqual([]);
      const video = framesOf(tags, "video");
      expect(video.length).toBeGreaterThan(Number.parseInt(length, 10) * 24);
      expect(Math.abs(rateOf(video) - 25) / 25).toBeLessThan(0.01);
      expect(skewOf(tags)).toBeLessThan(40);
      // Once the clock has settled, jitter of the pipe is no jitter of the stream.
      const steps = stepsOf(video.slice(100));
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(40 - even);
      expect(Math.max(...steps)).toBeLessThanOrEqual(40 + even);
      expect(new Set(stepsOf(framesOf(tags, "audio")))).toEqual(new Set([23, 24]));
    },
  );

  test("gets the command line that it knows, whatever its age", async () => {
    const flags = [
      ...SMALL,
      "--keyframe",
      "4s",
      "--rotation",
      "180",
      "--exposure",
      "sport",
      "--for",
      "1s",
      "--force",
    ];
    const run = async (name: string, old: boolean): Promise<string[]> => {
      const camera = makeRpicam([], { name, old });
      const out = join(scratch(), "out.flv");
      expectExit(await runnel(["push", "camera:rpicam", "-o", out, ...flags], { env: camera.env }), 0);
      return camera.commands();
    };
    const common =
      "--timeout 0 --nopreview --codec h264 --width 320 --height 180 --framerate 25 --bitrate 300000 --intra 100 --inline --flush";
    const end = "--rotation 180 --exposure sport --output -";
    expect(await run("rpicam-vid", false)).toEqual([`${common} --libav-format h264 --low-latency ${end}`]);
    expect(await run("libcamera-vid", true)).toEqual([`${common} ${end}`]);
  });

  test("that crashes is started again, and the broadcast goes on", async () => {
    const nginx = await startNginx();
    const camera = makeRpicam(["crash"]);
    const argv = [
      "push",
      "camera:rpicam",
      nginx.url("live", "cam"),
      ...SMALL,
      "--silent-audio",
      "--for",
      "9s",
    ];
    const result = await runnel(argv, { env: camera.env });
    expectExit(result, 3);
    expect(result.stderr).toContain("exit code 255: ERROR: *** failed to start camera ***; trying again in");
    expectLastLine(result, /1 gap/);
    expect(camera.commands().length).toBe(2);
    const tags = await readFlvFile(await nginx.recording("cam"));
    expect(backwards(tags)).toEqual([]);
    expect(nginx.recordings("cam").length).toBe(1);
    expect(skewOf(tags)).toBeLessThan(80);
  });

  test("that is not there: it is said why, and the job gives up", async () => {
    const camera = makeRpicam(["none"]);
    const out = join(scratch(), "out.flv");
    const argv = ["push", "camera:rpicam", "-o", out, "--retry-min", "10ms"];
    const result = await runnel(argv, { env: camera.env });
    expectExit(result, 6);
    expectLastLine(
      result,
      /"rpicam-vid" ended with exit code 255: ERROR: \*\*\* no cameras available \*\*\*/,
    );
    expect(camera.commands().length).toBe(3);
  });

  test("that hangs is given up after --stall", async () => {
    const camera = makeRpicam(["hang"]);
    const out = join(scratch(), "out.flv");
    const argv = ["push", "camera:rpicam", "-o", out, "--retry-min", "10ms", "--stall", "500ms"];
    const result = await runnel(argv, { env: camera.env });
    expectExit(result, 6);
    expectLastLine(result, /"rpicam-vid" gave nothing for 0.5s/);
  });

  test("without any program for it is a mistake on the command line", async () => {
    const env = { PATH: scratch() };
    const result = await runnel(["push", "camera:rpicam", "-o", "/nowhere/x.flv"], { env });
    expectExit(result, 2);
    expect(result.stderr).toContain("none of rpicam-vid, libcamera-vid, raspivid is in the PATH");
  });

  // A program that writes would die of its broken pipe: one that hangs shows who ends it.
  test.each<[string, Mood[], NodeJS.Signals, number]>([
    ["ends in order", [], "SIGTERM", 1500],
    ["ends in order, and the program ignores TERM", ["hang", "stubborn"], "SIGTERM", 3500],
    ["is killed with -9", [], "SIGKILL", 3500],
    ["is killed with -9, and the program hangs", ["hang"], "SIGKILL", 3500],
    ["is killed with -9, and the program ignores TERM", ["hang", "stubborn"], "SIGKILL", 3500],
  ])("nothing is left behind when runnel %s", async (_name, moods, signal, within) => {
    const camera = makeRpicam(moods);
    const out = join(scratch(), "out.flv");
    await using child = await startRunnel(["push", "camera:rpicam", "-o", out, ...SMALL], {
      env: camera.env,
    });
    await until("the camera runs", () => camera.pids().length === 2);
    if (!moods.includes("hang")) await child.says("live");
    // The program, its ffmpeg, and the watchdog.
    expect(groupSize(camera.pids())).toBe(3);
    child.signal(signal);
    await until("the camera is gone", () => groupSize(camera.pids()) === 0, within);
    await child.finished;
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("raw video", () => {
  test("a file is sent at its rate, its pictures bit for bit, B-frames in their order", async () => {
    const nginx = await startNginx();
    const raw = await makeRaw({ frames: 100, args: ["-x264-params", "keyint=25:bframes=2:b-adapt=0"] });
    const file = join(scratch(), "cam.h264");
    writeFileSync(file, raw);
    const from = performance.now();
    expectExit(await runnel(["push", `h264:${file}`, nginx.url("live", "cam")]), 0);
    expect(performance.now() - from).toBeGreaterThan(3500);
    const recording = await nginx.recording("cam");
    expect(await complaints(recording)).toBe("");
    const video = framesOf(await readFlvFile(recording), "video");
    expect(video.map(({ payload }) => nalsOf(payload, 5))).toEqual(
      readUnits("h264", [raw]).map(({ nals }) => nals),
    );
    expect(new Set(stepsOf(video))).toEqual(new Set([40]));
    const probe = ["-v", "error", "-show_entries", "frame=pts", "-of", "csv=p=0", recording];
    const shown = Buffer.from((await run(["ffprobe", ...probe])).stdout)
      .toString()
      .match(/\d+/g)!
      .map(Number);
    expect(shown.length).toBe(100);
    expect(new Set(shown.slice(1).map((pts, i) => pts - shown[i]!))).toEqual(new Set([40]));
  });

  test("a list of times is used, --fps is used, and a loop goes on", async () => {
    const folder = scratch();
    const [file, list] = [join(folder, "cam.h264"), join(folder, "cam.pts")];
    writeFileSync(file, await makeRaw({ frames: 20, args: ["-bf", "0"] }));
    const times = Array.from({ length: 20 }, (_, i) => 500 + i * 50 + (i % 3));
    writeFileSync(list, `# timecode format v2\n${times.map((time) => `${time}.000`).join("\n")}\n`);
    const timesOf = async (...flags: string[]): Promise<number[]> => {
      const out = join(scratch(), "out.flv");
      expectExit(await runnel(["push", `h264:${file}`, "-o", out, ...flags]), 0);
      return framesOf(await readFlvFile(out), "video").map(({ timestamp }) => timestamp);
    };
    expect(await timesOf("--clock", list, "--no-realtime")).toEqual(times.map((time) => time - 500));
    expect(await timesOf("--fps", "10", "--no-realtime")).toEqual(times.map((_, i) => i * 100));
    const looped = await timesOf("--loop", "--for", "2s");
    expect(looped.length).toBeGreaterThan(45);
    // Each round is paced, not the first alone: without a pace it would be hours.
    expect(looped.length).toBeLessThan(1000);
    expect(new Set(looped.slice(1).map((time, i) => time - looped[i]!))).toEqual(new Set([40]));
  });

  test("H.265 becomes enhanced FLV", async () => {
    const raw = await makeRaw({ codec: "hevc", frames: 30 });
    const folder = scratch();
    const [file, out] = [join(folder, "cam.h265"), join(folder, "out.flv")];
    writeFileSync(file, raw);
    expectExit(await runnel(["push", `h264:${file}`, "--format", "hevc", "-o", out, "--no-realtime"]), 0);
    const probe = await runnel(["probe", out]);
    expect(Buffer.from(probe.stdout).toString()).toMatch(/H\.265 Main.*320x180.*30 frames/);
    const video = framesOf(await readFlvFile(out), "video");
    expect(video[0]!.payload.subarray(1, 5)).toEqual(Buffer.from("hvc1"));
    const bodies = video.map(({ payload }) => nalsOf(payload, (payload[0]! & 0x0f) === 1 ? 8 : 5));
    expect(bodies).toEqual(readUnits("hevc", [raw]).map(({ nals }) => nals));
  });

  test("a live pipe on stdin is timed by arrival", async () => {
    const nginx = await startNginx();
    const camera = "ffmpeg -v error -re -f lavfi -i testsrc2=s=320x180:r=20 -t 8 -tune zerolatency -f h264 -";
    const pipe = `${camera} | "$0" push h264:- "$1" --silent-audio`;
    expectExit(await run(["sh", "-c", pipe, await runnelBinary(), nginx.url("live", "cam")]), 0);
    const recording = await nginx.recording("cam");
    expect(await complaints(recording)).toBe("");
    const tags = await readFlvFile(recording);
    const video = framesOf(tags, "video");
    expect(video.length).toBe(160);
    expect(Math.abs(rateOf(video.slice(20)) - 20) / 20).toBeLessThan(0.02);
    expect(skewOf(tags)).toBeLessThan(50);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("a command", () => {
  const PICTURE = "-f lavfi -i testsrc2=s=320x180:r=25 -t 3";

  test("that writes FLV is passed on as it is", async () => {
    const nginx = await startNginx();
    const file = join(scratch("with space"), "show.flv");
    await ffmpeg([...PICTURE.split(" "), "-c:v", "libx264", "-f", "flv", file]);
    const command = `exec:ffmpeg -v error -re -i '${file}' -c copy -f flv -`;
    expectExit(await runnel(["push", command, nginx.url("live", "cam")]), 0);
    const recording = await nginx.recording("cam");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
  });

  test("that writes H.264, its children gone with it", async () => {
    const out = join(scratch(), "out.flv");
    const command = `exec:sh -c "sleep 300.25 & ffmpeg -v error -re ${PICTURE} -tune zerolatency -f h264 - | cat"`;
    expectExit(await runnel(["push", command, "--format", "h264", "-o", out], { timeout: 20_000 }), 0);
    expect(framesOf(await readFlvFile(out), "video").length).toBe(75);
    expect(countOf("sleep", "300.25")).toBe(0);
  });

  test("that fails: its last words are in the error, without control characters", async () => {
    const command = `exec:sh -c "echo one; printf 'a\\033[1mb\\nno picture\\n' >&2; exit 9"`;
    const argv = ["push", command, "--format", "h264", "-o", join(scratch(), "x.flv"), "--retry-min", "10ms"];
    const result = await runnel(argv);
    expectExit(result, 6);
    expectLastLine(result, /"sh" ended with exit code 9: a\?\[1mb; no picture/);
  });

  test("that is not installed is a mistake on the command line", async () => {
    const result = await runnel(["push", "exec:no-such-program --key secret", "-o", "x.flv"]);
    expectExit(result, 2);
    expect(result.stderr).toContain('there is no program "no-such-program" in the PATH');
    expect(result.stderr).not.toContain("secret");
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("a camera of Video4Linux", () => {
  /** A v4l2-ctl or ffmpeg of our own, which writes down its command line. */
  function standIn(folder: string, name: string, body: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "$*" >> ${folder}/${name}.log\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  const REAL = "/usr/bin/ffmpeg -v error -re -f lavfi -i testsrc2=s=320x180:r=25 -tune zerolatency -f h264 -";

  test("that gives H.264 is read with v4l2-ctl", async () => {
    const folder = scratch("v4l2");
    const list =
      "[0]: 'MJPG' (Motion-JPEG, compressed)\\n\\t[1]: 'H264' (H.264, compressed)\\n   video_bitrate 0x009909cf (int): min=1\\n";
    standIn(folder, "v4l2-ctl", `case "$*" in *list-formats*) printf "${list}"; exit;; esac\nexec ${REAL}`);
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    const out = join(folder, "out.flv");
    expectExit(
      await runnel(["push", "camera:v4l2:/dev/null", "-o", out, ...SMALL, "--for", "2s"], { env }),
      0,
    );
    expect(framesOf(await readFlvFile(out), "video").length).toBeGreaterThan(45);
    expect((await Bun.file(join(folder, "v4l2-ctl.log")).text()).trim().split("\n")).toEqual([
      "--device /dev/null --list-formats --list-ctrls",
      "--device /dev/null --set-fmt-video=width=320,height=180,pixelformat=H264 --set-parm=25 --set-ctrl=video_bitrate=300000 --stream-mmap --stream-to=-",
    ]);
  });

  test("that does not is encoded by ffmpeg", async () => {
    const folder = scratch("v4l2");
    standIn(folder, "v4l2-ctl", "echo \"[0]: 'YUYV' (YUYV 4:2:2)\"");
    standIn(folder, "ffmpeg", `case "$*" in *-encoders*) echo " V....D libx264"; exit;; esac\nexec ${REAL}`);
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    const out = join(folder, "out.flv");
    expectExit(
      await runnel(["push", "camera:v4l2:/dev/null", "-o", out, ...SMALL, "--for", "2s"], { env }),
      0,
    );
    expect(framesOf(await readFlvFile(out), "video").length).toBeGreaterThan(45);
    expect(await Bun.file(join(folder, "ffmpeg.log")).text()).toContain(
      "-f v4l2 -framerate 25 -video_size 320x180 -i /dev/null -an -c:v libx264 -preset ultrafast -tune zerolatency",
    );
  });

  test("that is not there: it is said", async () => {
    const folder = scratch("v4l2");
    standIn(folder, "v4l2-ctl", "exit 1");
    const env = { PATH: `${folder}:${process.env["PATH"]}` };
    const argv = ["push", "camera:v4l2:/dev/video97", "-o", join(folder, "x.flv"), "--retry-min", "10ms"];
    const result = await runnel(argv, { env });
    expectExit(result, 6);
    expectLastLine(result, /there is no camera at \/dev\/video97/);
  });
});
