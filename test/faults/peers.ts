/**
 * The two peers of a fault test: a server with a live stream, and a server that is published to. Both can be told to
 * misbehave in each phase of each connection, and both keep a record of what went in and what came out.
 */
import { toTag } from "../support/flv-compare.ts";
import { type Peer, serveRtmp } from "../support/rtmp-server.ts";
import { controlBytes, frame as chunks, statusBytes, u32 } from "../support/rtmp-wire.ts";
import {
  bodyOf,
  frames,
  type Frame,
  type Got,
  gotOf,
  HEADERS,
  type Look,
  metadata,
  SMALL,
} from "./stream.ts";
import type { SourceSession } from "./stream.ts";

/** How far a connection has come. `start` is play or publish. */
export const PHASES = ["handshake", "connect", "createStream", "start"] as const;
export type Phase = (typeof PHASES)[number];

/** What a peer does instead of its duty when a connection (from 0) comes to a phase; "mine": it does nothing else. */
export type Act = (phase: Phase, peer: Peer, connection: number) => "mine" | void;

export const CHUNK = 4096;
const PHASE_OF: Readonly<Record<string, Phase>> = { publish: "start", play: "start" };

/** The handlers that ask `act` at each phase. */
function phased(act: Act | undefined, connections: { count: number }) {
  const numbers = new WeakMap<Peer, number>();
  const ask = (phase: Phase, peer: Peer) => act?.(phase, peer, numbers.get(peer) ?? 0);
  return {
    opened: (peer: Peer) => {
      peer.socket.setNoDelay(true);
      numbers.set(peer, connections.count++);
    },
    greeted: (peer: Peer) => ask("handshake", peer),
    command: (peer: Peer, name: string) => {
      const phase = PHASE_OF[name] ?? (name === "connect" || name === "createStream" ? name : undefined);
      return phase === undefined ? undefined : ask(phase, peer);
    },
  };
}

/** Options of a source. `begin` gives the first timestamp of a session, `live` runs when one has begun. */
export type SourceOptions = {
  act?: Act;
  look?: Look;
  begin?: (session: number) => number;
  live?: (run: SessionRun<PeerLine>) => void;
};

/** How messages get from a source to the program. */
export type Line = {
  readonly gone: boolean;
  message(type: number, timestamp: number, payload: Uint8Array): void;
};

/** A line of an RTMP connection; both sides frame their messages alike. */
export type PeerLine = Line & { readonly peer: Peer };

/** A message as sources frame them: chunks of CHUNK bytes, which the other side must have been told. */
export function framed(type: number, timestamp: number, payload: Uint8Array): Buffer {
  const csid = type === 9 ? 6 : type === 8 ? 4 : 5;
  return chunks(csid, { type, streamId: 1, timestamp: timestamp % 2 ** 32, payload }, CHUNK);
}

function lineTo(peer: Peer): PeerLine {
  peer.send(controlBytes(1, u32(CHUNK)));
  return {
    peer,
    get gone() {
      return peer.gone;
    },
    message: (type, timestamp, payload) => void peer.send(framed(type, timestamp, payload)),
  };
}

/** A session that is brought to the program in real time. */
export class SessionRun<L extends Line = Line> {
  readonly session: SourceSession;
  readonly line: L;
  #look: Look;
  readonly #next: Iterator<Omit<Frame, "at">, never>;
  readonly #origin: number;
  readonly #from: number;
  #timer: Timer | undefined;
  #pending: Omit<Frame, "at"> | undefined;

  constructor(session: SourceSession, line: L, look: Look = SMALL, from = 0) {
    this.session = session;
    this.line = line;
    this.#look = look;
    this.#from = from;
    this.#next = frames(from) as Iterator<Omit<Frame, "at">, never>;
    this.#origin = performance.now();
    this.#message(18, from, metadata());
    this.#message(9, from, HEADERS[look.codec]);
    this.#message(8, from, HEADERS.aac);
    this.#timer = setInterval(() => this.#turn(), 10);
    this.#turn();
  }

  /** Frames sent so far. */
  get sent(): number {
    return this.session.frames.length;
  }

  /** Sends nothing more; the connection stays. */
  hush(): void {
    clearInterval(this.#timer);
  }

  /** Sends a message beside the frames: a header that changes, say. */
  say(typeId: number, body: Uint8Array): void {
    this.#message(typeId, this.session.frames.at(-1)?.timestamp ?? this.#from, body);
  }

  /** From the next keyframe on frames look otherwise; `header` is sent just before it. */
  change(look: Look, header: Uint8Array): void {
    this.#onKey = () => {
      this.#look = look;
      this.say(9, header);
    };
  }

  #onKey: (() => void) | undefined;

