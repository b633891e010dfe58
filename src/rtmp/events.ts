/**
 * What a session tells its owner, and the interface that both roles share: bytes in, events and bytes out.
 */

import type { Slab } from "../bytes/slab-pool.ts";
import type { RemoteError } from "../errors.ts";
import { skipLastTierIn } from "../last-tier.ts";

/**
 * An audio, video or data message; `timestamp` is the wire's 32-bit ms. `payload` belongs to whoever takes the event: for
 * good, if `slab` is undefined, else until it releases that.
 */
export type MediaEvent = {
  readonly type: "media";
  readonly typeId: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly slab: Slab | undefined;
};

/** What happened on a session, in order. */
export type RtmpEvent =
  | MediaEvent
  /** The server accepted publish or play. */
  | { readonly type: "live" }
  /** The stream that is played ended; `final` is false where a new publisher may follow (StreamEOF). */
  | { readonly type: "ended"; readonly reason: string; readonly final: boolean }
  /** A publisher (re)appeared on the stream that is played: new headers and times follow. */
  | { readonly type: "returned" }
  | { readonly type: "status"; readonly code: string; readonly description: string }
  /** The server sends us elsewhere; `hasStream` says whether `url` names the stream too. */
  | { readonly type: "redirect"; readonly url: string; readonly hasStream: boolean }
  /** The server wants credentials; `description` holds the challenge. */
  | { readonly type: "auth"; readonly description: string }
  | { readonly type: "refused"; readonly error: RemoteError }
  | { readonly type: "ignored"; readonly typeId: number; readonly length: number };

/** A session without sockets or clocks. Times are ms of any monotonic clock. */
export interface Session<Event = RtmpEvent> {
  /** Takes bytes from the peer. Throws ProtocolError when the peer breaks the rules. */
  receive(segment: Uint8Array, now: number): void;
  /** The next event, in order. */
  nextEvent(): Event | undefined;
  /** Bytes to send, in order; the caller owns them. */
  takeOutput(): Uint8Array[];
  /** When `advance` wants to be called at the latest; undefined if nothing is awaited. */
  readonly deadline: number | undefined;
  /** Tells the time. Throws TransportError when the peer let a deadline pass. */
  advance(now: number): void;
  /** Nothing more will be asked of the session: gives back the memory of what it received. */
  close(): void;
}

/** The events of a session that nobody has taken yet, first in, first out; those of media among them may hold a slab. */
export class EventQueue<Event extends { readonly type: string } | MediaEvent = RtmpEvent> {
  #events: Event[] = [];
  #next = 0;

  push(event: Event): void {
    this.#events.push(event);
  }

  /** Nobody will take what is left. */
  clear(): void {
    for (let event = this.take(); event !== undefined; event = this.take()) {
      if ("slab" in event) event.slab?.release();
    }
  }

  take(): Event | undefined {
    if (this.#next < this.#events.length) return this.#events[this.#next++];
    if (this.#next > 0) this.#events = [];
    this.#next = 0;
    return undefined;
  }
}

skipLastTierIn(EventQueue);
