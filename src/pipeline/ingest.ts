/**
 * Ingest: where every source hands in what it read. A body becomes a MediaPacket (its header is peeked at, never
 * changed), gets its place on the episode's timeline and goes to the hub. Kept over reconnects of the source, so the
 * timeline goes on; it starts over with a new episode. It also says when a source should wait: always for a sink that
 * must lose nothing, and for one that would skip in two cases, in which nobody is held up.
 *
 *   ahead      it brings media before its time, as a server does from its cache: until that is due
 *   backlog    its line was slow and has come back: it is read more slowly than it comes, but at twice the pace of
 *              the clock at least, and only while the sink keeps taking
 */

import { amf0In } from "../amf/amf0.ts";
import { skipLastTierIn } from "../last-tier.ts";
import { DATA_AMF3_TYPE_ID, kindOfTypeId, type MediaPacket } from "../media/packet.ts";
import { readTagHeader } from "../media/tag.ts";
import { Timeline } from "../media/timeline.ts";
import type { Hub } from "./hub.ts";
import type { SilenceStage } from "./silence.ts";
import { sleepUntil } from "./sleep.ts";

/** Sees every packet with the time that its source gave it. */
export type Tap = (packet: MediaPacket, timestamp: number) => void;

/**
 * A message of type 8, 9, 15 or 18, or a tag, with its 32-bit time in ms. If its payload lies in a slab, it holds for
 * the call.
 */
export type Incoming = {
  readonly typeId: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly slab: MediaPacket["slab"];
};

/** What stands between source and hub. */
export type IngestExtras = {
  readonly tap?: Tap | undefined;
  /** Adds silence where there is no sound. */
  readonly silence?: SilenceStage | undefined;
  /** A monotonic clock in ms. */
  readonly now?: () => number;
};

/** A source this far ahead of the clock is no live source and may be asked to wait, in ms. */
const AHEAD_MS = 500;
/** A camera's clock may be this much faster than ours; what it gains in days does not make it a source that is ahead. */
const FASTEST_CLOCK = 1.0005;
/** Media that comes in bursts below this is the unrest of a network, not a backlog; in ms. */
const BACKLOG_MS = 1000;
/** A backlog is read at this many times the pace of the clock, or faster: it is never in vain that it is awaited. */
const CATCH_UP = 2;

/** What a source brings in; see the head of this file. */
export class Ingest {
  readonly #onFirst: () => void;
  readonly #tap: Tap | undefined;
  readonly #silence: SilenceStage | undefined;
  readonly #now: () => number;
  #hub: Hub;
  #timeline = new Timeline();
  #fresh = true;
  /** The clock at the session's first media, and the position then. */
  #startedAt = 0;
  #startedFrom = 0;
  /** Media that came faster than CATCH_UP times the clock, in ms, when it was last looked at, and the position then. */
  #backlog = 0;
  #lookedAt = 0;
  #lookedTo = 0;
  #awaiting: Promise<unknown> | undefined;
  /** What ends a nap of the source, and the event that does. */
  #wake: (() => void) | undefined;
  #watched: Promise<unknown> | undefined;

  /** `onFirst` is called at the first media of each session of the source. */
  constructor(hub: Hub, onFirst: () => void, extras: IngestExtras = {}) {
    this.#hub = hub;
    this.#onFirst = onFirst;
    this.#tap = extras.tap;
    this.#silence = extras.silence;
    this.#now = extras.now ?? (() => performance.now());
  }

  /** Jumps that the timeline bridged. */
  get discontinuities(): number {
    return this.#timeline.discontinuities;
  }

  /** The source starts (again): times of the new session go on from where the old one was, plus `gap` ms. */
  newSession(gap: number): void {
    this.#fresh = true;
    this.#timeline.reconnect(gap);
    this.#silence?.newSession();
    this.#hub.newSession();
  }

  /** Everything starts over: another hub, and a timeline that begins at 0. */
  startOver(hub: Hub): void {
    this.#hub = hub;
    this.#timeline = new Timeline();
    this.#silence?.startOver();
    this.#fresh = true;
    this.#backlog = 0;
    this.#lookedTo = 0;
  }

  /** Takes what a source made itself: a body of type 8, 9, 15 or 18 with its 32-bit time in ms. */
  push(typeId: number, timestamp: number, body: Uint8Array): void {
    this.receive({ typeId, timestamp, payload: body, slab: undefined });
  }

