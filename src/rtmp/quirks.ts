/**
 * Habits of real peers that differ from the specification or from each other, each under a name of its own.
 * Pure; called by ChunkReader and RtmpClient. Every entry has a test that fails without it.
 */

/** A new message with fmt 3 right after a fmt 0 header adds its absolute time, if that can be a delta at all. */
const PLAUSIBLE_DELTA_MS = 1000;

/** An extended field this close to the previous time is an absolute time, not a delta. */
const PLAUSIBLE_STEP_MS = 60_000;

/**
 * What a new message that begins with fmt 3 adds to the time. The specification repeats the last delta, and
 * ffmpeg, librtmp and GStreamer take the absolute time of a fmt 0 header for one; nginx-rtmp and gortmplib add
 * nothing then. Both agree at small values, so only those are added.
 */
export function newMessageDelta(delta: number, absolute: boolean): number {
  return absolute && delta > PLAUSIBLE_DELTA_MS ? 0 : delta;
}

/**
 * The time of a message whose fmt 1 or 2 header has an extended field: a delta by the specification, an
 * absolute time when SRS wrote it. `previous` and the result are 32-bit ms.
 */
export function extendedDeltaTime(previous: number, value: number): number {
  const step = (value - previous) | 0;
  return Math.abs(step) < PLAUSIBLE_STEP_MS ? value : (previous + value) >>> 0;
}

/**
 * Whether the continuation chunks (fmt 3) of a peer repeat the extended timestamp. ffmpeg, nginx, SRS and
 * others do; old librtmp and many cameras do not; gortmplib writes four zero bytes. Learnt from the first
 * continuation that leaves no doubt.
 */
export class ContinuationTimestamps {
  #habit: "unknown" | "repeats" | "omits" | "zeros" = "unknown";

  /**
   * Whether `value`, the four bytes behind a continuation's basic header, is a timestamp (and not payload).
   * `field` is what the message's header had in its extended field, `time` the absolute time.
   */
  repeats(value: number, field: number, time: number): boolean {
    if (value === field || value === time) {
      if (this.#habit === "unknown") this.#habit = "repeats";
      return true;
    }
    if (this.#habit === "unknown") this.#habit = value === 0 ? "zeros" : "omits";
    return this.#habit === "repeats" || (this.#habit === "zeros" && value === 0);
  }

  /** Whether the last answer rests on four zero bytes alone, which can be payload too. */
  get guessed(): boolean {
    return this.#habit === "zeros";
  }

  /** Whether this peer is known to leave the timestamp out. */
  get omitted(): boolean {
    return this.#habit === "omits";
  }

  /** The chunk after the guess made no sense: those zero bytes were payload. */
  refute(): void {
    this.#habit = "omits";
  }
}