  #turn(): void {
    if (this.line.gone) return this.hush();
    for (;;) {
      const frame = (this.#pending ??= this.#next.next().value);
      if (frame.timestamp - this.#from > performance.now() - this.#origin) return;
      this.#pending = undefined;
      if (frame.key) {
        this.#onKey?.();
        this.#onKey = undefined;
      }
      this.session.frames.push({ ...frame, at: performance.now() });
      const body = bodyOf({ ...frame, at: 0 }, this.session.number, this.#look);
      this.#message(frame.kind === "video" ? 9 : 8, frame.timestamp, body);
    }
  }

  #message(type: number, timestamp: number, payload: Uint8Array): void {
    this.line.message(type, timestamp, payload);
  }
}

/** A server with a live stream. */
export class LiveSource implements Disposable {
  readonly sessions: SourceSession[] = [];
  readonly #runs = new Map<Peer, SessionRun<PeerLine>>();
  readonly #connections = { count: 0 };
  readonly #server: ReturnType<typeof serveRtmp>;
  #over = false;

  constructor(options: SourceOptions = {}) {
    this.#server = serveRtmp({
      ...phased(options.act, this.#connections),
      play: (peer) => this.#play(peer, options),
      closed: (peer) => this.#runs.get(peer)?.hush(),
    });
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#connections.count;
  }

  /** The session that began last. */
  get current(): SessionRun<PeerLine> | undefined {
    return [...this.#runs.values()].at(-1);
  }

  /** Frames sent in all sessions. */
  get sent(): number {
    return this.sessions.reduce((sum, session) => sum + session.frames.length, 0);
  }

  /** The stream ends in good order, and is not there any more. */
  end(): void {
    this.#over = true;
    for (const run of this.#runs.values()) {
      run.hush();
      const { peer } = run.line;
      if (peer.gone) continue;
      peer.send(statusBytes("status", "NetStream.Play.UnpublishNotify"));
      peer.leave();
    }
  }

  /** The stream may be played again. */
  again(): void {
    this.#over = false;
  }

  /** Breaks the session with a reset. What was sent in the last moment may be lost with it. */
  break(): void {
    const run = this.current;
    if (run === undefined) return;
    run.hush();
    run.session.sureUntil = performance.now() - IN_FLIGHT_MS;
    run.line.peer.socket.terminate();
  }

  /** Breaks the session, and the stream is not there any more. */
  vanish(): void {
    this.#over = true;
    this.break();
  }

  [Symbol.dispose](): void {
    for (const run of this.#runs.values()) run.hush();
    this.#server[Symbol.dispose]();
  }

  #play(peer: Peer, options: SourceOptions): void {
    if (this.#over) {
      peer.send(statusBytes("error", "NetStream.Play.StreamNotFound"));
      peer.leave();
      return;
    }
    const number = this.sessions.length;
    const session: SourceSession = { number, frames: [], sureUntil: Infinity };
    this.sessions.push(session);
    const run = new SessionRun(session, lineTo(peer), options.look ?? SMALL, options.begin?.(number) ?? 0);
    this.#runs.set(peer, run);
    options.live?.(run);
  }
}

/** A reset takes away what its receiver has not read: on a busy machine, what was sent this long before, in ms. */
export const IN_FLIGHT_MS = 400;

/** One publish that a destination took. */
export type TakenSession = { connection: number; got: Got[]; peer: Peer };

/** Options of a destination; `live` runs when it has accepted a stream. */
export type DestinationOptions = { act?: Act; live?: (session: TakenSession) => void };

/** A server that is published to. */
export class Destination implements Disposable {
  readonly sessions: TakenSession[] = [];
  readonly problems: string[] = [];
  readonly #byPeer = new Map<Peer, TakenSession>();
  readonly #connections = { count: 0 };
  readonly #server: ReturnType<typeof serveRtmp>;

  constructor(options: DestinationOptions = {}) {
    this.#server = serveRtmp({
      ...phased(options.act, this.#connections),
      publish: (peer) => {
        const session = { connection: this.#connections.count - 1, got: [], peer };
        this.sessions.push(session);
        this.#byPeer.set(peer, session);
        options.live?.(session);
      },
      message: (peer, { type, timestamp, payload }) => {
        const tag = toTag(type, timestamp, payload);
        const got = tag === undefined ? undefined : gotOf(tag);
        if (got !== undefined) this.#byPeer.get(peer)?.got.push(got);
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#connections.count;
  }

  /** What the session that began last has been given. */
  get got(): readonly Got[] {
    return this.sessions.at(-1)?.got ?? [];
  }

  /** Video frames that came in all sessions. */
  get frames(): number {
    return this.sessions.reduce(
      (sum, { got }) => sum + got.filter((one) => one.what === "frame" && one.kind === "video").length,
      0,
    );
  }

  url(name = "show"): string {
    return `rtmp://127.0.0.1:${this.port}/live/${name}`;
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]();
  }
}
