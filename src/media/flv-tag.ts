/**
 * What an FLV reader hands out: tags, and the places where the input is no proper FLV; and how it is told to read.
 */
import type { Slab } from "../bytes/slab-pool.ts";

/**
 * A tag: `timestamp` in ms modulo 2^32, `body` of exact size and nobody else's (unless borrowed), for good or until its
 * `slab` is released, once by the receiver; `offset` in bytes from the start of the input to its header. Of one that is
 * `filtered` the frame is encrypted. FLV 10.1 E.4.1.
 */
export type FlvTag = {
  typeId: number;
  filtered: boolean;
  timestamp: number;
  body: Uint8Array;
  slab: Slab | undefined;
  offset: number;
};

/**
 * A place where the input is no proper FLV: bytes that are no tag (`zeros` of them at the end are 0), a tag whose
 * back-pointer is wrong or missing, a file header that says nonsense, a tag that the end of the input cuts.
 */
export type FlvDamage = {
  readonly kind: "skipped" | "pointer" | "header" | "cut";
  /** Bytes from the start of the input. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly zeros: number;
};

/** Who hears of what is read. */
export type FlvHandlers = {
  onTag: (tag: FlvTag) => void;
  /** A second file begins at this byte: its timestamps have nothing to do with those before. */
  onDiscontinuity?: (offset: number) => void;
  onDamage?: (damage: FlvDamage) => void;
};

/** How a file is read. */
export type FlvReaderOptions = {
  /**
   * Saves what can be saved of a wreck, where a stream is better off with less: a single good tag between two
   * damaged places, a tag whose back-pointer alone is damaged, a file without its header.
   */
  readonly salvage?: boolean;
  /** Bodies are views that are valid only while onTag runs. */
  readonly borrow?: boolean;
  /** Bodies of sound and pictures lie in slabs. */
  readonly lend?: boolean;
};
