/**
 * Counts what comes as RTMP chunks, without keeping it: sinks must not cost more than the clients that are measured.
 * Commands and set chunk size are kept whole; of a video message only the mark (media.ts) is looked at.
 */
import { MARK_AT, MARK_SIZE, MARK_WORD } from "./media.ts";

type ChunkStream = {
  type: number;
  length: number;
  extended: boolean;
  filled: number;
  /** The beginning of the payload: all of a command, the mark of a frame. */
  kept: Buffer;
};

const HEADER_SIZE = [11, 7, 3, 0] as const;
const KEPT_OF_FRAME = MARK_AT + MARK_SIZE;
const KEPT_OF_OTHERS = 4_096;

/** Reads chunks from the first byte behind the handshake on. */
export class StreamReader {
  /** Bytes and number of audio and video messages that are complete. */
  payload = 0;
  messages = 0;
  readonly #onCommand: (payload: Buffer) => void;
  readonly #onMark: (index: number, time: number) => void;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #head = Buffer.alloc(18);
  #headLength = 0;
  #chunkSize = 128;
  #current: ChunkStream | undefined;
  #left = 0;

  /** `onMark` gets the number and the time that stand in a marked frame, once all of it has come. */
  constructor(onCommand: (payload: Buffer) => void, onMark: (index: number, time: number) => void) {
    this.#onCommand = onCommand;
    this.#onMark = onMark;
  }

  feed(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const stream = this.#current;
      if (stream === undefined) {
        this.#head[this.#headLength++] = bytes[at++]!;
        this.#tryHeader();
        continue;
      }
      const n = Math.min(this.#left, bytes.length - at);
      if (stream.filled < stream.kept.length) bytes.copy(stream.kept, stream.filled, at, at + n);
      stream.filled += n;
      this.#left -= n;
      at += n;
      if (this.#left === 0) this.#endChunk(stream);
    }
  }

  #tryHeader(): void {
    const head = this.#head;
    const form = head[0]! & 63;
    const basic = form === 0 ? 2 : form === 1 ? 3 : 1;
    const size = HEADER_SIZE[head[0]! >> 6]!;
    if (this.#headLength < basic + size) return;
    const csid = form === 0 ? head[1]! + 64 : form === 1 ? head.readUInt16LE(1) + 64 : form;
    const stream = this.#streams.get(csid) ?? newStream();
    const extended = size >= 3 ? head.readUIntBE(basic, 3) === 0xffffff : stream.extended;
    if (extended && this.#headLength < basic + size + 4) return;
    this.#headLength = 0;
    stream.extended = extended;
    if (size >= 7) {
      stream.length = head.readUIntBE(basic + 3, 3);
      stream.type = head[basic + 6]!;
    }
    if (stream.filled === 0) this.#begin(stream);
    this.#streams.set(csid, stream);
    this.#current = stream;
    this.#left = Math.min(this.#chunkSize, stream.length - stream.filled);
    if (this.#left === 0) this.#endChunk(stream);
  }

  #begin(stream: ChunkStream): void {
    const media = stream.type === 8 || stream.type === 9;
    const wanted = Math.min(stream.length, media ? KEPT_OF_FRAME : KEPT_OF_OTHERS);
    if (stream.kept.length !== wanted) stream.kept = Buffer.alloc(wanted);
  }

  #endChunk(stream: ChunkStream): void {
    this.#current = undefined;
    if (stream.filled < stream.length) return;
    stream.filled = 0;
    if (stream.type === 1) this.#chunkSize = stream.kept.readUInt32BE();
    else if (stream.type === 20) this.#onCommand(stream.kept);
    else if (stream.type === 8 || stream.type === 9) this.#countFrame(stream);
  }

  #countFrame({ kept, length, type }: ChunkStream): void {
    this.payload += length;
    this.messages += 1;
    if (type !== 9 || kept.length < KEPT_OF_FRAME || kept.readUInt32BE(MARK_AT) !== MARK_WORD) return;
    this.#onMark(kept.readUInt32BE(MARK_AT + 4), kept.readDoubleBE(MARK_AT + 8));
  }
}

function newStream(): ChunkStream {
  return { type: 0, length: 0, extended: false, filled: 0, kept: Buffer.alloc(0) };
}
