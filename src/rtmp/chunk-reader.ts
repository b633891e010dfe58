/**
 * ChunkReader: segments of a byte stream in, whole messages out. RTMP 1.0 §5.3.
 *
 * It keeps no segment: payload bytes are copied once, into the message's own buffer (one per chunk stream, so
 * interleaving is free), and a header that a segment border cuts waits in a small array. `onMessage` runs
 * between chunks, so a chunk size that it sets counts from the next chunk on. What a peer declares takes no
 * memory by itself: buffers grow with the bytes that really came, and all unfinished messages together are
 * bounded. Called by Connection.
 */

import type { Slab, SlabPool } from "../bytes/slab-pool.ts";
import { ProtocolError } from "../errors.ts";
import { skipLastTier } from "../last-tier.ts";
import { DEFAULT_CHUNK_SIZE, MessageType, type ReaderLimits } from "./constants.ts";
import { ContinuationTimestamps, extendedDeltaTime, nextTimestamp } from "./quirks.ts";

/**
 * One RTMP message. `timestamp` is the wire's 32-bit value in ms. `payload` belongs to whoever receives it, for good if
 * `slab` is undefined; else until that is released, once by the receiver.
 */
export type Message = {
  readonly typeId: number;
  readonly messageStreamId: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly slab: Slab | undefined;
};

/** What is remembered of a chunk stream: the last header, and the message that is being put together. */
type ChunkStream = {
  readonly csid: number;
  timestamp: number;
  /** What a new message with fmt 3 adds: the last delta, or the absolute value of a fmt 0 header. */
  delta: number;
  absolute: boolean;
  length: number;
  typeId: number;
  messageStreamId: number;
  extended: boolean;
  extendedValue: number;
  payload: Uint8Array;
  /** What the payload lies in, if it is of the pool. */
  slab: Slab | undefined;
  received: number;
  /** The longest message that it has delivered. */
  largest: number;
  active: boolean;
};

const HEADER_SIZE = [11, 7, 3, 0] as const;
/** 3 bytes of basic header, 11 of message header, 4 of extended timestamp. */
const MAX_HEADER = 18;
/** A chunk stream that has not delivered anything this large yet gets its buffer in steps from here on. */
const FIRST_ALLOCATION = 4096;
/** Messages that a peer may begin anew in the middle without completing any: then it has lost the thread. */
const MAX_RESTARTS = 16;
const EMPTY = new Uint8Array(0);

/** Puts messages together from chunks; see the head of this file. */
export class ChunkReader {
  /** The peer's chunk size in bytes; the owner sets it when the peer announces one. */
  chunkSize = DEFAULT_CHUNK_SIZE;
  readonly #onMessage: (message: Message) => void;
  #limits: ReaderLimits;
  #pool: SlabPool | undefined;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #continuations = new ContinuationTimestamps();
  readonly #held = new Uint8Array(MAX_HEADER);
  #heldLength = 0;
  /** Where in the stream of bytes the last header began, also if it is only held; for errors. */
  #headerAt = 0;
  #current: ChunkStream | undefined;
  #last: ChunkStream | undefined;
  #chunkLeft = 0;
  /** Where in its message the chunk begins whose four leading zero bytes were taken for a timestamp. */
  #doubt: { stream: ChunkStream; from: number } | undefined;
  #unfinished = 0;
  #restarts = 0;
  #offset = 0;

  constructor(onMessage: (message: Message) => void, limits: ReaderLimits) {
    skipLastTier(
      this.#consume,
      this.#readHeader,
      this.#mayRepeat,
      this.#applyHeader,
      this.#begin,
      this.#readPayload,
      this.#grow,
      this.#complete,
      this.#leave,
    );
    this.#onMessage = onMessage;
    this.#limits = limits;
  }

  /** Raises or lowers what the peer may make this reader hold; counts from the next message on. */
  setLimits(limits: ReaderLimits): void {
    this.#limits = limits;
  }

  /** Puts sound and pictures into memory that is used again, from the next message on. */
  usePool(pool: SlabPool): void {
    this.#pool = pool;
  }

  /** Memory held for messages that are not complete yet, in bytes. */
  get unfinishedBytes(): number {
    return this.#unfinished;
  }

  /** Reads all of `segment`; throws ProtocolError when the peer breaks a rule or a limit. */
  feed(segment: Uint8Array): void {
    this.#consume(segment, this.#offset);
    this.#offset += segment.length;
  }

  /** Forgets the unfinished message of a chunk stream. RTMP 1.0 §5.4.2. */
  abort(csid: number): void {
    const stream = this.#streams.get(csid);
    if (stream !== undefined) this.#discard(stream);
  }

