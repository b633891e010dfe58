/**
 * What the test card shows: 75 % colour bars, the same bars in blue and black the other way round, a white bar that
 * runs through a grey strip, the word RUNNEL and a clock. A frame's number and time go in; out comes the list of the
 * picture's macroblocks, as samples. Called by testcard.ts; testcard-h264.ts makes a slice of the list.
 *
 *   row  0  | white yellow cyan green magenta red blue |   bars
 *       13  | blue   .  magenta  .   cyan    .  white  |   the same, reversed
 *       15  |                  [bar ->                 |   strip
 *       19  |      R U N N E L   1 2 : 3 4 : 5 6 : 0 7 |   letters of 2 x 2 macroblocks
 *
 * Macroblocks are painted once and shared by all frames: two frames hold the same object where nothing has changed,
 * and that is how the slice writer finds out, without looking at samples. What repeats downwards (bars, strip) is cheap
 * because H.264 can predict it from above; what cannot be predicted costs 384 bytes each time.
 */
import { FONT_LETTERS, FONT_SIZE, hasInk } from "./testcard-font.ts";

/** Pixels across, a multiple of 16. */
export const PICTURE_WIDTH = 640;
/** Pixels down, of which the last macroblock row shows only half. */
export const PICTURE_HEIGHT = 360;
/** Macroblocks across. */
export const PICTURE_COLUMNS = PICTURE_WIDTH / 16;
/** Macroblocks down. */
export const PICTURE_ROWS = Math.ceil(PICTURE_HEIGHT / 16);

/**
 * The samples of 16 x 16 pixels in 4:2:0, as I_PCM has them: 256 of luma, 64 of Cb, 64 of Cr, each plane row by row.
 * Never written to once painted. H.264 7.3.5.
 */
export type Macroblock = Uint8Array;

/** Bytes of a macroblock's samples. */
export const MACROBLOCK_SIZE = 384;

/** Y, Cb, Cr. */
type Colour = readonly [y: number, cb: number, cr: number];

/** What stands at a pixel of a macroblock, 0 to 15 from its upper left corner. */
type Painter = (x: number, y: number) => Colour;

/** BT.601 with limited range, each of red, green and blue from 0 to 1. */
function colour(red: number, green: number, blue: number): Colour {
  const y = 0.299 * red + 0.587 * green + 0.114 * blue;
  const cb = (blue - y) / 1.772;
  const cr = (red - y) / 1.402;
  return [Math.round(16 + 219 * y), Math.round(128 + 224 * cb), Math.round(128 + 224 * cr)];
}

const BLACK = colour(0, 0, 0);
const GREY = colour(0.25, 0.25, 0.25);
const WHITE = colour(1, 1, 1);
const LIGHT = 0.75;
const DIM_WHITE = colour(LIGHT, LIGHT, LIGHT);
const CYAN = colour(0, LIGHT, LIGHT);
const MAGENTA = colour(LIGHT, 0, LIGHT);
const BLUE = colour(0, 0, LIGHT);
const YELLOW = colour(LIGHT, LIGHT, 0);
const GREEN = colour(0, LIGHT, 0);
const RED = colour(LIGHT, 0, 0);

const BARS = [DIM_WHITE, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE] as const;
const REVERSED = [BLUE, BLACK, MAGENTA, BLACK, CYAN, BLACK, DIM_WHITE] as const;

/** Where the parts begin, in macroblock rows. */
const REVERSED_ROW = 13;
const STRIP_ROW = 15;
const STRIP_ROWS = 2;
const PANEL_ROW = STRIP_ROW + STRIP_ROWS;
const TEXT_ROW = 19;

/** In macroblock columns: a letter is two wide. */
const WORD = "RUNNEL";
const WORD_COLUMN = 2;
const CLOCK_COLUMN = 16;

/** Pixels of a font dot's side; 7 dots fill 28 of a letter's 32 pixels. */
const DOT = 4;
const LETTER_MARGIN = (32 - FONT_SIZE * DOT) / 2;

/** Pixels that the bar moves in a frame: 6.4 s from side to side. It is as wide as a macroblock. */
const BAR_STEP = 4;
const BAR_PLACES = 16 / BAR_STEP;

const DAY_MS = 86_400_000;

/** Everything that frames are put together from. */
export type Scenery = {
  /** The picture without bar and clock. */
  readonly background: readonly Macroblock[];
  /** Four macroblocks of each letter, in reading order. */
  readonly letters: ReadonlyMap<string, readonly Macroblock[]>;
  /** The bar's left part for each of its places within a macroblock, and the part that reaches into the next one. */
  readonly bars: readonly { readonly head: Macroblock; readonly tail: Macroblock }[];
};

