/**
 * Outbox: what a socket did not take at once. Bun's sockets keep nothing: a write returns a short count (0 when
 * full, -1 when closed). Bytes go straight to the socket while they can; only the rest is copied and kept.
 */

/** A socket's write: bytes taken, or -1 when it is closed. */
export type Write = (bytes: Uint8Array) => number;

/** Keeps unsent bytes in order; see the head of this file. */
export class Outbox {
  readonly #write: Write;
  #kept: Uint8Array[] = [];
  #head = 0;
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
    while (this.#size > 0) {
      const bytes = this.#kept[this.#head]!;
      const sent = this.#write(bytes);
      if (sent < 0) {
        this.clear();
        return true;
      }
      this.#size -= sent;
      this.#taken += sent;
      if (sent < bytes.length) {
        this.#kept[this.#head] = bytes.subarray(sent);
        return false;
      }
      this.#head += 1;
    }
    this.clear();
    return true;
  }

  /** Forgets what is kept. */
  clear(): void {
    if (this.#kept.length > 0) this.#kept = [];
    this.#head = 0;
    this.#size = 0;
  }

  #keep(bytes: Uint8Array): void {
    this.#kept.push(new Uint8Array(bytes));
    this.#size += bytes.length;
  }
}
