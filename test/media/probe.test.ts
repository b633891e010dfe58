import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { amfEcmaArray, encodeAmf0 } from "../../src/amf/amf0.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import type { MediaKind } from "../../src/media/packet.ts";
import { type ProbeReport, StreamProbe } from "../../src/media/probe.ts";
import { formatProbe } from "../../src/media/probe-text.ts";
import { readTagHeader } from "../../src/media/tag.ts";
import { Timeline } from "../../src/media/timeline.ts";
import { fromHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";
import { show } from "../support/media.ts";
import { runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const KINDS: Readonly<Record<number, MediaKind>> = { 8: "audio", 9: "video", 18: "data" };

type Input = [kind: MediaKind, timestamp: number, body: Uint8Array | string];

function probe(inputs: readonly Input[]): ProbeReport {
  const watcher = new StreamProbe();
  const timeline = new Timeline();
  for (const [kind, timestamp, given] of inputs) {
    const body = typeof given === "string" ? fromHex(given) : given;
    const { role, codec, track, empty } = readTagHeader(kind, body);
    if (empty) continue;
    watcher.push(
      { kind, role, codec, track, dts: timeline.map(kind, role, timestamp), body, slab: undefined },
      timestamp,
    );
  }
  return watcher.report();
}

function probeFlv(file: Uint8Array): ProbeReport {
  const inputs: Input[] = [];
  const reader = new FlvReader({
    onTag: (tag) => inputs.push([KINDS[tag.typeId]!, tag.timestamp, tag.body]),
  });
  reader.feed(file);
  reader.end();
  return probe(inputs);
}

const AVC = "1700000000 0142c01fffe1000e6742c01f8c8d40f028900f08846a01000468ce3c80";
const KEY = "1701000000 65";
const INTER = "2701000000 41";

describe("StreamProbe", () => {
  const fixture = readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"));

  test("a file of ffmpeg", () => {
    const report = probeFlv(fixture);
    expect(report).toMatchObject({ rollbacks: 0, jumps: 0, dataMessages: 0 });
    expect(report.gop).toEqual({ count: 1, min: 0.5, median: 0.5, max: 0.5 });
    expect(report.metadata).toMatchObject({ width: 64, height: 48, videoCodec: "avc1", audioCodec: "mp4a" });
    const [video, audio] = report.tracks;
    expect(video).toMatchObject({
      ...{ kind: "video", track: 0, codec: "avc1", label: "H.264", profile: "High", width: 64, height: 48 },
      ...{
        fps: 10,
        measuredFps: 10,
        frames: 10,
        keyFrames: 2,
        reordered: true,
        headerChanges: 0,
        problem: undefined,
      },
    });
    expect(audio).toMatchObject({
      kind: "audio",
      label: "AAC",
      profile: "LC",
      sampleRate: 44100,
      channels: 1,
    });
    expect(audio?.measuredFps).toBeCloseTo(44100 / 1024, 0);
    expect(formatProbe(report)).toEqual([
      expect.stringMatching(/^duration: 1\.2 s, \d+ kb\/s$/),
      expect.stringMatching(
        /^video: H\.264 High 1\.0, 64x48, 10 fps, \d+ kb\/s, 10 frames, 2 key frames, B-frames$/,
      ),
      expect.stringMatching(/^audio: AAC LC, 44100 Hz, mono, \d+ kb\/s, \d+ frames$/),
      "GOP: 0.5 s (1 measured)",
      "A/V skew: video begins 23 ms after audio and ends 98 ms before it",
      "timestamps: fine",
      expect.stringMatching(/^metadata: 64x48, 10 fps, H\.264, AAC, encoder Lavf/),
    ]);
  });

  test("GOP length, rates, steps back and jumps", () => {
    const inputs: Input[] = [["video", 0, AVC]];
    const keys = [0, 2000, 4000, 5000];
    for (let time = 0; time <= 5000; time += 100)
      inputs.push(["video", time, keys.includes(time) ? KEY : INTER]);
    inputs.push(["video", 7000, INTER], ["video", 6990, INTER], ["video", 7100, INTER]);
    const report = probe(inputs);
    expect(report.gop).toEqual({ count: 3, min: 1, median: 2, max: 2 });
    expect(report).toMatchObject({
      durationMs: 7100,
      rollbacks: 1,
      jumps: 1,
      steps: [
        { kind: "video", track: 0, atMs: 5000, stepMs: 2000 },
        { kind: "video", track: 0, atMs: 7000, stepMs: -10 },
      ],
      lateMs: 0,
      startSkewMs: undefined,
      skewMs: undefined,
      metadata: undefined,
    });
    expect(report.tracks[0]?.bytes).toBe(54 * 6);
    expect(formatProbe(report)).toEqual([
      "duration: 7.1 s, 0 kb/s",
      "video: H.264 Constrained Baseline 3.1, 480x640, 7.46 fps, 0 kb/s, 54 frames, 4 key frames",
      "GOP: 1 s to 2 s, median 2 s (3 measured)",
      "timestamps: 1 step back (video -10 ms at 7 s), 1 jump of more than 1 s (video +2 s at 5 s)",
      "metadata: none",
    ]);
  });

  test("a wrap of the 32-bit time is neither step back nor jump", () => {
    const report = probe([0xffffffe0, 8, 48].map((time) => ["video", time, INTER] as Input));
    expect(report).toMatchObject({ durationMs: 80, rollbacks: 0, jumps: 0 });
  });

  test("false claims are named, and text of the peer is made harmless", () => {
    const claims = { width: 1280, height: 720, audiocodecid: 10, encoder: "evil\u001b[2J\nname" };
    const report = probe([
      ["data", 0, encodeAmf0(["onMetaData", amfEcmaArray(claims)])],
      ["data", 0, encodeAmf0(["onTextData", "x"])],
      ["video", 0, AVC],
      ["video", 0, KEY],
      ["audio", 0, ""],
    ]);
    expect(report.dataMessages).toBe(1);
    expect(formatProbe(report).slice(-3)).toEqual([
      "metadata: 1280x720, AAC, encoder evil [2J name",
      "  claims audio that never came",
      "  claims 1280x720, the video is 480x640",
    ]);
  });

  test("skew, changed headers, several tracks, an unknown codec", () => {
    const inputs: Input[] = [
      ["video", 0, AVC],
      ["video", 0, AVC],
      ["video", 0, AVC.replace("3c80", "3c81")],
      ["video", 0, KEY],
      ["audio", 0, "af001190"],
      ["audio", 0, "af0101182007"],
      ["audio", 2000, "af0101182007"],
      ["audio", 1500, "95 01 4f707573 01 ff"],
      ["audio", 2000, "f0 ff"],
      ["video", 40, "84 68766331 05"],
    ];
    const report = probe(inputs);
    expect(report.skewMs).toBe(-2000);
    expect(report.tracks.map((track) => [track.kind, track.track, track.frames])).toEqual([
      ["video", 0, 1],
      ["audio", 0, 3],
      ["audio", 1, 1],
    ]);
    const lines = formatProbe(report);
    expect(lines[2]).toBe("  the sequence header changed once");
    expect(lines).toContain(
      "timestamps: 1 jump of more than 1 s (audio +2 s at 0 s), video ends 2 s before audio",
    );
    expect(lines.find((line) => line.startsWith("audio track 1"))).toBe(
      "audio track 1: Opus, enhanced FLV, 1 frame",
    );
  });

  test("many steps are counted and the first are told; packets far apart are named", () => {
    const inputs: Input[] = [["audio", 5000, "af0101182007"]];
    for (let i = 0; i < 30; i++) inputs.push(["video", 3000 + i * 1500, INTER]);
    const report = probe(inputs);
    expect(report.jumps).toBe(29);
    expect(report.steps).toHaveLength(20);
    expect(report.lateMs).toBe(0);
    const late = probe([
      ["audio", 0, "af0101182007"],
      ["audio", 3000, "af0101182007"],
      ["video", 100, INTER],
    ]);
    expect(late.lateMs).toBe(2900);
    expect(formatProbe(late)).toContainEqual(
      expect.stringContaining("audio and video lie up to 2.9 s apart"),
    );
    const line = formatProbe(report).find((text) => text.startsWith("timestamps"));
    expect(line).toContain("29 jumps of more than 1 s (video +1.5 s at");
    expect(line).toContain("...)");
  });

  test("nothing at all", () => {
    const report = probe([]);
    expect(report).toMatchObject({ tracks: [], durationMs: 0, gop: undefined, bitrateKbps: undefined });
    expect(formatProbe(report)).toEqual(["no audio or video"]);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ tracks: [], durationMs: 0 });
  });

  test("damage gives a report", () => {
    for (const bytes of mutations(fixture.subarray(13), 200, 12)) {
      const file = Uint8Array.from([...fixture.subarray(0, 13), ...bytes]);
      expect(formatProbe(probeFlv(file)).length).toBeGreaterThan(0);
    }
  });

  test.skipIf(!needs("ffmpeg"))("says what ffprobe says", async () => {
    const path = await show({ seconds: 6 });
    const what =
      "stream=codec_type,profile,level,width,height,r_frame_rate,sample_rate,channels,nb_read_packets";
    const command = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", what, "-of", "json", path];
    const stdout = await runWell(command, { timeout: 30_000 });
    const streams = (JSON.parse(stdout) as { streams: Record<string, string | number>[] }).streams;
    const { tracks, gop } = probeFlv(readFileSync(path));
    const video = streams.find((stream) => stream["codec_type"] === "video")!;
    const audio = streams.find((stream) => stream["codec_type"] === "audio")!;
    expect(tracks[0]).toMatchObject({
      profile: String(video["profile"]),
      width: Number(video["width"]),
      height: Number(video["height"]),
      frames: Number(video["nb_read_packets"]),
      fps: 25,
    });
    expect(Number(tracks[0]?.level) * 10).toBe(Number(video["level"]));
    expect(tracks[1]).toMatchObject({
      sampleRate: Number(audio["sample_rate"]),
      channels: Number(audio["channels"]),
      frames: Number(audio["nb_read_packets"]),
    });
    expect(gop).toEqual({ count: 2, min: 2, median: 2, max: 2 });
  });
});
