import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import type { FlvTag } from "../../src/media/flv-tag.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";

type Result = { tags: string[]; cut: boolean; skipped: number; discontinuities: number };

/** Every tag as "type@time:hex" and what the reader counted; the same whether bodies lie in slabs or not. */
function read(segments: readonly Uint8Array[]): Result {
  const lent = readAs(true, segments);
  expect(lent).toEqual(readAs(false, segments));
  return lent;
}

/** Looks at the tags of a segment, and releases them, when its bytes are somebody else's. */
function readAs(lend: boolean, segments: readonly Uint8Array[]): Result {
  const result: Result = { tags: [], cut: false, skipped: 0, discontinuities: 0 };
  let tags: FlvTag[] = [];
  const look = (): void => {
    for (const { typeId, filtered, timestamp, body, slab } of tags) {
      expect(slab !== undefined).toBe(lend && (typeId === 8 || typeId === 9));
      result.tags.push(`${typeId}${filtered ? " filtered" : ""}@${timestamp}:${toHex(body)}`);
      slab?.release();
    }
    tags = [];
  };
  const handlers = {
    onTag: (tag: FlvTag) => void tags.push(tag),
    onDiscontinuity: () => result.discontinuities++,
  };
  const reader = new FlvReader(handlers, { lend });
  for (const segment of segments) {
    const used = segment.slice();
    reader.feed(used);
    used.fill(0xa5);
    look();
  }
  result.cut = reader.end();
  look();
  reader.close();
  result.skipped = reader.skippedBytes;
  return result;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const HEADER = flvHeader({ audio: true, video: true });
const A = flvTag(8, 0, hex`af001390`);
const B = flvTag(9, 40, hex`27010000000102030405`);
const C = flvTag(8, 63, hex`af0101182007`);
const D = flvTag(18, 80, hex`02000461626364`);
const TAGS = ["8@0:af001390", "9@40:27010000000102030405", "8@63:af0101182007", "18@80:02000461626364"];

describe("FlvReader", () => {
  test("V-49 V-50 V-51 header and the first two tags", () => {
    const avc = "1700000000 0142c01fffe1000e 6742c01f8c8d40f028900f08846a 010004 68ce3c80";
    const file = hex`464c5601 05 00000009 00000000
      08 000004 000000 00 000000 af001390 0000000f
      09 000022 000a00 00 000000 ${avc} 0000002d`;
    const result = everySplit(file, read);
    expect(result.tags).toEqual(["8@0:af001390", `9@2560:${avc.replaceAll(" ", "")}`]);
    expect(result.cut).toBe(false);
  });

  test("V-52 the extension byte of the time comes last and is its highest", () => {
    const file = concat(
      HEADER,
      hex`09 000001 000310 01 000000 17 0000000c 08 000001 ffffff ff 000000 af 0000000c`,
    );
    expect(everySplit(file, read).tags).toEqual(["9@16778000:17", "8@4294967295:af"]);
  });

  test("V-53 end of sequence at 0x01000e00", () => {
    const file = concat(HEADER, hex`09 000005 000e00 01 000000 1702000000 00000010`);
    expect(everySplit(file, read).tags).toEqual(["9@16780800:1702000000"]);
  });

  test("plain file", () => {
    const result = everySplit(concat(HEADER, A, B, C, D), read);
    expect(result).toEqual({ tags: TAGS, cut: false, skipped: 0, discontinuities: 0 });
  });

  test("header alone, and one without its back-pointer", () => {
    const empty = { tags: [], cut: false, skipped: 0, discontinuities: 0 };
    expect(everySplit(HEADER, read)).toEqual(empty);
    expect(everySplit(HEADER.subarray(0, 9), read)).toEqual(empty);
  });

  test("a longer header is skipped by its own size", () => {
    const file = concat(hex`464c5601 05 0000000e aaaaaaaaaa 00000000`, A, B);
    expect(everySplit(file, read)).toMatchObject({ tags: TAGS.slice(0, 2), skipped: 0 });
    const cut = hex`464c5601 05 ffffffff aaaaaaaaaa 00000000`;
    expect(everySplit(cut, read)).toMatchObject({ tags: [], cut: true });
  });

  test("empty tags are skipped, the filter bit is told, a stream id is ignored", () => {
    const file = concat(
      HEADER,
      flvTag(8, 5, new Uint8Array(0)),
      hex`28 000001 000007 00 000001 af 0000000c`,
      B,
    );
    expect(everySplit(file, read).tags).toEqual(["8 filtered@7:af", TAGS[1]!]);
  });

  test.each([
    ["one too small", 0x0e],
    ["the body alone", 0x04],
  ])("back-pointer of odd writers: %s", (_name, pointer) => {
    const odd = A.slice();
    odd[odd.length - 1] = pointer;
    expect(everySplit(concat(HEADER, odd, B), read)).toMatchObject({ tags: TAGS.slice(0, 2), skipped: 0 });
  });

  test("back-pointers that sum up all sizes so far", () => {
    const parts = [A, B, C, D].map((part) => part.slice());
    let sum = 0;
    for (const part of parts) {
      sum += part.length - 4;
      part.set([0, 0, sum >> 8, sum], part.length - 4);
    }
    expect(everySplit(concat(HEADER, ...parts), read)).toMatchObject({ tags: TAGS, skipped: 0 });
  });

  test("files put one after the other", () => {
    const file = concat(HEADER, A, B, HEADER, C, D);
    expect(everySplit(file, read)).toEqual({ tags: TAGS, cut: false, skipped: 0, discontinuities: 1 });
  });

  test("a cut file followed by another: the header inside the cut tag is found", () => {
    const file = concat(HEADER, A, B.subarray(0, 14), HEADER, C, D);
    const expected = { tags: [TAGS[0]!, TAGS[2]!, TAGS[3]!], cut: false, skipped: 14, discontinuities: 1 };
    expect(everySplit(file, read)).toEqual(expected);
  });

  test("every cut of a file keeps the whole tags", () => {
    const file = concat(HEADER, A, B, C, D);
    const ends = [13 + A.length, 13 + A.length + B.length, 13 + A.length + B.length + C.length, file.length];
    for (let length = 9; length < file.length; length++) {
      const result = read([file.subarray(0, length)]);
      // A tag that only lacks its back-pointer is whole.
      const whole = ends.filter((end) => length >= end - 4).length;
      expect(result.tags).toEqual(TAGS.slice(0, whole));
      const border = length <= 13 || ends.some((end) => length >= end - 4 && length <= end);
      expect(result.cut).toBe(!border);
      expect(result.skipped).toBe(0);
    }
  });
});

describe("FlvReader over damage", () => {
  const damaged = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = B.slice();
    copy.set(bytes, at);
    return copy;
  };

  test.each([
    ["type", damaged(0, 0x00)],
    ["size, too small", damaged(1, 0, 0, 3)],
    ["size, too large", damaged(1, 0, 0, 30)],
    ["size, beyond the end of the file", damaged(1, 0xff, 0xff, 0xff)],
    ["back-pointer", damaged(B.length - 4, 1, 2, 3, 4)],
  ])("goes on after a damaged tag: %s", (_name, tag) => {
    const result = everySplit(concat(HEADER, A, tag, C, D), read);
    expect(result).toEqual({
      tags: [TAGS[0]!, TAGS[2]!, TAGS[3]!],
      cut: false,
      skipped: B.length,
      discontinuities: 0,
    });
  });

  test("goes on after inserted and after missing bytes", () => {
    const noise = randomBytes(1000, 1);
    expect(everySplit(concat(HEADER, A, noise, B, C, D), read)).toMatchObject({ tags: TAGS, skipped: 1000 });
    const short = concat(HEADER, A, B.subarray(5), C, D);
    expect(everySplit(short, read)).toMatchObject({
      tags: [TAGS[0]!, TAGS[2]!, TAGS[3]!],
      skipped: B.length - 5,
    });
  });

  test("one good tag before the end is enough, none is nothing", () => {
    const tail = concat(HEADER, A, hex`00000000`, D);
    expect(everySplit(tail, read)).toMatchObject({ tags: [TAGS[0]!, TAGS[3]!], skipped: 4 });
    const cut = concat(HEADER, A, hex`00000000`, D.subarray(0, D.length - 1));
    expect(everySplit(cut, read)).toMatchObject({ tags: [TAGS[0]!], skipped: 4 + D.length - 1 });
  });

  test("a tag larger than the sync limit is read when nothing is wrong with it", () => {
    const large = flvTag(9, 1, randomBytes(3 << 20, 2));
    const segments: Uint8Array[] = [];
    const file = concat(HEADER, A);
    const bytes = new Uint8Array(file.length + large.length);
    bytes.set(file);
    bytes.set(large, file.length);
    for (let at = 0; at < bytes.length; at += 65_536) segments.push(bytes.slice(at, at + 65_536));
    const sizes: number[] = [];
    const reader = new FlvReader({ onTag: (tag) => sizes.push(tag.body.length) });
    for (const segment of segments) reader.feed(segment);
    expect(reader.end()).toBe(false);
    expect(sizes).toEqual([4, 3 << 20]);
  });

  test("bodies have exactly their own memory, from Buffer input too", () => {
    const buffer = Buffer.concat([HEADER, A, B]);
    const reader = new FlvReader({
      onTag: ({ body }) => {
        expect(body.buffer.byteLength).toBe(body.length);
        expect(Buffer.isBuffer(body)).toBe(false);
      },
    });
    reader.feed(buffer.subarray(0, 40));
    reader.feed(buffer.subarray(40));
    reader.end();
  });

  test("the largest size that can be declared costs no memory before it arrives", () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 100 }, () => new FlvReader({ onTag: () => {} }));
    for (const reader of readers) reader.feed(concat(HEADER, hex`09ffffff00000000000000 17`));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
    for (const reader of readers) expect(reader.end()).toBe(true);
  });

  test("many damaged tags that look good at first are not read in squared time", () => {
    // Each pair of good tags is followed by a header that claims 16 MiB: the worst that a file can ask for.
    const trap = concat(flvTag(8, 0, hex`01`), flvTag(8, 0, hex`02`), hex`09ffffff00000000000000`);
    const bytes = new Uint8Array(13 + trap.length * 400_000);
    bytes.set(HEADER);
    for (let at = 13; at < bytes.length; at += trap.length) bytes.set(trap, at);
    let tags = 0;
    const reader = new FlvReader({ onTag: () => tags++ });
    for (let at = 0; at < bytes.length; at += 65_536) reader.feed(bytes.subarray(at, at + 65_536));
    reader.end();
    expect(tags).toBe(800_000);
  });

  test("damage of any kind gives tags or MediaError, the same for every cut", () => {
    const file = concat(HEADER, A, B, C, D, HEADER, A, B);
    for (const bytes of mutations(file, 3000, 3)) {
      const results = [[bytes], [bytes.subarray(0, 50), bytes.subarray(50)]].map((segments) => {
        try {
          return JSON.stringify(read(segments));
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
          return (error as Error).message;
        }
      });
      expect(results[0]).toBe(results[1]!);
    }
  });
});

