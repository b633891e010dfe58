/**
 * Sound from a second command beside a camera's pictures: what nginx-rtmp records of it, and what becomes of it when the
 * command fails. Cameras and microphones are stand-ins; encoders are ffmpeg's.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AdtsSplitter } from "../../src/media/adts-splitter.ts";
import { readOpusHead } from "../../src/media/audio-heads.ts";
import { backwards, mediaOf, readFlvFile, type FlvTag } from "../support/flv-compare.ts";
import { toHex } from "../support/bytes.ts";
import { median } from "../bench/measure.ts";
import { startNginx } from "../support/nginx.ts";
import { makePaced, type Pace } from "../support/paced.ts";
import { until } from "../support/ports.ts";
import { needs } from "../support/programs.ts";
import { complaints, ffmpeg, makeRaw } from "../support/raw-video.ts";
import { groupSize, makeRpicam } from "../support/rpicam.ts";
import { events, expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const TONE = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-t", "40"];
const AAC_MS = (1024 * 1000) / 44_100;

const framesOf = (tags: readonly FlvTag[], kind: FlvTag["kind"]): FlvTag[] =>
  mediaOf(tags).filter((tag) => tag.kind === kind && tag.role !== "header");
const stepsOf = (tags: readonly FlvTag[]): number[] =>
  tags.slice(1).map((tag, i) => tag.timestamp - tags[i]!.timestamp);
const quoted = (argv: readonly string[]): string => `exec:${argv.map((word) => `'${word}'`).join(" ")}`;

/** A raw stream cut before each access unit delimiter. */
function unitsOf(raw: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(raw);
  const cuts: number[] = [];
  for (let at = 0; at >= 0; at = bytes.indexOf("0000000109", at + 1, "hex")) cuts.push(at);
  return cuts.map((cut, i) => raw.subarray(cut, cuts[i + 1] ?? raw.length));
}

/** Frames of ADTS with their headers. */
function adtsOf(raw: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < raw.length;) {
    const size = ((raw[at + 3]! & 3) << 11) | (raw[at + 4]! << 3) | (raw[at + 5]! >> 5);
    frames.push(raw.subarray(at, at + size));
    at += size;
  }
  return frames;
}

/** What of ADTS goes into tags, frame by frame. */
function payloadsOf(raw: Uint8Array): string[] {
  const payloads: string[] = [];
  const splitter = new AdtsSplitter(({ payload }) => payloads.push(toHex(payload)));
  splitter.feed(raw);
  splitter.end();
  return payloads;
}

