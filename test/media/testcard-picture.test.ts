import { describe, expect, test } from "bun:test";
import { FONT_LETTERS, FONT_SIZE, hasInk } from "../../src/media/testcard-font.ts";
import {
  clockText,
  drawPicture,
  type Macroblock,
  MACROBLOCK_SIZE,
  paintScenery,
  PICTURE_COLUMNS,
  PICTURE_ROWS,
} from "../../src/media/testcard-picture.ts";

const scenery = paintScenery();
const DAY = 86_400_000;
const STRIP_ROW = 15;

/** Where two pictures have different macroblocks. */
function changed(a: readonly Macroblock[], b: readonly Macroblock[]): number[] {
  return a.flatMap((macroblock, at) => (macroblock === b[at] ? [] : [at]));
}

/** Pixel columns of the strip where the bar is. */
function barColumns(frame: number): number[] {
  const picture = drawPicture(scenery, frame, 0);
  const row = picture.slice(STRIP_ROW * PICTURE_COLUMNS, (STRIP_ROW + 1) * PICTURE_COLUMNS);
  const line = row.flatMap((macroblock) => [...macroblock.subarray(0, 16)]);
  return line.flatMap((luma, x) => (luma === 235 ? [x] : []));
}

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}

describe("clockText", () => {
  test.each([
    [0, "00:00:00:00"],
    [39, "00:00:00:00"],
    [40, "00:00:00:01"],
    [999, "00:00:00:24"],
    [1000, "00:00:01:00"],
    [59_960, "00:00:59:24"],
    [60_000, "00:01:00:00"],
    [DAY - 1, "23:59:59:24"],
    [DAY, "00:00:00:00"],
    [-1, "23:59:59:24"],
    [30 * DAY + 45_296_280, "12:34:56:07"],
    [Date.UTC(2031, 4, 6, 7, 8, 9, 80), "07:08:09:02"],
  ])("%d ms is %s", (ms, text) => {
    expect(clockText(ms)).toBe(text);
  });
});

describe("drawPicture", () => {
  test("all macroblocks are there, with samples of limited range", () => {
    const picture = drawPicture(scenery, 0, 0);
    expect(picture.length).toBe(PICTURE_COLUMNS * PICTURE_ROWS);
    for (const macroblock of picture) {
      expect(macroblock.length).toBe(MACROBLOCK_SIZE);
      expect(macroblock.every((sample) => sample >= 16 && sample <= 240)).toBe(true);
    }
  });

  test("the bar moves four pixels a frame and comes in again from the left", () => {
    expect(barColumns(0)).toEqual(range(0, 16));
    expect(barColumns(1)).toEqual(range(4, 16));
    expect(barColumns(149)).toEqual(range(596, 16));
    expect(barColumns(158)).toEqual([...range(0, 8), ...range(632, 8)]);
    expect(barColumns(160)).toEqual(range(0, 16));
    expect(barColumns(160 * 405_000 + 3)).toEqual(range(12, 16));
  });

  test("from frame to frame only the bar and one digit change", () => {
    const at = (row: number, column: number): number => row * PICTURE_COLUMNS + column;
    const before = drawPicture(scenery, 4, 160);
    const after = drawPicture(scenery, 5, 200);
    // The bar leaves column 1 for columns 1 and 2; the last letter stands in columns 36 and 37.
    const bar = [at(15, 1), at(15, 2), at(16, 1), at(16, 2)];
    const digit = [at(19, 36), at(19, 37), at(20, 36), at(20, 37)];
    expect(changed(before, after)).toEqual([...bar, ...digit]);
    expect(changed(after, drawPicture(scenery, 5, 200))).toEqual([]);
  });
});

describe("the font", () => {
  test("has the letters of the clock and of the name, all different", () => {
    const drawings = new Set<string>();
    for (const letter of FONT_LETTERS) {
      const dots = range(0, FONT_SIZE ** 2).map((i) =>
        hasInk(letter, i % FONT_SIZE, Math.floor(i / FONT_SIZE)),
      );
      expect(dots).toContain(true);
      expect(hasInk(letter, FONT_SIZE, 0) || hasInk(letter, 0, FONT_SIZE)).toBe(false);
      expect(hasInk(letter, -1, 0) || hasInk(letter, 0, -1)).toBe(false);
      drawings.add(dots.join());
    }
    expect(drawings.size).toBe(FONT_LETTERS.length);
    for (const letter of "0123456789:RUNNEL") expect(FONT_LETTERS).toContain(letter);
  });
});
