/**
 * Listens for RTMP clients and drives an RtmpServer for each. Who may publish or play is the owner's decision; how
 * many connections there may be, and how long each may take to say what it wants, is decided here. What clients
 * do wrong is told once a second and address, however many they are.
 */

import { ProtocolError, TransportError, describe } from "../errors.ts";
import type { MediaEvent } from "../rtmp/events.ts";
import { CLOSE_DELAY_MS, RtmpServer, SERVER_RANDOM_SIZE } from "../rtmp/server.ts";
import type {
  ConnectRequest,
  Denial,
  PlayRequest,
  PublishRequest,
  ServerEvent,
} from "../rtmp/server-events.ts";
import { ControlOutput } from "./control-output.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { watchSending } from "./send-watch.ts";
import { listenTcp, type ListenAddress, type TcpListener } from "./tcp-listen.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";

/** Where to listen, and after how much silence (ms) a publisher is lost. */
export type RtmpListenOptions = ListenAddress & { readonly idleTimeout: number };

/** Who decides about requests. Each stream request is answered with link.accept or link.refuse, now or later. */
export type ListenerOwner = {
  /** A denial, or undefined to let the client go on. */
  onConnect(link: ServerLink, request: ConnectRequest): Denial | undefined;
  onPublish(link: ServerLink, request: PublishRequest): void;
  onPlay(link: ServerLink, request: PlayRequest): void;
  /** A line for the log about clients, without secrets. */
  onNotice(line: string): void;
};

/** What the owner of an accepted stream hears. */
export type StreamHandler = {
  /** The payload is lent for the call if it lies in a slab: who keeps it holds that. */
  onMedia(event: MediaEvent): void;
  onSegmentEnd(): void;
  onDrain(): void;
  /** The stream is over: the client ended it, or is gone. Nothing more comes. */
  onEnd(reason: string): void;
};

/** Connections in all, and from one address: cameras, players and a person who tries things. */
const MAX_CONNECTIONS = 200;
const MAX_PER_ADDRESS = 50;
/** A refusal takes this long, whatever was wrong, so that guessing keys is slow and teaches nothing; ms. */
const REFUSAL_DELAY_MS = 500;
const NOTICE_INTERVAL_MS = 1000;
/** Reasons that are told apart within one interval. */
const MAX_NOTICES = 20;

/** An address where RTMP clients are served. */
export class RtmpListener {
  readonly #options: RtmpListenOptions;
  readonly #owner: ListenerOwner;
  readonly #links = new Map<ServerLink, string>();
  readonly #notices = new Map<string, number>();
  #noticeTimer: Timer | undefined;
  #tcp: TcpListener | undefined;

