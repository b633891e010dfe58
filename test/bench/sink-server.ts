/**
 * An RTMP server to publish to, for the benchmark, in a process of its own: it takes every publisher and counts what
 * comes. It announces a chunk size as real servers do: ffmpeg takes it over for what it sends, and without one it would
 * make two system calls for every 128 bytes. Whoever does not begin with RTMP's handshake (the bare loops) sends chunks
 * from the second byte on.
 *
 * The first line of stdout is the port; then comes a line of JSON for each publisher that has left: its stream, the
 * bytes of media that came, the number of marked frames, how long each of those was on its way (microseconds), and
 * when the first media came (clock.ts).
 *
 *   bun test/bench/sink-server.ts [CERTIFICATE.pem KEY.pem]
 */
import type { Socket } from "bun";
import { commandBytes, controlBytes, readCommand, statusBytes, u32 } from "../support/rtmp-wire.ts";
import { now } from "./clock.ts";
import { CHUNK_SIZE } from "./media.ts";
import { StreamReader } from "./stream-reader.ts";

const HANDSHAKE = 1_536;
const RTMP_VERSION = 3;

/** One connection. */
class Publisher {
  readonly #socket: Socket<Publisher>;
  readonly #reader: StreamReader;
  #hello: Buffer | undefined = Buffer.alloc(0);
  #answered = false;
  #stream = "";
  #delays: number[] = [];
  #arrival = 0;
  #first = 0;

  constructor(socket: Socket<Publisher>) {
    this.#socket = socket;
    this.#reader = new StreamReader(
      (payload) => this.#command(payload),
      (_index, sent) => this.#delays.push(Math.round((this.#arrival - sent) * 1_000)),
    );
  }

  receive(bytes: Buffer): void {
    this.#arrival = now();
    if (this.#hello === undefined) this.#reader.feed(bytes);
    else this.#greet(bytes);
    if (this.#first === 0 && this.#reader.messages > 0) this.#first = this.#arrival;
  }

  report(): void {
    if (this.#stream === "") return;
    const { payload } = this.#reader;
    const marked = this.#delays.length;
    const line = { stream: this.#stream, payload, marked, first: this.#first, delays: this.#delays };
    console.log(JSON.stringify(line));
  }

  #greet(bytes: Buffer): void {
    const hello = Buffer.concat([this.#hello!, bytes]);
    this.#hello = hello;
    if (hello[0] !== RTMP_VERSION) {
      this.#stream = "bare";
      return this.#open(hello.subarray(1));
    }
    if (!this.#answered && hello.length >= 1 + HANDSHAKE) {
      this.#answered = true;
      const c1 = hello.subarray(1, 1 + HANDSHAKE);
      this.#socket.write(Buffer.concat([Buffer.from([RTMP_VERSION]), Buffer.alloc(HANDSHAKE), c1]));
    }
    if (hello.length >= 1 + 2 * HANDSHAKE) this.#open(hello.subarray(1 + 2 * HANDSHAKE));
  }

  #open(rest: Buffer): void {
    this.#hello = undefined;
    if (rest.length > 0) this.#reader.feed(rest);
  }

  #command(payload: Buffer): void {
    const { name, transaction, strings } = readCommand(payload);
    if (name === "connect") {
      const done = { level: "status", code: "NetConnection.Connect.Success", description: "ok" };
      const window = controlBytes(5, u32(5_000_000));
      const bandwidth = controlBytes(6, Buffer.concat([u32(5_000_000), Buffer.from([2])]));
      const result = commandBytes(0, "_result", transaction, { fmsVer: "FMS/3,0,1,123" }, done);
      this.#socket.write(Buffer.concat([window, bandwidth, controlBytes(1, u32(CHUNK_SIZE)), result]));
    } else if (name === "createStream") {
      this.#socket.write(commandBytes(0, "_result", transaction, null, 1));
    } else if (name === "publish") {
      this.#stream = strings[0] ?? "";
      this.#socket.write(statusBytes("status", "NetStream.Publish.Start"));
    }
  }
}

const [certificate, key] = process.argv.slice(2);
const tls =
  certificate === undefined || key === undefined
    ? {}
    : { tls: { cert: Bun.file(certificate), key: Bun.file(key) } };
const listener = Bun.listen<Publisher>({
  hostname: "127.0.0.1",
  port: 0,
  ...tls,
  socket: {
    open: (socket) => void (socket.data = new Publisher(socket)),
    data: (socket, bytes) => socket.data.receive(bytes),
    close: (socket) => socket.data.report(),
    error: () => {}, // `close` follows
  },
});
console.log(listener.port);
