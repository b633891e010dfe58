/**
 * GarbageWatch: has the garbage of media collected before there is much of it. The collector goes by the size of its own
 * heap, of which a relay's is small and steady; the bodies of messages lie beside it, and what 6 Mbit/s leave in the 10
 * to 20 s between two collections of its own is more than all that is in use. A collection takes 2 to 5 ms, so one that
 * comes when it is worth it costs no more than those that come by themselves, which it replaces.
 */

import { compileAsUsual } from "./jit.ts";

/** How often it is looked whether a collection is worth it, in ms. */
const LOOK_MS = 3000;
/** So much media makes a collection worth it; in bytes. */
export const WORTH_BYTES = 2 * 1024 * 1024;

/** Looks after the garbage of so much media until disposed of; at the first of it the beginning is over for the JIT, too. */
export function watchGarbage(mediaBytes: () => number): Disposable {
  const watch = new GarbageWatch(mediaBytes, () => {
    Bun.gc(true);
    compileAsUsual();
  });
  const timer = setInterval(() => watch.look(), LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** See the head of this file; `look` is called every few seconds. */
export class GarbageWatch {
  readonly #mediaBytes: () => number;
  readonly #collect: () => void;
  #before = 0;

  /** `mediaBytes` says how much media there was so far, and may begin at 0 again. */
  constructor(mediaBytes: () => number, collect: () => void) {
    this.#mediaBytes = mediaBytes;
    this.#collect = collect;
  }

  /** Collects if enough media has come since it was done for the last time. */
  look(): void {
    const bytes = this.#mediaBytes();
    if (bytes < this.#before) this.#before = 0;
    if (bytes - this.#before < WORTH_BYTES) return;
    this.#before = bytes;
    this.#collect();
  }
}
