/**
 * What holds where nothing is said, as people would write it. Flags and recipes both take their defaults from here, and
 * so do --help, the JSON Schema and the README's table. Pure.
 */

import { isProblem, parseDuration, parseSize, type Problem } from "./units.ts";

/** The defaults in words. */
export const DEFAULTS = {
  stall: "15s",
  grace: "10s",
  retryMin: "1s",
  retryMax: "60s",
  bufferMax: "8s",
  bufferBytes: "16MiB",
} as const;

const known = (value: number | Problem): number => {
  if (isProblem(value)) throw new Error(`Internal: a default cannot be read: ${value.value}`);
  return value;
};

/** A connection on which nothing moves for this long is lost, if nothing else is said; in ms. */
export const DEFAULT_STALL_MS = known(parseDuration(DEFAULTS.stall));
/** How long destinations stay connected without a source, in ms. */
export const DEFAULT_GRACE_MS = known(parseDuration(DEFAULTS.grace));
/** The shortest and longest wait between attempts, in ms. */
export const DEFAULT_RETRY = {
  min: known(parseDuration(DEFAULTS.retryMin)),
  max: known(parseDuration(DEFAULTS.retryMax)),
};
/** What may wait for a destination before it skips ahead. */
export const DEFAULT_BUFFER = {
  ms: known(parseDuration(DEFAULTS.bufferMax)),
  bytes: known(parseSize(DEFAULTS.bufferBytes)),
};

/** Waits between attempts of which one may not be given; undefined when the longest would be shorter than the shortest. */
export function retryOf(
  given: {
    readonly min: number | undefined;
    readonly max: number | undefined;
  },
  fallback: { readonly min: number; readonly max: number } = DEFAULT_RETRY,
): { min: number; max: number } | undefined {
  const min = given.min ?? Math.min(fallback.min, given.max ?? fallback.min);
  const max = given.max ?? Math.max(fallback.max, min);
  return max < min ? undefined : { min, max };
}
