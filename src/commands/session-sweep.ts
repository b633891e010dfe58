/**
 * What a session leaves behind is collected soon after it is over. The runtime collects when much has been allocated
 * since the last time; media allocates next to nothing here, so the connections, readers and lists of many sessions
 * would pile up first, and memory that was handed out around them does not come back.
 */

/** How long after a session, in ms: by then its connection has said goodbye. */
const AFTER_MS = 2000;

/** Collects garbage once for all sessions that end within AFTER_MS; takes some ms, and forgets about it when disposed of. */
export class SessionSweep implements Disposable {
  #timer: Timer | undefined;

  /** A source or a destination has lost its connection, or given it up. */
  sessionOver(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      Bun.gc(true);
    }, AFTER_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
