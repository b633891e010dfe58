/**
 * RepairClock gives the tags of a damaged file times that begin at 0 and never go back. The work is Timeline's; what
 * is added here is what only a file lets one see: a recording that starts its clock over after a few seconds, and
 * the single stamp that stands alone because a bit of it fell over:
 *
 *     stamp  1000  1040  66616  1120  1160        one bit of 1080 is wrong: it is placed, and moves no clock
 *     stamp  5000  5040     0     40    80        a new clock: goes on behind 5040
 *
 * Called by Mender with every tag in the order of the file. Each step that is not as it should be is a finding.
 */
import type { MediaKind, PacketRole } from "./packet.ts";
import type { Finding } from "./repair-finding.ts";
import { Timeline } from "./timeline.ts";

/** A frame as the clock sees it: `track` names kind and track id, `stamp` is ms modulo 2^32. */
export type StampedFrame = {
  readonly kind: "audio" | "video";
  readonly track: number;
  readonly role: PacketRole;
  readonly stamp: number;
  readonly offset: number;
};

/** A step within a track outside of these, in ms, may be a stray stamp. */
const MAX_STEP_BACK = 100;
const MAX_STEP_AHEAD = 1000;
/** A track that goes back by more than this, in ms, has a new clock; less is a sender's jitter. */
const RESTART = 1000;
/** Steps of the timeline's own 24-bit rule, in ms: such a wrap is no restart. */
const WRAP_24 = 0x1000000;
const WRAP_SLACK = 10_000;
/** Between two recordings when the frame rate is not known, in ms. */
const NOMINAL_FRAME = 40;

/** `stray` is the last stamp that was taken for a stray one. */
type TrackClock = { stamp: number; step: number; stray: number | undefined };

/** Maps stamps to times in ms; see the head of this file. */
export class RepairClock {
  readonly #timeline = new Timeline();
  readonly #tracks = new Map<number, TrackClock>();
  readonly #onFinding: (finding: Finding) => void;
  /** Whether a header came since the last frame: then a small step back is a new session already. */
  #headerSeen = false;
  #frameMs = NOMINAL_FRAME;

  constructor(onFinding: (finding: Finding) => void) {
    this.#onFinding = onFinding;
  }

  /** Another recording begins: its stamps have nothing to do with those before. */
  newRecording(): void {
    this.#timeline.reconnect(this.#frameMs);
    this.#tracks.clear();
  }

  /** The time of what is no frame, on the track with this id. */
  place(kind: MediaKind, role: PacketRole, stamp: number, id: number): number {
    if (role === "header" || role === "metadata") this.#headerSeen = true;
    return this.#timeline.map(kind, role, stamp, id);
  }

  /** Whether the next frame should be seen before this one is given a time. */
  isOdd({ track, stamp }: StampedFrame): boolean {
    const clock = this.#tracks.get(track);
    if (clock === undefined || isNear(clock.stamp, stamp)) return false;
    // A second stamp near the stray one: that is where this track goes on.
    return clock.stray === undefined || !isNear(clock.stray, stamp);
  }

  /** Whether `next` goes on from before `odd` as if that had not been there. */
  standsAlone(odd: StampedFrame, next: StampedFrame): boolean {
    const clock = this.#tracks.get(next.track);
    return clock !== undefined && isNear(clock.stamp, next.stamp) && !isNear(odd.stamp, next.stamp);
  }

  /** The time of a frame whose stamp stands alone. */
  stray({ kind, track, role, stamp, offset }: StampedFrame): number {
    const clock = this.#tracks.get(track)!;
    clock.stray = stamp;
    this.#onFinding({
      kind: "lone",
      offset,
      text: `the ${kind} timestamp ${stamp} ms stands alone after ${clock.stamp} ms`,
    });
    clock.stamp = (clock.stamp + clock.step) >>> 0;
    return this.#timeline.map(kind, role, clock.stamp, idOf(track));
  }

  /** The time of a frame. */
  frame(frame: StampedFrame): number {
    const { kind, track, role, stamp } = frame;
    const clock = this.#tracks.get(track);
    const step = clock === undefined ? 0 : (stamp - clock.stamp) | 0;
    const restarts = clock !== undefined && this.#restarts(step);
    if (restarts) this.newRecording();
    const jumps = this.#timeline.discontinuities;
    const time = this.#timeline.map(kind, role, stamp, idOf(track));
    if (clock !== undefined) {
      const jumped = this.#timeline.discontinuities > jumps;
      this.#report(frame, clock.stamp, { step, restarts, jumped });
    }
    this.#remember(track, stamp, step);
    if (kind === "video" && step > 0 && step <= MAX_STEP_AHEAD) this.#frameMs = step;
    this.#headerSeen = false;
    return time;
  }

  /** Further back than what Timeline takes for skew it starts over by itself. */
  #restarts(step: number): boolean {
    if (Math.abs(step + WRAP_24) <= WRAP_SLACK) return false;
    return step < (this.#headerSeen ? -MAX_STEP_BACK : -RESTART);
  }

  #remember(track: number, stamp: number, step: number): void {
    const clock = this.#tracks.get(track);
    if (clock === undefined) {
      this.#tracks.set(track, { stamp, step: 0, stray: undefined });
      return;
    }
    clock.stamp = stamp;
    if (step >= 0 && step <= MAX_STEP_AHEAD) clock.step = step;
    clock.stray = undefined;
  }

  #report(
    { kind, stamp, offset }: StampedFrame,
    last: number,
    { step, restarts, jumped }: { step: number; restarts: boolean; jumped: boolean },
  ): void {
    if (restarts) {
      const text = `the clock starts over: ${kind} at ${stamp} ms after ${last} ms`;
      this.#onFinding({ kind: "restart", offset, text });
    } else if (jumped && step >= 0) {
      const text = `the ${kind} timestamps jump ahead by ${step} ms, from ${last} to ${stamp} ms`;
      this.#onFinding({ kind: "jump", offset, text });
    } else if (step < 0) {
      const text = `the ${kind} timestamp goes back by ${-step} ms, from ${last} to ${stamp} ms`;
      this.#onFinding({ kind: "rollback", offset, text });
    }
  }
}

/** The id of a track that is named by its kind and id. */
function idOf(track: number): number {
  return track & 0xff;
}

/** Whether `stamp` may follow `last` in the same track; modulo 2^32. */
function isNear(last: number, stamp: number): boolean {
  const step = (stamp - last) | 0;
  return step >= -MAX_STEP_BACK && step <= MAX_STEP_AHEAD;
}
