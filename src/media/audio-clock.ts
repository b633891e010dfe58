/**
 * AudioClock: times for sound that comes through a pipe without any. Within the stream samples are counted, as the sound
 * card did; in the long run the clock follows the arrivals, for a sound card's second is not quite a second, and a
 * picture beside it is timed by arrival. In go the lengths of what arrived and when, out come times in ms of the same
 * clock. There is no clock in here. Called by the source that joins sound with pictures. protocol.md 8.7.
 *
 * A pipe delivers late, never early, often in bursts, so the last frame of the least late burst tells how the two clocks
 * stand to each other:
 *
 *     arrivals        ||||            ||||      ||||          late by what they waited for in the encoder and the pipe
 *     times     |  |  |  |  |  |  |  |  |  |  |  |            the end of the last frame is now, at the least late burst
 *
 * At first, and behind a pause, what comes is held until that is known. What a pause held up comes at once and belongs
 * where it was; what never comes (samples that were lost) is a gap.
 */

/** Later than this many ms is a pause, not jitter. */
const PAUSE_MS = 250;
/** How long what comes is held, in ms, to see how late it is. */
const PATIENCE_MS = 400;
/** Over this many ms the least lateness is looked for. */
const WINDOW_MS = 5000;
/** Off by less than this many ms nothing is done: samples are counted. */
const LOOSE_MS = 3;
/** How much of a frame's length its time may differ to catch up, unheard: for a sound card that is a little off. */
const GENTLE = 0.005;
/** The same where sound is off by more than FIRM_BEYOND_MS, which is seen beside the picture. */
const FIRM = 0.25;
const FIRM_BEYOND_MS = 40;

/** While held: since when, and the least by which anything was late. */
type Hold = { readonly since: number; least: number };

/** Times of sound; see the head of this file. */
export class AudioClock {
  /** Where samples are counted from; undefined before the first. */
  #base: number | undefined;
  #samples = 0;
  #rate = 1;
  /** Something has a time. */
  #begun = false;
  /** What arrived and has no time yet, in ms. */
  #waiting = 0;
  #hold: Hold | undefined;
  /** The least lateness since. */
  #window: Hold = { since: 0, least: Infinity };
  /** How far the times are off, to be worked off. */
  #debt = 0;

  /** Until when frames are to be held, unless what comes says otherwise; undefined: they may be stamped. */
  get heldUntil(): number | undefined {
    return this.#hold === undefined ? undefined : this.#hold.since + PATIENCE_MS;
  }

  /** `ms` of sound arrived in one piece, complete at `at`. */
  arrive(ms: number, at: number): void {
    this.#waiting += ms;
    if (this.#base === undefined) {
      this.#base = at - this.#waiting;
      this.#hold = { since: at, least: 0 };
      return;
    }
    const late = at - this.#next() - this.#waiting;
    if (this.#hold !== undefined) {
      this.#hold.least = Math.min(this.#hold.least, late);
      // What the pause held up is here: nothing was lost.
      if (this.#begun && late <= PAUSE_MS) this.#hold = undefined;
    } else if (late > PAUSE_MS) {
      this.#hold = { since: at, least: late };
    } else {
      this.#judge(late, at);
    }
  }

  /** Decides about what is held if it has been held long enough. */
  settle(now: number): void {
    if (this.#base === undefined || this.#hold === undefined || now < this.heldUntil!) return;
    this.#base += this.#hold.least;
    this.#hold = undefined;
    this.#debt = 0;
    this.#window = { since: now, least: Infinity };
  }

  /** The time of the next frame that arrived, of so many samples at so many Hz. */
  stamp(samples: number, rate: number): number {
    if (rate !== this.#rate) {
      this.#base = this.#next();
      this.#samples = 0;
      this.#rate = rate;
    }
    const ms = (samples * 1000) / rate;
    const time = this.#next();
    this.#waiting = Math.max(0, this.#waiting - ms);
    this.#samples += samples;
    this.#begun = true;
    const most = ms * (Math.abs(this.#debt) > FIRM_BEYOND_MS ? FIRM : GENTLE);
    const step = Math.min(most, Math.max(-most, this.#debt));
    this.#base = (this.#base ?? 0) + step;
    this.#debt -= step;
    return time;
  }

  #next(): number {
    return (this.#base ?? 0) + (this.#samples * 1000) / this.#rate;
  }

  #judge(late: number, at: number): void {
    const { since, least } = this.#window;
    if (at - since >= WINDOW_MS) {
      if (least !== Infinity && least > LOOSE_MS) this.#debt = least / 2;
      this.#window = { since: at, least: late };
    } else if (late < least) {
      this.#window.least = late;
    }
    // Nothing comes before it is there: this is certain at once.
    if (late < -LOOSE_MS) this.#debt = late;
  }
}
