import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import {
  HEVC_NAL,
  hevcLevelName,
  hevcNalType,
  hevcProfileName,
  hevcSets,
  type HevcSps,
  readHevcConfig,
  readHevcSps,
} from "../../src/media/hevc.ts";
import { splitAnnexB } from "../support/annexb.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const V71 =
  "42010101400000030090000003000003007ba003c0801107cb96b4a42592e3016a02020208000003000800000301e3002ef2880002625a00001312d020";
const V72_X265 = "42010101600000030090000003000003003ca00a080b9f796566924caf0168080000030008000003005040";
const V72_LAL = "42010101600000030090000003000003003fa005020171f2e5ba4a4c2f01010000030001000003000f08";

const SETS: [name: string, sps: string, expected: Partial<HevcSps>, level: string][] = [
  [
    "V-71 1088 cropped to 1080",
    V71,
    { width: 1920, height: 1080, profileIdc: 1, levelIdc: 123, fps: 60 },
    "4.1",
  ],
  [
    "V-72 x265, 184 cropped to 180",
    V72_X265,
    { width: 320, height: 180, profileIdc: 1, levelIdc: 60, fps: 10 },
    "2.0",
  ],
  [
    "V-72 368 cropped to 360",
    V72_LAL,
    { width: 640, height: 360, profileIdc: 1, levelIdc: 63, fps: 15 },
    "2.1",
  ],
];

