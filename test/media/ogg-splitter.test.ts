/** Ogg: packets over pages, in every cut, with other streams between, damaged, and without end. */
import { describe, expect, test } from "bun:test";
import { holdsAt } from "../../src/bytes/same-bytes.ts";
import { OggSplitter } from "../../src/media/ogg-splitter.ts";
import { isOpusTags, OPUS_HEAD } from "../../src/media/opus.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { oggOf, oggPage, type OggPage } from "../support/ogg.ts";
import { needs } from "../support/programs.ts";
import { ffmpeg } from "../support/raw-video.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const HEAD = "4f707573486561640101380180bb0000000000";

function read(segments: readonly Uint8Array[]) {
  const packets: string[] = [];
  const splitter = new OggSplitter(
    (first) => holdsAt(first, 0, OPUS_HEAD),
    ({ bytes, first }) => packets.push(`${first ? "first " : ""}${toHex(bytes)}`),
  );
  for (const segment of segments) splitter.feed(segment);
  return { packets, skipped: splitter.skippedBytes };
}

const page = (number: number, lengths: readonly number[], body: string, more: Partial<OggPage> = {}) =>
  toHex(oggPage({ serial: 7, number, lengths, body: fromHex(body), ...more }));
const first = page(0, [19], HEAD, { first: true });
const long = "ab".repeat(255);

describe("OggSplitter", () => {
  test.each<[string, string, string[], number]>([
    ["two packets in a page", first + page(1, [2, 3], "0102030405"), ["0102", "030405"], 0],
    ["an empty packet", first + page(1, [0, 1], "07"), ["", "07"], 0],
    ["a packet of 255 bytes", first + page(1, [255, 0], long), [long], 0],
    [
      "a packet over two pages",
      first + page(1, [1, 255], `11${long}`) + page(2, [2, 1], "cdef22", { continued: true }),
      ["11", `${long}cdef`, "22"],
      0,
    ],
    [
      "a page is missing: the packet that it was of is dropped",
      first + page(1, [255], long) + page(3, [2, 1], "cdef22", { continued: true }),
      ["22"],
      0,
    ],
    ["the end of a packet is missing", first + page(1, [255], long) + page(2, [1], "33"), ["33"], 0],
    ["another stream between", first + page(0, [1], "99", { serial: 8 }) + page(1, [1], "44"), ["44"], 0],
    ["noise between", `${first}0f${page(1, [1], "55")}4f6767${page(2, [1], "66")}`, ["55", "66"], 4],
    ["another version", first + page(1, [1], "55").replace("4f67675300", "4f67675301"), [], 29],
    ["a wrong checksum", first + page(1, [1], "55").replace(/55$/, "56"), [], 29],
    ["a cut end", `${first}4f6767530000`, [], 0],
  ])("%s", (_name, text, packets, skipped) => {
    const result = everySplit(fromHex(text), read);
    expect(result).toEqual({ packets: [`first ${HEAD}`, ...packets], skipped });
  });

  test("a stream of another kind is none of ours; a second one of ours takes over", () => {
    const vorbis = page(0, [3], "017666", { first: true, serial: 1 }) + page(1, [1], "77", { serial: 1 });
    expect(read([fromHex(vorbis)]).packets).toEqual([]);
    const second = page(0, [19], HEAD, { first: true, serial: 9 }) + page(1, [1], "02", { serial: 9 });
    const both = first + page(1, [1], "01") + second + page(2, [1], "03");
    expect(read([fromHex(both)]).packets).toEqual([`first ${HEAD}`, "01", `first ${HEAD}`, "02"]);
  });

  test("a packet that never ends is dropped, and takes no memory", () => {
    const endless = Array.from({ length: 6 }, (_, i) =>
      fromHex(page(i + 1, new Array(255).fill(255), "ab".repeat(255 * 255), { continued: i > 0 })),
    );
    const after = fromHex(page(7, [1, 1], "0102", { continued: true }));
    expect(read([fromHex(first), ...endless, after]).packets).toEqual([`first ${HEAD}`, "02"]);
  });

  test("damage: the same for every cut", () => {
    const packets = Array.from({ length: 12 }, (_, i) => randomBytes(i * 40, i));
    const good = oggOf(fromHex(HEAD), packets);
    for (const bytes of mutations(good, 300, 3533)) {
      const whole = read([bytes]);
      expect(whole.skipped).toBeLessThanOrEqual(bytes.length);
      expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
    }
    expect(read([good]).packets.slice(1)).toEqual(packets.map(toHex));
  });

  test.skipIf(!needs("ffmpeg"))("what ffmpeg writes, packet for packet", async () => {
    const sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "3"];
    const raw = await ffmpeg([...sound, "-c:a", "libopus", "-f", "ogg", "-"]);
    const list = await ffmpeg(["-f", "ogg", "-i", "-", "-map", "0:a", "-c", "copy", "-f", "data", "-"], raw);
    const { packets, skipped } = read([raw]);
    expect(skipped).toBe(0);
    expect(isOpusTags(fromHex(packets[1]!))).toBe(true);
    expect(packets.length).toBeGreaterThan(150);
    expect(packets.slice(2).join("")).toBe(toHex(list));
  });
});
