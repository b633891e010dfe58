/**
 * AnnexBSplitter cuts a byte stream with start codes into NAL units, however the bytes arrive. A NAL unit comes out as
 * views of the segments it came in: nothing is copied here but crumbs, so segments must not be written to again. What
 * it holds is bounded: a NAL unit beyond the limit is left out and counted, and so is what belongs to none.
 * Called by the readers of raw video. H.264 B.1, H.265 B.2; protocol.md 8.1.
 *
 *     segments   .. 65 88 84 0 | 0 0 1 41 9a ..
 *     NAL units     [65 88 84]   [41 9a ..       the zeros belong to nobody, or to the start code
 *
 * The end of a NAL unit is known only when the next begins: one frame late. Programs that write a frame at a time
 * show it: every read of theirs that comes after a pause begins with a start code. Once that has been seen often
 * enough, a pause is taken for an end (`flushIfIdle`), and if that was wrong, not again for a while.
 */
import { nextStartCode } from "./annexb.ts";

/** One NAL unit, without start code and trailing zeros. */
export type Nal = {
  /** Its bytes in order; views that nobody writes to. */
  readonly pieces: readonly Uint8Array[];
  /** All bytes. */
  readonly length: number;
  /** When its start code was there, in ms of the caller's clock. */
  readonly at: number;
};

/** What a splitter left out. */
export type SplitterLosses = {
  /** Bytes that belong to no NAL unit. */
  strayBytes: number;
  /** NAL units beyond the limit. */
  oversized: number;
  /** NAL units that were taken for complete too early, and so were cut. */
  torn: number;
};

/** The longest NAL unit: what fits into a tag of 24-bit length with its head. */
export const MAX_NAL_BYTES = 0xffffff - 32;
/** Pieces smaller than this are copied together: a view of each would cost more than the bytes. */
const CRUMB_BYTES = 256;
const BLOCK_BYTES = 4096;
/** After this many reads in a row that began with a start code, a pause counts as an end. */
const PROOF_READS = 25;
/** Writes of one frame follow each other within this time, in ms: longer, and the program writes in pieces. */
const BURST_MS = 1;
/** How many reads must prove it again after a mistake. */
const PENALTY_READS = 1000;

/** Cuts bytes into NAL units; see the head of this file. */
export class AnnexBSplitter {
  readonly losses: SplitterLosses = { strayBytes: 0, oversized: 0, torn: 0 };
  readonly #onNal: (nal: Nal) => void;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #at = 0;
  /** Inside a NAL unit that is kept. */
  #open = false;
  /** Zeros at the end of what was read: of a start code, padding, or (rarely) of the NAL unit. */
  #zeros = 0;
  #block = new Uint8Array(0);
  #blockUsed = 0;
  #lastFeed = 0;
  #aligned = 0;
  #flushed = false;

  constructor(onNal: (nal: Nal) => void) {
    this.#onNal = onNal;
  }

  /** Bytes that are held for a NAL unit that is not complete. */
  get heldBytes(): number {
    return this.#length + this.#zeros;
  }

  /** Takes the next bytes; `now` is a clock in ms, `pause` how long a silence counts as one (half a frame). */
  feed(segment: Uint8Array, now: number, pause = Infinity): void {
    if (segment.length === 0) return;
    this.#learn(segment, now, pause);
    this.#lastFeed = now;
    let at = this.#zeros > 0 ? this.#resolveZeros(segment, now) : 0;
    for (let code = nextStartCode(segment, at); code >= 0; code = nextStartCode(segment, at)) {
      this.#append(segment, at, contentEnd(segment, at, code));
      this.#close();
      this.#begin(now);
      at = code + 3;
    }
    const end = contentEnd(segment, at, segment.length);
    this.#append(segment, at, end);
    this.#zeros += segment.length - end;
  }

