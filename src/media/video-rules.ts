/**
 * What differs between H.264 and H.265 when NAL units become access units: which unit is what, which parameter sets
 * are in force, which picture starts a GOP. The access unit reader asks; bytes of heads in, answers out.
 * H.264 7.4.1.2.3, H.265 7.4.2.4.4; protocol.md 8.1, 8.2, 8.6.
 */
import type { Nal } from "./annexb-splitter.ts";
import type { OrderMark } from "./picture-order.ts";

/**
 * What a NAL unit is to its access unit: `drop` has no use in a tag, `mark` has none either but ends what was
 * before, `before` belongs to the next picture, `slice` to a picture, `after` to the one that was.
 */
export type NalKind = "drop" | "mark" | "before" | "slice" | "after";

/** What the sets in force say about the picture. */
export type PictureFacts = {
  readonly width: number;
  readonly height: number;
  /** As the sets claim, which is often wrong; undefined when they do not. */
  readonly fps: number | undefined;
};

/** What the sets in force amount to. */
export type VideoConfig = { readonly record: Uint8Array; readonly facts: PictureFacts };

/** The rules of one codec, with the state of the access unit that is being gathered. */
export interface VideoRules {
  /** FourCC as in MediaPacket. */
  readonly fourcc: "avc1" | "hvc1";
  /** Order counts from one frame to the next. */
  readonly orderStep: 1 | 2;
  /** Whether the unit that was gathered begins a GOP. */
  readonly key: boolean;
  /** Whether the unit may be complete: false for the first of two fields. */
  readonly complete: boolean;
  /** What a NAL unit is. Changes nothing. */
  kindOf(nal: Nal): NalKind;
  /** Whether this slice is the first of another picture than the slice before. Changes nothing. */
  beginsUnit(nal: Nal): boolean;
  /** The next unit begins. */
  startUnit(): void;
  /** Takes a NAL unit of the current access unit into account; false if it is damaged and must be left out. */
  take(nal: Nal): boolean;
  /** Where the picture stands in the order of showing. */
  order(): OrderMark;
  /** What the sets in force amount to; undefined while one is missing. The same object until they change. */
  config(): VideoConfig | undefined;
}

/** What a configuration record has room for; a larger set is damaged. */
export const MAX_SET_BYTES = 0xffff;
