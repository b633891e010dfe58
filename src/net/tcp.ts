/**
 * TCP and TLS connections over Bun's sockets: every address of a host is tried within one time limit, errors of
 * the operating system become TransportError here and nowhere else. Called by net/rtmp-dial.ts.
 */

import { getCACertificates } from "node:tls";
import { TransportError, type TransportFault } from "../errors.ts";
import { Outbox } from "./outbox.ts";
import { errorCode, resolveHost } from "./resolve.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";

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

/** How long a peer may take to close after our goodbye, in ms. */
const LINGER_MS = 1000;

/** No single address may use up less than this of the time limit, in ms. */
const SHORTEST_ATTEMPT_MS = 1000;

type Socket = Bun.Socket<undefined>;

/** Connects to the first address of `target` that answers. Throws TransportError naming the last failure. */
export async function connectTcp(
  target: ConnectTarget,
  handler: TransportHandler,
  signal: AbortSignal,
): Promise<ByteTransport> {
  const deadline = performance.now() + target.timeout;
  const addresses = await resolveHost(target.host);
  let failure: unknown;
  for (const [i, address] of addresses.entries()) {
    const share = (deadline - performance.now()) / (addresses.length - i);
    try {
      return await connectAddress(target, address, Math.max(share, SHORTEST_ATTEMPT_MS), handler, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

function connectAddress(
  target: ConnectTarget,
  address: string,
  timeout: number,
  handler: TransportHandler,
  signal: AbortSignal,
): Promise<ByteTransport> {
  return new Promise((resolve, reject) => {
    const transport = new TcpTransport(handler);
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
      fail(
        new TransportError(
          `no answer from ${place(target, address)} within ${target.timeout / 1000}s`,
          "timeout",
        ),
      );
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
  target: ConnectTarget,
  address: string,
  transport: TcpTransport,
  ready: () => void,
  fail: (error: unknown) => void,
) {
  const { tls } = target;
  return {
    hostname: address,
    port: target.port,
    ...(tls === undefined ? {} : { tls: tlsOptions(target.host, tls) }),
    // Not in Bun's types, but honoured since 1.3: the address to connect from.
    ...(target.bind === undefined ? {} : { localAddress: target.bind }),
    socket: {
      open(socket: Socket) {
        transport.attach(socket);
        if (tls === undefined) ready();
      },
      handshake(_socket: Socket, authorized: boolean, error: Error | null) {
        if (tls === undefined) return;
        if (authorized || tls.insecure) ready();
        else fail(certificateError(target.host, error));
      },
      data: (_socket: Socket, segment: Uint8Array) => transport.onData(segment),
      drain: () => transport.onDrain(),
      close(_socket: Socket, error?: Error) {
        fail(
          error ?? new TransportError(closedEarly(tls !== undefined), tls === undefined ? "closed" : "tls"),
        );
        transport.onClose(error);
      },
      error: (_socket: Socket, error: Error) => transport.onClose(error),
      connectError: (_socket: Socket, error: Error) => fail(error),
    },
  };
}

function tlsOptions(host: string, tls: TlsOptions): Bun.TLSOptions {
  return {
    serverName: host,
    rejectUnauthorized: !tls.insecure,
    ...(tls.ca === undefined ? {} : { ca: [...getCACertificates("default"), tls.ca] }),
  };
}

/** One socket as a ByteTransport. */
class TcpTransport implements ByteTransport {
  readonly #handler: TransportHandler;
  readonly #outbox: Outbox;
  #socket: Socket | undefined;
  #state: "opening" | "open" | "finishing" | "closed" = "opening";
  #onFinished: (() => void) | undefined;
  #linger: Timer | undefined;

  constructor(handler: TransportHandler) {
    this.#handler = handler;
    this.#outbox = new Outbox((bytes) => this.#socket?.write(bytes) ?? -1);
  }

  get writable(): boolean {
    return this.#outbox.size === 0;
  }

  get bufferedBytes(): number {
    return this.#outbox.size;
  }

  attach(socket: Socket): void {
    if (this.#state === "closed") socket.terminate();
    else this.#socket = socket;
  }

  opened(): void {
    if (this.#state === "opening") this.#state = "open";
  }

  send(bytes: Uint8Array): void {
    if (this.#state === "open") this.#outbox.send(bytes);
  }

  pause(): void {
    pausable(this.#socket)?.pause();
  }

  resume(): void {
    pausable(this.#socket)?.resume();
  }

  finish(): Promise<void> {
    if (this.#state !== "open") return Promise.resolve();
    this.#state = "finishing";
    return new Promise((resolve) => {
      this.#onFinished = resolve;
      if (this.#outbox.drain()) this.#sayGoodbye();
    });
  }

  close(): void {
    this.#end();
    this.#socket?.terminate();
  }

  onData(segment: Uint8Array): void {
    if (this.#state === "open") this.#handler.onData(segment);
  }

  onDrain(): void {
    if (this.#outbox.size > 0 && !this.#outbox.drain()) return;
    if (this.#state === "finishing") this.#sayGoodbye();
    else if (this.#state === "open") this.#handler.onDrain();
  }

  onClose(error?: Error): void {
    const open = this.#state === "open";
    this.#end();
    if (open) this.#handler.onClose(error === undefined ? undefined : lostError(error));
  }

  /** Everything is with the kernel: half-close, so that nothing unread turns into a reset that destroys it. */
  #sayGoodbye(): void {
    if (this.#linger !== undefined) return;
    this.#socket?.shutdown();
    this.#linger = setTimeout(() => this.close(), LINGER_MS);
  }

  #end(): void {
    this.#state = "closed";
    this.#outbox.clear();
    clearTimeout(this.#linger);
    this.#onFinished?.();
  }
}

/** Bun's sockets can stop reading, though its types do not say so. */
function pausable(socket: Socket | undefined): { pause(): void; resume(): void } | undefined {
  return socket as (Socket & { pause(): void; resume(): void }) | undefined;
}

function place(target: ConnectTarget, address: string): string {
  const shown = address.includes(":") ? `[${address}]` : address;
  return `${shown}:${target.port}`;
}

function closedEarly(tls: boolean): string {
  return tls
    ? "the server closed the connection during the TLS handshake; does it speak TLS on this port?"
    : "the server closed the connection at once";
}

const CONNECT_FAULTS: Readonly<Record<string, readonly [TransportFault, string]>> = {
  ECONNREFUSED: ["refused", "connection refused"],
  ECONNRESET: ["reset", "connection reset"],
  ETIMEDOUT: ["timeout", "connection timed out"],
  EHOSTUNREACH: ["unreachable", "host unreachable"],
  ENETUNREACH: ["unreachable", "network unreachable"],
  EADDRNOTAVAIL: ["unreachable", "the local address is not this machine's"],
  EACCES: ["unreachable", "not permitted"],
};

function connectError(target: ConnectTarget, address: string, error: unknown): Error {
  if (error instanceof TransportError) return error;
  const known = CONNECT_FAULTS[errorCode(error)];
  const [fault, text] = known ?? ["unreachable", error instanceof Error ? error.message : String(error)];
  if (known === undefined && target.tls !== undefined) {
    return new TransportError(`TLS failed with ${place(target, address)}: ${text}`, "tls", { cause: error });
  }
  return new TransportError(`${text} (${place(target, address)})`, fault, { cause: error });
}

function lostError(error: Error): TransportError {
  const known = CONNECT_FAULTS[errorCode(error)];
  return new TransportError(known?.[1] ?? error.message, known?.[0] ?? "reset", { cause: error });
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
