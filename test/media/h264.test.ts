import { describe, expect, test } from "bun:test";
import { MediaError } from "../../src/errors.ts";
import {
  type H264Sps,
  h264LevelName,
  h264NalType,
  h264ProfileName,
  readAvcConfig,
  readH264Sps,
  writeAvcConfig,
} from "../../src/media/h264.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

const V70A = "67640020acd940c029b011000003000100000300320f183196";

/** Sequence parameter sets and what they say; profile and level as ffprobe names them. */
const SETS: [name: string, sps: string, expected: Partial<H264Sps>, profile: string, level: string][] = [
  [
    "V-69 baseline",
    "6742c01f8c8d40f028900f08846a",
    { width: 480, height: 640, fps: undefined, chromaFormat: 1 },
    "Constrained Baseline",
    "3.1",
  ],
  ["V-70 emulation bytes", V70A, { width: 768, height: 320, fps: 25 }, "High", "3.2"],
  ["V-70 nal_ref_idc 1", "2764001fac5680b40a19", { width: 720, height: 1280, fps: undefined }, "High", "3.1"],
  [
    "V-70 cropped",
    "674d401e965605017fcb80b5010101400000fa00003a983800007a10000f425bbcb828",
    { width: 640, height: 360, fps: 30 },
    "Main",
    "3.0",
  ],
  [
    "V-73 1088 cropped to 1080",
    "6742c028da01e0089f970110000003001000000303c0f1832a",
    { width: 1920, height: 1080, fps: 30 },
    "Constrained Baseline",
    "4.0",
  ],
  [
    "V-74 29.97",
    "674d4028eca03c0113f2e022000007d20001d4c01e30632c",
    { width: 1920, height: 1080, fps: 60000 / 2002 },
    "Main",
    "4.0",
  ],
  [
    "V-75 interlaced",
    "674d401ef405a126ffc010000b44000003000400000300c87c50aa80",
    { width: 720, height: 576, fps: 25, interlaced: true },
    "Main",
    "3.0",
  ],
  [
    "V-76 4:2:2",
    "677a000cbcb40a843c447e022000000300200000030281e28554",
    { width: 322, height: 242, fps: 10, chromaFormat: 2 },
    "High 4:2:2",
    "1.2",
  ],
  [
    "V-77 4:4:4",
    "67f40016919680a02ff89c0440000003004000000503c58ba8",
    { width: 640, height: 360, fps: 10, chromaFormat: 3 },
    "High 4:4:4",
    "2.2",
  ],
  [
    "V-78 scaling matrix",
    "67640020ad843fff82115a014016ec0440000003004000001e03c60ca8",
    { width: 1280, height: 720, fps: 60 },
    "High",
    "3.2",
  ],
  [
    "V-78b without the matrix",
    "67640020acb402802dd80880000003008000003c078c1950",
    { width: 1280, height: 720, fps: 60 },
    "High",
    "3.2",
  ],
];

