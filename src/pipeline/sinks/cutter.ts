/**
 * Cutter: when a recording goes on in a new file. Media time counts from the file's start, so the length of a file
 * has nothing to do with a clock; a cut on the clock is planned when the file begins and then waited for on the
 * monotonic clock, so that a clock that is set meanwhile neither closes the file nor keeps it open. Pure.
 */

import { skipLastTier, skipLastTierIn } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import { VIDEO_GONE_MS } from "../queue.ts";

/** A new file after `every` ms, or at each multiple of it on the clock. */
export type SegmentRule = { readonly every: number; readonly align: "media" | "clock" };

/** A cut is this close to the boundary that it was planned for, in ms, however the clock was slewed meanwhile. */
const BOUNDARY_SLACK_MS = 5000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Says where files end; see the head of this file. `time` is that of a packet from the file's start, in ms. */
export class Cutter {
  readonly #rule: SegmentRule | undefined;
  #lastVideo: number | undefined;
  /** What the file holds; "" until it holds some. */
  #videoCodec = "";
  #audioCodec = "";
  #soon = false;
  /** Media from this dts on belongs into a new file. */
  #from = Infinity;
  /** On the monotonic clock, and on the wall. */
  #deadline = Infinity;
  #boundary = -Infinity;

  constructor(rule: SegmentRule | undefined) {
    skipLastTier(this.#canBegin);
    this.#rule = rule;
  }

  /** A file is open; `wall` and `now` (monotonic) are when its first packet came, in ms. */
  begin(wall: number, now: number): void {
    if (this.#rule?.align !== "clock") return;
    const early = this.#boundary - wall;
    const from = early > 0 && early < BOUNDARY_SLACK_MS ? this.#boundary : wall;
    this.#boundary = nextBoundary(from, this.#rule.every);
    this.#deadline = now + this.#boundary - wall;
  }

  /** Another stream follows, or another file. */
  forget(): void {
    this.#lastVideo = undefined;
    this.#videoCodec = "";
    this.#audioCodec = "";
    this.#soon = false;
    this.#from = Infinity;
  }

  /** A packet was written. */
  note({ kind, codec, role, track }: MediaPacket, time: number): void {
    if (kind === "video") this.#lastVideo = time;
    if (track !== 0 || role === "end") return;
    if (kind === "video") this.#videoCodec = codec;
    else if (kind === "audio") this.#audioCodec = codec;
  }

  /** The file ends where the next one can begin. Returns whether that is news. */
  cutSoon(): boolean {
    const news = !this.#soon;
    this.#soon = true;
    return news;
  }

  /** The file ends before any media from this dts on. */
  cutFrom(dts: number): void {
    this.#from = Math.min(this.#from, dts);
  }

  /** Whether there is a break in the stream before this packet: nothing of before can come any more. */
  breaksAt({ dts }: MediaPacket): boolean {
    return dts >= this.#from;
  }

  /** Whether the next file begins with this packet; `now` is monotonic, in ms. */
  cutsAt(packet: MediaPacket, time: number, now: number): boolean {
    if (packet.kind === "data" || packet.role === "end") return false;
    if (this.breaksAt(packet)) return true;
    return this.#canBegin(packet, time) && (this.#soon || this.#changesCodec(packet) || this.#due(time, now));
  }

  /** A file can begin with a keyframe, or with audio where there is no picture (any more). */
  #canBegin(packet: MediaPacket, time: number): boolean {
    if (packet.kind === "video") return packet.role === "key";
    return this.#lastVideo === undefined || time - this.#lastVideo > VIDEO_GONE_MS;
  }

  /** Codecs without a sequence header change by themselves. */
  #changesCodec({ kind, codec, track }: MediaPacket): boolean {
    const known = kind === "video" ? this.#videoCodec : this.#audioCodec;
    return track === 0 && known !== "" && known !== codec;
  }

  #due(time: number, now: number): boolean {
    if (this.#rule === undefined) return false;
    return this.#rule.align === "clock" ? now >= this.#deadline : time >= this.#rule.every;
  }
}

/**
 * The next multiple of `every` on the clock after `wall`, both in ms since 1970. Local time, so that 6h means
 * midnight and noon: parts of an hour are the same in every zone of the present, longer ones count from midnight.
 */
export function nextBoundary(wall: number, every: number): number {
  const date = new Date(wall);
  const local = wall - date.getTimezoneOffset() * 60_000;
  const step = (Math.floor(local / every) + 1) * every;
  const plain = wall + step - local;
  if (HOUR_MS % every === 0 || every > DAY_MS) return plain;
  // Over a change of daylight saving time the clock's reading counts, not the hours in between.
  const midnight = step - (step % DAY_MS);
  const day = new Date(midnight);
  const reading = new Date(
    day.getUTCFullYear(),
    day.getUTCMonth(),
    day.getUTCDate(),
    0,
    0,
    0,
    step - midnight,
  );
  return reading.getTime() > wall ? reading.getTime() : plain;
}

skipLastTierIn(Cutter);
