/**
 * PacketQueue: what one sink has not taken yet. Bounded by bytes and by seconds; what happens at the bound is the
 * queue's policy, and never touches another queue.
 *
 *      take()  <-  [ preface ]  [ head ........ tail ]  <-  offer()
 *               headers of a     ring of packets,
 *               fresh start      oldest first
 *
 * `skip`: whole GOPs leave from the head, and what follows begins with metadata, sequence headers and a
 * keyframe again, so that a picture is never broken. `hold`: nothing is lost; the queue says that it is
 * congested and the source waits. `fail`: nothing is lost silently; the sink that owns the queue fails alone.
 *
 * The seconds are those that the sink itself is late by: so much media waits, and for so long. Media time alone is no
 * measure, since a source whose line comes back brings what it is late with at once; nor is the wait alone, since
 * the source may be silent meanwhile.
 */

import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import type { MediaPacket } from "../media/packet.ts";
import { HeaderCache, isHeader } from "./headers.ts";

/** When a queue is full, and what it does then. */
export type QueueLimits = {
  readonly bytes: number;
  readonly ms: number;
  readonly policy: "skip" | "hold" | "fail";
  /** Nobody waits for this sink, not even a source that brings a backlog. */
  readonly unawaited?: true;
};

/** Without a video frame for this long, in ms of media, sound need not wait for a keyframe. */
export const VIDEO_GONE_MS = 10_000;

/** A peer may send packets of a byte or two, that take far more memory than they have bytes: so many may wait. */
const MAX_PACKETS = 131_072;

/** A sink that takes nothing for this long is not waited for, in ms: a line that works is filled in steps below it. */
const PATIENCE_MS = 2000;

/** What a queue lost, in all. */
export type QueueLoss = { packets: number; bytes: number; ms: number };

/** One sink's packets; see the head of this file. */
export class PacketQueue {
  /** Called when packets are ready after the hub's flush, and at the end. Bound once by the sink. */
  onReady: (() => void) | undefined;
  /** Called when a congested or crowded queue has room again. Bound by the hub. */
  onRelief: (() => void) | undefined;
  /** Called when packets were dropped. Bound by the owner of the sink. */
  onLoss: (() => void) | undefined;
  /** Called with what onReady threw: this sink fails, no other does. Bound by the owner of the sink. */
  onFailure: ((error: unknown) => void) | undefined;
  readonly lost: QueueLoss = { packets: 0, bytes: 0, ms: 0 };
  readonly #limits: QueueLimits;
  #ring: (MediaPacket | undefined)[] = new Array(64);
  /** When the packets of the ring came; known of the oldest `#settled` ones. */
  #arrivals: number[] = new Array<number>(64).fill(0);
  #settled = 0;
  #head = 0;
  #count = 0;
  #bytes = 0;
  #preface: MediaPacket[] = [];
  /** The headers that the sink has been given (or has skipped). */
  readonly #headers = new HeaderCache();
  #awaitsKey = false;
  /** The sink has not begun: what passes before its first keyframe is no loss. */
  #fresh = false;
  #seenVideo = false;
  /** The dts of the latest video, or of the first packet where there was none. */
  #videoAt: number | undefined;
  /** The newest dts that was offered. */
  #position = 0;
  /** The dts up to which a loss that is not over has been counted. */
  #lossAt: number | undefined;
  #congested = false;
  #crowded = false;
  #overflowed = false;
  #ended = false;
  /** Something was taken since the last look, and when a look last found that. */
  #moved = false;
  #movedAt = 0;
  /** It skipped, and has not caught up since. */
  #slow = false;

