/**
 * A TCP proxy with a bad day: it stands between two programs of a test and is told what happens to their bytes. Rates
 * and delays count for both directions; what comes faster than it may leave is felt as back-pressure.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** How bytes travel. `rate` in bytes a second, `delay` in ms; `single` passes one byte at a time. */
export type Weather = { rate: number; delay: number; single: boolean; frozen: boolean };

const FAIR: Weather = { rate: Infinity, delay: 0, single: false, frozen: false };
/** What waits in one direction before its sender is asked to wait. */
const MOST_WAITING = 256 * 1024;
const TICK_MS = 5;

/** One direction of one connection. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  #waiting: { bytes: Buffer; due: number }[] = [];
  #size = 0;
  #credit = 0;
  #creditAt = performance.now();
  #ended = false;
  #turn: Timer | undefined;
  #stopped = false;
  #immediate = false;

  constructor(from: Socket, to: Socket, weather: () => Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    from.on("data", (bytes) => {
      this.#waiting.push({ bytes: Buffer.from(bytes), due: performance.now() + weather().delay });
      this.#size += bytes.length;
      if (this.#size > MOST_WAITING) from.pause();
      this.pump();
    });
    from.on("end", () => {
      this.#ended = true;
      this.pump();
    });
    to.on("drain", () => this.pump());
  }

  /** Moves what may leave now. */
  pump(): void {
    clearTimeout(this.#turn);
    const { rate, single, frozen } = this.#weather();
    const now = performance.now();
    this.#credit =
      rate === Infinity
        ? Infinity
        : Math.min(rate / 10, this.#credit + ((now - this.#creditAt) * rate) / 1000);
    if (Number.isNaN(this.#credit)) this.#credit = 0;
    this.#creditAt = now;
    while (!frozen && this.#waiting.length > 0 && !this.#to.writableNeedDrain) {
      const head = this.#waiting[0]!;
      const most = single ? Math.min(1, this.#credit) : this.#credit;
      if (head.due > now || most < 1) break;
      this.#pass(head, Math.floor(Math.min(most, head.bytes.length)));
      if (single) break;
    }
    if (this.#size < MOST_WAITING / 2 && this.#from.isPaused()) this.#from.resume();
    if (this.#waiting.length > 0 && single) this.#soon();
    else if (this.#waiting.length > 0) this.#turn = setTimeout(() => this.pump(), TICK_MS);
    else if (this.#ended && !frozen) this.#to.end();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#turn);
    this.#waiting = [];
  }

  /** A timer is too slow for single bytes. */
  #soon(): void {
    if (this.#immediate || this.#stopped) return;
    this.#immediate = true;
    setImmediate(() => {
      this.#immediate = false;
      if (!this.#stopped) this.pump();
    });
  }

  #pass(head: { bytes: Buffer }, count: number): void {
    this.#to.write(head.bytes.subarray(0, count));
    head.bytes = head.bytes.subarray(count);
    if (head.bytes.length === 0) this.#waiting.shift();
    this.#size -= count;
    this.#credit -= count;
  }
}

type Pair = { near: Socket; far: Socket; lanes: Lane[] };

/** A proxy in front of a port of 127.0.0.1. */
export class Proxy implements Disposable {
  /** Connections that came so far. */
  connections = 0;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #port = 0;
  #weather: Weather = FAIR;
  #refuses = false;

  private constructor(target: number) {
    this.#target = target;
  }

  /** Starts a proxy in front of `target`. */
  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Changes how bytes travel; what is not named is fair again. */
  weather(weather: Partial<Weather> = {}): void {
    this.#weather = { ...FAIR, ...weather };
    for (const pair of this.#pairs) for (const lane of pair.lanes) lane.pump();
  }

  /** Breaks every connection with a reset. */
  reset(): void {
    for (const pair of this.#pairs) this.#drop(pair, (socket) => socket.resetAndDestroy());
  }

  /** Closes every connection; what is under way still arrives. */
  close(): void {
    for (const pair of this.#pairs) {
      pair.near.end();
      pair.far.end();
    }
  }

  /** New connections are answered with a reset from now on, or no longer. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
  }

  [Symbol.dispose](): void {
    this.#server?.close();
    for (const pair of this.#pairs) this.#drop(pair, (socket) => socket.destroy());
  }

  #drop(pair: Pair, end: (socket: Socket) => void): void {
    this.#pairs.delete(pair);
    for (const lane of pair.lanes) lane.stop();
    end(pair.near);
    end(pair.far);
  }

  #listen(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
    this.#server = server;
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") this.#port = address.port;
      resolve();
    });
    return promise;
  }

  #join(near: Socket): void {
    this.connections += 1;
    near.on("error", () => {});
    if (this.#refuses) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#target, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    near.setNoDelay(true);
    const weather = (): Weather => this.#weather;
    const pair: Pair = { near, far, lanes: [new Lane(near, far, weather), new Lane(far, near, weather)] };
    this.#pairs.add(pair);
    const gone = (): void => {
      if (this.#pairs.has(pair)) this.#drop(pair, (socket) => socket.destroy());
    };
    for (const socket of [near, far]) {
      socket.on("error", gone);
      socket.on("close", gone);
    }
  }
}
