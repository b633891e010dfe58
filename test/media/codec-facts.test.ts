import { describe, expect, test } from "bun:test";
import { type CodecFacts, readCodecFacts } from "../../src/media/codec-facts.ts";
import type { MediaKind } from "../../src/media/packet.ts";
import { fromHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

const AVC = "0142c01fffe1000e6742c01f8c8d40f028900f08846a01000468ce3c80";
const HEVC_SPS =
  "42010101400000030090000003000003007ba003c0801107cb96b4a42592e3016a02020208000003000800000301e3002ef2880002625a00001312d020";
const HVCC = `0101400000009000000000007bf000fcfdf8f800000f01a10001003d${HEVC_SPS}`;
const STREAMINFO =
  "664c6143 80000022 1000 1000 000000 000000 0bb801f0 00000000 00000000000000000000000000000000";

type Row = [name: string, kind: MediaKind, body: string, expected: Partial<CodecFacts>];

const ROWS: Row[] = [
  [
    "V-51 AVC",
    "video",
    `1700000000${AVC}`,
    { codec: "avc1", profile: "Constrained Baseline", level: "3.1", width: 480, height: 640 },
  ],
  [
    "V-57 enhanced HEVC",
    "video",
    `8068766331${HVCC}`,
    { codec: "hvc1", profile: "Main", level: "4.1", width: 1920, fps: 60, bitDepth: 8 },
  ],
  [
    "HEVC with the codec id of AVC, as OBS before 29.1",
    "video",
    `1700000000${HVCC}`,
    { codec: "hvc1", width: 1920, height: 1080 },
  ],
  [
    "V-60 AV1",
    "video",
    "80 61763031 81080c00 0a0b00000042abbfc3700be001",
    { codec: "av01", profile: "Main", level: "4.0", bitDepth: 8 },
  ],
  [
    "AV1 of 12 bits",
    "video",
    "80 61763031 81496c00",
    { codec: "av01", profile: "Professional", level: "4.1", bitDepth: 12 },
  ],
  [
    "V-61 VP9",
    "video",
    "80 76703039 01000000 00 28 82 02 02 02 0000",
    { codec: "vp09", profile: "Profile 0", level: "4.0", bitDepth: 8 },
  ],
  [
    "V-63 VP9 on track 1",
    "video",
    "86 00 76703039 01 01000000 00 28 82 02 02 02 0000",
    { codec: "vp09", level: "4.0" },
  ],
  ["V-50 AAC", "audio", "af 00 1390", { codec: "mp4a", profile: "LC", sampleRate: 22050, channels: 2 }],
  ["HE-AAC", "audio", "af 00 2b920800", { codec: "mp4a", profile: "HE", sampleRate: 44100, channels: 2 }],
  [
    "V-66 Opus",
    "audio",
    "90 4f707573 4f70757348656164 01 02 3801 c05d0000 0000 00",
    { codec: "Opus", sampleRate: 48000, channels: 2 },
  ],
  ["Opus without head", "audio", "90 4f707573", { codec: "Opus", sampleRate: 48000, channels: undefined }],
  ["FLAC", "audio", `90 664c6143 ${STREAMINFO}`, { codec: "fLaC", sampleRate: 48000, channels: 1 }],
  ["V-66 AC-3", "audio", "90 61632d33", { codec: "ac-3", sampleRate: undefined }],
  ["V-68 G.711 A-law", "audio", "72 d5d5", { codec: "alaw", sampleRate: 8000, channels: 1 }],
  ["V-68 G.711 mu-law", "audio", "82 ffff", { codec: "ulaw", sampleRate: 8000, channels: 1 }],
  ["V-68 MP3 at 44.1 kHz", "audio", "2f fffb9064 00", { codec: ".mp3", sampleRate: 44100, channels: 2 }],
  [
    "V-68 MP3 at 48 kHz with the same FLV byte",
    "audio",
    "2f fffb94c4 00",
    { codec: ".mp3", sampleRate: 48000, channels: 1 },
  ],
  ["MP3, MPEG-2", "audio", "2a fff390c4 00", { codec: ".mp3", sampleRate: 22050, channels: 1 }],
  ["no MP3 header", "audio", "2f 00000000", { codec: ".mp3", sampleRate: undefined }],
  ["Nellymoser", "audio", "52 00", { codec: "NELL", sampleRate: 8000, channels: 1 }],
  ["PCM", "audio", "3f 0000", { codec: "lpcm", sampleRate: 44100, channels: 2 }],
  ["Speex", "audio", "b2 00", { codec: "spex", sampleRate: 16000, channels: 1 }],
];

describe("readCodecFacts", () => {
  test.each(ROWS)("%s", (_name, kind, body, expected) => {
    expect(readCodecFacts(kind, fromHex(body))).toMatchObject({ problem: undefined, ...expected });
  });

  test.each<Row>([
    ["AVC cut", "video", "1700000000 0142c01fffe1000e6742", { codec: "avc1" }],
    [
      "AVC without SPS",
      "video",
      "1700000000 0142c01fffe000",
      { codec: "avc1", profile: "Constrained Baseline" },
    ],
    ["AVC whose SPS is broken", "video", "1700000000 0142c01fffe1000267ff00", { codec: "avc1" }],
    [
      "HEVC without SPS",
      "video",
      "8068766331 0101400000009000000000007bf000fcfdf8f800000f00",
      { codec: "hvc1" },
    ],
    ["AV1 cut", "video", "80 61763031 8108", { codec: "av01" }],
    ["VP9 cut", "video", "80 76703039 01000000", { codec: "vp09" }],
    ["AAC reserved", "audio", "af 00 ffff", { codec: "mp4a" }],
    ["Opus cut", "audio", "90 4f707573 4f707573", { codec: "Opus" }],
    ["FLAC cut", "audio", "90 664c6143 664c6143", { codec: "fLaC" }],
  ])("%s is a problem, not an error", (_name, kind, body, expected) => {
    const facts = readCodecFacts(kind, fromHex(body))!;
    expect(facts).toMatchObject(expected);
    expect(facts.problem).toBeString();
  });

  test("frames of codecs with a sequence header and unknown codecs say nothing", () => {
    for (const [kind, body] of [
      ["video", "1701000000 65"],
      ["audio", "af0101"],
      ["video", "1a00"],
      ["audio", ""],
      ["data", "02"],
    ] as const) {
      expect(readCodecFacts(kind, fromHex(body))).toBeUndefined();
    }
  });

  test("damage never throws", () => {
    for (const [, kind, body] of ROWS) {
      for (const bytes of mutations(fromHex(body), 300, 99)) readCodecFacts(kind, bytes);
    }
  });
});
