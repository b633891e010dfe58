/**
 * Accepts TCP and TLS connections on an address; whether it can be had shows when it begins to listen.
 */

import { TransportError } from "../errors.ts";
import { formatHostPort } from "../host-text.ts";
import { errorCode } from "./resolve.ts";
import { TcpTransport } from "./tcp-transport.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";

/** Where to listen. `tls` has PEM texts. */
export type ListenAddress = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
};

/** An address that is listened on. */
export type TcpListener = { readonly port: number; close(): void };

/** Says what to do with a connection from `address`: a handler for it, or undefined to close it at once. */
export type Accept = (transport: ByteTransport, address: string) => TransportHandler | undefined;

/** Listens until closed. Throws TransportError when the address cannot be had. */
export function listenTcp(where: ListenAddress, accept: Accept): TcpListener {
  const { host, port, tls } = where;
  try {
    const server = Bun.listen<TcpTransport | undefined>({
      hostname: host,
      port,
      ...(tls === undefined ? {} : { tls }),
      socket: {
        open(socket) {
          const transport = new TcpTransport();
          const handler = accept(transport, socket.remoteAddress);
          if (handler === undefined) {
            socket.terminate();
            return;
          }
          socket.data = transport;
          transport.handler = handler;
          transport.attach(socket);
          transport.opened();
        },
        data: (socket, segment) => socket.data?.onData(segment),
        drain: (socket) => socket.data?.onDrain(),
        close: (socket, error) => socket.data?.onClose(error),
        error: (socket, error) => socket.data?.onClose(error),
      },
    });
    return { port: server.port, close: () => server.stop() };
  } catch (cause) {
    throw listenError(where, cause);
  }
}

function listenError(where: ListenAddress, cause: unknown): TransportError {
  const code = errorCode(cause);
  const why =
    code === "EADDRINUSE"
      ? "the address is already in use"
      : code === "EACCES"
        ? "not permitted"
        : code === "EADDRNOTAVAIL"
          ? "that is no address of this machine"
          : cause instanceof Error
            ? cause.message
            : String(cause);
  return new TransportError(`Cannot listen on ${formatHostPort(where)}: ${why}`, "local", { cause });
}
