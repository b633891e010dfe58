/**
 * FlvReader takes an FLV file or HTTP-FLV stream in segments of any size and calls back with each tag. It reads what
 * ffmpeg's demuxer reads: odd headers, wrong back-pointers of known kinds, files put one after the other; over damage
 * it goes on at the next place where two tags in a row make sense, and counts the bytes left out. For all FLV that
 * comes in: of sources, of probe and repair, of recordings that a crash left behind. protocol.md 7.1, 7.7.
 *
 * A tag is handed out when its back-pointer has proved its size, so that a damaged size does not turn a part of the
 * file into one large frame. Bytes that a segment border cuts wait in `held`, which grows with what has arrived and
 * not with what was declared:
 *
 *     segment 1 [ tag ][ tag ][ ta          held: "ta"
 *     segment 2 g ][ tag ][ tag ]           held takes "g ]" alone; the rest is read in place
 */
import { SlabPool } from "../bytes/slab-pool.ts";
import { skipLastTier } from "../last-tier.ts";
import {
  agrees,
  believableLength,
  FLV_HEADER_SIZE,
  holdsTag,
  isFlvHeader,
  isFlvSignature,
  foreignFormat,
  isMedia,
  isTagType,
  NO_SYNC,
  notFlv,
  SYNC,
  syncAt,
  u24,
  u32,
} from "./flv-sync.ts";
import type { FlvDamage, FlvHandlers, FlvReaderOptions, FlvTag } from "./flv-tag.ts";
import { FILTER_BIT, FLV_TAG_HEADER_SIZE, PREVIOUS_TAG_SIZE } from "./flv-writer.ts";

/** Reads a file header, skips bytes before the first tag, reads tags, or looks for the next tag. */
type State = "header" | "skip" | "tags" | "lost";

/** What a step returns instead of the next position when `#need` bytes must be there first. */
const MORE = -1;
/** What stays allocated between tags that a segment border cuts. */
const KEPT_CAPACITY = 1 << 20;
/** The same over damage, where large pieces are held again and again: memory that is given up comes back late. */
const KEPT_OVER_DAMAGE = 4 << 20;
const FIRST_CAPACITY = 4096;

/** Incremental FLV parser; the same tags come out however the input is cut. */
export class FlvReader {
  readonly #onTag: (tag: FlvTag) => void;
  readonly #onDiscontinuity: ((offset: number) => void) | undefined;
  readonly #onDamage: ((damage: FlvDamage) => void) | undefined;
  readonly #salvage: boolean;
  readonly #borrow: boolean;
  readonly #pool?: SlabPool;
  #state: State = "header";
  /** How many bytes from the current position the next step needs; valid after it returned MORE. */
  #need = 0;
  #toSkip = 0;
  /** Sum of all tag sizes, which some writers put into the back-pointer. */
  #sum = 0;
  #ended = false;
  #skippedBytes = 0;
  /** Where the bytes that are being skipped began, and how many of the latest were 0. */
  #skipStart = 0;
  #zeros = 0;
  /** Bytes of all segments before the one being read. */
  #fed = 0;
  /** The byte of the input that stands at index 0 of what is being parsed. */
  #base = 0;
  #held = new Uint8Array(0);
  #heldStart = 0;
  #heldEnd = 0;