describe("readHevcSps", () => {
  test.each(SETS)("%s", (_name, text, expected, level) => {
    const sps = readHevcSps(fromHex(text));
    expect(sps).toMatchObject({
      chromaFormat: 1,
      bitDepthLuma: 8,
      bitDepthChroma: 8,
      highTier: false,
      ...expected,
    });
    expect(hevcLevelName(sps.levelIdc, sps.highTier)).toBe(level);
    expect(hevcProfileName(sps.profileIdc)).toBe("Main");
  });

  test("what is no SPS is MediaError, and a set cut behind the size has no rate", () => {
    for (const text of ["", "4401c0", "4201", V71.slice(0, 40)]) {
      expect(() => readHevcSps(fromHex(text))).toThrow(MediaError);
    }
    const cut = readHevcSps(fromHex(V71.slice(0, 66)));
    expect(cut).toMatchObject({ width: 1920, height: 1080, fps: undefined });
  });

  test("names for people", () => {
    expect(hevcProfileName(2)).toBe("Main 10");
    expect(hevcProfileName(30)).toBe("profile 30");
    expect(hevcLevelName(153, true)).toBe("5.1 high tier");
  });

  test("damage gives a picture of possible size or MediaError", () => {
    for (const [, text] of SETS) {
      for (const bytes of mutations(fromHex(text), 1000, 71)) {
        try {
          const sps = readHevcSps(bytes);
          expect(Math.max(sps.width, sps.height)).toBeLessThanOrEqual(32_768);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }
    }
  });
});

/** An array of a configuration record: type byte, count, NAL units with their lengths. */
function array(type: number, ...nals: Uint8Array[]): string {
  const parts = nals.map((nal) => nal.length.toString(16).padStart(4, "0") + toHex(nal));
  return type.toString(16).padStart(2, "0") + nals.length.toString(16).padStart(4, "0") + parts.join("");
}

const HEAD = "01 01 40000000 900000000000 7b f000 fc fd f8 f8 0000 0f";
const VPS = fromHex(`40010c01ffff${"01".repeat(17)}`);
const PPS = hex`4401c172b02240`;

describe("HEVCDecoderConfigurationRecord", () => {
  test("V-56 one array", () => {
    const config = readHevcConfig(fromHex(`${HEAD} 01 a0 0001 0007 40010c01ffff01`));
    expect(config).toMatchObject({
      profileIdc: 1,
      levelIdc: 123,
      lengthSize: 4,
      chromaFormat: 1,
      bitDepthLuma: 8,
    });
    expect(hevcSets(config, HEVC_NAL.vps).map(toHex)).toEqual(["40010c01ffff01"]);
    expect(hevcSets(config, HEVC_NAL.sps)).toEqual([]);
  });

  test("V-57 VPS, SPS and PPS", () => {
    const config = readHevcConfig(
      fromHex(`${HEAD} 03 ${array(0xa0, VPS)} ${array(0xa1, fromHex(V71))} ${array(0xa2, PPS)}`),
    );
    expect([VPS.length, V71.length / 2, PPS.length]).toEqual([23, 61, 7]);
    expect(config.arrays.map(({ type }) => type)).toEqual([32, 33, 34]);
    const [sps] = hevcSets(config, HEVC_NAL.sps);
    expect(hevcNalType(sps!)).toBe(33);
    expect(readHevcSps(sps!).width).toBe(1920);
  });

  test("V-80 four arrays, one with 2.3 KB of SEI, completeness bits 0", () => {
    const sei = randomBytes(2294, 80);
    const arrays = [
      array(0x20, VPS.subarray(0, 23)),
      array(0x21, fromHex(V72_X265)),
      array(0x22, PPS),
      array(0x27, sei),
    ];
    const record = fromHex(`01 01 60000000 900000000000 3c f000 fc fd f8 f8 0000 0f 04 ${arrays.join("")}`);
    const config = readHevcConfig(record);
    expect(config.arrays.map(({ type }) => type)).toEqual([32, 33, 34, 39]);
    expect(hevcSets(config, 39)[0]).toEqual(sei);
    expect(readHevcSps(hevcSets(config, HEVC_NAL.sps)[0]!).height).toBe(180);
    expect(readHevcConfig(Uint8Array.from([...record, 1, 2, 3])).arrays.length).toBe(4);
    for (let length = 0; length < 200; length++) {
      expect(() => readHevcConfig(record.subarray(0, length))).toThrow(MediaError);
    }
  });

  test("an AVC record is told apart by its arrays", () => {
    expect(() =>
      readHevcConfig(fromHex("0142c01fffe1000e6742c01f8c8d40f028900f08846a01000468ce3c80")),
    ).toThrow(MediaError);
  });

  test("damage gives arrays within the record or MediaError", () => {
    const record = fromHex(`${HEAD} 03 ${array(0xa0, VPS)} ${array(0xa1, fromHex(V71))} ${array(0xa2, PPS)}`);
    for (const bytes of mutations(record, 3000, 57)) {
      try {
        const config = readHevcConfig(bytes);
        const total = config.arrays.flatMap(({ nals }) => nals).reduce((sum, nal) => sum + nal.length, 0);
        expect(total).toBeLessThan(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
      }
    }
  });
});

describe.skipIf(!needs("ffmpeg"))("H.265 made by ffmpeg", () => {
  test.each([
    ["yuv420p", "25", 322, 182, ""],
    ["yuv422p10le", "30000/1001", 320, 240, "scaling-list=default"],
    ["yuv444p", "50", 320, 240, "bframes=8:b-pyramid=1:ref=6"],
  ])("%s at %s", async (format, rate, width, height, params) => {
    const path = join(scratch("hevc"), "a.h265");
    const size = `${width}x${height}`;
    await runWell(
      [
        ...[
          "ffmpeg",
          "-hide_banner",
          "-nostdin",
          "-v",
          "error",
          "-f",
          "lavfi",
          "-i",
          `testsrc2=size=${size}:rate=${rate}`,
        ],
        ...[
          "-frames:v",
          "3",
          "-c:v",
          "libx265",
          "-pix_fmt",
          format,
          "-x265-params",
          `log-level=none:${params}`,
        ],
        ...["-f", "hevc", path],
      ],
      { timeout: 60_000 },
    );
    const sets = splitAnnexB(readFileSync(path)).filter((nal) => hevcNalType(nal) === HEVC_NAL.sps);
    const sps = readHevcSps(sets[0]!);
    const [num, den] = rate.split("/").map(Number);
    expect(sps).toMatchObject({ width, height });
    expect(sps.fps).toBeCloseTo(num! / (den ?? 1), 6);
    expect(sps.bitDepthLuma).toBe(format.includes("10") ? 10 : 8);
    expect(sps.chromaFormat).toBe({ yuv420p: 1, yuv422p10le: 2, yuv444p: 3 }[format]!);
  });
});
