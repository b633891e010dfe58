import { describe, expect, test } from "bun:test";
import { MediaError } from "../../src/errors.ts";
import { FlvReader } from "../../src/media/flv-reader.ts";
import type { FlvDamage, FlvReaderOptions } from "../../src/media/flv-tag.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";

const HEADER = flvHeader({ audio: true, video: true });
const A = flvTag(8, 0, hex`af001390`);
const B = flvTag(9, 40, hex`27010000000102030405`);
const C = flvTag(8, 63, hex`af0101182007`);
const NOISE = randomBytes(100, 1);
const at = (...before: readonly Uint8Array[]): number => before.reduce((sum, part) => sum + part.length, 0);
const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

type Result = { tags: string[]; damage: FlvDamage[]; cut: boolean };

/** Tags as "type@offset" and what was reported; bodies are compared while they may be looked at. */
function reading(options: FlvReaderOptions): (segments: readonly Uint8Array[]) => Result {
  return (segments) => {
    const result: Result = { tags: [], damage: [], cut: false };
    const reader = new FlvReader(
      {
        onTag: (tag) => result.tags.push(`${tag.typeId}@${tag.offset}:${toHex(tag.body)}`),
        onDamage: (damage) => result.damage.push(damage),
        onDiscontinuity: (offset) => result.tags.push(`FLV@${offset}`),
      },
      options,
    );
    for (const segment of segments) reader.feed(segment);
    result.cut = reader.end();
    return result;
  };
}

const salvage = reading({ salvage: true, borrow: true });
const shown = (tag: Uint8Array, offset: number): string =>
  `${tag[0]}@${offset}:${toHex(tag.subarray(11, tag.length - 4))}`;

describe("FlvReader tells where", () => {
  test("tags and a second file begin", () => {
    const file = concat(HEADER, A, B, HEADER, C);
    expect(everySplit(file, reading({})).tags).toEqual([
      shown(A, 13),
      shown(B, at(HEADER, A)),
      `FLV@${at(HEADER, A, B)}`,
      shown(C, at(HEADER, A, B, HEADER)),
    ]);
  });

  test("bytes that are no tag are, and how many zeros end them", () => {
    const zeros = new Uint8Array(50);
    const result = everySplit(concat(HEADER, A, NOISE, zeros, B, C), reading({}));
    const offset = at(HEADER, A);
    expect(result.damage).toEqual([{ kind: "skipped", offset, length: 150, zeros: 50 }]);
  });

  test("a tail of zeros begins", () => {
    const result = everySplit(concat(HEADER, A, new Uint8Array(2000)), salvage);
    expect(result.damage).toEqual([{ kind: "skipped", offset: at(HEADER, A), length: 2000, zeros: 2000 }]);
    expect(result.cut).toBe(false);
  });

  test("the last tag is cut, and how much of it is there", () => {
    const result = everySplit(concat(HEADER, A, B.subarray(0, 14)), salvage);
    expect(result).toMatchObject({ cut: true, tags: [shown(A, 13)] });
    expect(result.damage).toEqual([{ kind: "cut", offset: at(HEADER, A), length: 14, zeros: 1 }]);
    const pointer = everySplit(concat(HEADER, A, B.subarray(0, B.length - 1)), salvage);
    expect(pointer).toMatchObject({ cut: false, tags: [shown(A, 13), shown(B, at(HEADER, A))] });
    expect(pointer.damage).toMatchObject([{ kind: "pointer", offset: at(HEADER, A) }]);
  });
});