  /**
   * Nothing came for a while: hands out the NAL unit that is held, if it has been shown that pauses are ends. True if
   * it did.
   */
  flushIfIdle(now: number, pause: number): boolean {
    const whole = this.#open && this.#length > 0 && this.#zeros === 0;
    if (!whole || this.#aligned < PROOF_READS || now - this.#lastFeed < pause) return false;
    this.#close();
    this.#flushed = true;
    return true;
  }

  /** The stream is over: hands out what is held. */
  end(): void {
    this.#close();
  }

  /** Somebody saw that a NAL unit, or a picture, was cut by flushIfIdle: pauses prove nothing for a while. */
  distrustPauses(): void {
    this.#aligned = -PENALTY_READS;
  }

  /** Whether reads after a pause begin with a start code. */
  #learn(segment: Uint8Array, now: number, pause: number): void {
    const code = this.#zeros === 0 && beginsWithCode(segment);
    if (code) this.#aligned += 1;
    else if (this.#flushed) {
      this.losses.torn += 1;
      this.distrustPauses();
    } else if (now - this.#lastFeed > Math.min(BURST_MS, pause)) this.#aligned = Math.min(this.#aligned, 0);
    this.#flushed = false;
  }

  /** Settles what the zeros before this segment were; returns where the segment's bytes go on. */
  #resolveZeros(segment: Uint8Array, now: number): number {
    let at = 0;
    while (at < segment.length && segment[at] === 0) at++;
    if (at === segment.length) return 0;
    const zeros = this.#zeros + at;
    this.#zeros = 0;
    if (zeros >= 2 && segment[at] === 1) {
      this.#close();
      this.#begin(now);
      return at + 1;
    }
    this.#appendZeros(zeros);
    return at;
  }

  #begin(now: number): void {
    this.#open = true;
    this.#at = now;
  }

  #append(segment: Uint8Array, from: number, to: number): void {
    const size = to - from;
    if (size === 0 || !this.#admit(size)) return;
    if (size < CRUMB_BYTES) this.#appendCrumb(segment.subarray(from, to));
    else this.#pieces.push(size === segment.length ? segment : segment.subarray(from, to));
  }

  #appendZeros(count: number): void {
    if (count === 0 || !this.#admit(count)) return;
    if (count < CRUMB_BYTES) this.#appendCrumb(new Uint8Array(count));
    else this.#pieces.push(new Uint8Array(count));
  }

  /** Whether bytes belong to a NAL unit that is kept; counts them either way. */
  #admit(size: number): boolean {
    if (!this.#open) {
      this.losses.strayBytes += size;
      return false;
    }
    this.#length += size;
    if (this.#length <= MAX_NAL_BYTES) return true;
    this.losses.oversized += 1;
    this.losses.strayBytes += this.#length;
    this.#drop();
    return false;
  }

  /** A crumb goes behind the one before it, where that is the last piece. */
  #appendCrumb(crumb: Uint8Array): void {
    if (this.#blockUsed + crumb.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#blockUsed = 0;
    }
    const last = this.#pieces.at(-1);
    const joins = last?.buffer === this.#block.buffer && last.byteOffset + last.length === this.#blockUsed;
    const from = joins ? last!.byteOffset : this.#blockUsed;
    this.#block.set(crumb, this.#blockUsed);
    this.#blockUsed += crumb.length;
    if (joins) this.#pieces.pop();
    this.#pieces.push(this.#block.subarray(from, this.#blockUsed));
  }

  /** The NAL unit is complete. */
  #close(): void {
    this.#zeros = 0;
    if (!this.#open) return;
    const nal: Nal = { pieces: this.#pieces, length: this.#length, at: this.#at };
    this.#drop();
    if (nal.length > 0) this.#onNal(nal);
  }

  #drop(): void {
    this.#open = false;
    this.#pieces = [];
    this.#length = 0;
  }
}

/** The first `count` bytes of a NAL unit in one array, or all there are. */
export function nalHead(nal: Nal, count: number): Uint8Array {
  const first = nal.pieces[0]!;
  if (first.length >= count || nal.pieces.length === 1) return first.subarray(0, count);
  const head = new Uint8Array(Math.min(count, nal.length));
  let at = 0;
  for (const piece of nal.pieces) {
    if (at === head.length) break;
    head.set(piece.subarray(0, head.length - at), at);
    at += Math.min(piece.length, head.length - at);
  }
  return head;
}

/** All bytes of a NAL unit in an array of its own. */
export function joinNal(nal: Nal): Uint8Array {
  const bytes = new Uint8Array(nal.length);
  copyNal(nal, bytes, 0);
  return bytes;
}

/** Copies a NAL unit to `at` in `target`. */
export function copyNal(nal: Nal, target: Uint8Array, at: number): void {
  let place = at;
  for (const piece of nal.pieces) {
    target.set(piece, place);
    place += piece.length;
  }
}

/** Where the bytes from `from` to `to` end without their trailing zeros. */
function contentEnd(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

function beginsWithCode(segment: Uint8Array): boolean {
  let zeros = 0;
  while (zeros < segment.length && segment[zeros] === 0) zeros++;
  return zeros >= 2 && segment[zeros] === 1;
}
