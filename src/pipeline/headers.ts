/**
 * The state that a newcomer to a stream needs before the first frame: metadata and sequence headers, the latest
 * of each kind and track. The hub keeps it for sinks that join, each queue for a sink that must start afresh.
 */

import { sameBytes } from "../bytes/same-bytes.ts";
import { skipLastTier } from "../last-tier.ts";
import type { MediaPacket } from "../media/packet.ts";

/** A peer may name 256 tracks and send headers of 16 MiB: what is remembered of them is bounded. */
const MAX_HEADERS = 32;
const MAX_HEADER_BYTES = 1024 * 1024;

/** Which header replaces which: one onMetaData, and one sequence header per kind and track. */
export function headerKey(packet: MediaPacket): string {
  return packet.role === "metadata" ? "metadata" : `${packet.kind}/${packet.track}`;
}

/** Whether a packet is state rather than media. */
export function isHeader(packet: MediaPacket): boolean {
  return packet.role === "header" || packet.role === "metadata";
}

/** The latest headers of a stream; see the head of this file. */
export class HeaderCache {
  readonly #latest = new Map<string, MediaPacket>();

  /** Takes a header or metadata and says what it is to those who know the ones before. */
  remember(packet: MediaPacket): "new" | "changed" | "same" {
    const key = headerKey(packet);
    const known = this.#latest.get(key);
    if (sameBytes(packet.body, known?.body)) return "same";
    const fits =
      packet.body.length <= MAX_HEADER_BYTES && (known !== undefined || this.#latest.size < MAX_HEADERS);
    if (fits) this.#latest.set(key, packet);
    // One that is out of date is worse than none.
    else this.#latest.delete(key);
    return known === undefined ? "new" : "changed";
  }

  /** What to send before media that begins at `dts`: metadata first, all of that time. */
  at(dts: number): MediaPacket[] {
    return [...this.#latest.values()]
      .sort((a, b) => Number(b.role === "metadata") - Number(a.role === "metadata"))
      .map((header) => ({ ...header, dts }));
  }
}

skipLastTier(isHeader);
