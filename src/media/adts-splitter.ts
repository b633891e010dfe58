/**
 * AdtsSplitter cuts raw AAC with ADTS headers, as encoders write it to pipes, into frames and the configuration that
 * becomes the sequence header. Segments go in however they are cut, frames come out. Bytes that are no
 * frame are skipped and counted: the first frame counts if two more headers follow in a chain, one after a damage if
 * another follows, and any if the chain leads to the end. ISO 14496-3 1.A.2; protocol.md 8.7.
 */
import { join } from "../bytes/join.ts";
import { MediaError } from "../errors.ts";
import { readAdtsHeader, type AdtsHeader } from "./aac.ts";

/** One frame of 1024 samples. */
export type AdtsFrame = {
  /** The AudioSpecificConfig that it needs; the same object until it changes. */
  readonly config: Uint8Array;
  /** Hz. */
  readonly sampleRate: number;
  /** Undefined where only a decoder finds out. */
  readonly channels: number | undefined;
  /** The raw data block, without header: a part of what was read, which holds during the call only. */
  readonly payload: Uint8Array;
};

const HEADER_BYTES = 7;
/** Headers that must follow the first one of all: two bytes that look like one stand in everything. */
const WITNESSES = 2;

/** Cuts ADTS; see the head of this file. */
export class AdtsSplitter {
  readonly #onFrame: (frame: AdtsFrame) => void;
  #held: Uint8Array = new Uint8Array(0);
  #config: Uint8Array | undefined;
  /** Aligned: the header before led here. */
  #synced = false;
  /** Frames were found here before. */
  #proven = false;
  #skipped = 0;
  /** Nothing more will come. */
  #over = false;

  constructor(onFrame: (frame: AdtsFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes that belonged to no frame. */
  get skippedBytes(): number {
    return this.#skipped;
  }

  /** Takes the next bytes. A frame has at most 8191, so no more than three are ever held. */
  feed(segment: Uint8Array): void {
    const bytes = this.#held.length === 0 ? segment : join(this.#held, segment);
    const used = this.#read(bytes);
    // A copy of what may be a Buffer, whose slice() is none.
    this.#held = new Uint8Array(bytes.subarray(used));
  }

  /** The stream is over: hands out a last frame that nothing follows. */
  end(): void {
    this.#over = true;
    const used = this.#read(this.#held);
    this.#skipped += this.#held.length - used;
    this.#held = new Uint8Array(0);
  }

  /** Reads frames; returns how many bytes are done with. */
  #read(bytes: Uint8Array): number {
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const header = headerAt(bytes, at);
      if (header !== undefined) {
        const next = at + header.frameLength;
        const verdict = this.#judge(bytes, next);
        if (verdict === "later") break;
        if (verdict === "frame") {
          this.#take(header, bytes.subarray(at + header.headerLength, next));
          at = next;
          continue;
        }
      }
      this.#synced = false;
      this.#skipped += 1;
      at += 1;
    }
    return at;
  }

  /** Whether what ends at `end` is a frame: as many headers must follow it, each where the one before says. */
  #judge(bytes: Uint8Array, end: number): "frame" | "noise" | "later" {
    const open = this.#over ? "noise" : "later";
    if (end > bytes.length) return open;
    // A frame that the one before led to needs no witness, and does not wait for one.
    let missing = this.#synced ? 0 : this.#proven ? 1 : WITNESSES;
    for (let next = end; missing > 0; missing--) {
      // At the end a header that is there counts, though its frame is cut.
      if (next > bytes.length) return this.#over ? "frame" : "later";
      if (bytes.length - next < HEADER_BYTES) return this.#over && mayBegin(bytes, next) ? "frame" : open;
      const witness = headerAt(bytes, next);
      if (witness === undefined) return "noise";
      next += witness.frameLength;
    }
    return "frame";
  }

  #take(header: AdtsHeader, payload: Uint8Array): void {
    this.#synced = true;
    this.#proven = true;
    const { config, blocks, sampleRate, channels } = header;
    // Several raw data blocks cannot be told apart without decoding them.
    if (blocks > 1 || payload.length === 0) {
      this.#skipped += header.frameLength;
      return;
    }
    if (this.#config?.[0] !== config[0] || this.#config?.[1] !== config[1]) this.#config = config;
    this.#onFrame({ config: this.#config!, sampleRate, channels, payload });
  }
}

/** Whether the bytes from here on, too few for a header, may be the beginning of one; so may none at all. */
function mayBegin(bytes: Uint8Array, at: number): boolean {
  const [first = 0xff, second = 0xf0] = bytes.subarray(at);
  return first === 0xff && (second & 0xf6) === 0xf0;
}

function headerAt(bytes: Uint8Array, at: number): AdtsHeader | undefined {
  if (bytes[at] !== 0xff) return undefined;
  try {
    return readAdtsHeader(bytes.subarray(at, at + HEADER_BYTES));
  } catch (error) {
    if (error instanceof MediaError) return undefined;
    throw error;
  }
}
