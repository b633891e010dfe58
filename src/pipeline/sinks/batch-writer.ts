/**
 * BatchWriter: FLV tags into a file descriptor, many at a time, without waiting: one call is under way, what comes
 * meanwhile gathers for the next. Tags are packed into blocks, which are used again: so the system sees few pieces, and
 * whoever gave a body is done with it. (Bodies that are written where they lie cost more, each as a piece of its own,
 * than the copy.) Patches of earlier places take their turn between two batches, once everything that they speak of has
 * been written.
 */

import { skipLastTier, skipLastTierIn } from "../../last-tier.ts";
import {
  FLV_TAG_HEADER_SIZE,
  PREVIOUS_TAG_SIZE,
  writeFlvTagHeader,
  writePreviousTagSize,
} from "../../media/flv-writer.ts";
import { realDisk, type Disk } from "./disk.ts";

const BLOCK_BYTES = 256 * 1024;
/** Blocks that are kept for later: as many as one batch has at most where the source waits for the disk. */
const MOST_FREE = 10;
/** A pipe whose reader is slow may be non-blocking: wait this long, in ms, and go on. */
const PIPE_RETRY_MS = 10;
const EMPTY = new Uint8Array(0);

/** Bytes to be written at a place in the file. */
export type Patch = { readonly at: number; readonly bytes: Uint8Array };

/** Who hears of a writer. */
export type BatchHandlers = {
  /** Everything that was given has been written. */
  readonly onIdle: () => void;
  /** A write failed; nothing more is written, unless by retry(). */
  readonly onError: (error: NodeJS.ErrnoException) => void;
};

/** Writes tags in batches; see the head of this file. */
export class BatchWriter {
  readonly #fd: number;
  readonly #handlers: BatchHandlers;
  readonly #disk: Disk;
  /** What is being filled, and how far. */
  #block: Uint8Array = EMPTY;
  #end = 0;
  /** What is full, and the blocks that it lies in. */
  #pieces: Uint8Array[] = [];
  #blocks: Uint8Array[] = [];
  readonly #free: Uint8Array[] = [];
  #gathered = 0;
  #busy = false;
  #failed = false;
  /** What failed, to be done again. */
  #again: (() => void) | undefined;
  #onReleased: (() => void) | undefined;
  #written = 0;
  #patches: readonly Patch[] = [];
  #patchAfter = 0;
  #patchSync = false;

  constructor(fd: number, handlers: BatchHandlers, disk: Disk = realDisk) {
    skipLastTier(this.#write, this.#reserve);
    this.#fd = fd;
    this.#handlers = handlers;
    this.#disk = disk;
  }

  /** Bytes given so far: where the next one will stand in the file. */
  get position(): number {
    return this.#written + this.#gathered;
  }

  /** Bytes that have reached the system. */
  get written(): number {
    return this.#written;
  }

  /** Bytes that wait for the disk. */
  get pending(): number {
    return this.#gathered;
  }

  /** Whether a write is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether patches wait for their turn. */
  get patching(): boolean {
    return this.#patches.length > 0;
  }

  /** Adds bytes of any kind, by copying them. */
  bytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      this.#reserve(1);
      const count = Math.min(bytes.length - at, BLOCK_BYTES - this.#end);
      this.#block.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#end);
      this.#end += count;
      at += count;
    }
    this.#gathered += bytes.length;
  }