/** Paints the macroblocks of all frames: some 230, less than 100 KB. */
export function paintScenery(): Scenery {
  const letters = new Map<string, readonly Macroblock[]>();
  for (const letter of FONT_LETTERS) letters.set(letter, paintLetter(letter));
  const background = paintBackground();
  placeText(background, letters, { text: WORD, column: WORD_COLUMN });
  const bars = Array.from({ length: BAR_PLACES }, (_, place) => {
    const edge = place * BAR_STEP;
    return {
      head: paint((x) => (x >= edge ? WHITE : GREY)),
      tail: paint((x) => (x < edge ? WHITE : GREY)),
    };
  });
  return { background, letters, bars };
}

/**
 * The macroblocks of a frame, left to right and top to bottom, PICTURE_COLUMNS in a row. `clockMs` is the time of day
 * to show; what lies beyond a day is cut off, so that a time since 1970 shows as UTC.
 */
export function drawPicture(scenery: Scenery, frame: number, clockMs: number): Macroblock[] {
  const picture = [...scenery.background];
  placeBar(picture, scenery, frame);
  placeText(picture, scenery.letters, { text: clockText(clockMs), column: CLOCK_COLUMN });
  return picture;
}

/** HH:MM:SS:FF, frames being a 25th of a second. */
export function clockText(clockMs: number): string {
  // A remainder has the sign of the dividend, but time before midnight counts on.
  const time = ((clockMs % DAY_MS) + DAY_MS) % DAY_MS;
  const seconds = Math.floor(time / 1000);
  const parts = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
    Math.floor((time % 1000) / 40),
  ];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function placeBar(picture: Macroblock[], scenery: Scenery, frame: number): void {
  const left = (frame * BAR_STEP) % PICTURE_WIDTH;
  const bar = scenery.bars[(left % 16) / BAR_STEP]!;
  const column = Math.floor(left / 16);
  for (let row = STRIP_ROW; row < STRIP_ROW + STRIP_ROWS; row++) {
    const at = row * PICTURE_COLUMNS;
    picture[at + column] = bar.head;
    // Without a tail the strip stays as it is; at the right side the tail comes in from the left.
    if (left % 16 !== 0) picture[at + ((column + 1) % PICTURE_COLUMNS)] = bar.tail;
  }
}

function placeText(
  picture: Macroblock[],
  letters: Scenery["letters"],
  line: { text: string; column: number },
): void {
  let at = TEXT_ROW * PICTURE_COLUMNS + line.column;
  for (const letter of line.text) {
    const quarters = letters.get(letter);
    if (quarters === undefined) throw new Error(`Internal: no letter "${letter}" in the test card's font`);
    picture[at] = quarters[0]!;
    picture[at + 1] = quarters[1]!;
    picture[at + PICTURE_COLUMNS] = quarters[2]!;
    picture[at + PICTURE_COLUMNS + 1] = quarters[3]!;
    at += 2;
  }
}

/** All rows of a part are alike, so each part paints one row and repeats it. */
function paintBackground(): Macroblock[] {
  const bars = paintRow((x) => BARS[barAt(x)]!);
  const reversed = paintRow((x) => REVERSED[barAt(x)]!);
  const strip = paintRow(() => GREY);
  const panel = paintRow(() => BLACK);
  const background: Macroblock[] = [];
  for (let row = 0; row < PICTURE_ROWS; row++) {
    if (row < REVERSED_ROW) background.push(...bars);
    else if (row < STRIP_ROW) background.push(...reversed);
    else if (row < PANEL_ROW) background.push(...strip);
    else background.push(...panel);
  }
  return background;
}

function paintRow(colourAt: (x: number) => Colour): Macroblock[] {
  return Array.from({ length: PICTURE_COLUMNS }, (_, column) => paint((x) => colourAt(16 * column + x)));
}

/** Which of the seven bars a pixel column belongs to. Edges fall on even columns, where chroma samples begin. */
function barAt(x: number): number {
  const pair = Math.floor(x / 2);
  return Math.floor(((pair + 0.5) * BARS.length) / (PICTURE_WIDTH / 2));
}

function paintLetter(letter: string): Macroblock[] {
  const quarter = (left: number, top: number): Macroblock =>
    paint((x, y) => {
      const column = Math.floor((left + x - LETTER_MARGIN) / DOT);
      const row = Math.floor((top + y - LETTER_MARGIN) / DOT);
      return hasInk(letter, column, row) ? WHITE : BLACK;
    });
  return [quarter(0, 0), quarter(16, 0), quarter(0, 16), quarter(16, 16)];
}

function paint(painter: Painter): Macroblock {
  const samples = new Uint8Array(MACROBLOCK_SIZE);
  for (let y = 0; y < 16; y++) {
    for (let x = 0; x < 16; x++) samples[16 * y + x] = painter(x, y)[0];
  }
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const [, cb, cr] = painter(2 * x, 2 * y);
      samples[256 + 8 * y + x] = cb;
      samples[320 + 8 * y + x] = cr;
    }
  }
  return samples;
}
