/**
 * A timeline: 32-bit RTMP or FLV timestamps in, milliseconds out that begin at 0, are unwrapped and never go back within
 * a track. It goes on when its source connects again, if it is told so: there is one for each episode of a job, and for
 * each file that is mended. There is no clock in here: the stamps and the length of a gap are all it knows.
 * protocol.md 2.4.
 *
 * Audio and video share one reference, so a step of the source's clock moves both by the same amount:
 *
 *     stamp   ...  5000  5023  5040 | 0     23    40        source restarted
 *     out     ...   900   923   940 | 980  1003  1020       980 = last + one frame, counted as a discontinuity
 *
 * Steps back are told apart by who takes them: audio may lie seconds behind video, but within one kind the time goes
 * back by a reordered frame at most, so a larger step is a source that began anew (or a file that loops). Packets of
 * the old clock that are still under way keep to it, and one stray stamp does not move the clock for good.
 *
 * A track whose stamps never fitted the other's (cameras exist that count audio and video apart) keeps its own.
 */
import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import type { MediaKind, PacketRole } from "./packet.ts";

/** A step ahead of more than this many ms is a new clock, not a gap. */
const MAX_FORWARD = 60_000;
/** A step back of more than this many ms is a new clock, not skew between audio and video. */
const MAX_BACKWARD = 10_000;
/** The same within one kind, where only reordered frames go back. */
const MAX_REWIND = 1000;
/** How far behind the other track, in ms, a track may be and still give its headers its own time. */
const MAX_HEADER_LAG = 1000;
/** How far ahead of audio and video, in ms, something that is not a frame may be: frames must not wait for it. */
const MAX_LEAD = 1000;
/** What lies between the last packet of an old clock and the first of a new one, in ms: a frame at 25 fps. */
const NOMINAL_FRAME = 40;
/** go2rtc keeps 24 bits of the time: its stamps step back by this every 4 h 39 min. */
const WRAP_24 = 0x1000000;

/** The last stamp of a source clock and what it became, before clamping. */
type Clock = { stamp: number; time: number; wraps24: boolean };

/** `last` is the latest time given to this kind; `raw` the last before clamping, on `clock`. */
type Track = { last: number; raw: number; started: boolean; clock: Clock | undefined };

/** Maps the stamps of one source, across its reconnects, to one time in ms; see the head of this file. */
export class Timeline {
  #discontinuities = 0;
  /** The latest time given to audio or video. */
  #position = 0;
  #started = false;
  /** What `reconnect` announced; counts until the next media packet. */
  #gap = 0;
  #clock: Clock | undefined;
  /** The clock before the last jump: a single stray stamp is followed by more of it. */
  #before: Clock | undefined;
  readonly #audio: Track = { last: 0, raw: 0, started: false, clock: undefined };
  readonly #video: Track = { last: 0, raw: 0, started: false, clock: undefined };
  readonly #data: Track = { last: 0, raw: 0, started: false, clock: undefined };
  /** Further tracks of a multitrack file, which may lag behind the first of their kind. */
  readonly #further = new Map<number, Track>();

