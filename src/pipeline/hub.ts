/**
 * Hub: one source in, any number of queues out. It remembers what a newcomer needs (metadata, sequence headers,
 * the current GOP), lets a session of the source begin with a keyframe, and drops headers that only repeat.
 * publish() runs nothing of a sink; flush() then wakes every queue that got something, once per segment.
 */

import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import type { MediaPacket } from "../media/packet.ts";
import { HeaderCache, isHeader } from "./headers.ts";
import { PacketQueue, type QueueLimits } from "./queue.ts";

/** A GOP longer than this is not kept for newcomers: they wait for the next keyframe instead. */
const GOP_CACHE_BYTES = 8 * 1024 * 1024;
/** Nor one of more packets: a peer may send them with a byte or two, and each takes memory of its own. */
const GOP_CACHE_PACKETS = 32_768;

/** Counters of what went through a hub. */
export type HubCounters = {
  packets: number;
  bytes: number;
  videoFrames: number;
  keyframes: number;
  /** dts of the newest keyframe and the distance to the one before it, in ms. */
  lastKey: number;
  gop: number;
  /** dts of the newest packet, in ms. */
  position: number;
  /** Video frames that came before the first keyframe of a session and had no use. */
  beforeKey: number;
};

/** One source in, any number of queues out; see the head of this file. */
export class Hub {
  readonly counters: HubCounters = {
    packets: 0,
    bytes: 0,
    videoFrames: 0,
    keyframes: 0,
    lastKey: -1,
    gop: 0,
    position: 0,
    beforeKey: 0,
  };
  readonly #queues: PacketQueue[] = [];
  readonly #dirty: PacketQueue[] = [];
  readonly #headers = new HeaderCache();
  #gop: MediaPacket[] = [];
  #gopBytes = 0;
  #awaitsKey = true;
  #ended = false;
  /** One for all that wait: a source may ask again and again for hours. */
  #relief: PromiseWithResolvers<void> | undefined;

  constructor() {
    skipLastTier(this.#admitVideo, this.#rememberGop, this.#clearGop, this.#count);
  }

  /** Hands a packet to every queue. Constant work per queue; sinks run at flush(). */
  publish(packet: MediaPacket): void {
    if (isHeader(packet)) {
      if (!this.#rememberHeader(packet)) return;
    } else {
      if (packet.kind === "video" && !this.#admitVideo(packet)) return;
      this.#rememberGop(packet);
      this.#count(packet);
    }
    for (const queue of this.#queues) queue.offer(packet);
  }

  /** A segment of the source is eaten: wakes the sinks. `now` is a monotonic clock in ms. */
  flush(now: number): void {
    // A sink may unsubscribe while it runs.
    this.#dirty.push(...this.#queues);
    for (const queue of this.#dirty) {
      if (queue.length > 0 || queue.overflowed) queue.wake();
      queue.settle(now);
    }
    this.#dirty.length = 0;
  }

  /** The source begins a new session: video waits for its first keyframe. */
  newSession(): void {
    this.#awaitsKey = true;
    this.#clearGop();
  }

  /** A queue for a sink that is ready: it begins with metadata, sequence headers and the current GOP. */
  subscribe(limits: QueueLimits): PacketQueue {
    const queue = new PacketQueue(limits);
    queue.onRelief = () => this.#relieve();
    const start = this.#gop[0]?.dts ?? this.counters.position;
    // Joined between the end of one GOP cache and the next keyframe: no picture can begin there.
    if (this.#gop.length === 0 && this.counters.keyframes > 0) queue.awaitKey();
    for (const header of this.#headers.at(start)) queue.offer(header);
    for (const packet of this.#gop) queue.offer(packet);
    this.#queues.push(queue);
    if (this.#ended) queue.end();
    return queue;
  }

  /** The sink of this queue is gone, and what waited in it. */
  unsubscribe(queue: PacketQueue): void {
    const i = this.#queues.indexOf(queue);
    if (i >= 0) this.#queues.splice(i, 1);
    queue.onReady = undefined;
    queue.clear();
    this.#relieve();
  }

  /** Whether the source should wait for a sink that must not lose anything. */
  get congested(): boolean {
    for (const queue of this.#queues) if (queue.congested) return true;
    return false;
  }

  /** Whether a queue is half full, or fuller. */
  get crowded(): boolean {
    for (const queue of this.#queues) if (queue.crowded) return true;
    return false;
  }

  /** How long a source with a backlog should wait for its sinks, in ms from `now` on. */
  patience(now: number): number {
    let longest = 0;
    for (const queue of this.#queues) longest = Math.max(longest, queue.patience(now));
    return longest;
  }

  /** Resolves when a queue that was congested or crowded has room again. */
  relief(): Promise<void> {
    if (!this.crowded) return Promise.resolve();
    this.#relief ??= Promise.withResolvers();
    return this.#relief.promise;
  }

  /** The source is over for good. */
  end(): void {
    this.#ended = true;
    for (const queue of [...this.#queues]) queue.end();
  }

  /** Nobody joins any more: what newcomers would have needed is given back. */
  close(): void {
    this.#clearGop();
  }

  #relieve(): void {
    this.#relief?.resolve();
    this.#relief = undefined;
  }

  /** False if this header is the one that everybody has already. */
  #rememberHeader(packet: MediaPacket): boolean {
    const news = this.#headers.remember(packet);
    // Newcomers get the latest headers: frames from before the change would not fit them.
    if (news === "changed" && packet.role === "header") this.#clearGop();
    return news !== "same";
  }

  #admitVideo(packet: MediaPacket): boolean {
    if (!this.#awaitsKey || packet.role === "key") {
      this.#awaitsKey = false;
      return true;
    }
    this.counters.beforeKey += 1;
    return packet.role === "end";
  }

  #rememberGop(packet: MediaPacket): void {
    if (packet.kind === "video" && packet.role === "key") this.#clearGop();
    else if (this.#gop.length === 0) return;
    packet.slab?.hold();
    this.#gop.push(packet);
    this.#gopBytes += packet.body.length;
    if (this.#gopBytes > GOP_CACHE_BYTES || this.#gop.length > GOP_CACHE_PACKETS) this.#clearGop();
  }

  #clearGop(): void {
    for (const packet of this.#gop) packet.slab?.release();
    if (this.#gop.length > 0) this.#gop = [];
    this.#gopBytes = 0;
  }

  #count(packet: MediaPacket): void {
    const counters = this.counters;
    counters.packets += 1;
    counters.bytes += packet.body.length;
    if (packet.dts > counters.position) counters.position = packet.dts;
    if (packet.kind !== "video") return;
    counters.videoFrames += 1;
    if (packet.role !== "key") return;
    counters.keyframes += 1;
    if (counters.lastKey >= 0) counters.gop = packet.dts - counters.lastKey;
    counters.lastKey = packet.dts;
  }
}

skipLastTierIn(Hub);