  /** Takes what came. */
  receive(incoming: Incoming): void {
    const packet = this.packet(incoming);
    if (packet !== undefined) this.publish(packet);
  }

  /** The packet of what came, with its place on the timeline; undefined if it means nothing. */
  packet({ typeId, timestamp, payload, slab }: Incoming): MediaPacket | undefined {
    const kind = kindOfTypeId(typeId);
    if (kind === undefined) return undefined;
    // Flash Media Server sends such data, and files hold it.
    const body = typeId === DATA_AMF3_TYPE_ID ? amf0In(payload) : payload;
    const header = readTagHeader(kind, body);
    if (header.empty) return undefined;
    const passes = header.role === "key" || header.role === "frame";
    const packet: MediaPacket = {
      kind,
      role: header.role,
      codec: header.codec,
      track: header.track,
      dts: this.#timeline.map(kind, header.role, timestamp),
      // What is kept for hours does not stay in a slab.
      body: passes || slab === undefined ? body : new Uint8Array(body),
      slab: passes ? slab : undefined,
    };
    this.#tap?.(packet, timestamp);
    return packet;
  }

  /** Hands a packet to the hub. */
  publish(packet: MediaPacket): void {
    if (this.#fresh && (packet.role === "key" || packet.role === "frame") && packet.kind !== "data") {
      this.#fresh = false;
      this.#startedAt = this.#now();
      this.#startedFrom = packet.dts;
      this.#onFirst();
    }
    if (this.#silence === undefined) this.#hub.publish(packet);
    else this.#silence.pass(packet, this.#hub);
  }

  /** Everything that was read at once has been pushed: the sinks may run. */
  flush(): void {
    const now = this.#now();
    this.#hub.flush(now);
    this.#backlogMs(now);
  }

  /** Sinks are being connected: a source that can wait should, until `ready` settles. */
  waitFor(ready: Promise<unknown>): void {
    const done = (): void => {
      if (this.#awaiting === settled) this.#awaiting = undefined;
    };
    const settled: Promise<unknown> = ready.then(done, done);
    this.#awaiting = settled;
  }

  /** Whether the source should stop reading now; see the head of this file. */
  get mustWait(): boolean {
    return this.#longestWait() > 0;
  }

  /** Resolves when the source may go on reading, or `signal` aborts. */
  async room(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wait = this.#longestWait();
      if (wait <= 0) return;
      // Relief is asked for only where there is something to relieve: a promise that is settled already would
      // turn this into a loop that starves everything else.
      this.#watch(this.#hub.crowded ? this.#hub.relief() : this.#awaiting);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await sleepUntil(promise, Math.min(MAX_NAP_MS, Math.max(1, wait)), signal);
    }
  }

  /** Has `event` end a nap. Each is asked once, however many naps it takes: it may not come for hours. */
  #watch(event: Promise<unknown> | undefined): void {
    if (event === undefined || event === this.#watched) return;
    this.#watched = event;
    const wake = (): void => this.#wake?.();
    event.then(wake, wake);
  }

  /** How long the source should wait if nothing changes, in ms. */
  #longestWait(): number {
    const hub = this.#hub;
    if (hub.congested) return MAX_NAP_MS;
    const { crowded } = hub;
    if (!crowded && this.#awaiting === undefined) return 0;
    const now = this.#now();
    const ahead = this.#aheadMs(now) - AHEAD_MS;
    if (ahead > 0 || !crowded) return ahead;
    return Math.min(hub.patience(now), (this.#backlogMs(now) - BACKLOG_MS) / CATCH_UP);
  }

  /** How far the session's media is ahead of the clock, in ms. */
  #aheadMs(now: number): number {
    if (this.#fresh) return 0;
    const elapsed = (now - this.#startedAt) * FASTEST_CLOCK;
    return this.#hub.counters.position - this.#startedFrom - elapsed;
  }

  /** What a source that is late has brought at once and could have brought later, in ms of media. */
  #backlogMs(now: number): number {
    const { position } = this.#hub.counters;
    const came = Math.max(0, position - this.#lookedTo);
    this.#backlog = Math.max(0, this.#backlog + came - CATCH_UP * (now - this.#lookedAt));
    this.#lookedAt = now;
    this.#lookedTo = position;
    return this.#backlog;
  }
}

/** No longer than this between two looks at the signal and the clock, in ms. */
const MAX_NAP_MS = 1000;

skipLastTierIn(Ingest);