  constructor(limits: QueueLimits) {
    skipLastTier(this.#slot, this.#at, this.#isLate, this.#shift, this.#grow, this.#relieve);
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

  /** A queue that is half full: a source that can wait without being late should. */
  get crowded(): boolean {
    return this.#crowded;
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
    if (packet.kind === "video") this.#seenVideo = true;
    if (packet.kind === "video" || this.#videoAt === undefined) this.#videoAt = packet.dts;
    if (packet.dts > this.#position) this.#position = packet.dts;
    if (this.#awaitsKey && !isHeader(packet)) {
      // Sound alone goes on; a picture that comes back has to begin with a keyframe all the same.
      if (!isKey(packet) && !this.#isSoundAlone(packet)) return this.#pass(packet);
      this.#awaitsKey = !isKey(packet);
      this.#fresh = false;
      this.#endLoss(packet.dts);
    }
    if (this.#count === this.#ring.length) this.#grow();
    packet.slab?.hold();
    this.#ring[this.#slot(this.#count)] = packet;
    this.#count += 1;
    this.#bytes += packet.body.length;
    const { bytes, ms } = this.#limits;
    if (this.#bytes * 2 > bytes || this.ms * 2 > ms || this.#count * 2 > MAX_PACKETS) {
      this.#crowded = true;
      if (this.#bytes > bytes || this.#count > MAX_PACKETS) this.#full();
    }
  }

  /** What came until now has been offered, and the sink has taken what it could; `now` is a monotonic clock in ms. */
  settle(now: number): void {
    if (this.#settled === 0 || this.#moved) this.#movedAt = now;
    this.#moved = false;
    for (; this.#settled < this.#count; this.#settled++) this.#arrivals[this.#slot(this.#settled)] = now;
    if (this.#count === 0 && !this.#awaitsKey) this.#slow = false;
    while (this.#limits.policy !== "hold" && this.#isLate(now)) this.#full();
  }

  /** How long a source with a backlog should wait for this sink, in ms from `now` on; 0 if not at all. */
  patience(now: number): number {
    if (!this.#crowded || this.#slow || this.#limits.unawaited === true) return 0;
    if (this.#moved) this.#movedAt = now;
    this.#moved = false;
    return Math.max(0, this.#movedAt + PATIENCE_MS - now);
  }

  /** Takes the oldest packet, if there is one, and with it the hold of its slab. */
  take(): MediaPacket | undefined {
    if (this.#preface.length > 0) return this.#preface.shift();
    if (this.#count === 0) return undefined;
    const packet = this.#shift();
    this.#moved = true;
    this.#relieve();
    return packet;
  }

  /** No picture can begin with what the hub has now: the sink begins with the next keyframe. */
  awaitKey(): void {
    this.#awaitsKey = true;
    this.#fresh = true;
  }

  /** The sink starts a new session: it gets headers and metadata first, then goes on with a keyframe. */
  restart(): void {
    const key = this.#findKey(0);
    if (key < 0 && this.#seenVideo) this.#awaitsKey = true;
    this.#drop(key >= 0 ? key : this.#seenVideo ? this.#count : 0);
  }

  /** Forgets what waits: nobody will take it. */
  clear(): void {
    for (let i = 0; i < this.#count; i++) this.#at(i).slab?.release();
    this.#ring = new Array(64);
    this.#arrivals = new Array<number>(64).fill(0);
    this.#settled = 0;
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#preface = [];
  }

  /** The source is over: after what waits there is nothing more. */
  end(): void {
    this.#ended = true;
    this.wake();
  }

  /** Lets the sink run. What it throws is its own affair. */
  wake(): void {
    try {
      this.onReady?.();
    } catch (error) {
      this.onReady = undefined;
      this.onFailure?.(error);
    }
  }

  #slot(i: number): number {
    return (this.#head + i) & (this.#ring.length - 1);
  }

  #at(i: number): MediaPacket {
    return this.#ring[this.#slot(i)] as MediaPacket;
  }

  #isLate(now: number): boolean {
    const { ms } = this.#limits;
    return this.ms > ms && now - this.#arrivals[this.#head]! > ms;
  }

  #shift(): MediaPacket {
    const packet = this.#at(0);
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#count -= 1;
    if (this.#settled > 0) this.#settled -= 1;
    this.#bytes -= packet.body.length;
    if (isHeader(packet)) this.#headers.remember(packet);
    return packet;
  }

  #grow(): void {
    const ring = new Array<MediaPacket | undefined>(this.#ring.length * 2);
    const arrivals = new Array<number>(ring.length).fill(0);
    for (let i = 0; i < this.#count; i++) {
      ring[i] = this.#at(i);
      arrivals[i] = this.#arrivals[this.#slot(i)]!;
    }
    this.#ring = ring;
    this.#arrivals = arrivals;
    this.#head = 0;
  }

  #full(): void {
    switch (this.#limits.policy) {
      case "hold":
        if (this.#bytes > this.#limits.bytes || this.#count > MAX_PACKETS) this.#congested = true;
        return;
      case "fail":
        this.#overflowed = true;
        this.clear();
        this.wake();
        return;
      case "skip":
        this.#skip();
        this.#slow = true;
        return;
      default:
        this.#limits.policy satisfies never;
    }
  }

  /** Drops up to the next keyframe; everything if there is none. */
  #skip(): void {
    // The first packet may be a keyframe itself: leave at least that one GOP behind.
    const key = this.#findKey(this.#leadingHeaders() + 1);
    if (key >= 0) return this.#drop(key);
    // Without video any audio frame is as good a start as another: keep the newer half.
    if (!this.#awaitsKey && !this.#holdsVideo()) return this.#drop(this.#count >> 1);
    this.#awaitsKey = true;
    this.#drop(this.#count);
  }

  /** Where the first keyframe at or behind `from` waits; -1 if there is none. */
  #findKey(from: number): number {
    for (let i = from; i < this.#count; i++) if (isKey(this.#at(i))) return i;
    return -1;
  }

  /** Whether this is sound, and the picture is gone: any frame of it is as good a start as another. */
  #isSoundAlone({ kind, dts }: MediaPacket): boolean {
    return kind === "audio" && dts - this.#videoAt! > VIDEO_GONE_MS;
  }

  #leadingHeaders(): number {
    let n = 0;
    while (n < this.#count && isHeader(this.#at(n))) n += 1;
    return n;
  }

  #holdsVideo(): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#at(i).kind === "video") return true;
    return false;
  }

  /** Drops the oldest `n` packets; what follows begins with the headers. */
  #drop(n: number): void {
    for (let i = 0; i < n; i++) {
      const packet = this.#shift();
      this.#pass(packet);
      packet.slab?.release();
    }
    const next = this.#count > 0 ? this.#at(0).dts : undefined;
    if (next !== undefined) this.#endLoss(next);
    this.#preface = this.#headers.at(next ?? this.#position);
    this.#relieve();
  }

  /** Lets a packet go by; counts it, unless it is only what came before the sink's beginning. */
  #pass(packet: MediaPacket): void {
    if (isHeader(packet) || this.#fresh) return;
    this.lost.packets += 1;
    this.lost.bytes += packet.body.length;
    this.#lossAt ??= packet.dts;
    this.#countLoss(packet.dts);
    this.onLoss?.();
  }

  /** The loss reaches to `dts`, where the sink goes on. */
  #endLoss(dts: number): void {
    this.#countLoss(dts);
    this.#lossAt = undefined;
  }

  #countLoss(dts: number): void {
    if (this.#lossAt === undefined || dts <= this.#lossAt) return;
    this.lost.ms += dts - this.#lossAt;
    this.#lossAt = dts;
  }

  /** Half empty again for what waits without loss, a quarter full for what would rather not skip. */
  #relieve(): void {
    if (!this.#crowded) return;
    const { bytes, ms } = this.#limits;
    const congested = this.#congested && (this.#bytes * 2 > bytes || this.#count * 2 > MAX_PACKETS);
    const crowded = this.#bytes * 4 > bytes || this.ms * 4 > ms || this.#count * 4 > MAX_PACKETS;
    if (congested === this.#congested && crowded) return;
    this.#congested = congested;
    this.#crowded = crowded;
    this.onRelief?.();
  }
}

function isKey(packet: MediaPacket): boolean {
  return packet.kind === "video" && packet.role === "key";
}

skipLastTierIn(PacketQueue);
