/**
 * ListenPort: the door of a job that listens. It knows who may come in (application and key, compared in constant
 * time), lets one publisher at a time through to the source, and players to the sink that serves them.
 */

import type { RtmpListenOptions, ServerLink } from "../../net/rtmp-listen.ts";
import { RtmpListener } from "../../net/rtmp-listen.ts";
import type { Denial, PlayRequest, PublishRequest } from "../../rtmp/server-events.ts";
import { servedNames } from "../../rtmp/server-requests.ts";

/** Who may come in. */
export type ListenRules = {
  readonly app: string;
  /** The stream key of publishers; undefined lets everybody publish. */
  readonly key: string | undefined;
  /** The stream name of players; undefined serves none. */
  readonly playName: string | undefined;
  /** Whether publishers are wanted at all. */
  readonly publishers: boolean;
};

/** A publisher at the door. */
export type Visitor = { readonly link: ServerLink; readonly request: PublishRequest };

/** A publisher that is silent for this long may be replaced by one with the same key, in ms. */
const STALE_MS = 3000;

const WRONG: Denial = { code: "NetStream.Publish.BadName", description: "Wrong application or stream key" };
const WRONG_APP: Denial = {
  code: "NetConnection.Connect.InvalidApp",
  description: "There is no such application",
};
const BUSY: Denial = {
  code: "NetStream.Publish.BadName",
  description: "Somebody publishes this stream already",
};
const REPLACED: Denial = { code: "NetStream.Publish.BadName", description: "Replaced by a new connection" };
const NO_STREAM: Denial = { code: "NetStream.Play.StreamNotFound", description: "There is no such stream" };

/** The door of a job; see the head of this file. */
export class ListenPort {
  /** Takes players that asked for the right name; set by whoever serves them. */
  onPlayer: ((link: ServerLink, request: PlayRequest) => void) | undefined;
  readonly #rules: ListenRules;
  readonly #listener: RtmpListener;
  #current: ServerLink | undefined;
  #waiting: Visitor | undefined;
  #onVisitor: ((visitor: Visitor) => void) | undefined;

  constructor(options: RtmpListenOptions, rules: ListenRules, say: (line: string) => void) {
    this.#rules = rules;
    this.#listener = new RtmpListener(options, {
      onConnect: (link, request) => this.#onConnect(link, request.app),
      onPublish: (link, request) => this.#onPublish(link, request),
      onPlay: (link, request) => this.#onPlay(link, request),
      onNotice: say,
    });
  }

  /** Begins to listen, once; returns the port. Throws TransportError "local". */
  open(): number {
    return this.#listener.open();
  }

  /** Closes the door and every connection. */
  close(): void {
    this.#listener.close();
  }

  /** Waits for the next publisher; undefined when `signal` aborts first. */
  nextPublisher(signal: AbortSignal): Promise<Visitor | undefined> {
    this.open();
    return new Promise((resolve) => {
      const settle = (visitor: Visitor | undefined): void => {
        signal.removeEventListener("abort", stop);
        this.#onVisitor = undefined;
        this.#waiting = undefined;
        resolve(visitor);
      };
      const stop = (): void => settle(undefined);
      if (signal.aborted) return resolve(undefined);
      if (this.#waiting !== undefined) return settle(this.#waiting);
      signal.addEventListener("abort", stop, { once: true });
      this.#onVisitor = settle;
    });
  }

  /** The publisher that was let through is gone. */
  release(link: ServerLink): void {
    if (this.#current === link) this.#current = undefined;
  }

  /** OBS and gortmplib put everything into the application: it may begin with ours. */
  #onConnect(link: ServerLink, app: string): Denial | undefined {
    if (app === this.#rules.app || app.startsWith(`${this.#rules.app}/`)) return undefined;
    this.#listener.notice(link.address, "wrong application, refused");
    return WRONG_APP;
  }

  #onPublish(link: ServerLink, request: PublishRequest): void {
    const { app, key, publishers } = this.#rules;
    const known = request.app === app && (key === undefined || sameSecret(request.streamName, key));
    if (!known || !publishers) {
      this.#listener.notice(link.address, "wrong application or stream key, refused");
      link.refuse(request.id, WRONG);
      return;
    }
    const stale = this.#current !== undefined && this.#current.silentFor >= STALE_MS;
    if (this.#current !== undefined && !stale) {
      this.#listener.notice(link.address, "a second publisher, refused");
      link.refuse(request.id, BUSY);
      return;
    }
    const before = this.#current;
    this.#current = link;
    if (before !== undefined) {
      this.#listener.notice(link.address, "takes over from a connection that fell silent");
      before.dismiss(REPLACED);
    }
    const visitor = { link, request };
    if (this.#onVisitor !== undefined) this.#onVisitor(visitor);
    else this.#waiting = visitor;
  }

  #onPlay(link: ServerLink, request: PlayRequest): void {
    const { app, playName } = this.#rules;
    const isServed = playName !== undefined && servedNames(request.streamName).includes(playName);
    if (isServed && request.app === app && this.onPlayer !== undefined) {
      this.onPlayer(link, request);
      return;
    }
    this.#listener.notice(link.address, "a player asked for a stream that is not served, refused");
    link.refuse(request.id, NO_STREAM);
  }
}

/** Whether two texts are equal, in a time that does not tell where they differ: their hashes are compared whole. */
function sameSecret(a: string, b: string): boolean {
  const hash = (text: string): Uint8Array => new Bun.CryptoHasher("sha256").update(text).digest();
  const [x, y] = [hash(a), hash(b)];
  let difference = 0;
  for (let i = 0; i < x.length; i++) difference |= x[i]! ^ y[i]!;
  return difference === 0;
}
