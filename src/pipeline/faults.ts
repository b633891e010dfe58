/**
 * What kind of trouble an error is: whether time, the server or nobody can help. One place, so that sources and sinks
 * agree. (What an error amounts to at the end of the program is exitCodeOf in face/exit.ts, by the same fields.)
 */

import { DiskError, ProtocolError, RemoteError, TAKEN_BACK, TransportError } from "../errors.ts";

/** Connected, but nothing moves. */
export function isStalled(error: unknown): boolean {
  return error instanceof TransportError && error.fault === "stalled";
}

/** The server is there, the stream is not (yet). */
export function isNotLive(error: unknown): boolean {
  return isStalled(error) || (error instanceof RemoteError && error.refusal === "not-live");
}

/** The server ended the connection in good order, without a word. */
export function isHangUp(error: unknown): boolean {
  return error instanceof TransportError && error.fault === "closed";
}

/** The server will not have us: asking again soon changes nothing. */
export function isRefusal(error: unknown): boolean {
  return error instanceof RemoteError && error.refusal !== "not-live" && error.refusal !== "failed";
}

/** The server hung up where others would say no: it may have been the network after all. */
export function isUnsaid(error: unknown): boolean {
  return error instanceof RemoteError && (error.code === "closed" || error.code === TAKEN_BACK);
}

/** The same error when it has come again and again: a server that takes its yes back each time means no. */
export function suspected(error: unknown): unknown {
  if (!(error instanceof RemoteError) || error.code !== TAKEN_BACK) return error;
  const text = `${error.message}; is the stream key right, allowed and not in use?`;
  return new RemoteError(text, error, { cause: error });
}

/** A refusal in so many words; a server that just hangs up may be restarting. */
export function isSaid(error: unknown): boolean {
  return isRefusal(error) && !isUnsaid(error);
}

/** The name is in use, or the key is wrong: the one word for both. */
export function isNameTaken(error: unknown): boolean {
  return error instanceof RemoteError && error.refusal === "name";
}

/** Nothing that time heals: most of what files say, bugs of ours, certificates, an address that is taken. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof TransportError) return error.fault === "tls" || error.fault === "local";
  if (error instanceof RemoteError || error instanceof ProtocolError) return false;
  if (error instanceof DiskError) return !error.passing;
  return true;
}
