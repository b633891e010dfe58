/**
 * FlvReader takes an FLV file or HTTP-FLV stream in segments of any size and calls back with each tag. It reads what
 * ffmpeg's demuxer reads: odd headers, wrong back-pointers of known kinds, files put one after the other; over damage
 * it goes on at the next place where two tags in a row make sense, and counts the bytes left out. Used by the file,
 * stdin and HTTP sources, by probe and by repair. protocol.md 7.1, 7.7.
 *
 * A tag is handed out when its back-pointer has proved its size, so that a damaged size does not turn a part of the
 * file into one large frame. Bytes that a segment border cuts wait in `held`, which grows with what has arrived and
 * not with what was declared:
 *
 *     segment 1 [ tag ][ tag ][ ta          held: "ta"
 *     segment 2 g ][ tag ][ tag ]           held takes "g ]" alone; the rest is read in place
 */
import {
  FLV_HEADER_SIZE,
  isFlvHeader,
  isFlvSignature,
  isTagType,
  NO_SYNC,
  notFlv,
  SYNC,
  syncAt,
  u24,
  u32,
} from "./flv-sync.ts";
import { FLV_TAG_HEADER_SIZE, PREVIOUS_TAG_SIZE } from "./flv-writer.ts";

/** A tag: `timestamp` in ms modulo 2^32, `body` of exact size and nobody else's. */
export type FlvTag = { typeId: number; timestamp: number; body: Uint8Array };

export type FlvHandlers = {
  onTag: (tag: FlvTag) => void;
  /** A second file begins: its timestamps have nothing to do with those before. */
  onDiscontinuity?: () => void;
};

/** Reads a file header, skips bytes before the first tag, reads tags, or looks for the next tag. */
type State = "header" | "skip" | "tags" | "lost";

/** What a step returns instead of the next position when `#need` bytes must be there first. */
const MORE = -1;
/** What stays allocated between tags that a segment border cuts. */
const KEPT_CAPACITY = 1 << 20;
const FIRST_CAPACITY = 4096;

/** Incremental FLV parser; the same tags come out however the input is cut. */
export class FlvReader {
  readonly #onTag: (tag: FlvTag) => void;
  readonly #onDiscontinuity: (() => void) | undefined;
  #state: State = "header";
  /** How many bytes from the current position the next step needs; valid after it returned MORE. */
  #need = 0;
  #toSkip = 0;
  /** Sum of all tag sizes, which some writers put into the back-pointer. */
  #sum = 0;
  #ended = false;
  #skippedBytes = 0;
  #held = new Uint8Array(0);
  #heldStart = 0;
  #heldEnd = 0;

  constructor(handlers: FlvHandlers) {
    this.#onTag = handlers.onTag;
    this.#onDiscontinuity = handlers.onDiscontinuity;
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
      if (taken < missing) return;
      this.#heldStart = this.#parse(this.#held, this.#heldStart, this.#heldEnd);
    }
    this.#release();
    const used = this.#parse(segment, at, segment.length);
    if (used < segment.length) this.#hold(segment, used, segment.length);
  }

  /**
   * Tells the reader that the input is over, and returns whether a tag was cut by that. A last tag that only lacks
   * its back-pointer is whole. Throws MediaError when the input was not FLV.
   */
  end(): boolean {
    this.#ended = true;
    if (this.#state === "header") return this.#endInHeader();
    for (;;) {
      this.#heldStart = this.#parse(this.#held, this.#heldStart, this.#heldEnd);
      if (this.#heldStart === this.#heldEnd) return this.#state === "skip";
      if (this.#readLastTag()) return false;
      if (!this.#searchCutTag()) return true;
    }
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
    this.#emit(this.#held, at, size);
    return true;
  }

  /** Looks for good tags inside a cut one, whose size may be the damage; false when it is just cut. */
  #searchCutTag(): boolean {
    const skipped = this.#skippedBytes;
    this.#state = "lost";
    this.#skippedBytes++;
    let at = this.#heldStart + 1;
    while (at < this.#heldEnd && this.#state === "lost") at = this.#search(this.#held, at, this.#heldEnd);
    if (this.#state !== "lost") {
      this.#heldStart = at;
      return true;
    }
    this.#skippedBytes = skipped;
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
    if (!isFlvSignature(bytes, at)) throw notFlv(bytes.subarray(at, end));
    const size = Math.max(FLV_HEADER_SIZE, u32(bytes, at + 5));
    this.#toSkip = size - FLV_HEADER_SIZE + PREVIOUS_TAG_SIZE;
    this.#sum = 0;
    this.#state = "skip";
    return at + FLV_HEADER_SIZE;
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
      this.#onDiscontinuity?.();
      return at;
    }
    if (!isTagType(bytes[at]! & 0x1f)) return this.#lose(at);
    const size = u24(bytes, at + 1);
    const tagSize = FLV_TAG_HEADER_SIZE + size;
    this.#need = tagSize + PREVIOUS_TAG_SIZE;
    if (end - at < this.#need) return MORE;
    const sum = (this.#sum + tagSize) >>> 0;
    if (!agrees(u32(bytes, at + tagSize), size, sum)) return this.#lose(at);
    this.#sum = sum;
    this.#emit(bytes, at, size);
    return at + tagSize + PREVIOUS_TAG_SIZE;
  }

  #emit(bytes: Uint8Array, at: number, size: number): void {
    if (size === 0) return;
    const body = new Uint8Array(size);
    const start = at + FLV_TAG_HEADER_SIZE;
    body.set(bytes.subarray(start, start + size));
    // The fourth byte of the timestamp is its highest.
    const timestamp = ((bytes[at + 7]! << 24) | u24(bytes, at + 4)) >>> 0;
    this.#onTag({ typeId: bytes[at]! & 0x1f, timestamp, body });
  }

  /** Gives up the tag at `at`, whose size may be wrong: the search begins right behind its first byte. */
  #lose(at: number): number {
    this.#state = "lost";
    this.#skippedBytes++;
    return at + 1;
  }

  #search(bytes: Uint8Array, start: number, end: number): number {
    const limits = { end, final: this.#ended };
    for (let at = start; at < end; at++) {
      const answer = syncAt(bytes, at, limits);
      if (answer === NO_SYNC) {
        this.#skippedBytes++;
        continue;
      }
      if (answer === SYNC) {
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
    if (this.#held.length > KEPT_CAPACITY) this.#held = new Uint8Array(0);
  }
}

/** Whether a back-pointer is one of those that writers put behind a tag with a body of `size`. As ffmpeg. */
function agrees(backPointer: number, size: number, sum: number): boolean {
  const tagSize = FLV_TAG_HEADER_SIZE + size;
  if (backPointer === tagSize || backPointer === tagSize - 1) return true;
  return (backPointer === size && size !== 0) || backPointer === sum;
}
