/**
 * OggSplitter takes the packets of one kind of stream out of Ogg, as encoders write it to pipes. Segments go in however
 * they are cut, packets come out. Pages whose checksum is wrong are skipped and counted, and so is what is no
 * page; a packet of which a page is missing is dropped. Called by the reader of raw audio. RFC 3533 6.
 *
 *     page      OggS | flags, position, serial, number, checksum | lengths | bytes
 *     lengths   255 255 40 | 120 | 255      a packet of 550 bytes, one of 120, one that goes on in the next page
 */
import { join } from "../bytes/join.ts";

/** A packet: its bytes, which hold during the call only, and whether it is the first of its stream. */
export type OggPacket = { readonly bytes: Uint8Array; readonly first: boolean };

/** Longer ones are dropped: no packet of Opus is, but comments with pictures are. RFC 7845 6. */
const MAX_PACKET_BYTES = 61_440;
const HEAD_BYTES = 27;
const MAGIC = Uint8Array.of(0x4f, 0x67, 0x67, 0x53);
const AT = { version: 4, flags: 5, serial: 14, number: 18, checksum: 22, lengths: 26 } as const;
const FLAG = { continued: 1, first: 2 } as const;
const FULL = 255;

const CHECKSUMS = checksumTable();

/** Cuts Ogg; see the head of this file. */
export class OggSplitter {
  readonly #wanted: (first: Uint8Array) => boolean;
  readonly #onPacket: (packet: OggPacket) => void;
  #held: Uint8Array = new Uint8Array(0);
  #skipped = 0;
  /** The stream that is followed; undefined before one of the kind that is wanted. */
  #serial: number | undefined;
  #nextNumber = 0;
  /** The beginning of a packet that goes on in the next page. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** What goes on in the next page is of no use: it has no beginning, or is too long. */
  #lost = false;

  /** `wanted` says by its first packet whether a stream is to be followed. */
  constructor(wanted: (first: Uint8Array) => boolean, onPacket: (packet: OggPacket) => void) {
    this.#wanted = wanted;
    this.#onPacket = onPacket;
  }

  /** Bytes that belonged to no page. */
  get skippedBytes(): number {
    return this.#skipped;
  }

  /** Takes the next bytes. A page has at most 65307, so no more than that and a segment are ever held. */
  feed(segment: Uint8Array): void {
    const bytes = this.#held.length === 0 ? segment : join(this.#held, segment);
    // A copy of what may be a Buffer, whose slice() is none.
    this.#held = new Uint8Array(bytes.subarray(this.#read(bytes)));
  }

  /** Reads pages; returns how many bytes are done with. */
  #read(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      const size = pageSize(bytes, at);
      if (size === undefined) break;
      if (size > 0 && isWhole(bytes, at, size)) {
        this.#takePage(bytes.subarray(at, at + size));
        at += size;
        continue;
      }
      this.#skipped += 1;
      at += 1;
    }
    return at;
  }

  #takePage(page: Uint8Array): void {
    const count = page[AT.lengths]!;
    const flags = page[AT.flags]!;
    const serial = u32(page, AT.serial);
    const lengths = page.subarray(HEAD_BYTES, HEAD_BYTES + count);
    const body = page.subarray(HEAD_BYTES + count);
    const first = (flags & FLAG.first) !== 0;
    if (first && this.#wanted(body)) this.#follow(serial, u32(page, AT.number));
    if (serial !== this.#serial) return;
    const continued = (flags & FLAG.continued) !== 0;
    const inOrder = u32(page, AT.number) === this.#nextNumber;
    this.#nextNumber = (u32(page, AT.number) + 1) >>> 0;
    const begun = this.#parts.length > 0 || this.#lost;
    if (!inOrder || !continued) this.#forget();
    if (continued && !(inOrder && begun)) this.#lost = true;
    this.#takePackets(lengths, body, first);
  }

  #follow(serial: number, number: number): void {
    this.#serial = serial;
    this.#nextNumber = number;
    this.#forget();
  }

  #forget(): void {
    this.#parts = [];
    this.#partBytes = 0;
    this.#lost = false;
  }

  #takePackets(lengths: Uint8Array, body: Uint8Array, first: boolean): void {
    let from = 0;
    let at = 0;
    let isFirst = first;
    for (const length of lengths) {
      at += length;
      if (length === FULL) continue;
      this.#keep(body.subarray(from, at));
      this.#finish(isFirst);
      isFirst = false;
      from = at;
    }
    // What goes on in the next page outlives this one.
    if (lengths.length > 0 && lengths.at(-1) === FULL) this.#keep(new Uint8Array(body.subarray(from, at)));
  }

  /** Adds what a page has of a packet: a view of what was read. */
  #keep(part: Uint8Array): void {
    this.#partBytes += part.length;
    if (this.#partBytes > MAX_PACKET_BYTES) {
      this.#parts = [];
      this.#lost = true;
    }
    if (!this.#lost) this.#parts.push(part);
  }

  #finish(first: boolean): void {
    const parts = this.#parts;
    const lost = this.#lost;
    this.#forget();
    if (lost) return;
    const bytes = parts.length === 1 ? parts[0]! : parts.reduce(join, new Uint8Array(0));
    this.#onPacket({ bytes, first });
  }
}

/** The length of the page that begins here; 0 if none does, undefined if too little is there to tell. */
function pageSize(bytes: Uint8Array, at: number): number | undefined {
  const there = bytes.length - at;
  for (let i = 0; i < MAGIC.length && i < there; i++) if (bytes[at + i] !== MAGIC[i]) return 0;
  if (there > AT.version && bytes[at + AT.version] !== 0) return 0;
  if (there < HEAD_BYTES) return undefined;
  const count = bytes[at + AT.lengths]!;
  if (there < HEAD_BYTES + count) return undefined;
  let size = HEAD_BYTES + count;
  for (let i = 0; i < count; i++) size += bytes[at + HEAD_BYTES + i]!;
  return there < size ? undefined : size;
}

/** Whether the checksum is that of the page, counted with zeros in its own place. */
function isWhole(bytes: Uint8Array, at: number, size: number): boolean {
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const byte = i >= AT.checksum && i < AT.checksum + 4 ? 0 : bytes[at + i]!;
    sum = (sum << 8) ^ CHECKSUMS[((sum >>> 24) ^ byte) & 0xff]!;
  }
  return sum >>> 0 === u32(bytes, at + AT.checksum);
}

/** Of the polynomial 0x04c11db7, highest bit first. */
function checksumTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte << 24;
    for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum < 0 ? 0x04c11db7 : 0);
    return sum >>> 0;
  });
}

/** Little-endian. */
function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
