/**
 * Clocks for raw video, which has no times of its own: in goes when each picture arrived, out comes its decoding time
 * in ms. `ArrivalClock` is for live pipes, `FrameClock` for files, `PtsClock` for files with a list of times. There is
 * no clock in here: time comes in as an argument. Called by the sources of raw video. protocol.md 8.2.
 *
 * A pipe delivers late, never early, and by a different amount each time. ArrivalClock is a phase-locked loop: it
 * predicts the next picture one interval after the last and corrects the time by a little and the interval by less of
 * what the prediction was wrong. Jitter averages out; in the long run it can only follow the arrivals, so it does not
 * drift, whatever the camera's crystal and its parameter sets say.
 *
 *     arrivals   |   |      |  | |   |        |||||||  |   |     a pause: first the clock goes on as if nothing had
 *     times      |   |   |   |   |   |   |   |   |   |   |       been, for what was late may come at once; what has
 *                                                                not come after a while never will: one step ahead
 */

/** Gives each picture its time. Times are in ms from the first picture, need rounding, and never go back. */
export interface CaptureClock {
  /** The time of the next picture in the order of decoding; `at` is when it came. Undefined: no time is left for it. */
  stamp(at: number): number | undefined;
  /** From one picture to the next, in ms, as far as it is known. */
  readonly frameMs: number;
}

/** Frames per second where nothing says how many: what most cameras make. */
export const DEFAULT_FPS = 25;

/** The loop begins as if it had seen this many pictures: the expected rate counts for something. */
const FIRST_WEIGHT = 6;
/** It averages over this many pictures: the most that jitter of a camera's interval allows. */
const MAX_WEIGHT = 128;
/** The same, while pictures come far too early. */
const EARLY_WEIGHT = 16;
/** A rate this near to the expected one is that, and the camera's clock is a little off. */
const SAME_RATE = 0.0005;
/** How much one step may differ to catch up, in ms. */
const MAX_CORRECTION_MS = 1;
/** Further behind than this many ms is a pause, not jitter. */
const PAUSE_MS = 250;
/** How long the clock waits for what a pause held up, in ms. */
const PATIENCE_MS = 300;
/** Intervals of cameras: 240 pictures a second to one in ten seconds. */
const MIN_FRAME_MS = 1000 / 240;
const MAX_FRAME_MS = 10_000;

/** Times by arrival, for live pipes; see the head of this file. */
export class ArrivalClock implements CaptureClock {
  #frame: number;
  #time = 0;
  /** What was handed out, see #even. */
  #even = 0;
  #correcting = false;
  readonly #expected: number;
  #weight = FIRST_WEIGHT;
  /** The clock of the caller at time 0; undefined before the first picture. */
  #origin: number | undefined;
  /** When the pause was noticed and how late that picture was; how many came since, the least by which they were late. */
  #pause: { readonly since: number; readonly first: number; pictures: number; least: number } | undefined;

  /** `fps` is what to expect. */
  constructor(fps: number) {
    this.#frame = clamp(1000 / fps, MIN_FRAME_MS, MAX_FRAME_MS);
    this.#expected = this.#frame;
  }

  get frameMs(): number {
    return this.#frame;
  }

  stamp(at: number): number {
    if (this.#origin === undefined) {
      this.#origin = at;
      return 0;
    }
    const predicted = this.#time + this.#frame;
    const late = at - this.#origin - predicted;
    this.#time = late > this.#pauseLimit() ? this.#wait(predicted, late, at) : this.#follow(predicted, late);
    return this.#evenOut();
  }

  /**
   * The loop's time still trembles by parts of a ms, which rounding turns into steps of 39 and 41. So times are handed
   * out at even distances for as long as they stay near it: those of the expected rate, if that is what it is.
   */
  #evenOut(): number {
    const near = Math.abs(this.#frame - this.#expected) < this.#expected * SAME_RATE;
    const next = this.#even + (near ? this.#expected : this.#frame);
    const off = this.#time - next;
    const loose = this.#frame / 4;
    if (Math.abs(off) > loose) this.#correcting = true;
    if (Math.abs(off) < loose / 8) this.#correcting = false;
    // Settling in, or a step after a pause: there is nothing even to keep.
    const unsettled = this.#weight < MAX_WEIGHT || Math.abs(off) > 2 * this.#frame;
    const correction = this.#correcting ? Math.sign(off) * Math.min(Math.abs(off), MAX_CORRECTION_MS) : 0;
    this.#even = unsettled ? Math.max(this.#time, this.#even + this.#frame / 4) : next + correction;
    return this.#even;
  }