  /** Nothing more is read: forgets all unfinished messages. */
  close(): void {
    for (const stream of this.#streams.values()) this.#discard(stream);
    this.#streams.clear();
  }

  /** `base` is where `segment` begins in the stream of bytes. */
  #consume(segment: Uint8Array, base: number): void {
    let p = 0;
    while (p < segment.length) {
      if (this.#current !== undefined) {
        p = this.#readPayload(this.#current, segment, p);
      } else if (this.#heldLength > 0) {
        p = this.#readHeldHeader(segment, p);
      } else {
        if (this.#doubt !== undefined && this.#settleDoubt(this.#doubt, segment[p]!, base + p)) continue;
        this.#headerAt = base + p;
        const n = this.#readHeader(segment, p, segment.length);
        if (n === 0) {
          this.#hold(segment, p, segment.length);
          return;
        }
        p += n;
      }
    }
  }

  #hold(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#held[this.#heldLength++] = bytes[i]!;
  }

  /** Completes the header of which a part is held; returns the new position in `segment`. */
  #readHeldHeader(segment: Uint8Array, p: number): number {
    const until = Math.min(segment.length, p + MAX_HEADER - this.#heldLength);
    this.#hold(segment, p, until);
    const at = this.#headerAt;
    const n = this.#readHeader(this.#held, 0, this.#heldLength);
    if (n === 0) return until;
    // How long the header is was not known before: the bytes behind it may hold chunks of their own.
    const rest = this.#held.slice(n, this.#heldLength);
    this.#heldLength = 0;
    this.#consume(rest, at + n);
    return until;
  }

  /** Parses one chunk header at `p`; returns its length, or 0 when more bytes are needed. RTMP 1.0 §5.3.1. */
  #readHeader(b: Uint8Array, p: number, end: number): number {
    const fmt = b[p]! >> 6;
    let csid = b[p]! & 63;
    let q = p + 1;
    if (csid < 2) {
      q += csid + 1;
      if (end < q) return 0;
      csid = csid === 0 ? 64 + b[p + 1]! : 64 + b[p + 1]! + b[p + 2]! * 256;
    }
    const size = HEADER_SIZE[fmt as 0 | 1 | 2 | 3];
    if (end - q < size) return 0;
    const known = this.#last?.csid === csid ? this.#last : this.#streams.get(csid);
    const time24 = fmt === 3 ? 0 : u24(b, q);
    const extended = fmt === 3 ? known !== undefined && this.#mayRepeat(known) : time24 === 0xffffff;
    if (extended && end - q < size + 4) return 0;
    // State changes only below: a header that is cut is parsed again from its first byte.
    const stream = known ?? this.#open(csid);
    this.#last = stream;
    let length = q + size - p;
    if (fmt === 3) {
      if (extended && this.#repeatsTimestamp(stream, u32(b, q))) length += 4;
    } else {
      if (extended) length += 4;
      this.#applyHeader(stream, fmt, b, q, extended ? u32(b, q + size) : time24);
      stream.extended = extended;
    }
    this.#begin(stream, fmt === 3);
    return length;
  }

