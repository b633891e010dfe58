/**
 * SpentSegments: gives the memory of segments back that have been read. Bun makes a new buffer of up to 512 KiB for every
 * read and the garbage collector takes its time: a fast source would have a hundred MiB of them lie about. Small ones are
 * given back many at once, since a thread of the runtime gets up for each time that memory becomes free.
 */

/** From here on it is worth giving a segment back; in bytes. */
const WORTH_BYTES = 4 * 1024;
/** So much may lie about, in bytes. */
const MOST_BYTES = 512 * 1024;

/** Takes segments that nobody looks at any more; see the head of this file. */
export class SpentSegments {
  readonly #segments: ArrayBuffer[] = [];
  #bytes = 0;

  /** Takes a segment; one that is a view of something larger belongs to somebody else, and is left alone. */
  add(segment: Uint8Array): void {
    if (segment.length < WORTH_BYTES) return;
    const { buffer } = segment;
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== segment.length) return;
    this.#segments.push(buffer);
    this.#bytes += buffer.byteLength;
    if (this.#bytes >= MOST_BYTES) this.#release();
  }

  #release(): void {
    for (const buffer of this.#segments) buffer.transfer(0);
    this.#segments.length = 0;
    this.#bytes = 0;
  }
}
