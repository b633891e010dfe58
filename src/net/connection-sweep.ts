/**
 * ConnectionSweep: what a connection leaves behind is collected soon after it is over: of a source that was lost, a
 * destination that was dropped, a publisher or player that left. The runtime collects when much has been allocated since
 * the last time; media allocates next to nothing here, so the readers, queues and lists of many sessions would pile up
 * first, and memory that was handed out around them does not come back.
 *
 * A collection stops the program for some ms, more where much is going on: dozens of players that come and go are no
 * reason for more than one in REST_MS.
 */

/** How long after the end of a connection, in ms: by then nobody has anything to do with it any more. */
const AFTER_MS = 2000;
/** From one collection to the next, in ms. */
const REST_MS = 5000;

/** Collects garbage once for all connections that have ended meanwhile; see the head of this file. */
export class ConnectionSweep {
  #timer: Timer | undefined;
  #collectedAt = -Infinity;

  /** A connection is over. */
  connectionOver(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(AFTER_MS, this.#collectedAt + REST_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#collectedAt = performance.now();
      Bun.gc(true);
    }, wait);
    // A program that has nothing else to do has ended.
    this.#timer.unref();
  }
}

/** Of all connections of the process. */
export const connectionSweep = new ConnectionSweep();
