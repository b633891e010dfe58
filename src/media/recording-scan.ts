/**
 * RecordingScan reads a recording that was not finished (a crash, a power cut) from its first byte, and says what it
 * would have said of itself: how far its tags are whole, and all that its head needs. Bytes in, counts out; whoever
 * calls it reads the file and mends it.
 */
import { MediaError } from "../errors.ts";
import { stringOf } from "../amf/amf0.ts";
import { FlvReader } from "./flv-reader.ts";
import type { FlvTag } from "./flv-tag.ts";
import { FLV_TAG_HEADER_SIZE, PREVIOUS_TAG_SIZE } from "./flv-writer.ts";
import { readMetadata, type Metadata } from "./metadata.ts";
import { kindOfTypeId, TYPE_ID_OF_KIND } from "./packet.ts";
import { TrackFacts } from "./recording-facts.ts";
import { CREATOR, HEAD_AT, NAME_KEY } from "./recording-head.ts";
import { RecordingTally } from "./recording-tally.ts";
import { readTagHeader } from "./tag.ts";

/** What a recording holds; `headSize` is that of its metadata body, which stands at HEAD_AT. */
export type Scanned = {
  readonly headSize: number;
  readonly claims: Metadata;
  readonly facts: TrackFacts;
  readonly tally: RecordingTally;
};

/** Reads one recording; see the head of this file. */
export class RecordingScan {
  readonly #reader: FlvReader;
  readonly #tally = new RecordingTally();
  readonly #facts = new TrackFacts();
  #claims: Metadata | undefined;
  #headSize = 0;
  #bytes = 0;
  #over = false;
  #foreign = false;
  #last = 0;

  constructor() {
    this.#reader = new FlvReader({ onTag: (tag) => this.#take(tag) }, { borrow: true });
  }

  /** Whether this is no recording of runnel's: what is not its own it leaves alone. */
  get foreign(): boolean {
    return this.#foreign;
  }

  /** Takes the next bytes of the file. */
  feed(segment: Uint8Array): void {
    if (this.#foreign) return;
    this.#bytes += segment.length;
    this.#guard(() => this.#reader.feed(segment));
  }

  /** The file is over. Returns what it holds; undefined if it is foreign or does not even have its head. */
  end(): Scanned | undefined {
    this.#over = true;
    if (!this.#foreign) this.#guard(() => void this.#reader.end());
    if (this.#claims === undefined || this.#foreign) return undefined;
    return { headSize: this.#headSize, claims: this.#claims, facts: this.#facts, tally: this.#tally };
  }

  #guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      this.#foreign = true;
    }
  }

  #take(tag: FlvTag): void {
    if (this.#foreign) return;
    if (this.#claims === undefined) return this.#takeHead(tag);
    // The last tag may lack its back-pointer only; it is cut off with the rest.
    if (this.#over && tag.offset + FLV_TAG_HEADER_SIZE + tag.body.length + PREVIOUS_TAG_SIZE > this.#bytes)
      return;
    const kind = kindOfTypeId(tag.typeId);
    if (kind === undefined) return;
    const { role, codec, track } = readTagHeader(kind, tag.body);
    const packet = { kind, role, codec, track, body: tag.body };
    this.#facts.learn(packet);
    this.#tally.add(packet, this.#unwrap(tag.timestamp), tag.offset);
  }

  #takeHead({ typeId, body, offset }: FlvTag): void {
    const claims =
      typeId === TYPE_ID_OF_KIND.data && offset + FLV_TAG_HEADER_SIZE === HEAD_AT
        ? readMetadata(body)
        : undefined;
    const creator = stringOf(claims?.entries.find(([key]) => key === "metadatacreator")?.[1]);
    if (claims === undefined || creator !== CREATOR) {
      this.#foreign = true;
      return;
    }
    this.#claims = claims;
    this.#headSize = body.length;
    this.#tally.counts.end = HEAD_AT + body.length + PREVIOUS_TAG_SIZE;
  }

  /** A file has 32 bits of time: 49 days. */
  #unwrap(stamp: number): number {
    const step = (stamp - (this.#last >>> 0)) | 0;
    const time = Math.max(0, this.#last + step);
    if (time > this.#last) this.#last = time;
    return time;
  }
}

/** The name that a recording was to have, from the first bytes of its file; undefined if it does not say. */
export function recordingNameIn(bytes: Uint8Array): string | undefined {
  let first: FlvTag | undefined;
  const reader = new FlvReader({ onTag: (tag) => (first ??= tag) });
  try {
    reader.feed(bytes);
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
  }
  const claims = first?.typeId === TYPE_ID_OF_KIND.data ? readMetadata(first.body) : undefined;
  return stringOf(claims?.entries.find(([key]) => key === NAME_KEY)?.[1]);
}
