import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  amfEcmaArray,
  amfObject,
  type Amf0Value,
  decodeAmf0,
  encodeAmf0,
  getProperty,
} from "../../src/amf/amf0.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import { playMetadata, publishMetadata, readMetadata } from "../../src/media/metadata.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

const NAME = "02000a6f6e4d65746144617461";
const SET = "02000d40736574446174614672616d65";

/** The metadata that ffmpeg publishes, 13 entries. */
const FFMPEG = amfEcmaArray({
  duration: 14,
  width: 320,
  height: 180,
  videodatarate: 195.3125,
  framerate: 25,
  videocodecid: 7,
  audiodatarate: 62.5,
  audiosamplerate: 44100,
  audiosamplesize: 16,
  stereo: false,
  audiocodecid: 10,
  encoder: "Lavf59.27.100",
  filesize: 0,
});

function body(value: Amf0Value): Uint8Array {
  return encodeAmf0(["onMetaData", value]);
}

describe("readMetadata", () => {
  test("V-48 what ffmpeg publishes", () => {
    const bytes = encodeAmf0(["@setDataFrame", "onMetaData", FFMPEG]);
    expect(toHex(bytes.subarray(0, 34))).toBe(`${SET}${NAME}080000000d`);
    const metadata = readMetadata(bytes)!;
    expect(metadata).toMatchObject({
      width: 320,
      height: 180,
      framerate: 25,
      videoCodec: "avc1",
      audioCodec: "mp4a",
      audiosamplerate: 44100,
      audiochannels: 1,
      duration: 14,
      encoder: "Lavf59.27.100",
    });
    expect(metadata.entries.length).toBe(13);
    expect(metadata.entries[0]).toEqual(["duration", 14]);
  });

  test("V-45 an ECMA array with a wrong count", () => {
    for (const count of ["00000000", "ffffffff"]) {
      const bytes = fromHex(`${NAME} 08 ${count} 00057769647468004094000000000000 000009`);
      expect(readMetadata(bytes)?.width).toBe(1280);
    }
  });

  test("an object, one without end mark, and no value at all", () => {
    expect(readMetadata(body(amfObject({ height: 90 })))?.height).toBe(90);
    const open = fromHex(`${NAME} 03 00057769647468004094000000000000`);
    expect(readMetadata(open)?.width).toBe(1280);
    expect(readMetadata(fromHex(NAME))).toMatchObject({ width: undefined, entries: [] });
  });

  test.each<[id: Amf0Value, video: string | undefined, audio: string | undefined]>([
    [7, "avc1", "alaw"],
    [10, undefined, "mp4a"],
    ["7", "avc1", "alaw"],
    ["avc1", "avc1", "avc1"],
    ["H264", "avc1", "avc1"],
    ["mp4a", "mp4a", "mp4a"],
    [0x68766331, "hvc1", "hvc1"],
    [1635135537, "av01", "av01"],
    [4112, undefined, undefined],
    [-1, undefined, undefined],
    [NaN, undefined, undefined],
    ["__proto__", undefined, undefined],
    [null, undefined, undefined],
  ])("codec id %p", (id, videoCodec, audioCodec) => {
    const metadata = readMetadata(body(amfEcmaArray({ videocodecid: id, audiocodecid: id })));
    expect(metadata).toMatchObject({ videoCodec, audioCodec });
  });

  test("numbers as text, values nobody can use, duplicates", () => {
    const metadata = readMetadata(
      body({
        kind: "ecma",
        entries: [
          ["width", "640"],
          ["height", Infinity],
          ["fps", 29.97],
          ["duration", "soon"],
          ["stereo", true],
          ["videodatarate", 1],
          ["videodatarate", 2],
        ],
      }),
    );
    expect(metadata).toMatchObject({
      width: 640,
      height: undefined,
      framerate: 29.97,
      duration: undefined,
      audiochannels: 2,
      videodatarate: 2,
    });
    expect(metadata?.entries.length).toBe(7);
  });

  test("anything else is no metadata, and broken metadata is none", () => {
    expect(readMetadata(hex`00000000`)).toBeUndefined();
    expect(readMetadata(new Uint8Array(0))).toBeUndefined();
    expect(readMetadata(encodeAmf0(["onTextData", amfObject({})]))).toBeUndefined();
    expect(readMetadata(fromHex(`${NAME} 08 00000001 000577696474`))).toBeUndefined();
  });
});

describe("publishMetadata and playMetadata", () => {
  test("adds @setDataFrame and leaves the source's bytes alone", () => {
    // A wrong count and a missing end mark are the source's business.
    const source = fromHex(`${NAME} 08 00000014 00057769647468004094000000000000`);
    const published = publishMetadata(source);
    expect(toHex(published)).toBe(SET + toHex(source));
    expect(publishMetadata(published)).toBe(published);
    expect(toHex(playMetadata(published))).toBe(toHex(source));
    expect(playMetadata(source)).toEqual(source);
  });

  test.each([
    ["V-46 date", "0b427748ec8a8000000000", 1600123348992],
    ["V-46 long string", "0c0000000568656c6c6f", "hello"],
    ["V-46 XML", "0f000000043c612f3e", "<a/>"],
    ["unsupported", "0d", null],
    ["AMF3 integer", "110405", 5],
  ])("%s is written anew", (_name, value, expected) => {
    for (const prefix of ["", SET]) {
      const source = fromHex(
        `${prefix} ${NAME} 03 0005776964746800 4094000000000000 0001 78 ${value} 000009`,
      );
      const published = publishMetadata(source);
      expect(toHex(published.subarray(0, 34))).toBe(`${SET}${NAME}0800000002`);
      const metadata = decodeAmf0(published)[2]!;
      expect(getProperty(metadata, "width")).toBe(1280);
      expect(getProperty(metadata, "x")).toBe(expected);
    }
  });

  test("the index of a file is left out, everything else stays", () => {
    const index = amfObject({ times: Array(500).fill(1), filepositions: Array(500).fill(2) });
    const published = publishMetadata(body(amfEcmaArray({ width: 1280, keyframes: index, encoder: "OBS" })));
    expect(readMetadata(published)?.entries).toEqual([
      ["width", 1280],
      ["encoder", "OBS"],
    ]);
    const long = body(amfEcmaArray({ text: "x".repeat(5000) }));
    expect(readMetadata(publishMetadata(long))?.entries).toEqual(readMetadata(long)!.entries);
  });

  test("one inside a nested array is found", () => {
    const nested = `${NAME} 08 00000001 0001 61 0a 00000001 03 0001 62 0c 00000001 63 000009 000009`;
    expect(toHex(publishMetadata(fromHex(nested)))).not.toContain("0c00000001");
  });

  test("other data messages and what cannot be decoded stay as they are", () => {
    const text = encodeAmf0(["onTextData", amfObject({ text: "x" })]);
    expect(publishMetadata(text)).toBe(text);
    const broken = fromHex(`${NAME} 08 00000001 000577696474`);
    expect(toHex(publishMetadata(broken))).toBe(SET + toHex(broken));
  });

  test("damage never throws", () => {
    const file = readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"));
    const bodies = [encodeAmf0(["@setDataFrame", "onMetaData", FFMPEG])];
    const reader = new FlvReader({
      onTag: (tag) => {
        if (tag.typeId === 18) bodies.push(tag.body);
      },
    });
    reader.feed(file);
    expect(bodies.length).toBe(2);
    for (const good of bodies) {
      for (const bytes of mutations(good, 3000, 48)) {
        readMetadata(bytes);
        publishMetadata(bytes);
        playMetadata(bytes);
      }
    }
  });
});
