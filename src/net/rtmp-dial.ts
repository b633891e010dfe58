/**
 * Dials an RTMP server and drives an RtmpClient over the connection: redirects and authentication take a new
 * connection each, a server that hangs up on the simple handshake is tried with the digest one. What comes out
 * is an RtmpLink whose stream is live, or, for a mere look, whose connect was accepted.
 */

import { ProtocolError, RemoteError, TransportError, withContext } from "../errors.ts";
import { nextAuthQuery } from "../rtmp/auth.ts";
import { RtmpClient } from "../rtmp/client.ts";
import type { FourCcs } from "../rtmp/connect.ts";
import type { MediaEvent, RtmpEvent } from "../rtmp/events.ts";
import { parseRtmpServer, parseRtmpUrl, redactUrl, type RtmpUrl } from "../rtmp/url.ts";
import { ControlOutput } from "./control-output.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { watchSending } from "./send-watch.ts";
import { connectTcp, type TlsOptions } from "./tcp.ts";
import type { ByteTransport, TransportHandler } from "./transport.ts";

/** Whom to dial, what for, and how long each step may take (ms). */
export type DialTarget = {
  readonly url: RtmpUrl;
  readonly intent: "publish" | "play";
  readonly tls: TlsOptions;
  readonly bind: string | undefined;
  readonly connectTimeout: number;
  readonly stepTimeout: number;
  readonly startTimeout: number;
  readonly stall: number;
  readonly fourCcs: FourCcs;
  /** The link is done with an accepted connect: only a look whether the server is there. */
  readonly connectOnly?: boolean;
};

/** What a link tells its owner. After onClose nothing more comes. */
export type LinkHandler = {
  /** The payload is lent for the call if it lies in a slab: who keeps it holds that. */
  onMedia(event: MediaEvent): void;
  /** Everything that one segment held has been delivered. */
  onSegmentEnd(): void;
  /** The stream that is played ended; undefined reason never occurs. */
  onEnded(reason: string): void;
  /** A publisher (re)appeared: new headers and times follow. */
  onReturned(): void;
  /** The link can take bytes again. */
  onDrain(): void;
  /** The link is lost. Not called after the owner's own finish or close. */
  onClose(error: Error): void;
  /** A line for the curious (-vv): what the server said, without secrets. */
  onTrace(line: string): void;
};

const MAX_HOPS = 5;
/** Simple handshake randomness and a signed packet's. */
const RANDOM_BYTES = 3032;

/** Where the dialling stands: what redirects and challenges changed so far. */
type Hop = { url: RtmpUrl; authQuery: string; handshake: "simple" | "digest" };

/** Why a connection attempt ended without a live stream, if not with an error. */
type Detour = { readonly type: "detour"; readonly hop: Hop };

/**
 * Connects until the stream is live. Throws TransportError, RemoteError or ProtocolError whose message names
 * the server and stream, never the key.
 */
export async function dialRtmp(
  target: DialTarget,
  handler: LinkHandler,
  signal: AbortSignal,
): Promise<RtmpLink> {
  let hop: Hop = { url: target.url, authQuery: "", handshake: "simple" };
  for (let hops = 0; hops <= MAX_HOPS; hops++) {
    const link = new RtmpLink({ ...target, url: hop.url }, hop, handler);
    const outcome = await link.start(signal);
    if (outcome === undefined) return link;
    hop = outcome.hop;
  }
  throw new RemoteError(`${context(target)}: more than ${MAX_HOPS} redirects`, {
    code: "302",
    refusal: "failed",
  });
}

/** What messages about this target begin with: `Cannot play "rtmp://host/app/name"`. */
function context(target: { url: RtmpUrl; intent: "publish" | "play" }): string {
  const verb = target.intent === "publish" ? "Cannot publish to" : "Cannot play";
  return `${verb} "${redactUrl(target.url, { showName: target.intent === "play" })}"`;
}

/** A connection to an RTMP server with one stream on it. */
export class RtmpLink {
  readonly #target: DialTarget;
  readonly #hop: Hop;
  readonly #handler: LinkHandler;
  readonly #client: RtmpClient;
  #transport: ByteTransport | undefined;
  readonly #control = new ControlOutput();
  readonly #timer = new DeadlineTimer(() => this.#onDeadline());
  #stopWatch: (() => void) | undefined;
  #settle: { resolve(detour: Detour | undefined): void; reject(error: unknown): void } | undefined;
  #paused = false;
  #over = false;

