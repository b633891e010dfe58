/**
 * Habits of real peers that differ from the specification or from each other, each under a name of its own.
 * Pure; for ChunkReader. Every entry has a test that fails without it.
 */

/** A new message with fmt 3 right after a fmt 0 header adds its absolute time, if that can be a delta at all. */
const PLAUSIBLE_DELTA_MS = 1000;

/** An extended field this close to the previous time is an absolute time, not a delta. */
const PLAUSIBLE_STEP_MS = 60_000;

/** What a chunk stream's last header said about time, in 32-bit ms, and whether its message is unfinished. */
export type StreamTime = {
  readonly timestamp: number;
  /** The header's own field: a delta, or the time itself if `absolute`. */
  readonly delta: number;
  readonly absolute: boolean;
  /** What the header's extended field held. */
  readonly extendedValue: number;
  readonly active: boolean;
};

/**
 * The time of a new message that begins with fmt 3. The specification repeats the last delta, and ffmpeg,
 * librtmp and GStreamer take the absolute time of a fmt 0 header for one; nginx-rtmp and gortmplib add nothing
 * then. Both agree at small values, so only those are added.
 */
export function nextTimestamp(stream: StreamTime): number {
  const step = stream.absolute && stream.delta > PLAUSIBLE_DELTA_MS ? 0 : stream.delta;
  return (stream.timestamp + step) >>> 0;
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

  /** Whether `value`, the four bytes behind a fmt 3 basic header, is a timestamp (and not payload). */
  repeats(value: number, stream: StreamTime): boolean {
    const time = stream.active ? stream.timestamp : nextTimestamp(stream);
    if (value === stream.extendedValue || value === time) {
      if (this.#habit === "unknown") this.#habit = "repeats";
      return true;
    }
    // The beginning of a message proves nothing: any four bytes may stand there.
    if (this.#habit === "unknown" && stream.active) this.#habit = value === 0 ? "zeros" : "omits";
    return this.#habit === "repeats" || (this.#habit === "zeros" && value === 0);
  }

  /** Whether this peer's timestamps are four zero bytes, which can be payload too. */
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