  /** Adds a tag: header, body (which is copied), back pointer. `timestamp` in ms. */
  tag(typeId: number, timestamp: number, body: Uint8Array): void {
    this.#reserve(FLV_TAG_HEADER_SIZE);
    writeFlvTagHeader(this.#block, this.#end, { typeId, size: body.length, timestamp });
    this.#end += FLV_TAG_HEADER_SIZE;
    this.bytes(body);
    this.#reserve(PREVIOUS_TAG_SIZE);
    writePreviousTagSize(this.#block, this.#end, body.length);
    this.#end += PREVIOUS_TAG_SIZE;
    this.#gathered += FLV_TAG_HEADER_SIZE + PREVIOUS_TAG_SIZE;
  }

  /** Writes patches once all that was given before them is written; `sync` makes everything durable then. */
  patch(patches: readonly Patch[], { sync }: { readonly sync: boolean }): void {
    this.#patches = patches;
    this.#patchAfter = this.position;
    this.#patchSync = sync;
  }

  /** Starts writing what has gathered, unless a write is under way (then it follows by itself). */
  flush(): void {
    if (this.#busy || this.#failed) return;
    if (this.#patches.length > 0 && this.#written >= this.#patchAfter) {
      this.#busy = true;
      void this.#writePatches(this.#patches);
      return;
    }
    this.#closeBlock();
    const [batch, blocks] = [this.#pieces, this.#blocks];
    if (batch.length === 0) return this.#handlers.onIdle();
    this.#pieces = [];
    this.#blocks = [];
    this.#busy = true;
    this.#write(batch, blocks);
  }

  /** Does again what failed. */
  retry(): void {
    const again = this.#again;
    if (again === undefined) return;
    this.#again = undefined;
    this.#failed = false;
    this.#busy = true;
    again();
  }

  /** Writes nothing more. `onReleased` is called when the descriptor is no longer in use, and may be closed. */
  abandon(onReleased: () => void): void {
    this.#failed = true;
    this.#again = undefined;
    this.#pieces = [];
    this.#blocks = [];
    if (this.#busy) this.#onReleased = onReleased;
    else onReleased();
  }

  #write(batch: Uint8Array[], blocks: readonly Uint8Array[]): void {
    this.#disk.append(this.#fd, batch, (error, count) => {
      if (this.#wasAbandoned()) return;
      if (error !== null && error.code === "EAGAIN") {
        setTimeout(() => this.#write(batch, blocks), PIPE_RETRY_MS);
        return;
      }
      if (error !== null) return this.#fail(error, () => this.#write(batch, blocks));
      this.#written += count;
      this.#gathered -= count;
      const rest = unwritten(batch, count);
      if (rest.length > 0) return this.#write(rest, blocks);
      for (const block of blocks) if (this.#free.length < MOST_FREE) this.#free.push(block);
      this.#busy = false;
      this.flush();
    });
  }

  async #writePatches(patches: readonly Patch[]): Promise<void> {
    try {
      for (const { at, bytes } of patches) await this.#disk.write(this.#fd, bytes, at);
      if (this.#patchSync) await this.#disk.sync(this.#fd, "data");
    } catch (error) {
      if (this.#wasAbandoned()) return;
      this.#fail(error as NodeJS.ErrnoException, () => void this.#writePatches(patches));
      return;
    }
    if (this.#wasAbandoned()) return;
    if (this.#patches === patches) this.#patches = [];
    this.#busy = false;
    this.flush();
  }

  #fail(error: NodeJS.ErrnoException, again: () => void): void {
    this.#failed = true;
    this.#busy = false;
    this.#again = again;
    this.#handlers.onError(error);
  }

  #wasAbandoned(): boolean {
    if (!this.#failed) return false;
    this.#busy = false;
    this.#onReleased?.();
    return true;
  }

  /** Makes room for `size` bytes in one piece. */
  #reserve(size: number): void {
    if (this.#end + size <= this.#block.length) return;
    this.#closeBlock();
    this.#block = this.#free.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  /** What was packed becomes a piece; what comes goes into another block. */
  #closeBlock(): void {
    if (this.#end === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#end));
    this.#blocks.push(this.#block);
    this.#block = EMPTY;
    this.#end = 0;
  }
}

/** What is left of a batch of which `count` bytes were written. */
function unwritten(batch: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  for (const [i, piece] of batch.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...batch.slice(i + 1)];
    left -= piece.length;
  }
  return [];
}

skipLastTierIn(BatchWriter);
