import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import {
  aacProfileName,
  type AdtsHeader,
  type AudioSpecificConfig,
  readAdtsHeader,
  readAudioSpecificConfig,
  SILENT_AAC,
} from "../../src/media/aac.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";
import { runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** ADTS headers; `config` is the AudioSpecificConfig they amount to. */
const ADTS: [name: string, header: string, expected: Partial<AdtsHeader>, config: string][] = [
  ["V-83", "fff14c802d9ffc", { objectType: 2, sampleRate: 48000, channels: 2, frameLength: 364 }, "1190"],
  ["V-84 44.1 kHz mono", "fff15040017ffc", { sampleRate: 44100, channels: 1, frameLength: 11 }, "1208"],
  ["V-84 44.1 kHz stereo", "fff1508001bffc", { sampleRate: 44100, channels: 2, frameLength: 13 }, "1210"],
  ["V-84 22.05 kHz stereo", "fff15c8001bffc", { sampleRate: 22050, channels: 2, frameLength: 13 }, "1390"],
  ["V-84 48 kHz 5.1", "fff14d80035ffc", { sampleRate: 48000, channels: 6, frameLength: 26 }, "11b0"],
  [
    "V-85 MPEG-2 Main 8 kHz",
    "fff92c4000e000",
    { objectType: 1, sampleRate: 8000, channels: 1, frameLength: 7 },
    "0d88",
  ],
  [
    "V-85 MPEG-2 Main 24 kHz",
    "fff9184000e000",
    { objectType: 1, sampleRate: 24000, channels: 1, frameLength: 7 },
    "0b08",
  ],
  ["with checksum, two blocks", "fff050800 1bffd", { headerLength: 9, frameLength: 13, blocks: 2 }, "1210"],
];

describe("ADTS", () => {
  test.each(ADTS)("%s", (_name, bytes, expected, config) => {
    const header = readAdtsHeader(fromHex(bytes));
    expect(header).toMatchObject({ headerLength: 7, blocks: 1, ...expected });
    expect(toHex(header.config)).toBe(config);
    // What the two bytes say is what the header says.
    const { objectType, sampleRate, channels } = header;
    expect(readAudioSpecificConfig(header.config)).toMatchObject({ objectType, sampleRate, channels });
  });

  test.each([
    ["V-86 no sync word", "ff092c4000e000"],
    ["V-86 too short", "fff9"],
    ["reserved sampling frequency", "fff174802d9ffc"],
    ["frame shorter than its header", "fff14c80001ffc"],
    ["MP3, layer 3", "fffb90640000 00"],
    ["nothing", ""],
  ])("%s is MediaError", (_name, bytes) => {
    expect(() => readAdtsHeader(fromHex(bytes))).toThrow(MediaError);
  });
});

const LC: AudioSpecificConfig = {
  objectType: 2,
  sampleRate: 44100,
  outputSampleRate: 44100,
  channels: 2,
  sbr: false,
  ps: false,
  frameLength: 1024,
};

const CONFIGS: [name: string, config: string, expected: Partial<AudioSpecificConfig>, profile: string][] = [
  ["V-50 22.05 kHz stereo", "1390", { sampleRate: 22050, outputSampleRate: 22050 }, "LC"],
  ["44.1 kHz stereo", "1210", {}, "LC"],
  ["V-87 extension that says off", "120856e500", { channels: 1 }, "LC"],
  [
    "V-88 extension that says on",
    "139056e5a0",
    { sampleRate: 22050, outputSampleRate: 44100, sbr: true },
    "HE",
  ],
  ["V-88 16 kHz mono", "1408", { sampleRate: 16000, outputSampleRate: 16000, channels: 1 }, "LC"],
  ["V-89 explicit SBR", "2b920800", { sampleRate: 22050, outputSampleRate: 44100, sbr: true }, "HE"],
  [
    "explicit PS",
    "eb8a0800",
    { sampleRate: 22050, outputSampleRate: 44100, channels: 1, sbr: true, ps: true },
    "HE v2",
  ],
  ["960 samples", "1214", { frameLength: 960 }, "LC"],
  ["rate in 24 bits", "1780157c10", { sampleRate: 11000, outputSampleRate: 11000 }, "LC"],
  ["7.1", "11b8", { sampleRate: 48000, outputSampleRate: 48000, channels: 8 }, "LC"],
  [
    "reserved channel configuration",
    "11c8",
    { sampleRate: 48000, outputSampleRate: 48000, channels: undefined },
    "LC",
  ],
  ["junk behind", "1210ffffff", {}, "LC"],
  ["ELD, escaped object type", "f8e8 5000", { objectType: 39, sampleRate: 44100, channels: 2 }, "ELD"],
];

describe("AudioSpecificConfig", () => {
  test.each(CONFIGS)("%s", (_name, bytes, expected, profile) => {
    const config = readAudioSpecificConfig(fromHex(bytes));
    expect(config).toEqual({ ...LC, ...expected });
    expect(aacProfileName(config)).toBe(profile);
  });

  test("channels of a program config element", () => {
    // LC, 48 kHz, configuration 0: a front single, a front pair, a back pair, one LFE: 5.1.
    const bits =
      "00010 0011 0000 000" + // object type, rate, channels, GASpecificConfig
      "0000 01 0011 0010 0000 0001 01 000 0000" + // tag, profile, rate, front, side, back, LFE, data, coupling
      "0 0 0" + // mixdowns
      "0 0000 1 0000 1 0001";
    const digits = bits.replaceAll(" ", "").padEnd(72, "0");
    const bytes = Uint8Array.from(digits.match(/.{8}/g)!, (byte) => Number.parseInt(byte, 2));
    expect(readAudioSpecificConfig(bytes)).toMatchObject({
      channels: 6,
      sampleRate: 48000,
      frameLength: 1024,
    });
  });

  test.each([
    ["V-88 reserved frequency", "ffff"],
    ["reserved index 13", "1690"],
    ["rate 0", "1780000010"],
    ["one byte", "12"],
    ["nothing", ""],
  ])("%s is MediaError", (_name, bytes) => {
    expect(() => readAudioSpecificConfig(fromHex(bytes))).toThrow(MediaError);
  });

  test("damage gives a configuration or MediaError", () => {
    for (const [, text] of CONFIGS) {
      for (const bytes of mutations(fromHex(text), 500, 83)) {
        try {
          const config = readAudioSpecificConfig(bytes);
          expect(config.sampleRate).toBeGreaterThan(0);
          expect(config.channels ?? 1).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }
    }
  });
});

describe("silence", () => {
  test("V-90 the three frames", () => {
    expect(toHex(SILENT_AAC.mono)).toBe("01182007");
    expect(toHex(SILENT_AAC.stereo)).toBe("211004608c1c");
    expect(toHex(SILENT_AAC.surround51)).toBe("011820010880230460231004608c0c230000e0");
  });

  const LAYOUTS = [
    ["mono", 1, 1],
    ["stereo", 2, 2],
    ["surround51", 6, 6],
  ] as const;

  test.skipIf(!needs("ffmpeg")).each(LAYOUTS)(
    "V-90 %s decodes to zeros",
    async (layout, channelConfig, channels) => {
      const folder = scratch("aac");
      for (const rateIndex of [3, 4, 7]) {
        const frame = SILENT_AAC[layout];
        const length = frame.length + 7;
        const header = hex`fff1 000000 1ffc`;
        header[2] = 0x40 | (rateIndex << 2) | (channelConfig >> 2);
        header[3] = (channelConfig & 3) << 6;
        header[4] = length >> 3;
        header[5] = ((length & 7) << 5) | 0x1f;
        const adts = Uint8Array.from([...header, ...frame]);
        expect(readAdtsHeader(adts)).toMatchObject({ frameLength: length, channels });
        writeFileSync(join(folder, "in.aac"), Buffer.concat(Array.from({ length: 5 }, () => adts)));
        const quiet = ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y"];
        const command = [...quiet, "-i", join(folder, "in.aac"), "-f", "s16le", join(folder, "out.pcm")];
        await runWell(command, { timeout: 30_000 });
        const pcm = readFileSync(join(folder, "out.pcm"));
        expect(pcm.length).toBe(5 * 1024 * 2 * channels);
        expect(pcm.every((byte) => byte === 0)).toBe(true);
      }
    },
  );
});
