import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BitReader, removeEmulationPrevention } from "../../src/bytes/bits.ts";
import { readAudioSpecificConfig } from "../../src/media/aac.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { h264NalType, readAvcConfig, readH264Sps } from "../../src/media/h264.ts";
import { readMetadata } from "../../src/media/metadata.ts";
import { TYPE_ID_OF_KIND } from "../../src/media/packet.ts";
import { silenceTime } from "../../src/media/silent-track.ts";
import { readTagHeader } from "../../src/media/tag.ts";
import { TestCard, type TestCardFrame, testCardVideoDts } from "../../src/media/testcard.ts";
import {
  drawPicture,
  type Macroblock,
  paintScenery,
  PICTURE_COLUMNS,
  PICTURE_HEIGHT,
  PICTURE_WIDTH,
} from "../../src/media/testcard-picture.ts";
import { toHex } from "../support/bytes.ts";
import { decodingErrors } from "../support/media.ts";
import { run, runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const DAY = 86_400_000;
/** Two seconds before midnight. */
const START = DAY - 2000;

/** All bodies of the first `ms` milliseconds. */
function take(card: TestCard, ms: number): TestCardFrame[] {
  const frames: TestCardFrame[] = [];
  for (let frame = card.next(); frame.dts < ms; frame = card.next()) frames.push(frame);
  return frames;
}

const frames = take(new TestCard({ startClockMs: START }), 6000);
const video = frames.filter((frame) => frame.kind === "video");
const audio = frames.filter((frame) => frame.kind === "audio");

/** The NAL units of a video body. */
function nalUnits(body: Uint8Array): Uint8Array[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const units: Uint8Array[] = [];
  for (let at = 5; at < body.length; at += 4 + units.at(-1)!.length) {
    units.push(body.subarray(at + 4, at + 4 + view.getUint32(at)));
  }
  return units;
}

describe("times", () => {
  test("a video frame every 40 ms", () => {
    expect([0, 1, 50, 30 * 24 * 3600 * 25].map(testCardVideoDts)).toEqual([0, 40, 2000, 30 * DAY]);
  });

  test("audio and video come in the order of their times", () => {
    for (const [i, frame] of frames.entries()) {
      expect(frame.dts).toBeGreaterThanOrEqual(frames[i - 1]?.dts ?? 0);
    }
    expect(video.map((frame) => frame.dts)).toEqual(Array.from({ length: 150 }, (_, n) => 40 * n));
    expect(audio.map((frame) => frame.dts)).toEqual(Array.from({ length: 259 }, (_, n) => silenceTime(n)));
    expect(frames.slice(0, 4).map((frame) => frame.kind)).toEqual(["video", "audio", "audio", "video"]);
  });
});

/** slice_type as it is written where all slices of a picture have it. H.264 table 7-6. */
const SLICE = { P: 5, I: 7 } as const;

function sliceType(nal: Uint8Array): number {
  const bits = new BitReader(removeEmulationPrevention(nal), 1);
  bits.ue(); // first_mb_in_slice
  return bits.ue();
}

describe("bodies", () => {
  test("a keyframe every 50 frames, one NAL unit each", () => {
    for (const [n, { body }] of video.entries()) {
      const key = n % 50 === 0;
      const role = key ? "key" : "frame";
      const header = readTagHeader("video", body);
      expect(header).toMatchObject({ role, codec: "avc1", compositionTime: 0, payloadOffset: 5 });
      const units = nalUnits(body);
      expect(units.map(h264NalType)).toEqual([key ? 5 : 1]);
      expect(units.map(sliceType)).toEqual([key ? SLICE.I : SLICE.P]);
    }
  });

  test("nothing looks like a start code", () => {
    for (const { body } of video) {
      expect(toHex(body.subarray(9)).replaceAll(/../g, "$& ")).not.toMatch(/00 00 0[012] /);
    }
  });

  test("silence", () => {
    for (const { body } of audio) expect(toHex(body)).toBe("af01211004608c1c");
  });

  test("small: below 800 kbit/s, keyframes below 40 KB", () => {
    const bytes = frames.reduce((sum, frame) => sum + frame.body.length, 0);
    expect((bytes * 8) / 6000).toBeLessThan(800);
    expect(Math.max(...video.map((frame) => frame.body.length))).toBeLessThan(40_000);
  });

  test("the same start gives the same bytes, pictures in buffers of their own", () => {
    const again = take(new TestCard({ startClockMs: START }), 6000);
    expect(again).toEqual(frames);
    expect(new Set(video.map((frame) => frame.body.buffer)).size).toBe(video.length);
    for (const { body } of frames) expect(body.length).toBe(body.buffer.byteLength);
    const later = take(new TestCard({ startClockMs: START + 1000 }), 40);
    expect(later[0]?.body).not.toEqual(frames[0]!.body);
  });

  test("a start that is no time is refused", () => {
    expect(() => new TestCard({ startClockMs: Number.NaN })).toThrow("Internal");
  });
});

describe("headers", () => {
  const headers = new TestCard().headers();

  test("metadata", () => {
    expect(readMetadata(headers.metadata)).toMatchObject({
      ...{ width: 640, height: 360, framerate: 25, videoCodec: "avc1", audioCodec: "mp4a" },
      ...{ audiosamplerate: 44_100, audiochannels: 2, encoder: "runnel" },
    });
  });

  test("video", () => {
    expect(readTagHeader("video", headers.video)).toMatchObject({ role: "header", codec: "avc1" });
    const config = readAvcConfig(headers.video.subarray(5));
    expect(config).toMatchObject({ profileIdc: 66, constraints: 0xc0, levelIdc: 30, lengthSize: 4 });
    expect(config.pps.map(h264NalType)).toEqual([8]);
    expect(readH264Sps(config.sps[0]!)).toMatchObject({
      ...{ profileIdc: 66, levelIdc: 30, chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 },
      ...{ width: 640, height: 360, interlaced: false, fps: 25 },
    });
  });

  test("audio", () => {
    expect(toHex(headers.audio)).toBe("af001210");
    expect(readTagHeader("audio", headers.audio).role).toBe("header");
    const config = readAudioSpecificConfig(headers.audio.subarray(2));
    expect(config).toMatchObject({ objectType: 2, sampleRate: 44_100, channels: 2, frameLength: 1024 });
  });
});

/** Writes the first six seconds to an FLV file and returns its path. */
function writeShow(): string {
  const { metadata, video: avc, audio: aac } = new TestCard().headers();
  const tags = [flvTag(18, 0, metadata), flvTag(9, 0, avc), flvTag(8, 0, aac)];
  for (const { kind, dts, body } of frames) tags.push(flvTag(TYPE_ID_OF_KIND[kind], dts, body));
  const path = join(scratch("testcard"), "testcard.flv");
  writeFileSync(path, Buffer.concat([flvHeader({ audio: true, video: true }), ...tags]));
  return path;
}

/** Samples as the picture has them, cut to its size: luma, Cb, Cr. */
function planes(macroblocks: readonly Macroblock[]): Uint8Array {
  const samples = new Uint8Array((PICTURE_WIDTH * PICTURE_HEIGHT * 3) / 2);
  let target = 0;
  for (const [start, side] of [[0, 16] as const, [256, 8] as const, [320, 8] as const]) {
    for (let y = 0; y < (PICTURE_HEIGHT * side) / 16; y++) {
      const row = PICTURE_COLUMNS * Math.floor(y / side);
      const from = start + side * (y % side);
      for (let column = 0; column < PICTURE_COLUMNS; column++) {
        samples.set(macroblocks[row + column]!.subarray(from, from + side), target);
        target += side;
      }
    }
  }
  return samples;
}

describe.skipIf(!needs("ffmpeg"))("what ffmpeg makes of it", () => {
  const quiet = ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error"];
  const SHOWN = [0, 1, 4, 30, 49, 50, 51, 99, 100, 149];

  /** The raw pictures of the frames named above. */
  async function pictures(format: string, size: number): Promise<Uint8Array[]> {
    const select = `select=${SHOWN.map((n) => `eq(n\\,${n})`).join("+")}`;
    const output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", format, "-"];
    const result = await run([...quiet, "-i", writeShow(), "-map", "0:v", "-vf", select, ...output]);
    expect(result.stderr).toBe("");
    expect(result.stdout.length).toBe(SHOWN.length * size);
    return SHOWN.map((_, i) => result.stdout.subarray(i * size, (i + 1) * size));
  }

  test("it decodes without a word, strictly, too", async () => {
    const path = writeShow();
    expect(await decodingErrors(path)).toBe("");
    const strict = ["-v", "warning", "-err_detect", "crccheck+bitstream+buffer+careful+compliant+explode"];
    const result = await run([...quiet, ...strict, "-i", path, "-f", "null", "-"]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });

  test("ffprobe knows the streams", async () => {
    const command = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", writeShow()];
    const { streams } = JSON.parse(await runWell(command));
    expect(streams).toMatchObject([
      {
        ...{ codec_name: "h264", profile: "Constrained Baseline", level: 30, width: 640, height: 360 },
        ...{ r_frame_rate: "25/1", avg_frame_rate: "25/1", has_b_frames: 0, pix_fmt: "yuv420p" },
        ...{ sample_aspect_ratio: "1:1", color_space: "smpte170m", nb_read_packets: "150" },
      },
      { codec_name: "aac", profile: "LC", sample_rate: "44100", channels: 2, nb_read_packets: "259" },
    ]);
  });

  test("every sample is what was drawn", async () => {
    const scenery = paintScenery();
    const decoded = await pictures("yuv420p", (PICTURE_WIDTH * PICTURE_HEIGHT * 3) / 2);
    for (const [i, n] of SHOWN.entries()) {
      const drawn = planes(drawPicture(scenery, n, START + 40 * n));
      if (Buffer.compare(drawn, decoded[i]!) !== 0) throw new Error(`frame ${n} differs`);
    }
  });

  test("bars have their colours, the moving bar and the clock move", async () => {
    const size = PICTURE_WIDTH * PICTURE_HEIGHT * 3;
    const decoded = await pictures("rgb24", size);
    const light = 191;
    for (const picture of decoded) {
      for (let bar = 0; bar < 7; bar++) {
        const pixel = 3 * (100 * PICTURE_WIDTH + Math.floor(((bar + 0.5) * PICTURE_WIDTH) / 7));
        // White, yellow, cyan, green, magenta, red, blue: green goes first, then red, then blue, as bits of 7 - bar.
        const bits = 7 - bar;
        const wanted = [bits & 2, bits & 4, bits & 1].map((bit) => (bit === 0 ? 0 : light));
        const distance = wanted.map((value, i) => Math.abs(value - picture[pixel + i]!));
        expect(Math.max(...distance)).toBeLessThanOrEqual(3);
      }
    }
    const lines = (picture: Uint8Array, from: number, to: number): string =>
      Bun.hash(picture.subarray(3 * from * PICTURE_WIDTH, 3 * to * PICTURE_WIDTH)).toString();
    expect(new Set(decoded.map((picture) => lines(picture, 240, 272))).size).toBe(SHOWN.length);
    expect(new Set(decoded.map((picture) => lines(picture, 304, 336))).size).toBe(SHOWN.length);
    expect(new Set(decoded.map((picture) => lines(picture, 0, 240))).size).toBe(1);
  });

  test("the sound is silence", async () => {
    const output = ["-map", "0:a", "-f", "s16le", "-"];
    const { stdout, stderr } = await run([...quiet, "-i", writeShow(), ...output]);
    expect(stderr).toBe("");
    expect(stdout.length).toBe(audio.length * 1024 * 2 * 2);
    expect(stdout.every((byte) => byte === 0)).toBe(true);
  });
});