describe("FlvReader on a file of ffmpeg", () => {
  const fixture = new Uint8Array(readFileSync(join(import.meta.dir, "../fixtures/flv/show.flv")));

  test("gives the same tags for every cut", () => {
    const result = everySplit(fixture, read);
    expect(result).toMatchObject({ cut: false, skipped: 0, discontinuities: 0 });
    expect(result.tags.length).toBe(59);
  });

  test("gives whole tags or MediaError when damaged, and never more than there was", () => {
    for (const bytes of mutations(fixture, 300, 59)) {
      let size = 0;
      const reader = new FlvReader({ onTag: (tag) => (size += tag.body.length) });
      try {
        reader.feed(bytes);
        reader.end();
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
      }
      expect(size + reader.skippedBytes).toBeLessThanOrEqual(bytes.length);
    }
  });
});

describe("FlvReader on what is not FLV", () => {
  test.each([
    ["MP4", "0000002066747970 69736f6d 00000200", /MP4.*ffmpeg -i/],
    ["Matroska", "1a45dfa3 0100000000000023 4286", /Matroska/],
    ["HTML", "3c21444f43545950452068746d6c3e0a", /web page.*address/],
    ["MPEG-TS", "47400010 0000b00d0001c100 000001", /MPEG-TS/],
    ["Annex B", "00000001 6742c01f8c8d40f028900f", /Annex B.*h264:FILE/],
    ["Annex B, short start code", "000001 6742c01f8c8d40f028900f08", /Annex B/],
    ["HLS", "234558544d33550a23455854", /HLS/],
    ["nothing known", "deadbeefdeadbeefdeadbeefdeadbeef", /nothing known/],
    ["four bytes", "deadbeef", /nothing known/],
    ["nothing", "", /empty/],
    ["two letters", "464c", /ends inside the file header/],
  ])("%s", (_name, bytes, message) => {
    const failure = everySplit(fromHex(bytes), (segments) => {
      try {
        read(segments);
        return "no error";
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
        return (error as Error).message;
      }
    });
    expect(failure).toMatch(message);
  });
});
