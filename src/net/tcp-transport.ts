/**
 * TcpTransport: one of Bun's sockets, connected or accepted, plain or TLS, as a ByteTransport.
 */

import { TransportError, type TransportFault } from "../errors.ts";
import { connectionSweep } from "./connection-sweep.ts";
import { Outbox } from "./outbox.ts";
import { errorCode } from "./resolve.ts";
import { type SocketPorts, unacknowledgedBytes } from "./socket-table.ts";
import { SpentSegments } from "./spent-segments.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";

/** What of Bun's sockets is used here, whatever data hangs on them. */
export type Socket = Pick<Bun.Socket<unknown>, "write" | "end" | "terminate" | "shutdown"> & SocketPorts;

/** How long a peer may take to close after our goodbye, in ms. */
const LINGER_MS = 1000;
/** A peer that takes nothing for this long, or not everything in the longer time, does not get the rest; in ms. */
const STUCK_MS = 1000;
const LONGEST_FINISH_MS = 10_000;

/** Of all connections: what matters is how much lies about in the process. */
const spent = new SpentSegments();

const NOBODY: TransportHandler = { onData: () => {}, onDrain: () => {}, onClose: () => {} };

/** One socket as a ByteTransport; whoever opened the socket calls attach, opened and the on... methods. */
export class TcpTransport implements ByteTransport {
  /** Who hears of this connection. */
  handler: TransportHandler = NOBODY;
  readonly #outbox: Outbox;
  #socket: Socket | undefined;
  #ports: SocketPorts | undefined;
  #state: "opening" | "open" | "finishing" | "closed" = "opening";
  #onFinished: (() => void) | undefined;
  #saidGoodbye = false;
  /** While finishing: for the peer to take the rest, then for it to close. */
  #patience: Timer | undefined;

  constructor() {
    this.#outbox = new Outbox((bytes) => this.#socket?.write(bytes) ?? -1);
  }

  get writable(): boolean {
    return this.#outbox.size === 0;
  }

  get bufferedBytes(): number {
    return this.#outbox.size;
  }

  get takenBytes(): number {
    return this.#outbox.taken;
  }

  /** Whether there is a connection, though TLS may not have been agreed on yet. */
  get connected(): boolean {
    return this.#socket !== undefined;
  }

  async unacknowledgedBytes(): Promise<number | undefined> {
    const ports = this.#state === "open" ? this.#ports : undefined;
    return ports === undefined ? undefined : unacknowledgedBytes(ports);
  }

  attach(socket: Socket): void {
    if (this.#state === "closed") {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    // A socket that is closed has forgotten them.
    this.#ports = { localPort: socket.localPort, remotePort: socket.remotePort };
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
      else this.#watchRest(performance.now() + LONGEST_FINISH_MS);
    });
  }

  close(): void {
    this.#end();
    this.#socket?.terminate();
  }

  onData(segment: Uint8Array): void {
    if (this.#state === "open") this.handler.onData(segment);
    spent.add(segment);
  }

  onDrain(): void {
    if (this.#outbox.size > 0 && !this.#outbox.drain()) return;
    if (this.#state === "finishing") this.#sayGoodbye();
    else if (this.#state === "open") this.handler.onDrain();
  }

  onClose(error?: Error): void {
    const open = this.#state === "open";
    this.#end();
    if (open) this.handler.onClose(error === undefined ? undefined : lostError(error));
  }

  #watchRest(deadline: number): void {
    const left = this.#outbox.size;
    this.#patience = setTimeout(() => {
      if (this.#outbox.size === left || performance.now() >= deadline) this.#leave();
      else this.#watchRest(deadline);
    }, STUCK_MS);
  }

  /** Everything is with the kernel: half-close, so that nothing unread turns into a reset that destroys it. */
  #sayGoodbye(): void {
    if (this.#saidGoodbye) return;
    this.#saidGoodbye = true;
    clearTimeout(this.#patience);
    this.#socket?.shutdown();
    this.#patience = setTimeout(() => this.#leave(), LINGER_MS);
  }

  /** What is with the kernel, seconds of media maybe, still reaches a peer that is slow: no terminate here. */
  #leave(): void {
    this.#end();
    this.#socket?.end();
  }

  #end(): void {
    if (this.#state !== "closed" && this.connected) connectionSweep.connectionOver();
    this.#state = "closed";
    this.#outbox.clear();
    clearTimeout(this.#patience);
    this.#onFinished?.();
  }
}

/** Bun's sockets can stop reading, though its types do not say so. */
function pausable(socket: Socket | undefined): { pause(): void; resume(): void } | undefined {
  return socket as (Socket & { pause(): void; resume(): void }) | undefined;
}

/** What the operating system's codes mean. */
export const SOCKET_FAULTS: Readonly<Record<string, readonly [TransportFault, string]>> = {
  ECONNREFUSED: ["refused", "connection refused"],
  ECONNRESET: ["reset", "connection reset"],
  ETIMEDOUT: ["timeout", "connection timed out"],
  EHOSTUNREACH: ["unreachable", "host unreachable"],
  ENETUNREACH: ["unreachable", "network unreachable"],
  EADDRNOTAVAIL: ["unreachable", "the local address is not this machine's"],
  EACCES: ["unreachable", "not permitted"],
};

function lostError(error: Error): TransportError {
  const known = SOCKET_FAULTS[errorCode(error)];
  return new TransportError(known?.[1] ?? error.message, known?.[0] ?? "reset", { cause: error });
}
