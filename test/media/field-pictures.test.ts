/**
 * H.264 of single fields: both fields of a frame become one tag, whatever they refer to; a field whose other one never
 * comes is a tag by itself. ffmpeg's own reader leaves fields apart, but decoders in hardware want the frame whole.
 */
import { describe, expect, test } from "bun:test";
import { AccessUnits } from "../../src/media/access-units.ts";
import { flvHeader, writeFlvTagHeader, writePreviousTagSize } from "../../src/media/flv-writer.ts";
import { H264Rules } from "../../src/media/h264-rules.ts";
import { everySplit } from "../support/every-split.ts";
import { fieldSlice, fieldStream, type FieldPicture } from "../support/field-pictures.ts";
import { plainUnit, readUnits, ffmpeg, type PlainUnit } from "../support/raw-video.ts";
import { needs } from "../support/programs.ts";
import { tidy } from "../support/tidy.ts";

tidy();

type Part = Partial<FieldPicture>;

/** A field picture of frame `frameNum`, its order count that of the frame and its parity. */
const field = (structure: "top" | "bottom", frameNum: number, more: Part = {}): FieldPicture => ({
  structure,
  frameNum,
  order: (2 * frameNum + (structure === "bottom" ? 1 : 0)) % 16,
  ...more,
});
const top = (frameNum: number, more?: Part): FieldPicture => field("top", frameNum, more);
const bottom = (frameNum: number, more?: Part): FieldPicture => field("bottom", frameNum, more);
const frame = (frameNum: number): FieldPicture => ({ structure: "frame", frameNum, order: 2 * frameNum });
const START = [top(0, { idr: true }), bottom(0)];

/** How many slices each unit has, and whether it is a key. */
const shape = (units: readonly PlainUnit[]): string[] =>
  units.map(({ key, nals }) => {
    const slices = nals.filter((nal) => [1, 5].includes(Number.parseInt(nal.slice(0, 2), 16) & 0x1f));
    return `${key ? "key " : ""}${slices.length}`;
  });

/** The units of a raw stream in an FLV file, 40 ms each. */
function flvOf(raw: Uint8Array): Uint8Array {
  const parts = [flvHeader({ audio: false, video: true })];
  const tag = (timestamp: number, body: Uint8Array): void => {
    const bytes = new Uint8Array(11 + body.length + 4);
    writeFlvTagHeader(bytes, 0, { typeId: 9, size: body.length, timestamp });
    bytes.set(body, 11);
    writePreviousTagSize(bytes, 11 + body.length, body.length);
    parts.push(bytes);
  };
  let time = 0;
  const reader = new AccessUnits(new H264Rules(), (unit) => {
    if (unit.header !== undefined) tag(time, unit.header);
    tag(time, unit.body(0));
    time += 40;
  });
  reader.feed(raw, 0, Infinity);
  reader.end();
  return new Uint8Array(Buffer.concat(parts));
}

describe("field pictures", () => {
  test.each<[string, FieldPicture[], string[]]>([
    [
      "pairs, the first an IDR picture beside one that is none",
      [...START, top(1), bottom(1)],
      ["key 2", "2"],
    ],
    ["the bottom field first", [bottom(0, { idr: true }), top(0), bottom(1), top(1)], ["key 2", "2"]],
    [
      "pairs that nothing refers to",
      [...START, top(1, { reference: false }), bottom(1, { reference: false }), top(1), bottom(1)],
      ["key 2", "2", "2"],
    ],
    ["whole frames between", [...START, frame(1), top(2), bottom(2), frame(3)], ["key 2", "1", "2", "1"]],
    ["the second field is lost", [...START, top(1), top(2), bottom(2)], ["key 2", "1", "2"]],
    ["the first field is lost", [...START, bottom(1), top(2), bottom(2)], ["key 2", "1", "2"]],
    ["two fields of one parity in a row", [...START, bottom(1), bottom(1)], ["key 2", "1", "1"]],
    ["a third field of the same frame", [...START, top(1), bottom(1), top(1)], ["key 2", "2", "1"]],
    [
      "a field to refer to and one that is not are no pair",
      [...START, top(1), bottom(1, { reference: false })],
      ["key 2", "1", "1"],
    ],
    [
      "an IDR picture is never a second field",
      [...START, top(0), bottom(0, { idr: true }), top(0)],
      ["key 2", "1", "key 2"],
    ],
    ["a frame after a single field", [...START, top(1), frame(1)], ["key 2", "1", "1"]],
  ])("%s", (_name, pictures, expected) => {
    const units = everySplit(fieldStream(pictures), (segments) => readUnits("h264", segments));
    expect(shape(units)).toEqual(expected);
    expect(new Set(units.map(({ distance }) => distance))).toEqual(new Set([0]));
  });

  test("a pause between the fields of a frame does not part them; one behind both does not delay them", () => {
    const units: PlainUnit[] = [];
    const reader = new AccessUnits(new H264Rules(), (unit) => units.push(plainUnit("h264", unit)));
    // Each field is a write of its own, with a pause behind it; a reader learns within 25 of them what that means.
    const counts = Array.from({ length: 30 }, (_, i) => [top(i % 16, { idr: i === 0 }), bottom(i % 16)])
      .flat()
      .map((picture, i) => {
        reader.feed(new Uint8Array(i === 0 ? fieldStream([picture]) : fieldSlice(picture)), i * 100, 20);
        reader.flushIfIdle(i * 100 + 50, 20);
        return units.length;
      });
    expect(counts.slice(-10)).toEqual([25, 26, 26, 27, 27, 28, 28, 29, 29, 30]);
    expect(shape(units)).toEqual(["key 2", ...new Array<string>(29).fill("2")]);
  });

  test.skipIf(!needs("ffmpeg"))(
    "ffmpeg decodes the tags: one frame each, and nothing to complain of",
    async () => {
      const pictures = Array.from({ length: 8 }, (_, i) => [
        top(i, { idr: i === 0, grey: 60 + 10 * i }),
        bottom(i, { grey: 60 + 10 * i }),
      ]).flat();
      const raw = fieldStream(pictures);
      const frames = async (args: string[], bytes: Uint8Array): Promise<string[]> => {
        const list = await ffmpeg([...args, "-i", "-", "-vsync", "0", "-f", "framemd5", "-"], bytes);
        const rows =
          Buffer.from(list)
            .toString()
            .match(/^0,.*$/gm) ?? [];
        return rows.map((row) => row.split(",").at(-1)!.trim());
      };
      const tags = flvOf(raw);
      const shown = await frames(["-f", "flv"], tags);
      expect(shown.length).toBe(8);
      expect(shown).toEqual(await frames(["-f", "h264"], raw));
    },
  );
});