describe("FlvReader that salvages", () => {
  const broken = B.slice();
  broken.set([1, 2, 3, 4], broken.length - 4);

  test("a single good tag between two damaged places", () => {
    const file = concat(HEADER, A, NOISE, B, NOISE, C);
    expect(everySplit(file, salvage).tags).toEqual([
      shown(A, 13),
      shown(B, at(HEADER, A, NOISE)),
      shown(C, at(HEADER, A, NOISE, B, NOISE)),
    ]);
    expect(everySplit(file, reading({})).tags).toHaveLength(2);
  });

  test("a tag whose back-pointer alone is damaged, in the middle and at the end", () => {
    for (const file of [concat(HEADER, A, broken, C), concat(HEADER, A, broken)]) {
      const result = everySplit(file, salvage);
      expect(result.tags[1]).toBe(shown(B, at(HEADER, A)));
      expect(result.damage).toEqual([{ kind: "pointer", offset: at(HEADER, A), length: B.length, zeros: 0 }]);
    }
  });

  test("nothing of a tag whose size is damaged", () => {
    for (const size of [3, 30, 0xffffff]) {
      const bad = B.slice();
      bad.set([size >> 16, size >> 8, size], 1);
      const result = everySplit(concat(HEADER, A, bad, C), salvage);
      expect(result.tags).toEqual([shown(A, 13), shown(C, at(HEADER, A, B))]);
      expect(result.damage).toMatchObject([{ kind: "skipped", length: B.length }]);
    }
  });

  test("a good tag, rather than one around it whose size is damaged and ends at a border by chance", () => {
    const around = A.slice();
    around[3] = A.length + B.length - 15;
    expect(everySplit(concat(HEADER, around, B, C), salvage).tags).toEqual([
      shown(B, at(HEADER, A)),
      shown(C, at(HEADER, A, B)),
    ]);
  });

  test("a file without its header, or with nonsense in it", () => {
    const zeros = new Uint8Array(13);
    expect(everySplit(concat(zeros, A, B, C), salvage).tags).toHaveLength(3);
    expect(everySplit(concat(NOISE, A), salvage).tags).toEqual([shown(A, NOISE.length)]);
    const header = HEADER.slice();
    header.set([0xff, 0, 0, 9], 5);
    const result = everySplit(concat(header, A, B), salvage);
    expect(result).toMatchObject({ tags: [shown(A, 13), shown(B, at(HEADER, A))] });
    expect(result.damage).toEqual([{ kind: "header", offset: 5, length: 4, zeros: 0 }]);
  });

  test("a large tag behind damage", () => {
    const large = flvTag(9, 0, randomBytes(3 << 20, 2));
    const tags: number[] = [];
    const reader = new FlvReader({ onTag: (tag) => tags.push(tag.body.length) }, { salvage: true });
    const file = concat(HEADER, NOISE, large);
    for (let from = 0; from < file.length; from += 65_536) reader.feed(file.subarray(from, from + 65_536));
    reader.end();
    expect(tags).toEqual([3 << 20]);
  });

  test("damaged sizes of large tags, however the input is cut, and without holding what they claim", () => {
    const parts: Uint8Array[] = [HEADER];
    for (let i = 0; i < 40; i++) {
      const tag = flvTag(9, i * 40, concat(hex`2701000000`, randomBytes(100_000, i)));
      if (i % 5 === 3 || i % 5 === 4) tag[1] = 0xff;
      parts.push(tag, flvTag(8, i * 40, concat(hex`af01`, randomBytes(300, 100 + i))));
    }
    const file = concat(...parts);
    const whole = salvage([file]);
    expect(whole.tags).toHaveLength(24 + 40);
    for (const size of [4096, 65_536, 262_144, 700_001]) {
      const segments: Uint8Array[] = [];
      for (let from = 0; from < file.length; from += size) segments.push(file.slice(from, from + size));
      expect(salvage(segments)).toEqual(whole);
    }
    const before = process.memoryUsage().arrayBuffers;
    const reader = new FlvReader({ onTag: () => {} }, { salvage: true, borrow: true });
    for (let from = 0; from < file.length; from += 65_536) reader.feed(file.subarray(from, from + 65_536));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
  });

  test("no file of another kind", () => {
    expect(() => salvage([hex`0000002066747970 69736f6d 00000200`])).toThrow(MediaError);
  });

  test("every byte is a tag's, a header's or reported, whatever the damage", () => {
    const file = concat(HEADER, A, B, C, HEADER, A, B, C);
    for (const bytes of mutations(file, 3000, 11)) {
      let covered = 0;
      const handlers = {
        onTag: ({ body }: { body: Uint8Array }) => (covered += body.length + 15),
        onDamage: ({ kind, length }: FlvDamage) => (covered += kind === "skipped" ? length : 0),
      };
      const reader = new FlvReader(handlers, { salvage: true });
      try {
        reader.feed(bytes);
        if (reader.end()) continue;
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
        continue;
      }
      expect(covered).toBeLessThanOrEqual(bytes.length + 4);
    }
  });
});
