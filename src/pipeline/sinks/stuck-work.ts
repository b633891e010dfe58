/**
 * StuckWork: what a disk was given and has not come back from when its session was over. The next session waits for it,
 * and the end of the job for a while; what it fails with in the meantime is kept.
 */

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
