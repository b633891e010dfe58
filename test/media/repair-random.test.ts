import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MediaError } from "../../src/errors.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { hex } from "../support/bytes.ts";
import { backwards, type FlvTag, readFlv } from "../support/flv-compare.ts";
import { inSegments, intactBodies, mend, type Mended } from "../support/mending.ts";
import { mutations, pick, randomBytes, seededRandom } from "../support/mutate.ts";

const FOLDER = join(import.meta.dir, "../fixtures/flv");
const FIXTURES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".flv"))
  .map((name) => [name, new Uint8Array(readFileSync(join(FOLDER, name)))] as const);

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Whether a body is a sequence header: one that comes again unchanged is dropped. */
const isHeader = (body: Uint8Array): boolean => body[1] === 0 && (body[0] === 0x17 || body[0]! >> 4 === 10);

const hashes = (bodies: readonly Uint8Array[]): string[] =>
  bodies.filter((body) => !isHeader(body)).map((body) => Bun.hash(body).toString(36));

/** A header has no time of its own. */
const toTimed = ({ role, hash, timestamp }: FlvTag): string =>
  role === "header" ? hash : `${hash} ${timestamp}`;

/** What must be true of every mended file, whatever the damage; undefined where nothing could be saved. */
function judge(bytes: Uint8Array): Mended | undefined {
  let mended: Mended;
  try {
    mended = mend(inSegments(bytes, 4096));
  } catch (error) {
    expect(error).toBeInstanceOf(MediaError);
    return undefined;
  }
  const { file, tags } = mended;
  const intact = hashes(intactBodies(bytes));
  const kept = new Set(hashes(tags.map(({ payload }) => payload)));
  const lost = intact.filter((hash) => !kept.has(hash));
  if (lost.length > 0) throw new Error(`${lost.length} of ${intact.length} intact tags are lost`);
  expect(backwards(tags)).toEqual([]);
  if (file === undefined) return mended;
  const again = mend([file]);
  // A header that is lost stays lost, and the file says so for ever.
  expect(again.findings.filter(({ kind }) => kind !== "missing")).toEqual([]);
  expect(again.tags.map(toTimed)).toEqual(tags.map(toTimed));
  return mended;
}

/** Two recordings of some seconds, the second with a clock of its own. */
function twoRecordings(): Uint8Array {
  const avc = flvTag(9, 0, hex`1700000000 0142c01fffe1000e 6742c01f8c8d40f028900f08846a 010004 68ce3c80`);
  const header = concat(flvHeader({ audio: true, video: true }), avc, flvTag(8, 0, hex`af001390`));
  const part = (seed: number): Uint8Array[] =>
    Array.from({ length: 60 }, (_, i) => {
      const key = i % 20 === 0;
      const body = concat(
        key ? hex`1701000000` : hex`2701000000`,
        randomBytes(20 + ((i * 37) % 300), seed + i),
      );
      const sound = flvTag(8, i * 40 + 10, concat(hex`af01`, randomBytes(30, seed + 1000 + i)));
      return concat(flvTag(9, i * 40, body), sound);
    });
  return concat(header, ...part(1), header, ...part(5000));
}

describe("repair of random damage", () => {
  test("small and large mutations of a recording", () => {
    for (const bytes of mutations(twoRecordings(), 250, 71)) judge(bytes);
  });

  test.each(FIXTURES)("mutations of %s", (_name, bytes) => {
    for (const damaged of mutations(bytes, 250, 73)) judge(damaged);
  });

  test("what a power cut and a bad disk do: holes of zeros, noise, missing and repeated blocks", () => {
    const file = twoRecordings();
    const random = seededRandom(97);
    for (let round = 0; round < 200; round++) {
      let bytes = file;
      for (let count = 1 + pick(random, 4); count > 0; count--) bytes = block(bytes, random);
      const mended = judge(bytes);
      expect(mended?.findings.length).not.toBe(0);
    }
  });
});

/** Damages a block of up to 4 KiB at a 512-byte border, as file systems and disks do. */
function block(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = Math.min(512 * pick(random, Math.ceil(bytes.length / 512)), bytes.length);
  const end = Math.min(bytes.length, at + 512 * (1 + pick(random, 8)));
  const [before, hit, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (pick(random, 5)) {
    case 0:
      return concat(before, new Uint8Array(hit.length), after);
    case 1:
      return concat(before, randomBytes(hit.length, at), after);
    case 2:
      return concat(before, after);
    case 3:
      return concat(before, hit, hit, after);
    default:
      return concat(before, new Uint8Array(pick(random, 20_000)));
  }
}

describe("repair of a cut file", () => {
  test.each(FIXTURES)("%s, cut at every byte of its last 4 KiB", (_name, bytes) => {
    const whole = hashes(
      readFlv(bytes)
        .slice(1)
        .map(({ payload }) => payload),
    );
    for (let length = Math.max(13, bytes.length - 4096); length < bytes.length; length++) {
      const { tags, file } = mend([bytes.subarray(0, length)]);
      const kept = hashes(tags.map(({ payload }) => payload));
      expect(kept).toEqual(whole.slice(0, kept.length));
      expect(kept.length).toBeGreaterThanOrEqual(hashes(intactBodies(bytes.subarray(0, length))).length);
      expect(backwards(tags)).toEqual([]);
      if (file !== undefined) expect(readFlv(file).length).toBe(tags.length + 1);
    }
  });
});
