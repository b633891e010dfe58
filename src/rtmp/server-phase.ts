/**
 * The phases of a server's session, how long each may last, and what a silence means in it. Pure; called by
 * RtmpServer.
 */

import { TransportError } from "../errors.ts";

/**
 * `connect` waits for that command, `ready` for publish or play (again, after a stream ended). In `closing` the
 * last words are queued and nothing more is read.
 */
export type ServerPhase = "handshake" | "connect" | "ready" | "publishing" | "playing" | "closing";

/** How long a client may take, in ms. */
export type ServerTimes = {
  /** From the beginning to the end of the handshake. */
  readonly handshakeTimeout: number;
  /** From there to a stream, and from the end of a stream to the next. */
  readonly startTimeout: number;
  /** A publisher that sends nothing for this long is gone. */
  readonly idleTimeout: number;
};

/** How much time a client gets in a phase; undefined where it may be silent for ever. */
export function timeFor(phase: ServerPhase, times: ServerTimes): number | undefined {
  switch (phase) {
    case "handshake":
      return times.handshakeTimeout;
    case "connect":
    case "ready":
      return times.startTimeout;
    case "publishing":
      return times.idleTimeout;
    case "playing":
    case "closing":
      return undefined;
    default:
      return phase satisfies never;
  }
}

/** The client let the time of its phase pass. */
export function clientTimeout(phase: ServerPhase, times: ServerTimes): TransportError {
  const seconds = (timeFor(phase, times) ?? 0) / 1000;
  if (phase === "publishing")
    return new TransportError(`the publisher sent nothing for ${seconds}s`, "stalled");
  const what = phase === "handshake" ? "did not finish the handshake" : "asked for no stream";
  return new TransportError(`the client ${what} within ${seconds}s`, "timeout");
}
