/**
 * HTTP-FLV: opens a URL and yields the body's bytes: the way of http(s) sources.
 */

import { RemoteError, TransportError } from "../errors.ts";
import { connectionSweep } from "./connection-sweep.ts";
import { LONGEST_TIMER_MS } from "./deadline-timer.ts";
import { errorCode } from "./resolve.ts";
import type { TlsOptions } from "./tcp.ts";
import { SOCKET_FAULTS } from "./tcp-transport.ts";
import { trustedRoots } from "./trust.ts";

/** What to fetch; times in ms. */
export type HttpTarget = {
  readonly url: string;
  /** The URL for people: without credentials and query. */
  readonly name: string;
  readonly tls: TlsOptions;
  readonly connectTimeout: number;
  /** A body that is silent for this long is stalled. */
  readonly stall: number;
  /** The answer said how long it is, and all of that has been read: it was a file, not a live stream. */
  readonly onWhole?: () => void;
};

/** The bytes of an HTTP body as they come. Throws RemoteError (401, 403, 404 ...) and TransportError. */
export async function* httpSegments(target: HttpTarget, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const context = `Cannot read "${target.name}"`;
  const watch = new AbortController();
  const abort = (): void => watch.abort();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  let late: TransportError | undefined;
  let timer: Timer | undefined;
  const expect = (within: number, otherwise: TransportError): void => {
    timer = setTimeout(
      () => {
        late = otherwise;
        watch.abort();
      },
      Math.min(within, LONGEST_TIMER_MS),
    );
  };
  try {
    expect(target.connectTimeout, new TransportError(`${context}: no answer`, "timeout"));
    const { body, length } = await open(target, watch.signal);
    const reader = body.getReader();
    let received = 0;
    for (;;) {
      clearTimeout(timer);
      expect(target.stall, new TransportError(`${context}: the server sends nothing`, "stalled"));
      const { done, value } = await reader.read();
      // From here on it is the caller who takes his time.
      clearTimeout(timer);
      if (done) {
        if (received === length) target.onWhole?.();
        return;
      }
      received += value.length;
      yield value;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw late ?? httpError(target, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    watch.abort();
    connectionSweep.connectionOver();
  }
}

/** `length` is that of the body, if the answer says it. */
type Answer = { readonly body: ReadableStream<Uint8Array>; readonly length: number | undefined };

async function open(target: HttpTarget, signal: AbortSignal): Promise<Answer> {
  const { tls } = target;
  const roots = await trustedRoots(tls.ca);
  const response = await fetch(target.url, {
    signal,
    tls: {
      rejectUnauthorized: !tls.insecure,
      ...(roots === undefined ? {} : { ca: roots }),
    },
  });
  if (!response.ok) throw statusError(response.status);
  if (response.body === null) throw new TransportError("the answer has no body", "http");
  const { headers, body } = response;
  const length = headers.get("content-length");
  // What was packed for the way has another length here.
  const isPlain = length !== null && !headers.has("content-encoding");
  return { body, length: isPlain ? Number(length) : undefined };
}

function statusError(status: number): RemoteError {
  const code = `HTTP ${status}`;
  if (status === 401 || status === 403)
    return new RemoteError(`the server refused: ${code}`, { code, refusal: "auth" });
  if (status === 404)
    return new RemoteError(`there is no such stream (${code})`, { code, refusal: "not-live" });
  return new RemoteError(`the server answers ${code}`, { code, refusal: "failed" });
}

/** What fetch calls failures that have a name of the system's. */
const FETCH_CODES: Readonly<Record<string, string>> = {
  ConnectionRefused: "ECONNREFUSED",
  ConnectionClosed: "ECONNRESET",
};

function httpError({ url, name }: HttpTarget, error: unknown): Error {
  const context = `Cannot read "${name}"`;
  if (error instanceof RemoteError)
    return new RemoteError(`${context}: ${error.message}`, error, { cause: error });
  if (error instanceof TransportError)
    return new TransportError(`${context}: ${error.message}`, error.fault, { cause: error });
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (/CERT|VERIFY|TLS|SSL/i.test(code))
    return new TransportError(`${context}: ${text}`, "tls", { cause: error });
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    const why = code === "ENOTFOUND" ? "no such host name" : "the name server does not answer";
    const host = URL.parse(url)?.hostname ?? "";
    return new TransportError(`${context}: cannot resolve "${host}": ${why}`, "name", { cause: error });
  }
  const [fault, why] = SOCKET_FAULTS[FETCH_CODES[code] ?? code] ?? ["reset", text];
  return new TransportError(`${context}: ${why}`, fault, { cause: error });
}