describe("readH264Sps", () => {
  test.each(SETS)("%s", (_name, text, expected, profile, level) => {
    const sps = readH264Sps(fromHex(text));
    expect(sps).toMatchObject({ bitDepthLuma: 8, bitDepthChroma: 8, interlaced: false, ...expected });
    expect(h264ProfileName(sps.profileIdc, sps.constraints)).toBe(profile);
    expect(h264LevelName(sps.levelIdc, sps.constraints)).toBe(level);
  });

  test("what is no SPS is MediaError", () => {
    for (const text of ["", "68ce3c80", "67", "6742c0", "67640020ffffffff"]) {
      expect(() => readH264Sps(fromHex(text))).toThrow(MediaError);
    }
  });

  test("level 1b has two spellings, unknown profiles a number", () => {
    expect(h264LevelName(11, 0x10)).toBe("1b");
    expect(h264LevelName(9, 0)).toBe("1b");
    expect(h264LevelName(11, 0)).toBe("1.1");
    expect(h264ProfileName(66, 0)).toBe("Baseline");
    expect(h264ProfileName(1, 0)).toBe("profile 1");
  });

  test("damage gives a picture of possible size or MediaError", () => {
    for (const [, text] of SETS) {
      for (const bytes of mutations(fromHex(text), 1000, 69)) {
        try {
          const sps = readH264Sps(bytes);
          expect(Math.max(sps.width, sps.height)).toBeLessThanOrEqual(32_768);
          expect(Math.min(sps.width, sps.height)).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }
    }
  });
});

describe("AVCDecoderConfigurationRecord", () => {
  const V51 = "0142c01fffe1000e6742c01f8c8d40f028900f08846a01000468ce3c80";
  const V79 = `01640020ffe10019${V70A}01000568ebecb22c`;

  test.each([
    ["V-51 baseline", V51, ""],
    ["V-79 high, read without the tail and written with it", V79, "fdf8f800"],
  ])("%s", (_name, record, tail) => {
    for (const bytes of [fromHex(record), fromHex(record + tail), fromHex(`${record}${tail}ffff`)]) {
      const config = readAvcConfig(bytes);
      expect(config).toMatchObject({ lengthSize: 4 });
      expect(config.sps.length).toBe(1);
      expect(config.pps.length).toBe(1);
      expect(config.levelIdc).toBe(config.sps[0]![3]!);
      expect(toHex(writeAvcConfig(config.sps, config.pps))).toBe(record + tail);
    }
  });

  test("the tail tells chroma and depth", () => {
    const sps = fromHex("677a000cbcb40a843c447e022000000300200000030281e28554");
    expect(toHex(writeAvcConfig([sps], [hex`68ce`]).subarray(-4))).toBe("fef8f800");
  });

  test("several sets, reserved bits 0, lengths of two bytes", () => {
    const config = readAvcConfig(hex`01 42c01f 01 02 0002 6742 0001 67 02 0001 68 0002 68ce`);
    expect(config.lengthSize).toBe(2);
    expect(config.sps.map(toHex)).toEqual(["6742", "67"]);
    expect(config.pps.map(toHex)).toEqual(["68", "68ce"]);
  });

  test("no SPS at all means that they come in the stream", () => {
    expect(readAvcConfig(hex`01 42c01f ff e0`)).toMatchObject({ sps: [], pps: [] });
    expect(readAvcConfig(hex`01 42c01f ff e0 00`)).toMatchObject({ sps: [], pps: [] });
  });

  test("other versions, cut records and impossible sets are MediaError", () => {
    expect(() => readAvcConfig(hex`0042c01fffe100`)).toThrow(MediaError);
    const bytes = fromHex(V51);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readAvcConfig(bytes.subarray(0, length))).toThrow(MediaError);
    }
    expect(() => writeAvcConfig([], [])).toThrow(MediaError);
    const sps = fromHex(V70A);
    expect(() =>
      writeAvcConfig(
        Array.from({ length: 32 }, () => sps),
        [],
      ),
    ).toThrow(MediaError);
    expect(() => writeAvcConfig([sps], [new Uint8Array(65_536)])).toThrow(MediaError);
  });

  test("damage gives sets within the record or MediaError", () => {
    for (const text of [V51, V79]) {
      for (const bytes of mutations(fromHex(text), 2000, 79)) {
        try {
          const config = readAvcConfig(bytes);
          const total = [...config.sps, ...config.pps].reduce((sum, set) => sum + set.length, 0);
          expect(total).toBeLessThan(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }
    }
  });
});

test.each([
  ["an IDR slice", "658882", 5],
  ["a slice", "419a26", 1],
  ["a parameter set", "6742c01f", 7],
  ["no bytes", "", 0],
])("the type of a NAL unit: %s", (_name, nal, type) => {
  expect(h264NalType(fromHex(nal))).toBe(type);
});
