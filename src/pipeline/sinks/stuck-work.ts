/**
 * StuckWork: what a disk was given and has not come back from when its session was over. The next session waits for it,
 * and the end of the job for a while; what it fails with in the meantime is kept.
 */

import { sleepUntil } from "../sleep.ts";
import { STUCK_PATIENCE_MS } from "./disk.ts";

/** Work that nobody waited for; see the head of this file. */
export class StuckWork {
  #work: Promise<unknown> | undefined;
  #error: unknown;

  /** Settles when the disk has let go, and never rejects; undefined if it has nothing. */
  get pending(): Promise<unknown> | undefined {
    return this.#work;
  }

  /** What the work failed with after it was left. */
  get error(): unknown {
    return this.#error;
  }

  /** Waits until the disk has let go, or will hardly do so any more, or `abort`. */
  async wait(abort: AbortSignal): Promise<void> {
    if (this.#work !== undefined) await sleepUntil(this.#work, STUCK_PATIENCE_MS, abort);
  }

  /** Leaves work to the disk. */
  leave(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work
      .catch((error: unknown) => void (this.#error = error))
      .then(() => {
        if (this.#work === settled) this.#work = undefined;
      });
    this.#work = settled;
  }
}