  constructor(target: DialTarget, hop: Hop, handler: LinkHandler) {
    this.#target = target;
    this.#hop = hop;
    this.#handler = handler;
    this.#client = new RtmpClient({
      url: hop.url,
      intent: target.intent,
      handshake: hop.handshake,
      random: crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)),
      stepTimeout: target.stepTimeout,
      startTimeout: target.startTimeout,
      stall: target.stall,
      authQuery: hop.authQuery,
      fourCcs: target.fourCcs,
      connectOnly: target.connectOnly,
    });
  }

  /** False while the server does not take what was sent. */
  get writable(): boolean {
    return this.#transport?.writable ?? false;
  }

  /** Bytes that the server has not taken yet. */
  get bufferedBytes(): number {
    return this.#transport?.bufferedBytes ?? 0;
  }

  /** What media of a publisher must be framed with. */
  get messageStreamId(): number {
    return this.#client.messageStreamId;
  }

  get chunkSize(): number {
    return this.#client.chunkSize;
  }

  /** Sends framed media; the caller may reuse the bytes right away. */
  send(bytes: Uint8Array): void {
    this.#transport?.send(bytes);
  }

  /** Stops and restarts reading. */
  pause(): void {
    this.#paused = true;
    this.#transport?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#client.postpone(performance.now());
    this.#transport?.resume();
  }

  /** Ends the stream in good order: what was sent leaves, the server is told, the connection closes. */
  async finish(): Promise<void> {
    if (this.#over) return;
    this.#client.finish();
    this.#flushOutput();
    this.#stop();
    await this.#transport?.finish();
  }

  /** Closes at once. */
  close(): void {
    this.#stop();
    this.#transport?.close();
  }

  /** Connects and waits until the stream is live; resolves with a detour if the server sends us elsewhere. */
  async start(signal: AbortSignal): Promise<Detour | undefined> {
    const abort = (): void => this.#fail(new TransportError("stopped", "closed"));
    try {
      await this.#connect(signal);
      return await new Promise<Detour | undefined>((resolve, reject) => {
        this.#settle = { resolve, reject };
        signal.addEventListener("abort", abort, { once: true });
        this.#run(() => this.#client.begin(performance.now()));
      });
    } catch (error) {
      this.close();
      throw withContext(error, context(this.#target));
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { url, tls, bind, connectTimeout } = this.#target;
    const handler: TransportHandler = {
      onData: (segment) => this.#onData(segment),
      onDrain: () => this.#onDrain(),
      onClose: (error) => this.#onClose(error),
    };
    const where = {
      host: url.host,
      port: url.port,
      tls: url.tls ? tls : undefined,
      bind,
      timeout: connectTimeout,
    };
    this.#transport = await connectTcp(where, handler, signal);
    if (this.#target.intent === "publish")
      this.#stopWatch = watchSending(this.#transport, this.#target.stall, () => this.#onStuck());
  }

  #onDrain(): void {
    this.#control.drained();
    this.#handler.onDrain();
  }

  #onData(segment: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#client.receive(segment, performance.now());
      this.#flushOutput();
      this.#deliver();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Runs something that may change the session, then sends and delivers what it left. */
  #run(change: () => void): void {
    if (this.#over) return;
    try {
      change();
      this.#flushOutput();
      this.#deliver();
    } catch (error) {
      this.#fail(error);
    }
  }

  #flushOutput(): void {
    if (this.#transport !== undefined) this.#control.send(this.#client.takeOutput(), this.#transport);
  }

  #deliver(): void {
    let media = false;
    for (;;) {
      const event = this.#client.nextEvent();
      if (event === undefined) break;
      if (event.type === "media") {
        media = true;
        this.#handler.onMedia(event);
        event.slab?.release();
      } else {
        this.#onEvent(event);
      }
      if (this.#over) return;
    }
    if (media) this.#handler.onSegmentEnd();
    this.#timer.arm(this.#client.deadline);
  }

  #onEvent(event: Exclude<RtmpEvent, MediaEvent>): void {
    switch (event.type) {
      case "live":
        this.#settle?.resolve(undefined);
        this.#settle = undefined;
        return;
      case "ended":
        if (event.final) this.#handler.onEnded(event.reason);
        else this.#handler.onTrace(`the server says ${event.reason}`);
        return;
      case "returned":
        this.#handler.onReturned();
        return;
      case "status":
        this.#handler.onTrace(`status ${event.code}`);
        return;
      case "ignored":
        this.#handler.onTrace(`ignored a message of type ${event.typeId}, ${event.length} bytes`);
        return;
      case "redirect":
        this.#redirect(event.url, event.hasStream);
        return;
      case "auth":
        this.#detour({ ...this.#hop, authQuery: this.#answerChallenge(event.description) });
        return;
      case "refused":
        this.#fail(event.error);
        return;
      default:
        event satisfies never;
    }
  }

  #redirect(to: string, hasStream: boolean): void {
    const url = redirected(this.#hop.url, to, hasStream);
    // Answers to one server's challenge are none of another's business.
    const authQuery = url.host === this.#hop.url.host ? this.#hop.authQuery : "";
    this.#detour({ ...this.#hop, url, authQuery });
  }

  #answerChallenge(description: string): string {
    const { url, authQuery } = this.#hop;
    const random = crypto.getRandomValues(new Uint8Array(4));
    return nextAuthQuery({ description, url, previous: authQuery, random });
  }

  #detour(hop: Hop): void {
    const settle = this.#settle;
    this.#settle = undefined;
    this.close();
    settle?.resolve({ type: "detour", hop });
  }

  #onClose(error?: Error): void {
    if (this.#over) return;
    // Flash Media Server and Wowza may hang up on a plain handshake when they verify players.
    if (this.#settle !== undefined && this.#client.unheard && this.#hop.handshake === "simple") {
      this.#detour({ ...this.#hop, handshake: "digest" });
      return;
    }
    this.#fail(this.#lossOf(error));
  }

  /** Who hangs up with bytes unread sends a reset: that may be a no. Everything else is the line. */
  #lossOf(error: Error | undefined): Error {
    const hungUp = error === undefined || (error instanceof TransportError && error.fault === "reset");
    const closed = this.#client.closedByPeer(performance.now());
    return error !== undefined && (!hungUp || closed instanceof TransportError) ? error : closed;
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.close();
    if (this.#settle !== undefined) this.#settle.reject(error);
    else this.#handler.onClose(withContext(error, this.#lossContext()) as Error);
    this.#settle = undefined;
  }

  /** A stream of which nothing ever came was not lost. */
  #lossContext(): string {
    const nothingCame = this.#target.intent === "play" && !this.#client.sawMedia;
    return nothingCame ? context(this.#target) : `Lost "${this.#name()}"`;
  }

  #name(): string {
    return redactUrl(this.#target.url, { showName: this.#target.intent === "play" });
  }

  #onDeadline(): void {
    // Silence that we asked for is not the server's.
    if (this.#paused) this.#client.postpone(performance.now());
    this.#run(() => this.#client.advance(performance.now()));
  }

  /** A server that takes nothing is lost, even if its socket stays open. */
  #onStuck(): void {
    this.#fail(new TransportError(`the server takes no data for ${this.#target.stall / 1000}s`, "stalled"));
  }

  #stop(): void {
    this.#over = true;
    this.#timer.stop();
    this.#stopWatch?.();
    this.#client.close();
  }
}

/** Where a redirect leads. Credentials stay with the host that they were given for. */
function redirected(from: RtmpUrl, to: string, hasStream: boolean): RtmpUrl {
  let url: RtmpUrl;
  try {
    url = hasStream ? parseRtmpUrl(to) : { ...parseRtmpServer(to), streamName: from.streamName };
  } catch (cause) {
    throw new ProtocolError(
      "the server redirects to an address that is none",
      { layer: "command" },
      { cause },
    );
  }
  if (url.host !== from.host || from.user === undefined || from.password === undefined) return url;
  return { ...url, user: from.user, password: from.password };
}
