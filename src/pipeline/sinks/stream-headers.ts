/**
 * StreamHeaders: what a recording needs to know of its stream before the first frame, and the headers that came
 * since then and that no packet has needed yet. A header is held back until media of its kind follows: where that
 * media starts a new file, the old one has no use for it.
 */

import type { MediaPacket } from "../../media/packet.ts";
import { HeaderCache, headerKey } from "../headers.ts";

/** Data before the first media that is kept. */
const MAX_EARLY = 64;

/** Headers, metadata and early data of one stream; see the head of this file. */
export class StreamHeaders {
  readonly #latest = new HeaderCache();
  /** Whether something is held back. */
  waiting = false;
  #pending: MediaPacket[] = [];
  #early: MediaPacket[] = [];

  /** Takes a header or metadata; says whether a sequence header is another than before. */
  hold(packet: MediaPacket): boolean {
    const news = this.#latest.remember(packet);
    if (news === "same") return false;
    // Of those that nobody has needed yet only the latest of a kind counts.
    const key = headerKey(packet);
    this.#pending = this.#pending.filter((known) => headerKey(known) !== key);
    this.#pending.push(packet);
    this.waiting = true;
    return news === "changed" && packet.role === "header";
  }

  /** Takes data from before the first media. */
  keepEarly(packet: MediaPacket): void {
    if (this.#early.length < MAX_EARLY) this.#early.push(packet);
  }

  /** What a file that begins at `dts` begins with. Nothing is held back any more. */
  begin(dts: number): { readonly headers: MediaPacket[]; readonly early: readonly MediaPacket[] } {
    const early = this.#early;
    this.#pending = [];
    this.#early = [];
    this.waiting = false;
    return { headers: this.#latest.at(dts), early };
  }

  /** Hands out what must stand before this packet: headers of its kind, and metadata in any case. */
  release(packet: MediaPacket, write: (header: MediaPacket) => void): void {
    const needed = (header: MediaPacket): boolean =>
      header.role === "metadata" || header.kind === packet.kind;
    for (const header of this.#pending) if (needed(header)) write(header);
    this.#pending = this.#pending.filter((header) => !needed(header));
    this.waiting = this.#pending.length > 0;
  }

  /** Metadata that is still held back at the end. */
  get rest(): readonly MediaPacket[] {
    return this.#pending.filter((packet) => packet.role === "metadata");
  }
}
