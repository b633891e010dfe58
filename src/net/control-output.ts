/**
 * ControlOutput: the way of what a session itself has to say to its transport. Most of it are answers: pongs,
 * acknowledgements, replies to commands. A peer that makes us answer and never reads would have them kept for as long
 * as the session lasts. Such a peer may still send a stream that is worth recording, so the session goes on: what it
 * does not read is no longer said. A session's own commands come to a few kilobytes and never meet the limit.
 */

import type { ByteTransport } from "./transport.ts";

/** A peer gets no more than this before it has read all that was sent to it, in bytes. */
const MOST_UNREAD = 256 * 1024;

/** Sends a session's output while the peer reads; see the head of this file. */
export class ControlOutput {
  #unread = 0;

  /** The peer has taken everything. */
  drained(): void {
    this.#unread = 0;
  }

  /** Sends whole messages, in order; drops those that come after too much that the peer does not read. */
  send(messages: readonly Uint8Array[], transport: ByteTransport): void {
    for (const bytes of messages) {
      if (transport.writable) this.#unread = 0;
      if (this.#unread + bytes.length > MOST_UNREAD) continue;
      transport.send(bytes);
      this.#unread += bytes.length;
    }
  }
}