  constructor() {
    skipLastTier(this.#advance, this.#clockFor, this.#trackStep, this.#step, this.#peek, this.#place);
  }

  /** How often the source's clock jumped and was set anew; reconnects are not counted. */
  get discontinuities(): number {
    return this.#discontinuities;
  }

  /** The latest time given to audio or video, in ms. */
  get position(): number {
    return this.#position;
  }

  /**
   * The time of a packet in ms. Sequence headers and metadata get the current time whatever their stamp: servers
   * send them with 0, with the present or with the time they were first seen. No track goes back; without track ids
   * all of a kind are one.
   */
  map(kind: MediaKind, role: PacketRole, timestamp32: number, id = 0): number {
    const stamp = timestamp32 >>> 0;
    if (kind === "data") return this.#place(this.#data, role === "metadata" ? NaN : this.#peek(stamp));
    const first = kind === "video" ? this.#video : this.#audio;
    const track = id === 0 ? first : this.#furtherTrack(kind, id);
    if (role === "header" || role === "metadata") return this.#place(track, NaN);
    // Not a frame: its stamp may place it, but must not become the reference.
    if (role === "end") return this.#place(track, this.#peek(stamp));
    const time = Math.max(track.last, this.#advance(track, stamp));
    track.last = time;
    track.started = true;
    if (time > this.#position) this.#position = time;
    return time;
  }

  /** The source was lost for `gapMs`: the next media packet comes that much after the last, whatever its stamp. */
  reconnect(gapMs: number): void {
    this.#gap = this.#started && gapMs > 0 ? Math.round(gapMs) : 0;
    this.#clock = undefined;
    this.#before = undefined;
    this.#audio.clock = undefined;
    this.#video.clock = undefined;
    for (const track of this.#further.values()) track.clock = undefined;
  }

  #furtherTrack(kind: MediaKind, id: number): Track {
    const key = kind === "video" ? id : -id;
    let track = this.#further.get(key);
    if (track === undefined) {
      track = { last: 0, raw: 0, started: false, clock: undefined };
      this.#further.set(key, track);
    }
    return track;
  }

  /** Moves the clock that this stamp belongs to and returns its time, which may lie before the track's last. */
  #advance(track: Track, stamp: number): number {
    if (this.#clock === undefined) return this.#anchor(track, stamp, this.#position + this.#gap);
    const clock = this.#clockFor(track, stamp, this.#clock);
    const delta = clock === undefined ? NaN : this.#trackStep(track, clock, stamp);
    if (clock === undefined || Number.isNaN(delta)) {
      this.#discontinuities++;
      this.#before = this.#clock;
      return this.#anchor(track, stamp, this.#position + NOMINAL_FRAME);
    }
    clock.time += delta;
    clock.stamp = stamp;
    track.clock = clock;
    track.raw = clock.time;
    return clock.time;
  }

  /** The clock that a stamp is of: the one that all share unless another fits better; undefined for a new one. */
  #clockFor(track: Track, stamp: number, shared: Clock): Clock | undefined {
    const miss = Math.abs(this.#trackStep(track, shared, stamp));
    const own = track.clock;
    if (own !== undefined && own !== shared) {
      const step = this.#trackStep(track, own, stamp);
      // Both may fit when the source began anew early on: late packets are those that the old clock foretold.
      const late = Math.abs(step) < miss && own.time + step >= this.#position - MAX_REWIND;
      if (late || (Number.isNaN(miss) && !Number.isNaN(step))) return own;
    }
    if (!(miss <= MAX_REWIND) && this.#fitsBefore(stamp)) {
      this.#clock = this.#before;
      this.#before = undefined;
      return this.#clock;
    }
    return Number.isNaN(miss) ? undefined : shared;
  }

  #fitsBefore(stamp: number): boolean {
    const before = this.#before;
    if (before === undefined) return false;
    const delta = this.#step(before, stamp);
    return Math.abs(delta) <= MAX_REWIND && before.time + delta >= this.#position - MAX_REWIND;
  }

  /** As #step; NaN too when the track would go back further than reordering explains. */
  #trackStep(track: Track, clock: Clock, stamp: number): number {
    const delta = this.#step(clock, stamp);
    const rewinds = track.clock === clock && clock.time + delta < track.raw - MAX_REWIND;
    return rewinds ? NaN : delta;
  }

  #anchor(track: Track, stamp: number, time: number): number {
    const clock: Clock = { stamp, time, wraps24: false };
    this.#clock = clock;
    this.#started = true;
    this.#gap = 0;
    track.clock = clock;
    track.raw = time;
    return time;
  }

  /** How many ms this stamp is after the clock's last; NaN when it cannot be of that clock. */
  #step(clock: Clock, stamp: number): number {
    let delta = (stamp - clock.stamp) | 0;
    if (Math.abs(delta + WRAP_24) <= MAX_BACKWARD) {
      clock.wraps24 = true;
      delta += WRAP_24;
    } else if (clock.wraps24 && Math.abs(delta - WRAP_24) <= MAX_BACKWARD) {
      // The other track's last packets from before the wrap.
      delta -= WRAP_24;
    }
    const plausible = delta <= MAX_FORWARD && delta >= -MAX_BACKWARD;
    // Many small steps back are a jump too.
    return plausible && clock.time + delta >= this.#position - MAX_BACKWARD ? delta : NaN;
  }

  /** The time that a stamp has on the shared clock; NaN when there is none, it does not fit or lies ahead. */
  #peek(stamp: number): number {
    const clock = this.#clock;
    if (clock === undefined) return NaN;
    const time = clock.time + this.#step(clock, stamp);
    return time <= this.#position + MAX_LEAD ? time : NaN;
  }

  /** Gives something that is not a frame its wished time, or the current one for NaN. */
  #place(track: Track, wished: number): number {
    let time = wished;
    if (Number.isNaN(time)) {
      const near = track.started && this.#position - track.last <= MAX_HEADER_LAG && this.#gap === 0;
      time = near ? track.last : this.#position + this.#gap;
    }
    if (time > track.last) track.last = time;
    return track.last;
  }
}

skipLastTierIn(Timeline);
