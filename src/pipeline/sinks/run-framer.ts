/**
 * RunFramer: chunk-encodes a run of packets once for every destination that can share the bytes. Destinations
 * that keep up take the same run from their queues at every flush, so the second one finds the bytes of the
 * first. The buffer is reused: the bytes hold until the next call, which is long enough because a transport
 * copies what it cannot send at once. One framer per job; called by the RTMP sinks.
 */

import { skipLastTier } from "../../last-tier.ts";
import type { MediaKind, MediaPacket } from "../../media/packet.ts";
import { TYPE_ID_OF_KIND } from "../../media/packet.ts";
import { playMetadata, publishMetadata } from "../../media/metadata.ts";
import { type Framing, frameInto, framedSize } from "../../rtmp/chunk-writer.ts";
import { ChunkStreamId } from "../../rtmp/constants.ts";
import type { PacketQueue } from "../queue.ts";

/** What makes two destinations' bytes the same. `origin` is the dts that becomes time 0. */
export type RunFraming = {
  readonly chunkSize: number;
  readonly messageStreamId: number;
  readonly origin: number;
};

const NOTHING: Uint8Array = new Uint8Array(0);

/** A buffer that grew beyond this for one large run is given back afterwards. */
const KEPT_BUFFER = 1024 * 1024;

/**
 * Takes a run of about `bytes` bytes from a queue into `run`, which is reused; returns how many packets it has. Every
 * destination cuts its runs alike, so that those that keep up share them.
 */
export function takeRun(queue: PacketQueue, run: MediaPacket[], bytes: number): number {
  let count = 0;
  for (let size = 0; size < bytes;) {
    const packet = queue.take();
    if (packet === undefined) break;
    run[count++] = packet;
    size += packet.body.length;
  }
  return count;
}

/** Encodes runs of packets, once for all that can share them; see the head of this file. */
export class RunFramer {
  readonly #intent: "publish" | "play";
  #buffer = new Uint8Array(64 * 1024);
  #bytes = this.#buffer.subarray(0, 0);
  #first: MediaPacket | undefined;
  #last: MediaPacket | undefined;
  #count = 0;
  #origin = 0;
  #framings = framingsFor(0, 0);
  /** What is being encoded: one object for all messages. */
  readonly #message = { typeId: 0, timestamp: 0, payload: NOTHING };

  /** Servers get their metadata behind @setDataFrame, players without. */
  constructor(intent: "publish" | "play") {
    skipLastTier(this.#holds, this.#encode, this.#payloadOf);
    this.#intent = intent;
  }

  /** The wire bytes of the first `count` packets of `run`; valid until the next call. */
  frame(run: readonly MediaPacket[], count: number, framing: RunFraming): Uint8Array {
    if (!this.#holds(run, count, framing)) this.#encode(run, count, framing);
    return this.#bytes;
  }

  #holds(run: readonly MediaPacket[], count: number, framing: RunFraming): boolean {
    return (
      count === this.#count &&
      run[0] === this.#first &&
      run[count - 1] === this.#last &&
      framing.chunkSize === this.#framings.video.chunkSize &&
      framing.messageStreamId === this.#framings.video.messageStreamId &&
      framing.origin === this.#origin
    );
  }

  #encode(run: readonly MediaPacket[], count: number, framing: RunFraming): void {
    const { chunkSize, messageStreamId, origin } = framing;
    const { video } = this.#framings;
    if (chunkSize !== video.chunkSize || messageStreamId !== video.messageStreamId)
      this.#framings = framingsFor(chunkSize, messageStreamId);
    let size = 0;
    for (let i = 0; i < count; i++) {
      const packet = run[i]!;
      size += framedSize(this.#payloadOf(packet).length, wireTime(packet, origin), chunkSize);
    }
    this.#reserve(size);
    const message = this.#message;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const packet = run[i]!;
      message.typeId = TYPE_ID_OF_KIND[packet.kind];
      message.timestamp = wireTime(packet, origin);
      message.payload = this.#payloadOf(packet);
      at = frameInto(this.#buffer, at, message, this.#framings[packet.kind]);
    }
    // Else the last body would be held for as long as nothing comes.
    message.payload = NOTHING;
    this.#bytes = this.#buffer.subarray(0, at);
    this.#first = run[0];
    this.#last = run[count - 1];
    this.#count = count;
    this.#origin = origin;
  }

  #payloadOf({ role, body }: MediaPacket): Uint8Array {
    if (role !== "metadata") return body;
    return this.#intent === "publish" ? publishMetadata(body) : playMetadata(body);
  }

  #reserve(size: number): void {
    const capacity = this.#buffer.length;
    if (size > capacity) this.#buffer = new Uint8Array(Math.max(size, capacity * 2));
    else if (capacity > KEPT_BUFFER && size <= KEPT_BUFFER) this.#buffer = new Uint8Array(KEPT_BUFFER);
  }
}

/** How each kind of message is cut for a destination. */
function framingsFor(chunkSize: number, messageStreamId: number): Record<MediaKind, Framing> {
  const on = (csid: number): Framing => ({ csid, messageStreamId, chunkSize });
  return { audio: on(ChunkStreamId.audio), video: on(ChunkStreamId.video), data: on(ChunkStreamId.data) };
}

/** A packet's time on a session that began at `origin`: 32-bit ms, modulo 2^32. */
function wireTime(packet: MediaPacket, origin: number): number {
  return packet.dts <= origin ? 0 : (packet.dts - origin) >>> 0;
}

skipLastTier(takeRun, wireTime);
