/**
 * A server with a live stream over HTTP-FLV, which can be told to misbehave: instead of an answer, or in the middle of
 * the stream. It keeps a record of what it sent. A body is sent in chunks, so that its end can be told from a cut.
 */
import { createServer, type Server, type Socket } from "node:net";
import { type Line, SessionRun } from "./peers.ts";
import type { SourceSession } from "./stream.ts";

const FLV_HEAD = Buffer.from("464c5601050000000900000000", "hex");
const HEAD =
  "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

/** A line of an HTTP connection. */
export type HttpLine = Line & { readonly socket: Socket; chunk(bytes: Uint8Array): void };

/** `answer` may do something else than answer a request (from 0): then it says "mine". `live` runs in a session. */
export type HttpOptions = {
  answer?: (socket: Socket, request: number) => "mine" | void;
  live?: (run: SessionRun<HttpLine>) => void;
};

function tag(type: number, timestamp: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(11 + payload.length + 4);
  bytes.writeUInt8(type, 0);
  bytes.writeUIntBE(payload.length, 1, 3);
  bytes.writeUIntBE(timestamp & 0xffffff, 4, 3);
  bytes.writeUInt8((timestamp >>> 24) & 0xff, 7);
  bytes.set(payload, 11);
  bytes.writeUInt32BE(11 + payload.length, 11 + payload.length);
  return bytes;
}

function lineTo(socket: Socket): HttpLine {
  const chunk = (bytes: Uint8Array): void => {
    if (!socket.writable) return;
    socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    socket.write("\r\n");
  };
  socket.write(HEAD);
  chunk(FLV_HEAD);
  return {
    socket,
    chunk,
    get gone() {
      return socket.destroyed;
    },
    message: (type, timestamp, payload) => chunk(tag(type, timestamp, payload)),
  };
}

/** The server. */
export class HttpSource implements Disposable {
  readonly sessions: SourceSession[] = [];
  /** The target of each request, in their order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #runs: SessionRun<HttpLine>[] = [];
  #port = 0;

  private constructor(options: HttpOptions) {
    this.#server = createServer((socket) => this.#meet(socket, options));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: HttpOptions = {}): Promise<HttpSource> {
    const source = new HttpSource(options);
    const { promise, resolve } = Promise.withResolvers<void>();
    source.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = source.#server.address();
    if (address !== null && typeof address === "object") source.#port = address.port;
    return source;
  }

  url(path = "/live/show.flv"): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  /** The session that began last. */
  get current(): SessionRun<HttpLine> | undefined {
    return this.#runs.at(-1);
  }

  /** The stream ends in good order. */
  end(): void {
    for (const run of this.#runs) {
      run.hush();
      if (!run.line.gone) run.line.socket.end("0\r\n\r\n");
    }
  }

  [Symbol.dispose](): void {
    for (const run of this.#runs) run.hush();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #meet(socket: Socket, options: HttpOptions): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    let heard = "";
    socket.on("data", (bytes) => {
      const asked = heard.includes("\r\n\r\n");
      heard += bytes.toString("latin1");
      if (!asked && heard.includes("\r\n\r\n")) this.#onRequest(socket, heard.split(" ")[1] ?? "", options);
    });
  }

  #onRequest(socket: Socket, path: string, options: HttpOptions): void {
    this.requests.push(path);
    if (options.answer?.(socket, this.requests.length - 1) === "mine") return;
    const session: SourceSession = { number: this.sessions.length, frames: [], sureUntil: Infinity };
    this.sessions.push(session);
    const run = new SessionRun(session, lineTo(socket));
    this.#runs.push(run);
    options.live?.(run);
  }
}