  constructor(options: RtmpListenOptions, owner: ListenerOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Begins to listen; returns the port. Throws TransportError when the address cannot be had. */
  open(): number {
    this.#tcp ??= listenTcp(this.#options, (transport, address) => this.#accept(transport, address));
    return this.#tcp.port;
  }

  /** Stops listening and closes every connection. */
  close(): void {
    this.#tcp?.close();
    for (const link of [...this.#links.keys()]) link.close();
    clearTimeout(this.#noticeTimer);
    this.#tell();
  }

  /** Tells the log about something that a client at `address` did; the same is told once a second. */
  notice(address: string, what: string): void {
    const key = this.#notices.size < MAX_NOTICES ? `${address}: ${what}` : "other addresses";
    this.#notices.set(key, (this.#notices.get(key) ?? 0) + 1);
    this.#noticeTimer ??= setTimeout(() => this.#tell(), NOTICE_INTERVAL_MS);
  }

  #tell(): void {
    this.#noticeTimer = undefined;
    for (const [what, times] of this.#notices) {
      this.#owner.onNotice(times === 1 ? what : `${what} (${times} times)`);
    }
    this.#notices.clear();
  }

  #accept(transport: ByteTransport, address: string): TransportHandler | undefined {
    let same = 0;
    for (const other of this.#links.values()) if (other === address) same += 1;
    if (this.#links.size >= MAX_CONNECTIONS || same >= MAX_PER_ADDRESS) {
      this.notice(address, "too many connections, closed");
      return undefined;
    }
    const link = new ServerLink(transport, address, this.#options.idleTimeout, {
      owner: this.#owner,
      onGone: (trouble) => {
        this.#links.delete(link);
        if (trouble !== undefined) this.notice(address, trouble);
      },
    });
    this.#links.set(link, address);
    return link.begin();
  }
}

type LinkContext = { readonly owner: ListenerOwner; readonly onGone: (trouble: string | undefined) => void };

/** One client's connection. */
export class ServerLink {
  /** The client's address, for the log. */
  readonly address: string;
  readonly #transport: ByteTransport;
  readonly #context: LinkContext;
  readonly #server: RtmpServer;
  #stream: StreamHandler | undefined;
  readonly #control = new ControlOutput();
  readonly #timer = new DeadlineTimer(() => this.#onDeadline());
  #stopWatch: (() => void) | undefined;
  #lastHeard = performance.now();
  #paused = false;
  #over = false;

  constructor(transport: ByteTransport, address: string, idleTimeout: number, context: LinkContext) {
    this.address = address;
    this.#transport = transport;
    this.#context = context;
    const random = crypto.getRandomValues(new Uint8Array(SERVER_RANDOM_SIZE));
    this.#server = new RtmpServer({ random, idleTimeout });
  }

  /** Starts the clock; returns who hears of the connection. */
  begin(): TransportHandler {
    this.#server.begin(performance.now());
    this.#arm();
    return {
      onData: (segment) => this.#onData(segment),
      onDrain: () => this.#onDrain(),
      onClose: () => this.#end("the connection is lost", undefined),
    };
  }

  /** Whether the client takes what is sent. */
  get writable(): boolean {
    return this.#transport.writable;
  }

  /** What media for a player must be framed with. */
  get messageStreamId(): number {
    return this.#server.messageStreamId;
  }

  get chunkSize(): number {
    return this.#server.chunkSize;
  }

  /** How long nothing has come from the client while we listened, in ms. */
  get silentFor(): number {
    return this.#paused ? 0 : performance.now() - this.#lastHeard;
  }

  /** Accepts a request; what follows goes to `stream`. False if the client is gone already. */
  accept(id: number, stream: StreamHandler): boolean {
    if (this.#over) return false;
    this.#stream = stream;
    let accepted = false;
    this.#run(() => {
      accepted = this.#server.accept(id, performance.now());
    });
    return accepted && !this.#over;
  }

  /** Refuses a request after a short while, and hangs up. */
  refuse(id: number, denial: Denial): void {
    setTimeout(() => this.#run(() => this.#server.reject(id, denial)), REFUSAL_DELAY_MS);
  }

  /** Sends framed media; the caller may reuse the bytes right away. */
  send(bytes: Uint8Array): void {
    if (!this.#over) this.#transport.send(bytes);
  }

  /** Calls `onStuck` when the client has taken nothing of what is sent to it for `stall` ms: for the latest stream only. */
  watchSending(stall: number, onStuck: () => void): void {
    this.#stopWatch?.();
    if (!this.#over) this.#stopWatch = watchSending(this.#transport, stall, onStuck);
  }

  pause(): void {
    this.#paused = true;
    this.#transport.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#lastHeard = performance.now();
    this.#server.postpone(this.#lastHeard);
    this.#transport.resume();
  }

  /** Tells a player that the stream is over, and closes when everything has left. */
  async finish(): Promise<void> {
    if (this.#over) return;
    this.#server.endOfStream();
    this.#flushOutput();
    this.#stream = undefined;
    this.#end("finished", undefined, true);
    await this.#transport.finish();
  }

  /** Tells a publisher why it is sent away, and closes. */
  dismiss(denial: Denial): void {
    this.#run(() => this.#server.dismiss(denial));
  }

  /** Closes at once; `trouble` is told to the log, if there was any. */
  close(trouble?: string): void {
    this.#end("closed", trouble);
  }

  #onDrain(): void {
    this.#control.drained();
    this.#stream?.onDrain();
  }

  #onData(segment: Uint8Array): void {
    this.#lastHeard = performance.now();
    this.#run(() => this.#server.receive(segment, this.#lastHeard));
  }

  /** Runs something that may change the session, then sends and delivers what it left. */
  #run(change: () => void): void {
    if (this.#over) return;
    try {
      change();
      this.#flushOutput();
      this.#deliver();
    } catch (error) {
      const peer = error instanceof ProtocolError || error instanceof TransportError;
      this.#end(describe(error), peer ? describe(error) : `Internal: ${describe(error)}`);
    }
  }

  #flushOutput(): void {
    this.#control.send(this.#server.takeOutput(), this.#transport);
    if (this.#server.closing && !this.#over) this.#closeSoon();
  }

  #deliver(): void {
    let media = false;
    for (;;) {
      const event = this.#server.nextEvent();
      if (event === undefined) break;
      if (event.type === "media") {
        media = true;
        this.#stream?.onMedia(event);
        event.slab?.release();
      } else {
        this.#onEvent(event);
      }
      if (this.#over) return;
    }
    if (media) this.#stream?.onSegmentEnd();
    this.#flushOutput();
    this.#arm();
  }

  #onEvent(event: Exclude<ServerEvent, MediaEvent>): void {
    const { owner } = this.#context;
    switch (event.type) {
      case "connect-request":
        this.#answerConnect(event);
        return;
      case "publish-request":
        owner.onPublish(this, event);
        return;
      case "play-request":
        owner.onPlay(this, event);
        return;
      case "unpublish":
      case "stop-play":
        this.#endStream(event.reason);
        return;
      case "ignored":
        return;
      default:
        event satisfies never;
    }
  }

  #answerConnect(request: ConnectRequest): void {
    const denial = this.#context.owner.onConnect(this, request);
    if (denial === undefined) this.#server.accept(request.id, performance.now());
    else this.refuse(request.id, denial);
  }

  #endStream(reason: string): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // The last media may have come in the same segment as the end.
    stream?.onSegmentEnd();
    stream?.onEnd(reason);
  }

  /** The last words get a moment to arrive: a reset would destroy them. */
  #closeSoon(): void {
    this.#stop();
    this.#context.onGone(undefined);
    this.#endStream("refused");
    setTimeout(() => void this.#transport.finish(), CLOSE_DELAY_MS);
  }

  #end(reason: string, trouble: string | undefined, keepOpen = false): void {
    if (this.#over) return;
    this.#stop();
    this.#context.onGone(trouble);
    this.#endStream(reason);
    if (!keepOpen) this.#transport.close();
  }

  #stop(): void {
    this.#over = true;
    this.#timer.stop();
    this.#stopWatch?.();
    this.#server.close();
  }

  #onDeadline(): void {
    // Silence that we asked for is not the client's.
    if (this.#paused) this.#server.postpone(performance.now());
    this.#run(() => this.#server.advance(performance.now()));
  }

  #arm(): void {
    if (!this.#over) this.#timer.arm(this.#server.deadline);
  }
}
