import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import type { FlvTag } from "../../src/media/flv-tag.ts";
import {
  FLV_TAG_HEADER_SIZE,
  flvHeader,
  flvTag,
  MAX_FLV_BODY,
  PREVIOUS_TAG_SIZE,
  writeFlvTagHeader,
  writePreviousTagSize,
} from "../../src/media/flv-writer.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { needs } from "../support/programs.ts";
import { show } from "../support/media.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** Tags as the specification has them: the writer makes these bytes, the reader takes them apart again. */
const TAGS: [name: string, tag: { typeId: number; timestamp: number; body: string }, bytes: string][] = [
  [
    "V-50 AAC header",
    { typeId: 8, timestamp: 0, body: "af001390" },
    "08 000004 000000 00 000000 af001390 0000000f",
  ],
  ["V-51 time 2560", { typeId: 9, timestamp: 2560, body: "17" }, "09 000001 000a00 00 000000 17 0000000c"],
  [
    "V-52 extension byte",
    { typeId: 9, timestamp: 16_778_000, body: "17" },
    "09 000001 000310 01 000000 17 0000000c",
  ],
  [
    "V-53 end of sequence",
    { typeId: 9, timestamp: 0x01000e00, body: "1702000000" },
    "09 000005 000e00 01 000000 1702000000 00000010",
  ],
  [
    "largest 24-bit time",
    { typeId: 8, timestamp: 0xffffff, body: "af" },
    "08 000001 ffffff 00 000000 af 0000000c",
  ],
  [
    "24-bit border",
    { typeId: 8, timestamp: 0x1000000, body: "af" },
    "08 000001 000000 01 000000 af 0000000c",
  ],
  [
    "31-bit border",
    { typeId: 8, timestamp: 0x80000000, body: "af" },
    "08 000001 000000 80 000000 af 0000000c",
  ],
  [
    "largest time",
    { typeId: 18, timestamp: 0xffffffff, body: "02" },
    "12 000001 ffffff ff 000000 02 0000000c",
  ],
];

/** Reads a file whole and writes its tags again. */
function roundTrip(file: Uint8Array, segment: number): { bytes: Buffer; tags: number } {
  const parts: Uint8Array[] = [flvHeader({ audio: true, video: true })];
  const reader = new FlvReader({ onTag: (tag) => parts.push(flvTag(tag.typeId, tag.timestamp, tag.body)) });
  for (let at = 0; at < file.length; at += segment) reader.feed(file.subarray(at, at + segment));
  expect(reader.end()).toBe(false);
  expect(reader.skippedBytes).toBe(0);
  return { bytes: Buffer.concat(parts), tags: parts.length - 1 };
}

describe("FLV writer", () => {
  test.each(TAGS)("%s: write and read", (_name, tag, bytes) => {
    const written = flvTag(tag.typeId, tag.timestamp, fromHex(tag.body));
    expect(toHex(written)).toBe(bytes.replaceAll(" ", ""));
    const tags: FlvTag[] = [];
    const reader = new FlvReader({ onTag: (found) => tags.push(found) });
    reader.feed(flvHeader({ audio: true, video: true }));
    reader.feed(written);
    expect(reader.end()).toBe(false);
    const { typeId, timestamp } = tag;
    expect(tags).toEqual([
      { typeId, filtered: false, timestamp, body: fromHex(tag.body), slab: undefined, offset: 13 },
    ]);
  });

  test("V-49 file header", () => {
    expect(flvHeader({ audio: true, video: true })).toEqual(hex`464c5601 05 00000009 00000000`);
    expect(flvHeader({ audio: false, video: true })[4]).toBe(1);
    expect(flvHeader({ audio: true, video: false })[4]).toBe(4);
  });

  test("times beyond 2^32 wrap", () => {
    for (const timestamp of [2 ** 32 + 7, 60 * 86_400_000]) {
      const header = new Uint8Array(FLV_TAG_HEADER_SIZE);
      writeFlvTagHeader(header, 0, { typeId: 9, size: 1, timestamp });
      const view = new DataView(header.buffer);
      const time = header[7]! * 2 ** 24 + (view.getUint32(4) >>> 8);
      expect(time).toBe(timestamp % 2 ** 32);
    }
  });

  test("writes at its place and only there", () => {
    const target = new Uint8Array(20).fill(0xee);
    writeFlvTagHeader(target, 2, { typeId: 9, size: MAX_FLV_BODY, timestamp: 0 });
    writePreviousTagSize(target, 14, 0xffffff);
    expect(toHex(target)).toBe("eeee09ffffff00000000000000" + "ee" + "0100000a" + "eeee");
    expect(() => writeFlvTagHeader(target, 10, { typeId: 9, size: 1, timestamp: 0 })).toThrow(RangeError);
    expect(() => writePreviousTagSize(target, 17, 1)).toThrow(RangeError);
    expect(PREVIOUS_TAG_SIZE).toBe(4);
  });

  test("a body that no tag can hold is an error", () => {
    const target = new Uint8Array(FLV_TAG_HEADER_SIZE);
    const tag = { typeId: 9, size: MAX_FLV_BODY + 1, timestamp: 0 };
    expect(() => writeFlvTagHeader(target, 0, tag)).toThrow(MediaError);
  });

  test("a file of ffmpeg survives reading and writing byte by byte", () => {
    const file = readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv"));
    for (const segment of [1, 7, 4096, file.length]) {
      const { bytes, tags } = roundTrip(file, segment);
      expect(tags).toBeGreaterThan(50);
      expect(bytes.equals(file)).toBe(true);
    }
  });

  test.skipIf(!needs("ffmpeg"))("a larger file made by this machine's ffmpeg does, too", async () => {
    const file = readFileSync(await show({ seconds: 6, profile: "high" }));
    expect(roundTrip(file, 65_536).bytes.equals(file)).toBe(true);
  });
});
