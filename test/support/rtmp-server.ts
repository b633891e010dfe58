/**
 * A small RTMP server for tests and benchmarks: it shakes hands, answers connect, createStream, publish and play, and
 * then leaves the connection to its caller, who may go on well or badly. Written apart from src.
 */
import type { Socket } from "bun";
import {
  commandBytes,
  controlBytes,
  readCommand,
  statusBytes,
  u32,
  type WireMessage,
  WireReader,
} from "./rtmp-wire.ts";

/** One connected client. */
export class Peer {
  readonly socket: Socket<Peer>;
  /** The application that the client asked for is not looked at; this is the stream's name. */
  stream = "";
  received = 0;
  /** When set, what comes in is counted and dropped unread. */
  discard = false;
  gone = false;
  #handlers: Handlers;
  #reader = new WireReader();
  #hello: Buffer = Buffer.alloc(0);
  #phase: "c1" | "c2" | "open" = "c1";
  #queue: Uint8Array[] = [];
  #leaving = false;

  constructor(socket: Socket<Peer>, handlers: Handlers) {
    this.socket = socket;
    this.#handlers = handlers;
  }

  /** Sends bytes, keeping what the kernel does not take yet. Returns how many bytes wait. */
  send(bytes: Uint8Array): number {
    this.#queue.push(bytes);
    return this.flush();
  }

  /**
   * Ends the stream towards the client once everything is sent. It is not a close: what the client still says would
   * then be answered with a reset, which takes away what the client has not read yet.
   */
  leave(): void {
    this.#leaving = true;
    this.flush();
  }

  /** Writes what waits; returns how many bytes still wait. */
  flush(): number {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const written = this.socket.write(head);
      if (written < 0) this.#queue = [];
      else if (written < head.length) this.#queue[0] = head.subarray(written);
      else this.#queue.shift();
      if (written < head.length) break;
    }
    if (this.#leaving && this.#queue.length === 0) this.socket.shutdown();
    return this.#queue.reduce((sum, part) => sum + part.length, 0);
  }

  receive(bytes: Uint8Array): void {
    this.received += bytes.length;
    if (this.discard) return;
    if (this.#phase === "open") return this.#messages(bytes);
    if (this.#hello.length === 0 && this.#handlers.greeted?.(this) === "mine") {
      this.discard = true;
      return;
    }
    this.#hello = Buffer.concat([this.#hello, bytes]);
    if (this.#phase === "c1" && this.#hello.length >= 1537) {
      const c1 = this.#hello.subarray(1, 1537);
      this.#hello = this.#hello.subarray(1537);
      this.#phase = "c2";
      this.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), c1]));
    }
    if (this.#phase === "c2" && this.#hello.length >= 1536) {
      const rest = this.#hello.subarray(1536);
      this.#phase = "open";
      if (this.#handlers.shaken?.(this) === "mine") this.discard = true;
      else this.#messages(rest);
    }
  }

  #messages(bytes: Uint8Array): void {
    for (const message of this.#reader.feed(bytes)) {
      if (message.type === 20) this.#command(message.payload);
      else this.#handlers.message?.(this, message);
      if (this.discard) return;
    }
  }

  #command(payload: Uint8Array): void {
    const { name, transaction, strings } = readCommand(payload);
    if (this.#handlers.command?.(this, name, transaction) === "mine") return;
    if (name === "connect") {
      const done = { level: "status", code: "NetConnection.Connect.Success", description: "ok" };
      this.send(controlBytes(5, u32(5_000_000)));
      this.send(controlBytes(6, Buffer.concat([u32(5_000_000), Buffer.from([2])])));
      this.send(commandBytes(0, "_result", transaction, { fmsVer: "FMS/3,0,1,123" }, done));
    } else if (name === "createStream") this.send(commandBytes(0, "_result", transaction, null, 1));
    else if (name === "publish") {
      this.stream = strings[0] ?? "";
      this.send(statusBytes("status", "NetStream.Publish.Start"));
      this.#handlers.publish?.(this);
    } else if (name === "play") {
      this.stream = strings[0] ?? "";
      this.send(controlBytes(4, Buffer.concat([Buffer.alloc(2), u32(1)])));
      this.send(statusBytes("status", "NetStream.Play.Start"));
      this.#handlers.play?.(this);
    }
  }
}

/**
 * What the caller does at the turning points. `greeted` (the first bytes came) and `shaken` may answer "mine": then
 * nothing is answered any more. `command` may answer it for one command.
 */
export type Handlers = {
  opened?(peer: Peer): void;
  greeted?(peer: Peer): "mine" | void;
  shaken?(peer: Peer): "mine" | void;
  command?(peer: Peer, name: string, transaction: number): "mine" | void;
  /** Whatever is no command. */
  message?(peer: Peer, message: WireMessage): void;
  publish?(peer: Peer): void;
  play?(peer: Peer): void;
  drained?(peer: Peer): void;
  closed?(peer: Peer): void;
};

/** Listens on a free port of 127.0.0.1. */
export function serveRtmp(handlers: Handlers, port = 0): { port: number } & Disposable {
  const listener = Bun.listen<Peer>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.data = new Peer(socket, handlers);
        handlers.opened?.(socket.data);
      },
      data: (socket, bytes) => socket.data.receive(bytes),
      drain(socket) {
        if (socket.data.flush() === 0) handlers.drained?.(socket.data);
      },
      close(socket) {
        socket.data.gone = true;
        handlers.closed?.(socket.data);
      },
      error(socket) {
        socket.data.gone = true; // `close` follows
      },
    },
  });
  return { port: listener.port, [Symbol.dispose]: () => listener.stop(true) };
}
