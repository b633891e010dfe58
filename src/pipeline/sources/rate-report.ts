/**
 * RateReport watches what a camera or pipe really gives: frames per second and speed (media time over real time), and
 * what was left out. Every ten seconds it says so to the curious, and to everybody when it is not what was wanted.
 */

import type { VideoLosses } from "../../media/access-units.ts";
import type { SplitterLosses } from "../../media/annexb-splitter.ts";

/** What is watched, and who hears of it. */
export type RateReportOptions = {
  /** Frames per second that were asked for; undefined: any rate is right. */
  readonly wanted: number | undefined;
  /** The pipe gives the times. */
  readonly live: boolean;
  readonly trace: (line: string) => void;
  readonly notice: (line: string) => void;
};

const EVERY_MS = 10_000;
/** So many frames in so short a time, in ms, come from no camera. */
const RUSH_FRAMES = 300;
const RUSH_MS = 1000;
/** Slower than this part of what was wanted is worth a word. */
const TOO_SLOW = 0.9;

/** See the head of this file. */
export class RateReport {
  readonly #options: RateReportOptions;
  #frames = 0;
  #mediaFrom = 0;
  #clockFrom: number | undefined;
  /** The last window was too slow, and that was said. */
  #slow = false;

  constructor(options: RateReportOptions) {
    this.#options = options;
  }

  /** A frame of this media time passed at `now`, both in ms. */
  frame(time: number, now: number): void {
    if (this.#clockFrom === undefined || time < this.#mediaFrom) return this.#begin(time, now);
    this.#frames += 1;
    if (this.#frames === RUSH_FRAMES && now - this.#clockFrom < RUSH_MS && this.#options.live) {
      this.#options.notice("frames come faster than any camera's: if this is a recording, give --clock fps");
    }
    if (now - this.#clockFrom < EVERY_MS) return;
    const seconds = (now - this.#clockFrom) / 1000;
    const fps = this.#frames / seconds;
    const speed = (time - this.#mediaFrom) / 1000 / seconds;
    this.#options.trace(`${fps.toFixed(2)} fps, speed ${speed.toFixed(3)}x`);
    this.#judge(fps);
    this.#begin(time, now);
  }

  /** What the readers left out, at the end. */
  losses(video: VideoLosses, bytes: SplitterLosses): void {
    const { beforeKey, damaged } = video;
    const { strayBytes, oversized, torn } = bytes;
    if (beforeKey + damaged + strayBytes + oversized + torn === 0) return;
    this.#options.trace(
      `left out: ${beforeKey} frames before the first keyframe, ${damaged} damaged, ${oversized} too large, ` +
        `${strayBytes} bytes of nothing known; ${torn} cut`,
    );
  }

  #begin(time: number, now: number): void {
    this.#frames = 0;
    this.#mediaFrom = time;
    this.#clockFrom = now;
  }

  #judge(fps: number): void {
    const { wanted, notice } = this.#options;
    if (wanted === undefined) return;
    const slow = fps < wanted * TOO_SLOW;
    if (slow && !this.#slow) notice(`the camera gives ${fps.toFixed(1)} frames per second, not ${wanted}`);
    if (!slow && this.#slow) notice(`the camera gives ${fps.toFixed(1)} frames per second again`);
    this.#slow = slow;
  }
}
