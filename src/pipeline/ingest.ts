/**
 * Ingest: where every source hands in what it read. A body becomes a MediaPacket (its header is peeked at, never
 * changed), gets its place on the job's timeline and goes to the hub. Kept over reconnects of the source, so the
 * timeline goes on.
 */

import type { MediaKind, MediaPacket } from "../media/packet.ts";
import { readTagHeader } from "../media/tag.ts";
import { Timeline } from "../media/timeline.ts";
import type { Hub } from "./hub.ts";

/** Sees every packet with the time that its source gave it. */
export type Tap = (packet: MediaPacket, timestamp: number) => void;

/** What a source brings in; see the head of this file. */
export class Ingest {
  readonly hub: Hub;
  readonly #timeline = new Timeline();
  readonly #onFirst: () => void;
  readonly #tap: Tap | undefined;
  #fresh = true;

  /** `onFirst` is called at the first media of each session of the source. */
  constructor(hub: Hub, onFirst: () => void, tap?: Tap) {
    this.hub = hub;
    this.#onFirst = onFirst;
    this.#tap = tap;
  }

  /** Jumps that the timeline bridged. */
  get discontinuities(): number {
    return this.#timeline.discontinuities;
  }

  /** The source starts (again): times of the new session go on from where the old one was, plus `gap` ms. */
  newSession(gap: number): void {
    this.#fresh = true;
    this.#timeline.reconnect(gap);
    this.hub.newSession();
  }

  /** Takes a message or tag of type 8, 9 or 18 with its 32-bit time in ms. */
  push(typeId: number, timestamp: number, body: Uint8Array): void {
    const packet = this.packet(typeId, timestamp, body);
    if (packet !== undefined) this.publish(packet);
  }

  /** The packet of a message or tag, with its place on the timeline; undefined if it means nothing. */
  packet(typeId: number, timestamp: number, body: Uint8Array): MediaPacket | undefined {
    const kind = kindOf(typeId);
    if (kind === undefined) return undefined;
    const header = readTagHeader(kind, body);
    if (header.empty) return undefined;
    const packet: MediaPacket = {
      kind,
      role: header.role,
      codec: header.codec,
      track: header.track,
      dts: this.#timeline.map(kind, header.role, timestamp),
      body,
    };
    this.#tap?.(packet, timestamp);
    return packet;
  }

  /** Hands a packet to the hub. */
  publish(packet: MediaPacket): void {
    if (this.#fresh && (packet.role === "key" || packet.role === "frame") && packet.kind !== "data") {
      this.#fresh = false;
      this.#onFirst();
    }
    this.hub.publish(packet);
  }

  /** Everything that was read at once has been pushed: the sinks may run. */
  flush(): void {
    this.hub.flush();
  }
}

function kindOf(typeId: number): MediaKind | undefined {
  switch (typeId) {
    case 8:
      return "audio";
    case 9:
      return "video";
    case 18:
      return "data";
    default:
      return undefined;
  }
}