  /** A slow camera is not in a pause because its next picture takes its time. */
  #pauseLimit(): number {
    return Math.max(PAUSE_MS, 2 * this.#frame);
  }

  /** The loop. Half an interval is the least step: pictures that come at once are stretched over time. */
  #follow(predicted: number, late: number): number {
    this.#pause = undefined;
    const n = this.#weight;
    // Pictures that keep coming early: the interval is far off, and must not be sluggish.
    const early = late < -2 * this.#frame;
    this.#weight = Math.min(n + 1, early ? EARLY_WEIGHT : MAX_WEIGHT);
    // The gains of a straight line fitted to n points.
    const phase = (2 * (2 * n + 1)) / ((n + 1) * (n + 2));
    const rate = 6 / ((n + 1) * (n + 2));
    const step = Math.max(-this.#frame / 2, phase * late);
    this.#frame = clamp(
      this.#frame + rate * clamp(late, -this.#frame, 4 * this.#frame),
      MIN_FRAME_MS,
      MAX_FRAME_MS,
    );
    return predicted + step;
  }

  /** Far behind: goes on as if nothing had been, until it is clear that nothing more comes at once. */
  #wait(predicted: number, late: number, at: number): number {
    if (this.#pause === undefined) {
      this.#pause = { since: at, first: late, pictures: 0, least: late };
      return predicted;
    }
    const { since, first } = this.#pause;
    const least = Math.min(this.#pause.least, late);
    const pictures = this.#pause.pictures + 1;
    if (at - since < PATIENCE_MS) {
      this.#pause = { since, first, pictures, least };
      return predicted;
    }
    this.#pause = undefined;
    // Later and later: it was no pause, but a camera much slower than expected.
    const growth = (late - first) / pictures;
    if (growth > this.#frame / 4) {
      this.#frame = clamp(this.#frame + growth, MIN_FRAME_MS, MAX_FRAME_MS);
      this.#weight = FIRST_WEIGHT;
    }
    return predicted + least;
  }
}

/** Counts frames at a fixed rate, for files. Exact over days: no interval is added up. */
export class FrameClock implements CaptureClock {
  readonly #fps: number;
  #frames = 0;

  constructor(fps: number) {
    this.#fps = fps;
  }

  get frameMs(): number {
    return 1000 / this.#fps;
  }

  stamp(): number {
    return (this.#frames++ * 1000) / this.#fps;
  }
}

/** Times from a list, such as `rpicam-vid --save-pts` writes: the list's first becomes 0. */
export class PtsClock implements CaptureClock {
  readonly #times: readonly number[];
  #index = 0;

  /** `times` in ms, in the order of the frames; not empty. */
  constructor(times: readonly number[]) {
    this.#times = times;
  }

  get frameMs(): number {
    const times = this.#times;
    return times.length < 2 ? 1000 / DEFAULT_FPS : (times.at(-1)! - times[0]!) / (times.length - 1);
  }

  stamp(): number | undefined {
    const time = this.#times[this.#index++];
    return time === undefined ? undefined : time - this.#times[0]!;
  }
}

/**
 * Reads a list of times: one number of ms a line, lines with # are comments ("timecode format v2", of mkvmerge).
 * Undefined if it is something else. Times that go back are held.
 */
export function parsePtsList(text: string): number[] | undefined {
  const times: number[] = [];
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    if (!/^\d+(\.\d+)?$/.test(trimmed)) return undefined;
    times.push(Math.max(Number(trimmed), times.at(-1) ?? 0));
  }
  return times.length === 0 ? undefined : times;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
