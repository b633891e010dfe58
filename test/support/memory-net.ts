/**
 * Bun.connect without a network: while a MemoryNet lives, whoever connects gets a socket that ends in an RTMP server in
 * the same process. A server takes everything at once, unless it is deaf, so nothing depends on a clock, and every write is counted.
 */
import type { Socket } from "bun";
import { type Handlers, Peer } from "./rtmp-server.ts";

type ClientHandler = {
  open(socket: object): void;
  data(socket: object, bytes: Uint8Array): void;
  close(socket: object): void;
};
type ConnectOptions = { port: number; socket: ClientHandler };

/** One connection: the server's side of it, and what the client did. */
export class MemoryConnection {
  readonly port: number;
  readonly peer: Peer;
  /** Calls of write by the client; with a real socket, system calls. */
  writes = 0;
  /** When set, the server takes nothing of what the client writes. */
  deaf = false;
  readonly #handler: ClientHandler;
  readonly #client: object;
  #closed = false;

  constructor({ port, socket: handler }: ConnectOptions, handlers: Handlers) {
    this.port = port;
    this.#handler = handler;
    const server = { write: (bytes: Uint8Array) => this.#answer(bytes), shutdown: () => this.close() };
    this.peer = new Peer(server as unknown as Socket<Peer>, handlers);
    const { peer } = this;
    const end = (): void => this.close();
    this.#client = {
      ...{ localPort: port + 1, remotePort: port, end, terminate: end, shutdown: end },
      ...{ pause: () => {}, resume: () => {} },
      write: (bytes: Uint8Array) => {
        this.writes += 1;
        if (this.deaf) return 0;
        peer.receive(bytes);
        return bytes.length;
      },
    };
    handler.open(this.#client);
  }

  /** Gives the client a segment, as one read of a socket does. */
  give(segment: Uint8Array): void {
    this.#handler.data(this.#client, segment);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handler.close(this.#client));
  }

  /** An answer comes later, never within the write that asks for it. */
  #answer(bytes: Uint8Array): number {
    // Not slice(): of a Buffer that would be a view.
    const copy = new Uint8Array(bytes);
    queueMicrotask(() => this.#closed || this.give(copy));
    return bytes.length;
  }
}

/** Takes the place of Bun.connect until it is disposed of. */
export class MemoryNet implements Disposable {
  readonly connections: MemoryConnection[] = [];
  readonly #connect = Bun.connect;

  constructor(handlers: Handlers) {
    const connect = (options: ConnectOptions): Promise<void> => {
      queueMicrotask(() => this.connections.push(new MemoryConnection(options, handlers)));
      return Promise.resolve();
    };
    Bun.connect = connect as unknown as typeof Bun.connect;
  }

  /** The connections to a port. */
  to(port: number): MemoryConnection[] {
    return this.connections.filter((connection) => connection.port === port);
  }

  [Symbol.dispose](): void {
    Bun.connect = this.#connect;
  }
}
