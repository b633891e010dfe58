/**
 * PacketQueue: what one sink has not taken yet. Bounded by bytes and by media time; what happens at the bound is
 * the queue's policy, and never touches another queue.
 *
 *      take()  <-  [ preface ]  [ head ........ tail ]  <-  offer()
 *               headers of a     ring of packets,
 *               fresh start      oldest first
 *
 * `skip`: whole GOPs leave from the head, and what follows begins with metadata, sequence headers and a
 * keyframe again, so that a picture is never broken. `hold`: nothing is lost; the queue says that it is
 * congested and the source waits. `fail`: nothing is lost silently; the sink that owns the queue fails alone.
 */

import type { MediaPacket } from "../media/packet.ts";
import { headerKey } from "./headers.ts";

/** When a queue is full, and what it does then. */
export type QueueLimits = {
  readonly bytes: number;
  readonly ms: number;
  readonly policy: "skip" | "hold" | "fail";
};

/** What a queue lost, in all. */
export type QueueLoss = { packets: number; bytes: number; ms: number };

/** One sink's packets; see the head of this file. */
export class PacketQueue {
  /** Called when packets are ready after the hub's flush, and at the end. Bound once by the sink. */
  onReady: (() => void) | undefined;
  /** Called when a congested queue has room again. Bound by the hub. */
  onRelief: (() => void) | undefined;
  /** Called when packets were dropped. Bound by the owner of the sink. */
  onLoss: (() => void) | undefined;
  readonly lost: QueueLoss = { packets: 0, bytes: 0, ms: 0 };
  readonly #limits: QueueLimits;
  #ring: (MediaPacket | undefined)[] = new Array(64);
  #head = 0;
  #count = 0;
  #bytes = 0;
  #preface: MediaPacket[] = [];
  /** The headers that the sink has been given (or has skipped), by kind and track. */
  readonly #headers = new Map<string, MediaPacket>();
  #awaitsKey = false;
  #congested = false;
  #overflowed = false;
  #ended = false;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Bytes of all packets that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Media time from the oldest to the newest packet that waits. */
  get ms(): number {
    if (this.#count < 2) return 0;
    return Math.max(0, this.#at(this.#count - 1).dts - this.#at(0).dts);
  }

  /** Packets that wait. */
  get length(): number {
    return this.#count + this.#preface.length;
  }

  /** A `hold` queue that is full: the source should wait. */
  get congested(): boolean {
    return this.#congested;
  }

  /** A `fail` queue that was full once: its sink is to fail. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** No further packets will be offered. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Puts a packet at the tail. Constant time; nothing of the sink runs here. */
  offer(packet: MediaPacket): void {
    if (this.#ended || this.#overflowed) return;
    if (this.#awaitsKey && packet.role !== "header" && packet.role !== "metadata") {
      if (packet.kind === "video" && packet.role === "key") this.#awaitsKey = false;
      else return this.#lose(packet);
    }
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count) & (this.#ring.length - 1)] = packet;
    this.#count += 1;
    this.#bytes += packet.body.length;
    if (this.#bytes > this.#limits.bytes || this.ms > this.#limits.ms) this.#full();
  }

  /** Takes the oldest packet, if there is one. */
  take(): MediaPacket | undefined {
    if (this.#preface.length > 0) return this.#preface.shift();
    if (this.#count === 0) return undefined;
    const packet = this.#shift();
    if (this.#congested && this.#bytes <= this.#limits.bytes / 2) {
      this.#congested = false;
      this.onRelief?.();
    }
    return packet;
  }

  /** The sink starts a new session: it gets headers and metadata first, then goes on with a keyframe. */
  restart(): void {
    this.#skipToKey(0);
  }

  /** The source is over: after what waits there is nothing more. */
  end(): void {
    this.#ended = true;
    this.onReady?.();
  }

  #at(i: number): MediaPacket {
    return this.#ring[(this.#head + i) & (this.#ring.length - 1)] as MediaPacket;
  }

  #shift(): MediaPacket {
    const packet = this.#at(0);
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#count -= 1;
    this.#bytes -= packet.body.length;
    if (packet.role === "header" || packet.role === "metadata") this.#headers.set(headerKey(packet), packet);
    return packet;
  }

  #grow(): void {
    const ring = new Array<MediaPacket | undefined>(this.#ring.length * 2);
    for (let i = 0; i < this.#count; i++) ring[i] = this.#at(i);
    this.#ring = ring;
    this.#head = 0;
  }

  #full(): void {
    switch (this.#limits.policy) {
      case "hold":
        if (this.#bytes > this.#limits.bytes) this.#congested = true;
        return;
      case "fail":
        this.#overflowed = true;
        this.#clear();
        this.onReady?.();
        return;
      case "skip":
        // The packet at the head may be a keyframe itself: leave at least that one GOP behind.
        this.#skipToKey(1);
        return;
    }
  }

  /** Drops up to the first keyframe at or behind position `from`, or everything if there is none. */
  #skipToKey(from: number): void {
    let hasVideo = this.#awaitsKey;
    let drop = 0;
    let found = false;
    for (let i = 0; i < this.#count && !found; i++) {
      const packet = this.#at(i);
      if (packet.kind === "video") hasVideo = true;
      found = i >= from && packet.kind === "video" && packet.role === "key";
      if (!found) drop = i + 1;
    }
    // Without video any audio frame is as good a start as another: keep the newer half.
    if (!found && !hasVideo) drop = from === 0 ? 0 : this.#count >> 1;
    else if (!found) this.#awaitsKey = true;
    const firstDts = this.#count > 0 ? this.#at(0).dts : 0;
    for (let i = 0; i < drop; i++) this.#lose(this.#shift());
    const next = this.#count > 0 ? this.#at(0).dts : undefined;
    if (next !== undefined) this.lost.ms += Math.max(0, next - firstDts);
    this.#preface = [...this.#headers.values()]
      .sort((a, b) => Number(b.role === "metadata") - Number(a.role === "metadata"))
      .map((header) => ({ ...header, dts: Math.max(header.dts, next ?? firstDts) }));
  }

  #lose(packet: MediaPacket): void {
    if (packet.role === "header" || packet.role === "metadata") return;
    this.lost.packets += 1;
    this.lost.bytes += packet.body.length;
    this.onLoss?.();
  }

  #clear(): void {
    this.#ring = new Array(64);
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#preface = [];
  }
}
