/**
 * TCP and TLS connections over Bun's sockets: every address of a host is tried within one time limit, errors of
 * the operating system become TransportError here and nowhere else.
 */

import { TransportError } from "../errors.ts";
import { formatHostPort } from "../host-text.ts";
import { errorCode, resolveHost } from "./resolve.ts";
import { type Socket, SOCKET_FAULTS, TcpTransport } from "./tcp-transport.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";
import { trustedRoots } from "./trust.ts";

/** Where and how to connect. */
export type ConnectTarget = {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsOptions | undefined;
  /** Local address to connect from. */
  readonly bind: string | undefined;
  /** For all addresses together, TLS included, in ms. */
  readonly timeout: number;
};

/** `ca` is PEM text trusted beside the system's roots; `insecure` accepts any certificate. */
export type TlsOptions = { readonly ca: string | undefined; readonly insecure: boolean };

/** No single address may use up less than this of the time limit, in ms. */
const SHORTEST_ATTEMPT_MS = 1000;

/**
 * Connects to the first address of `target` that answers; `resolve` gives the addresses. Throws TransportError naming
 * the first failure.
 */
export async function connectTcp(
  target: ConnectTarget,
  handler: TransportHandler,
  signal: AbortSignal,
  resolve: (host: string) => Promise<string[]> = resolveHost,
): Promise<ByteTransport> {
  const deadline = performance.now() + target.timeout;
  const addresses = await inTime(resolve(target.host), target, signal);
  const roots = await trustedRoots(target.tls?.ca);
  let failure: unknown;
  for (const [i, address] of addresses.entries()) {
    const share = (deadline - performance.now()) / (addresses.length - i);
    try {
      return await connectAddress(
        { ...target, roots },
        address,
        Math.max(share, SHORTEST_ATTEMPT_MS),
        handler,
        signal,
      );
    } catch (error) {
      if (signal.aborted) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** The addresses, unless the name server takes too long or nobody waits for them any more: it cannot be stopped. */
function inTime(addresses: Promise<string[]>, target: ConnectTarget, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const why = `cannot resolve "${target.host}": no answer within ${target.timeout / 1000}s`;
      reject(new TransportError(why, "name"));
    }, target.timeout);
    const abort = (): void => reject(new TransportError("stopped", "closed"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    addresses.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  });
}

type Attempt = ConnectTarget & { readonly roots: string[] | undefined };

/** Before a handshake is complete there is no cipher, which Bun's types do not say. */
type TlsFacts = { getCipher(): { readonly name: string | null } };

function connectAddress(
  target: Attempt,
  address: string,
  timeout: number,
  handler: TransportHandler,
  signal: AbortSignal,
): Promise<ByteTransport> {
  return new Promise((resolve, reject) => {
    const transport = new TcpTransport();
    transport.handler = handler;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      return true;
    };
    const fail = (error: Error): void => {
      if (!settle()) return;
      transport.close();
      reject(error);
    };
    const abort = (): void => fail(new TransportError("stopped", "closed"));
    const timer = setTimeout(() => {
      fail(silence(target, address, transport.connected));
    }, timeout);
    const ready = (): void => {
      if (!settle()) return;
      transport.opened();
      resolve(transport);
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) return abort();
    const onFailure = (error: unknown): void => fail(connectError(target, address, error));
    void Bun.connect(socketOptions(target, address, transport, ready, onFailure)).catch(onFailure);
  });
}

function socketOptions(
  target: Attempt,
  address: string,
  transport: TcpTransport,
  ready: () => void,
  fail: (error: unknown) => void,
) {
  const { tls } = target;
  return {
    hostname: address,
    port: target.port,
    ...(tls === undefined ? {} : { tls: tlsOptions(target.host, tls.insecure, target.roots) }),
    // Not in Bun's types, but honoured since 1.3: the address to connect from.
    ...(target.bind === undefined ? {} : { localAddress: target.bind }),
    socket: {
      open(socket: Socket) {
        transport.attach(socket);
        if (tls === undefined) ready();
      },
      // Says no to certificates that --insecure takes, too (Bun 1.4, where the server is an address without a name).
      handshake(socket: Socket & TlsFacts, authorized: boolean, error: Error | null) {
        if (tls === undefined) return;
        const encrypted = socket.getCipher().name !== null;
        if (authorized || (tls.insecure && encrypted)) ready();
        else fail(encrypted ? certificateError(target.host, error) : handshakeError(target, address, error));
      },
      data: (_socket: Socket, segment: Uint8Array) => transport.onData(segment),
      drain: () => transport.onDrain(),
      close(_socket: Socket, error?: Error) {
        fail(error ?? closedEarly(tls !== undefined));
        transport.onClose(error);
      },
      error: (_socket: Socket, error: Error) => transport.onClose(error),
      connectError: (_socket: Socket, error: Error) => fail(error),
    },
  };
}

function tlsOptions(host: string, insecure: boolean, roots: string[] | undefined): Bun.TLSOptions {
  return {
    serverName: host,
    rejectUnauthorized: !insecure,
    ...(roots === undefined ? {} : { ca: roots }),
  };
}

function place(target: ConnectTarget, address: string): string {
  return formatHostPort({ host: address, port: target.port });
}

/** A server that does not know TLS waits for us to go on, as we wait for it. */
function silence(target: ConnectTarget, address: string, connected: boolean): TransportError {
  const within = `within ${target.timeout / 1000}s`;
  const where = place(target, address);
  const why =
    target.tls !== undefined && connected
      ? `${where} did not answer the TLS handshake ${within}; does it speak TLS on this port?`
      : `no answer from ${where} ${within}`;
  return new TransportError(why, "timeout");
}

/** A server that hangs up may be restarting: time heals that, TLS or not. */
function closedEarly(tls: boolean): TransportError {
  return tls
    ? new TransportError(
        "the server closed the connection during the TLS handshake; does it speak TLS on this port?",
        "reset",
      )
    : new TransportError("the server closed the connection at once", "closed");
}

function connectError(target: ConnectTarget, address: string, error: unknown): Error {
  if (error instanceof TransportError) return error;
  const known = SOCKET_FAULTS[errorCode(error)];
  const [fault, text] = known ?? ["unreachable", error instanceof Error ? error.message : String(error)];
  if (known === undefined && target.tls !== undefined) {
    return new TransportError(`TLS failed with ${place(target, address)}: ${text}`, "tls", { cause: error });
  }
  return new TransportError(`${text} (${place(target, address)})`, fault, { cause: error });
}

function handshakeError(target: ConnectTarget, address: string, cause: Error | null): TransportError {
  if (errorCode(cause) === "ECONNRESET") return closedEarly(true);
  // error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER
  const reason = cause?.message.split(":").at(-1) ?? "no reason given";
  return new TransportError(
    `TLS failed with ${place(target, address)}: ${reason}; does it speak TLS on this port?`,
    "tls",
    { cause },
  );
}

function certificateError(host: string, cause: Error | null): TransportError {
  const code = errorCode(cause);
  const why =
    code === "ERR_TLS_CERT_ALTNAME_INVALID"
      ? `it is not for "${host}"`
      : code === "CERT_HAS_EXPIRED"
        ? "it has expired"
        : (cause?.message ?? "it could not be verified");
  return new TransportError(
    `the certificate of "${host}" is not trusted: ${why}; name its authority with --ca, or accept it with --insecure`,
    "tls",
    { cause },
  );
}