  #mayRepeat(stream: ChunkStream): boolean {
    return stream.extended && !this.#continuations.omitted;
  }

  #repeatsTimestamp(stream: ChunkStream, value: number): boolean {
    const repeats = this.#continuations.repeats(value, stream);
    if (repeats && value === 0 && this.#continuations.guessed && this.chunkSize >= 4) {
      this.#doubt = { stream, from: stream.received };
    }
    return repeats;
  }

  /**
   * Four zero bytes were skipped as a timestamp; the header after that chunk shows whether rightly. If not, they
   * were payload: they go back in front, and the last four bytes of the chunk are the next header's first.
   * Returns whether bytes were read anew. After a message's last chunk it is too late to ask.
   */
  #settleDoubt(doubt: { stream: ChunkStream; from: number }, nextByte: number, at: number): boolean {
    this.#doubt = undefined;
    const { stream, from } = doubt;
    if (!stream.active || continues(nextByte, stream.csid)) return false;
    this.#continuations.refute();
    const end = stream.received;
    const rest = stream.payload.slice(end - 4, end);
    stream.payload.copyWithin(from + 4, from, end - 4);
    stream.payload.fill(0, from, from + 4);
    this.#consume(rest, at - 4);
    return true;
  }

  #open(csid: number): ChunkStream {
    if (this.#streams.size >= this.#limits.chunkStreams) {
      throw this.#error(`The peer uses more than ${this.#limits.chunkStreams} chunk streams`, csid);
    }
    const stream: ChunkStream = {
      csid,
      timestamp: 0,
      delta: 0,
      absolute: false,
      length: 0,
      typeId: 0,
      messageStreamId: 0,
      extended: false,
      extendedValue: 0,
      payload: EMPTY,
      slab: undefined,
      received: 0,
      largest: 0,
      active: false,
    };
    this.#streams.set(csid, stream);
    return stream;
  }

  /** Takes over the fields of a fmt 0, 1 or 2 header. One in the middle of a message starts the message anew. */
  #applyHeader(stream: ChunkStream, fmt: number, b: Uint8Array, q: number, time: number): void {
    if (stream.active) this.#restart(stream);
    const previous = stream.timestamp;
    stream.extendedValue = time;
    stream.delta = time;
    stream.absolute = fmt === 0;
    if (fmt === 0) {
      stream.timestamp = time;
      stream.messageStreamId = u32le(b, q + 7);
    } else if (time < 0xffffff) {
      stream.timestamp = (previous + time) >>> 0;
    } else {
      stream.timestamp = extendedDeltaTime(previous, time);
      stream.absolute = previous !== 0 && stream.timestamp === time;
    }
    if (fmt < 2) {
      stream.length = u24(b, q + 3);
      stream.typeId = b[q + 6]!;
    }
  }

  #restart(stream: ChunkStream): void {
    this.#discard(stream);
    this.#restarts += 1;
    if (this.#restarts > MAX_RESTARTS) {
      throw this.#error(`The peer broke off ${this.#restarts} messages in a row`, stream.csid);
    }
  }

  /** A header has been read: what follows is a chunk of `stream`, or nothing if its message is empty. */
  #begin(stream: ChunkStream, plain: boolean): void {
    if (!stream.active) {
      if (plain) stream.timestamp = nextTimestamp(stream);
      if (stream.length > this.#limits.messageSize) {
        const limit = this.#limits.messageSize;
        throw this.#error(
          `The peer announces a message of ${stream.length} bytes; the limit here is ${limit}`,
          stream.csid,
        );
      }
      stream.active = true;
    }
    const left = stream.length - stream.received;
    this.#chunkLeft = left < this.chunkSize ? left : this.chunkSize;
    if (left === 0) this.#complete(stream);
    else this.#current = stream;
  }

  #readPayload(stream: ChunkStream, segment: Uint8Array, p: number): number {
    const n = Math.min(this.#chunkLeft, segment.length - p);
    const from = stream.received;
    const received = from + n;
    if (received > stream.payload.length) this.#grow(stream, received);
    stream.payload.set(segment.subarray(p, p + n), from);
    stream.received = received;
    this.#chunkLeft -= n;
    if (this.#chunkLeft === 0) {
      this.#current = undefined;
      if (received === stream.length) this.#complete(stream);
    }
    return p + n;
  }

  /**
   * Makes room for `needed` bytes: at once as much as this chunk stream has already proved to send in one
   * message, else by doubling. So a peer holds no more memory here than it has sent bytes.
   */
  #grow(stream: ChunkStream, needed: number): void {
    const old = stream.payload;
    const room = Math.max(needed, old.length * 2, stream.largest, FIRST_ALLOCATION);
    const capacity = Math.min(stream.length, room);
    const more = capacity - old.length;
    if (this.#unfinished + more > this.#limits.unfinishedBytes) {
      const limit = this.#limits.unfinishedBytes;
      throw this.#error(`The peer holds more than ${limit} bytes in unfinished messages`, stream.csid);
    }
    this.#unfinished += more;
    stream.slab = capacity === stream.length && isMedia(stream) ? this.#pool?.slabFor(capacity) : undefined;
    stream.payload = stream.slab?.take(capacity) ?? new Uint8Array(capacity);
    if (old.length > 0) stream.payload.set(old);
  }

  #complete(stream: ChunkStream): void {
    const message: Message = {
      typeId: stream.typeId,
      messageStreamId: stream.messageStreamId,
      timestamp: stream.timestamp,
      payload: stream.payload,
      slab: stream.slab,
    };
    if (stream.length > stream.largest) stream.largest = stream.length;
    this.#restarts = 0;
    this.#leave(stream);
    this.#onMessage(message);
  }

  #discard(stream: ChunkStream): void {
    stream.slab?.release();
    this.#leave(stream);
  }

  /** The chunk stream has no message any more. */
  #leave(stream: ChunkStream): void {
    this.#unfinished -= stream.payload.length;
    stream.payload = EMPTY;
    stream.slab = undefined;
    stream.received = 0;
    stream.active = false;
  }

  #error(message: string, csid: number): ProtocolError {
    return new ProtocolError(message, { layer: "chunk", csid, offset: this.#headerAt });
  }
}

/** Whether a chunk that begins with this byte can continue a message on `csid`; RTMP 1.0 §5.3.1.1. */
function continues(firstByte: number, csid: number): boolean {
  return csid < 64 ? firstByte === (0xc0 | csid) : firstByte === 0xc0 || firstByte === 0xc1;
}

/** What flows all the time: anything else is rare, and may be kept for hours. */
function isMedia({ typeId }: ChunkStream): boolean {
  return typeId === MessageType.video || typeId === MessageType.audio;
}

function u24(b: Uint8Array, p: number): number {
  return (b[p]! << 16) | (b[p + 1]! << 8) | b[p + 2]!;
}

function u32(b: Uint8Array, p: number): number {
  return ((b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!) >>> 0;
}

function u32le(b: Uint8Array, p: number): number {
  return (b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24)) >>> 0;
}

skipLastTier(continues, isMedia, u24, u32, u32le);
