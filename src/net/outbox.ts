/**
 * Outbox: what a socket did not take at once. Bun's sockets keep nothing: a write returns a short count (0 when
 * full, -1 when closed). Bytes go straight to the socket while they can; only the rest is copied and kept, little
 * pieces together in a block, so that what is kept takes hardly more memory than its bytes.
 */

/** A socket's write: bytes taken, or -1 when it is closed. */
export type Write = (bytes: Uint8Array) => number;

/** Smaller pieces share a block of this size: an array of its own is ten times as large as a pong. */
const BLOCK_BYTES = 4096;

/** Kept bytes, from `begin` to `end`; behind them there may be room for more. */
type Block = { readonly bytes: Uint8Array; begin: number; end: number };

/** Keeps unsent bytes in order; see the head of this file. */
export class Outbox {
  readonly #write: Write;
  #blocks: Block[] = [];
  #size = 0;
  #taken = 0;

  constructor(write: Write) {
    this.#write = write;
  }

  /** Bytes that the socket took, in all. */
  get taken(): number {
    return this.#taken;
  }

  /** Bytes kept. */
  get size(): number {
    return this.#size;
  }

  /** Memory held for them, in bytes. */
  get held(): number {
    return this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Writes `bytes`, or as much of them as goes, and keeps a copy of the rest. */
  send(bytes: Uint8Array): void {
    if (this.#size > 0) {
      this.#keep(bytes);
      return;
    }
    const sent = this.#write(bytes);
    if (sent > 0) this.#taken += sent;
    if (sent >= 0 && sent < bytes.length) this.#keep(bytes.subarray(sent));
  }

  /** Writes what is kept, as far as it goes; true when nothing is left. May be called at any time. */
  drain(): boolean {
    let gone = 0;
    for (const block of this.#blocks) {
      const sent = this.#write(block.bytes.subarray(block.begin, block.end));
      if (sent < 0) break;
      this.#size -= sent;
      this.#taken += sent;
      block.begin += sent;
      if (block.begin < block.end) {
        // What has left is let go now: a peer that reads a little now and then might never have it all.
        this.#blocks.splice(0, gone);
        return false;
      }
      gone += 1;
    }
    this.clear();
    return true;
  }

  /** Forgets what is kept. */
  clear(): void {
    if (this.#blocks.length > 0) this.#blocks = [];
    this.#size = 0;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#size += bytes.length;
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.bytes.length - last.end >= bytes.length) {
      last.bytes.set(bytes, last.end);
      last.end += bytes.length;
      return;
    }
    const own = new Uint8Array(Math.max(bytes.length, BLOCK_BYTES));
    own.set(bytes);
    this.#blocks.push({ bytes: own, begin: 0, end: bytes.length });
  }
}
