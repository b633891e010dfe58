/**
 * SlabPool: memory for the bodies of messages that is used again. Bodies lie one after the other in slabs; who keeps
 * one holds its slab, and a slab that nobody holds takes new bodies. Media flows through a program for days: made anew
 * for each message, its buffers would be garbage that has to be found, and memory that is never warm.
 *
 *     slab 1 [ body | body | body ]  held by a queue       slab 2 [ body | body |      ]  taking
 *     slab 3 [                    ]  free: will take next
 *
 * Holds are counted, and the safe side of a mistake is chosen: a hold that is never released costs the pool a slab, which
 * the garbage collector gets; only one release too many would be fatal, so nothing but the code of a holder releases.
 * Made by who reads a connection or an FLV stream, for what comes from there; until that is over slabs stay, from then on
 * each one's memory is given back as soon as nobody holds it.
 */

import { skipLastTier, skipLastTierIn } from "../last-tier.ts";

/** The size of a slab, in bytes: some GOPs of sound, half a second of 4 Mbit/s. */
export const SLAB_BYTES = 256 * 1024;
/** A larger body is a rare keyframe: it would leave half a slab empty, and gets a buffer of its own. */
export const LARGEST_BODY = SLAB_BYTES / 2;
/**
 * So many slabs may be held; then bodies get buffers of their own. A peer could have small bodies kept, each of which
 * holds a whole slab, while it sends large ones that nobody wants.
 */
const MOST_SLABS = 64;

/** A piece of memory for several bodies; see the head of this file. */
export class Slab {
  readonly bytes = new Uint8Array(SLAB_BYTES);
  readonly #onFree: (slab: Slab) => void;
  #end = 0;
  #holds = 0;

  /** `onFree` is called when the last hold is released. */
  constructor(onFree: (slab: Slab) => void) {
    this.#onFree = onFree;
  }

  /** Bytes that are left for further bodies. */
  get room(): number {
    return SLAB_BYTES - this.#end;
  }

  /** How many bodies are held, each as often as it is. */
  get holds(): number {
    return this.#holds;
  }

  /** Makes room for a body of `length` bytes, no more than `room`, which the caller holds from now on. */
  take(length: number): Uint8Array {
    const start = this.#end;
    this.#end = start + length;
    this.#holds += 1;
    return this.bytes.subarray(start, this.#end);
  }

  /** A body is kept by one more. */
  hold(): void {
    this.#holds += 1;
  }

  /** One who kept a body will not look at it any more. */
  release(): void {
    if (this.#holds === 0) throw new Error("Internal: a slab was released more often than it was held");
    this.#holds -= 1;
    if (this.#holds > 0) return;
    this.#end = 0;
    this.#onFree(this);
  }

  /** Gives the memory back; nobody may hold it. */
  free(): void {
    this.bytes.buffer.transfer(0);
  }
}

/** Slabs of one connection; see the head of this file. */
export class SlabPool {
  readonly #free: Slab[] = [];
  readonly #onFree = (slab: Slab): void => {
    if (this.#closed) slab.free();
    else if (slab !== this.#current) this.#free.push(slab);
  };
  #current: Slab | undefined;
  #made = 0;
  #closed = false;

  constructor() {
    skipLastTier(this.#onFree);
  }

  /** A slab with room for a body of `length` bytes; undefined if that is too large, or if too many are held. */
  slabFor(length: number): Slab | undefined {
    if (length > LARGEST_BODY || this.#closed) return undefined;
    const current = this.#current;
    if (current !== undefined && current.room >= length) return current;
    return this.#next();
  }

  /** No further bodies come. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const slab of this.#free) slab.free();
    if (this.#current?.holds === 0) this.#current.free();
    this.#free.length = 0;
    this.#current = undefined;
  }

  #next(): Slab | undefined {
    let next = this.#free.pop();
    if (next === undefined) {
      if (this.#made === MOST_SLABS) return undefined;
      this.#made += 1;
      next = new Slab(this.#onFree);
    }
    this.#current = next;
    return next;
  }
}

skipLastTierIn(Slab, SlabPool);