  constructor(handlers: FlvHandlers, options: FlvReaderOptions = {}) {
    skipLastTier(this.#parse, this.#step, this.#readTag, this.#emit, this.#hold, this.#release);
    this.#onTag = handlers.onTag;
    this.#onDiscontinuity = handlers.onDiscontinuity;
    this.#onDamage = handlers.onDamage;
    this.#salvage = options.salvage === true;
    this.#borrow = options.borrow === true;
    if (options.lend === true) this.#pool = new SlabPool();
  }

  /** How many bytes were left out because no tag could be made of them. */
  get skippedBytes(): number {
    return this.#skippedBytes;
  }

  /** Takes the next bytes; they may be reused afterwards. Throws MediaError when the input is not FLV. */
  feed(segment: Uint8Array): void {
    let at = 0;
    while (this.#heldStart < this.#heldEnd) {
      const missing = this.#need - (this.#heldEnd - this.#heldStart);
      const taken = Math.min(missing, segment.length - at);
      this.#hold(segment, at, at + taken);
      at += taken;
      if (taken < missing) {
        this.#fed += segment.length;
        return;
      }
      this.#base = this.#fed + at - this.#heldEnd;
      this.#heldStart = this.#parse(this.#held, this.#heldStart, this.#heldEnd);
    }
    this.#release();
    this.#base = this.#fed;
    const used = this.#parse(segment, at, segment.length);
    if (used < segment.length) this.#hold(segment, used, segment.length);
    this.#fed += segment.length;
  }

  /**
   * Tells the reader that the input is over, and returns whether a tag was cut by that. A last tag that only lacks
   * its back-pointer is whole. Throws MediaError when the input was not FLV.
   */
  end(): boolean {
    this.#ended = true;
    this.#base = this.#fed - this.#heldEnd;
    if (this.#state === "header") return this.#endInHeader();
    for (;;) {
      this.#heldStart = this.#parse(this.#held, this.#heldStart, this.#heldEnd);
      if (this.#heldStart === this.#heldEnd) return this.#endAtBorder();
      if (this.#readLastTag()) return false;
      if (!this.#searchCutTag()) return true;
    }
  }

  /** Nothing more is read: gives back the memory of what was lent. */
  close(): void {
    this.#pool?.close();
  }

  /** Every byte was used: a header that was announced larger is cut, damage at the end is over. */
  #endAtBorder(): boolean {
    if (this.#state === "lost") this.#reportSkipped(this.#fed);
    return this.#state === "skip";
  }

  /** A header without a tag is an empty recording; less than that is none. */
  #endInHeader(): boolean {
    const bytes = this.#held.subarray(this.#heldStart, this.#heldEnd);
    if (bytes.length < FLV_HEADER_SIZE || !isFlvSignature(bytes, 0)) throw notFlv(bytes);
    return false;
  }

  /** Hands out a tag whose body is whole but whose back-pointer is cut. */
  #readLastTag(): boolean {
    const at = this.#heldStart;
    const left = this.#heldEnd - at;
    if (left < FLV_TAG_HEADER_SIZE) return false;
    const size = u24(this.#held, at + 1);
    if (left < FLV_TAG_HEADER_SIZE + size) return false;
    if (this.#salvage && holdsTag(this.#held, at + 1, this.#heldEnd)) return false;
    this.#emit(this.#held, at, size);
    this.#damage("pointer", this.#base + at, left);
    return true;
  }

  /** Looks for good tags inside a cut one, whose size may be the damage; false when it is just cut. */
  #searchCutTag(): boolean {
    const skipped = this.#skippedBytes;
    let at = this.#lose(this.#held, this.#heldStart);
    while (at < this.#heldEnd && this.#state === "lost") at = this.#search(this.#held, at, this.#heldEnd);
    if (this.#state !== "lost") {
      this.#heldStart = at;
      return true;
    }
    this.#skippedBytes = skipped;
    this.#damage("cut", this.#skipStart, this.#fed - this.#skipStart);
    return false;
  }

  /** Reads as far as it can and returns where it stopped; then `#need` bytes from there are wanted. */
  #parse(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (;;) {
      const next = this.#step(bytes, at, end);
      if (next === MORE) return at;
      at = next;
    }
  }

  #step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#state) {
      case "header":
        return this.#readHeader(bytes, at, end);
      case "skip":
        return this.#skip(at, end);
      case "tags":
        return this.#readTag(bytes, at, end);
      case "lost":
        return this.#search(bytes, at, end);
      default:
        throw new Error(`Internal: state ${this.#state satisfies never}`);
    }
  }

  /** Reads the file header at `at`. FLV 10.1 E.2. */
  #readHeader(bytes: Uint8Array, at: number, end: number): number {
    this.#need = FLV_HEADER_SIZE + PREVIOUS_TAG_SIZE;
    if (end - at < this.#need) return MORE;
    if (!isFlvSignature(bytes, at)) {
      if (this.#salvage && foreignFormat(bytes.subarray(at, end)) === undefined) return this.#lose(bytes, at);
      throw notFlv(bytes.subarray(at, end));
    }
    const size = Math.max(FLV_HEADER_SIZE, u32(bytes, at + 5));
    if (this.#salvage && size !== FLV_HEADER_SIZE) return this.#doubtHeader(bytes, at);
    this.#toSkip = size - FLV_HEADER_SIZE + PREVIOUS_TAG_SIZE;
    this.#sum = 0;
    this.#state = "skip";
    return at + FLV_HEADER_SIZE;
  }

  /** A header of another size than all have: more often damaged than true, so the first tag is looked for. */
  #doubtHeader(bytes: Uint8Array, at: number): number {
    this.#damage("header", this.#base + at + 5, 4);
    const behind = at + FLV_HEADER_SIZE;
    const next = u32(bytes, behind) === 0 ? behind + PREVIOUS_TAG_SIZE : behind;
    this.#state = "lost";
    this.#skipStart = this.#base + next;
    this.#zeros = 0;
    return next;
  }

  #skip(at: number, end: number): number {
    this.#need = 1;
    if (at === end) return MORE;
    const count = Math.min(this.#toSkip, end - at);
    this.#toSkip -= count;
    if (this.#toSkip === 0) this.#state = "tags";
    return at + count;
  }

  /** Reads one tag with its back-pointer at `at`. FLV 10.1 E.4.1. */
  #readTag(bytes: Uint8Array, at: number, end: number): number {
    this.#need = FLV_TAG_HEADER_SIZE;
    if (end - at < FLV_TAG_HEADER_SIZE) return MORE;
    if (isFlvHeader(bytes, at)) {
      this.#state = "header";
      this.#onDiscontinuity?.(this.#base + at);
      return at;
    }
    if (!isTagType(bytes[at]! & 0x1f)) return this.#lose(bytes, at);
    const size = u24(bytes, at + 1);
    const tagSize = FLV_TAG_HEADER_SIZE + size;
    const length = tagSize + PREVIOUS_TAG_SIZE;
    this.#need = this.#salvage ? believableLength(bytes, at, { end, length }) : length;
    if (this.#need === NO_SYNC) return this.#lose(bytes, at);
    if (end - at < this.#need) return MORE;
    const sum = (this.#sum + tagSize) >>> 0;
    if (!agrees(u32(bytes, at + tagSize), size, sum)) {
      const answer = this.#salvage ? this.#provenByNext(bytes, at, end) : NO_SYNC;
      if (answer === NO_SYNC) return this.#lose(bytes, at);
      if (answer !== SYNC) {
        this.#need = answer;
        return MORE;
      }
      this.#damage("pointer", this.#base + at, length);
    }
    this.#sum = sum;
    this.#emit(bytes, at, size);
    return at + length;
  }

  /** Whether a tag with a wrong back-pointer ends where another begins or the file does; counted from `at`. */
  #provenByNext(bytes: Uint8Array, at: number, end: number): number {
    const size = u24(bytes, at + 1);
    const length = FLV_TAG_HEADER_SIZE + size + PREVIOUS_TAG_SIZE;
    if (size === 0 || u24(bytes, at + 8) !== 0 || holdsTag(bytes, at + 1, at + length)) return NO_SYNC;
    if (at + length === end) return this.#ended ? SYNC : length + FLV_TAG_HEADER_SIZE;
    const answer = syncAt(bytes, at + length, { end, final: this.#ended, alone: true });
    return answer > SYNC ? answer + length : answer;
  }

  #emit(bytes: Uint8Array, at: number, size: number): void {
    if (size === 0) return;
    const start = at + FLV_TAG_HEADER_SIZE;
    const view = bytes.subarray(start, start + size);
    const type = bytes[at]!;
    const typeId = type & 0x1f;
    const slab = isMedia(typeId) && !this.#borrow ? this.#pool?.slabFor(size) : undefined;
    let body = view;
    if (!this.#borrow) {
      body = slab?.take(size) ?? new Uint8Array(size);
      body.set(view);
    }
    // The fourth byte of the timestamp is its highest.
    const timestamp = ((bytes[at + 7]! << 24) | u24(bytes, at + 4)) >>> 0;
    const filtered = (type & FILTER_BIT) !== 0;
    this.#onTag({ typeId, filtered, timestamp, body, slab, offset: this.#base + at });
  }

  /** Gives up the tag at `at`, whose size may be wrong: the search begins right behind its first byte. */
  #lose(bytes: Uint8Array, at: number): number {
    this.#state = "lost";
    this.#skipStart = this.#base + at;
    this.#zeros = 0;
    this.#skipByte(bytes[at]!);
    return at + 1;
  }

  #skipByte(byte: number): void {
    this.#skippedBytes++;
    this.#zeros = byte === 0 ? this.#zeros + 1 : 0;
  }

  #reportSkipped(end: number): void {
    if (end > this.#skipStart) this.#damage("skipped", this.#skipStart, end - this.#skipStart);
  }

  #damage(kind: FlvDamage["kind"], offset: number, length: number): void {
    this.#onDamage?.({ kind, offset, length, zeros: kind === "skipped" || kind === "cut" ? this.#zeros : 0 });
  }

  #search(bytes: Uint8Array, start: number, end: number): number {
    const limits = { end, final: this.#ended, alone: this.#salvage };
    for (let at = start; at < end; at++) {
      const answer = syncAt(bytes, at, limits);
      if (answer === NO_SYNC) {
        this.#skipByte(bytes[at]!);
        continue;
      }
      if (answer === SYNC) {
        this.#reportSkipped(this.#base + at);
        this.#state = "tags";
        return at;
      }
      this.#need = answer;
      return at === start ? MORE : at;
    }
    this.#need = 1;
    return start === end ? MORE : end;
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    const live = this.#heldEnd - this.#heldStart;
    const size = live + end - start;
    if (this.#heldEnd + end - start > this.#held.length) {
      const old = this.#held;
      // Half empty: move to the front. Else twice the room, so that byte-wise input costs no more than whole input.
      if (size * 2 > old.length) this.#held = new Uint8Array(Math.max(FIRST_CAPACITY, size, old.length * 2));
      this.#held.set(old.subarray(this.#heldStart, this.#heldEnd));
      this.#heldStart = 0;
      this.#heldEnd = live;
    }
    this.#held.set(bytes.subarray(start, end), this.#heldEnd);
    this.#heldEnd += end - start;
  }

  #release(): void {
    this.#heldStart = 0;
    this.#heldEnd = 0;
    if (this.#held.length > (this.#salvage ? KEPT_OVER_DAMAGE : KEPT_CAPACITY))
      this.#held = new Uint8Array(0);
  }
}
