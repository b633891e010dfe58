import { describe, expect, test } from "bun:test";
import {
  audioCodecByLegacyId,
  audioFourCcs,
  CODECS,
  codecByFourCc,
  codecByName,
  codecLabel,
  fourCcNumber,
  videoCodecByLegacyId,
  videoFourCcs,
} from "../../src/media/fourcc.ts";

/** The codec table a second time, as numbers from the specifications: legacy ids and FourCC or none. */
const EXPECTED = [
  ["avc1", "video", [7], 0x61766331],
  ["hvc1", "video", [12], 0x68766331],
  ["av01", "video", [13], 0x61763031],
  ["vp08", "video", [14], 0x76703038],
  ["vp09", "video", [15], 0x76703039],
  ["vvc1", "video", [], 0x76766331],
  ["FLV1", "video", [2], 0],
  ["FSV1", "video", [3], 0],
  ["VP6F", "video", [4], 0],
  ["VP6A", "video", [5], 0],
  ["FSV2", "video", [6], 0],
  ["h263", "video", [8], 0],
  ["mp4v", "video", [9], 0],
  ["mp4a", "audio", [10], 0x6d703461],
  [".mp3", "audio", [2, 14], 0x2e6d7033],
  ["ac-3", "audio", [], 0x61632d33],
  ["ec-3", "audio", [], 0x65632d33],
  ["Opus", "audio", [13], 0x4f707573],
  ["fLaC", "audio", [], 0x664c6143],
  ["lpcm", "audio", [3, 0], 0],
  ["ADSW", "audio", [1], 0],
  ["NELL", "audio", [6, 4, 5], 0],
  ["alaw", "audio", [7], 0],
  ["ulaw", "audio", [8], 0],
  ["spex", "audio", [11], 0],
] as const;

describe("codec table", () => {
  test("has these rows and no others", () => {
    expect(CODECS.map((codec) => codec.fourcc)).toEqual(EXPECTED.map(([fourcc]) => fourcc));
  });

  test.each(EXPECTED)("%s is found by legacy id and by FourCC", (fourcc, kind, legacyIds, number) => {
    const codec = codecByName(fourcc)!;
    expect(codec.kind).toBe(kind);
    expect(codec.legacyId).toBe(legacyIds[0] as number);
    const lookup = kind === "video" ? videoCodecByLegacyId : audioCodecByLegacyId;
    for (const id of legacyIds) expect(lookup(id)).toBe(codec);
    expect(codec.enhanced).toBe(number !== 0);
    if (number === 0) return;
    expect(fourCcNumber(fourcc)).toBe(number);
    expect(codecByFourCc(number)).toBe(codec);
  });

  test("only the MPEG family has a composition time", () => {
    const names = CODECS.filter((codec) => codec.hasCompositionTime).map((codec) => codec.fourcc);
    expect(names).toEqual(["avc1", "hvc1", "vvc1"]);
  });

  test("numbers that nobody uses give undefined", () => {
    expect(videoCodecByLegacyId(0)).toBeUndefined();
    expect(videoCodecByLegacyId(10)).toBeUndefined();
    expect(audioCodecByLegacyId(9)).toBeUndefined();
    expect(audioCodecByLegacyId(15)).toBeUndefined();
    expect(codecByFourCc(0)).toBeUndefined();
    expect(codecByFourCc(0xffffffff)).toBeUndefined();
    // A made-up code is a name inside the program, never something read from the wire.
    expect(codecByFourCc(fourCcNumber("VP6F"))).toBeUndefined();
  });

  test("connect announces what Enhanced RTMP names", () => {
    expect(videoFourCcs()).toEqual(["avc1", "hvc1", "av01", "vp08", "vp09", "vvc1"]);
    expect(audioFourCcs()).toEqual(["mp4a", ".mp3", "ac-3", "ec-3", "Opus", "fLaC"]);
  });

  test("labels are for people", () => {
    expect(codecLabel("hvc1")).toBe("H.265");
    expect(codecLabel("zzzz")).toBe("zzzz");
    expect(codecLabel("")).toBe("unknown codec");
  });
});
