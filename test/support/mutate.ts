/**
 * Damaged copies of good bytes, the same ones in every run: what a decoder must survive. A failing test names
 * its seed and number, and the copy can be made again from these.
 */

/** A seeded generator of numbers in [0, 1). */
export type Random = () => number;

/** The mulberry32 generator: small, and good enough to pick bytes. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number in [0, limit). */
export function pick(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** `length` bytes from a seed. */
export function randomBytes(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => pick(random, 256));
}

type Damage = (bytes: Uint8Array, random: Random) => Uint8Array;

const DAMAGES: readonly Damage[] = [flipBits, truncate, insert, overwrite, splice];

/** Yields `count` damaged copies of `bytes`; one in three is damaged twice or more. */
export function* mutations(bytes: Uint8Array, count: number, seed: number): Generator<Uint8Array> {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    let copy = bytes;
    do copy = DAMAGES[pick(random, DAMAGES.length)]!(copy, random);
    while (random() < 1 / 3);
    yield copy;
  }
}

function flipBits(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  for (let flips = 1 + pick(random, 4); flips > 0 && copy.length > 0; flips--) {
    copy[pick(random, copy.length)]! ^= 1 << pick(random, 8);
  }
  return copy;
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, pick(random, bytes.length + 1));
}

function insert(bytes: Uint8Array, random: Random): Uint8Array {
  const added = Uint8Array.from({ length: 1 + pick(random, 8) }, () => pick(random, 256));
  return replaceRange(bytes, pick(random, bytes.length + 1), 0, added);
}

/** Runs of ff or 00: lengths, counts and markers at their extremes. */
function overwrite(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const at = pick(random, bytes.length + 1);
  copy.fill(random() < 0.5 ? 0xff : 0x00, at, at + 1 + pick(random, 8));
  return copy;
}

/** Repeats one range of the input at another place, or cuts it out there. */
function splice(bytes: Uint8Array, random: Random): Uint8Array {
  const from = pick(random, bytes.length + 1);
  const taken = bytes.subarray(from, from + pick(random, 64));
  return replaceRange(bytes, pick(random, bytes.length + 1), pick(random, 64), taken);
}

function replaceRange(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const tail = bytes.subarray(Math.min(bytes.length, at + removed));
  const result = new Uint8Array(at + added.length + tail.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(tail, at + added.length);
  return result;
}