let pictures: Uint8Array[] = [];
let sound: Uint8Array = new Uint8Array(0);
const camera = (): Pace => ({ pieces: pictures, everyMs: 40 });
const microphone = (): Pace => ({ pieces: adtsOf(sound), everyMs: AAC_MS });

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("sound beside a camera", () => {
  beforeAll(async () => {
    const params = ["-tune", "zerolatency", "-x264-params", "keyint=50:scenecut=0:aud=1:repeat-headers=1"];
    pictures = unitsOf(await makeRaw({ frames: 1000, args: ["-preset", "ultrafast", ...params] }));
    sound = await ffmpeg([...TONE, "-c:a", "aac", "-f", "adts", "-"]);
  }, 60_000);

  test("AAC that begins later: bit for bit, and where it belongs", async () => {
    const nginx = await startNginx();
    const cam = makePaced(camera());
    const mic = makePaced({ ...microphone(), delayMs: 700 });
    const argv = ["push", quoted(cam.argv), nginx.url("live", "cam"), "--format", "h264"];
    const result = await runnel([...argv, "--audio", quoted(mic.argv), "--for", "7s"], { timeout: 60_000 });
    expectExit(result, 0);
    expect(result.stderr).not.toContain("missing");
    const recording = await nginx.recording("cam");
    expect(await complaints(recording)).toBe("");
    const tags = await readFlvFile(recording);
    expect(backwards(tags)).toEqual([]);
    const [video, audio] = [framesOf(tags, "video"), framesOf(tags, "audio")];
    const sent = payloadsOf(sound);
    const heard = audio.map(({ payload }) => toHex(payload.subarray(2)));
    const first = sent.indexOf(heard[10]!) - 10;
    expect(heard.length).toBeGreaterThan(200);
    expect(heard).toEqual(sent.slice(first, first + heard.length));
    // How far each track is from when it was written. A picture is there with its first byte, sound with its last.
    const seen = median(video.slice(100).map(({ timestamp }, i) => cam.written()[i + 100]! - timestamp));
    const late = audio.slice(100).map((tag, i) => mic.written()[first + i + 100]! - (tag.timestamp + AAC_MS));
    expect(Math.abs(median(late) - seen)).toBeLessThan(40);
  }, 90_000);

  test("AAC that ffmpeg writes as it pleases, beside rpicam-vid", async () => {
    const nginx = await startNginx();
    const rpicam = makeRpicam();
    const copy = join(scratch(), "copy.aac");
    const encoder =
      "ffmpeg -nostdin -v error -re -f lavfi -i sine=sample_rate=48000 -ac 2 -c:a aac -f adts -";
    const audio = quoted(["sh", "-c", `${encoder} | tee ${copy}`]);
    const argv = [
      "push",
      "camera:rpicam",
      nginx.url("live", "cam"),
      "--size",
      "320x180",
      "--bitrate",
      "300K",
    ];
    const result = await runnel([...argv, "--audio", audio, "--for", "6s"], {
      env: rpicam.env,
      timeout: 60_000,
    });
    expectExit(result, 0);
    const recording = await nginx.recording("cam");
    expect(await complaints(recording)).toBe("");
    const heard = framesOf(await readFlvFile(recording), "audio");
    const sent = payloadsOf(readFileSync(copy));
    const hex = heard.map(({ payload }) => toHex(payload.subarray(2)));
    const first = sent.indexOf(hex[0]!);
    expect(hex.length).toBeGreaterThan(100);
    expect(hex).toEqual(sent.slice(first, first + hex.length));
    const pace = heard.slice(20);
    const ms = (pace.at(-1)!.timestamp - pace[0]!.timestamp) / (pace.length - 1);
    expect(Math.abs(ms - 1024 / 48)).toBeLessThan(0.2);
  }, 90_000);

  test("Opus in Ogg becomes enhanced FLV, packet for packet", async () => {
    const folder = scratch();
    const out = join(folder, "out.flv");
    const opus = ["-c:a", "libopus", "-b:a", "64k", "-page_duration", "20000"];
    const ogg = await ffmpeg([...TONE, ...opus, "-f", "ogg", "-"]);
    const pages = Buffer.from(ogg)
      .toString("latin1")
      .split(/(?=OggS\0)/)
      .map((page) => new Uint8Array(Buffer.from(page, "latin1")));
    const cam = makePaced(camera());
    const mic = makePaced({ pieces: pages, everyMs: 20 });
    const argv = ["push", quoted(cam.argv), "-o", out, "--format", "h264", "--audio", quoted(mic.argv)];
    expectExit(await runnel([...argv, "--for", "4s"], { timeout: 60_000 }), 0);
    const tags = (await readFlvFile(out)).filter(({ kind }) => kind === "audio");
    const [header] = tags;
    expect(Buffer.from(header!.payload.subarray(0, 5)).toString("latin1")).toBe("\x90Opus");
    expect(readOpusHead(header!.payload.subarray(5))).toEqual({ sampleRate: 48_000, channels: 1 });
    const heard = tags.filter(({ payload }) => payload[0] === 0x91);
    expect(heard.length).toBe(tags.length - 1);
    const steps = stepsOf(heard);
    expect(Math.abs(steps.reduce((sum, step) => sum + step) / steps.length - 20)).toBeLessThan(0.5);
    expect(heard.length).toBeGreaterThan(120);
    // What ffmpeg takes out of the same Ogg.
    const all = toHex(
      await ffmpeg(["-f", "ogg", "-i", "-", "-map", "0:a", "-c", "copy", "-f", "data", "-"], ogg),
    );
    expect(all.includes(heard.map(({ payload }) => toHex(payload.subarray(5))).join(""))).toBe(true);
    const probe = await runnel(["probe", out]);
    expect(Buffer.from(probe.stdout).toString()).toMatch(/audio: Opus, enhanced FLV, 48000 Hz, mono/);
  }, 90_000);

  test("a command that crashes is started again; the picture goes on, and what is missing is said", async () => {
    const out = join(scratch(), "out.flv");
    const cam = makePaced(camera());
    const mic = makePaced({ pieces: adtsOf(sound).slice(0, 240), everyMs: AAC_MS, mood: "crash" });
    const argv = ["push", quoted(cam.argv), "-o", out, "--format", "h264", "--audio", quoted(mic.argv)];
    const result = await runnel([...argv, "--for", "5s"], { timeout: 60_000 });
    expectExit(result, 0);
    expect(result.stderr).toMatch(
      /audio\] "\S+" ended with exit code 5: the device is gone; trying again in/,
    );
    expect(result.stderr).toMatch(/\d\.\ds of sound are missing/);
    expect(mic.pids().length).toBe(2);
    const tags = await readFlvFile(out);
    expect(backwards(tags)).toEqual([]);
    // The wait before the next start is longer.
    expect(Math.max(...stepsOf(framesOf(tags, "video")))).toBeLessThan(500);
    const steps = stepsOf(framesOf(tags, "audio"));
    expect(steps.filter((step) => step > 200).length).toBe(1);
    expect(tags.filter(({ kind, role }) => kind === "audio" && role === "header").length).toBe(1);
  }, 90_000);

  test.each<[string, NodeJS.Signals]>([
    ["ends in order", "SIGTERM"],
    ["is killed with -9", "SIGKILL"],
  ])(
    "nothing is left behind when runnel %s, and the command ignores TERM",
    async (_name, signal) => {
      const out = join(scratch(), "out.flv");
      const cam = makePaced(camera());
      const mic = makePaced({ ...microphone(), mood: "stubborn" });
      const argv = ["push", quoted(cam.argv), "-o", out, "--format", "h264", "--audio", quoted(mic.argv)];
      await using child = await startRunnel(argv);
      await child.says("live");
      await until("the microphone runs", () => mic.pids().length === 1);
      const all = [...cam.pids(), ...mic.pids()];
      // Each with its watchdog.
      expect(groupSize(all)).toBe(4);
      child.signal(signal);
      await until("both are gone", () => groupSize(all) === 0, 8000);
      await child.finished;
    },
    60_000,
  );

  test("a command that is not there is a mistake on the command line, one that writes no live sound is said", async () => {
    const out = join(scratch(), "out.flv");
    const cam = makePaced(camera());
    const argv = ["push", quoted(cam.argv), "-o", out, "--format", "h264", "--for", "2s", "--audio"];
    const missing = await runnel([...argv, "exec:no-such-microphone --pw secret"]);
    expectExit(missing, 2);
    expect(missing.stderr).toContain('there is no program "no-such-microphone" in the PATH');
    expect(existsSync(out)).toBe(false);
    const noise = await runnel([...argv, "exec:cat /dev/zero"]);
    expectExit(noise, 0);
    expect(noise.stderr).toContain("this is neither AAC with ADTS headers nor Opus in Ogg");
    expectLastLine(noise, /^done: /);
    // A file of something else, in which two bytes may look like sound.
    const flv = join(import.meta.dir, "../fixtures/flv/show.flv");
    const other = await runnel([...argv, `exec:cat ${flv}`, "--json"]);
    expectExit(other, 0);
    expect(events(other).filter(({ event, name }) => event === "live" && name === "audio")).toEqual([]);
    const retries = events(other).filter(({ event, name }) => event === "retry" && name === "audio");
    expect(retries.map(({ error }) => error)).toEqual([
      '"cat" ended by itself; what it gave is neither AAC with ADTS headers nor Opus in Ogg',
    ]);
    const file = join(scratch(), "song.aac");
    writeFileSync(file, sound);
    const song = await runnel([...argv, `exec:cat ${file}`]);
    expectExit(song, 0);
    expect(song.stderr).toContain(
      "the sound comes faster than it is played; the command must give it in real time",
    );
  }, 60_000);
});
