/**
 * Feeds the same bytes to a parser in many pieces: a parser that keeps its state right gives the same result for
 * each of them. Every incremental parser of the program passes through here.
 */
import { expect } from "bun:test";
import { pick, seededRandom } from "./mutate.ts";

/** Up to this many bytes every 2-way cut is tried; beyond it a sample of them. */
const ALL_CUTS_BELOW = 4096;
const CUTS_AT_EACH_END = 64;
const SAMPLED_CUTS = 128;
const SEED = 0x5eed;

/**
 * Calls `run` with the bytes whole, byte by byte and cut in two at each place; all results must be equal, and
 * that result is returned. `run` must begin afresh on every call. Segments are copies, as sockets give them.
 */
export function everySplit<T>(bytes: Uint8Array, run: (segments: Uint8Array[]) => T): T {
  const whole = run([bytes.slice()]);
  expect(run(Array.from(bytes, (byte) => Uint8Array.of(byte))), "byte by byte").toEqual(whole);
  for (const cut of cutsOf(bytes.length)) {
    expect(run([bytes.slice(0, cut), bytes.slice(cut)]), `cut at ${cut}`).toEqual(whole);
  }
  return whole;
}

function cutsOf(length: number): Set<number> {
  const cuts = new Set<number>();
  if (length <= ALL_CUTS_BELOW) {
    for (let cut = 1; cut < length; cut++) cuts.add(cut);
    return cuts;
  }
  for (let i = 1; i <= CUTS_AT_EACH_END; i++) cuts.add(i).add(length - i);
  const random = seededRandom(SEED);
  for (let i = 0; i < SAMPLED_CUTS; i++) cuts.add(1 + pick(random, length - 1));
  return cuts;
}
