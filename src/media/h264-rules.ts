/**
 * The rules of H.264 for the access unit reader; see video-rules.ts. H.264 7.4.1.2.3, table 7-1; protocol.md 8.1.
 */
import { sameBytes } from "../bytes/same-bytes.ts";
import { MediaError } from "../errors.ts";
import { joinNal, nalHead, type Nal } from "./annexb-splitter.ts";
import { H264_NAL, writeAvcConfig } from "./h264.ts";
import {
  beginsPicture,
  completesFrame,
  H264Sets,
  hasRecoveryPoint,
  SLICE_HEAD_BYTES,
  type H264SliceHead,
} from "./h264-slice.ts";
import type { OrderMark } from "./picture-order.ts";
import { MAX_SET_BYTES, type NalKind, type VideoConfig, type VideoRules } from "./video-rules.ts";

/** Where a recovery point stands in an SEI unit if it is worth finding. */
const SEI_HEAD_BYTES = 1024;
/** What a configuration record has room for. */
const MAX_SPS = 31;
const MAX_PPS = 255;

const IN_ORDER: OrderMark = { restart: false, lsb: undefined, bits: 0, depth: 0 };

const KINDS: Readonly<Record<number, NalKind>> = {
  1: "slice",
  2: "slice",
  3: "after", // data partitions B and C
  4: "after",
  5: "slice",
  6: "before",
  7: "before",
  8: "before",
  9: "mark",
  10: "mark",
  11: "mark",
  13: "before",
  19: "after", // auxiliary picture
};

/** The state of the unit being gathered. */
type Unit = {
  first: H264SliceHead | undefined;
  last: H264SliceHead | undefined;
  idr: boolean;
  recovery: boolean;
};

/** H.264 as the access unit reader sees it. */
export class H264Rules implements VideoRules {
  readonly fourcc = "avc1";
  readonly orderStep = 2;
  readonly #sets = new H264Sets();
  readonly #sps = new Map<number, Uint8Array>();
  readonly #pps = new Map<number, Uint8Array>();
  #config: VideoConfig | undefined;
  #configSps: number | undefined;
  #unit: Unit = { first: undefined, last: undefined, idr: false, recovery: false };

  get key(): boolean {
    return this.#unit.idr || this.#unit.recovery;
  }

  get complete(): boolean {
    const { first, last } = this.#unit;
    return first?.field === undefined || (last !== undefined && first.field !== last.field);
  }

  /** Filler (12), SVC and MVC (14, 15, 20) and what is reserved have no use in a tag. */
  kindOf(nal: Nal): NalKind {
    return KINDS[nal.pieces[0]![0]! & 0x1f] ?? "drop";
  }

  beginsUnit(nal: Nal): boolean {
    const next = this.#readSlice(nal);
    const { first, last } = this.#unit;
    // Without the sets only the first bit can be read: first_mb_in_slice is 0.
    if (next === undefined || last === undefined) return (nalHead(nal, 2)[1]! & 0x80) !== 0;
    if (!beginsPicture(last, next)) return false;
    // The second field of a frame that has one so far.
    return first?.field !== last.field || !completesFrame(last, next);
  }

  startUnit(): void {
    this.#unit = { first: undefined, last: undefined, idr: false, recovery: false };
  }

  take(nal: Nal): boolean {
    const type = nal.pieces[0]![0]! & 0x1f;
    switch (type) {
      case H264_NAL.sps:
      case H264_NAL.pps:
        return nal.length <= MAX_SET_BYTES && this.#takeSet(type, joinNal(nal));
      case H264_NAL.sei:
        if (hasRecoveryPoint(nalHead(nal, SEI_HEAD_BYTES))) this.#unit.recovery = true;
        return true;
      case 1:
      case 2:
      case H264_NAL.idr: {
        const head = this.#readSlice(nal);
        this.#unit.first ??= head;
        this.#unit.last = head ?? this.#unit.last;
        if (type === H264_NAL.idr) this.#unit.idr = true;
        return true;
      }
      default:
        return true;
    }
  }

  order(): OrderMark {
    const { first, idr } = this.#unit;
    const sps = first === undefined ? undefined : this.#sets.spsOf(first.ppsId);
    if (first === undefined || sps === undefined || first.pocLsb === undefined) return IN_ORDER;
    // Baseline has no B slices, whatever its sets leave open.
    const depth = sps.profileIdc === 66 ? 0 : sps.reorderFrames;
    return { restart: idr, lsb: first.pocLsb, bits: sps.slices.pocBits, depth };
  }

  config(): VideoConfig | undefined {
    const { first } = this.#unit;
    const sps = first === undefined ? undefined : this.#sets.spsOf(first.ppsId);
    if (sps === undefined) return undefined;
    const { spsId } = sps.slices;
    if (this.#config !== undefined && this.#configSps === spsId) return this.#config;
    const others = [...this.#sps].filter(([id]) => id !== spsId).map(([, nal]) => nal);
    // Readers that take the first set only must find the one that is in use.
    const all = [this.#sps.get(spsId)!, ...others].slice(0, MAX_SPS);
    const record = writeAvcConfig(all, [...this.#pps.values()].slice(0, MAX_PPS));
    const { width, height, fps } = sps;
    this.#config = { record, facts: { width, height, fps } };
    this.#configSps = spsId;
    return this.#config;
  }

  #readSlice(nal: Nal): H264SliceHead | undefined {
    return this.#sets.readSlice(nalHead(nal, SLICE_HEAD_BYTES));
  }

  /** A set that cannot be read would make a header that nobody can use. */
  #takeSet(type: number, nal: Uint8Array): boolean {
    try {
      const sps = type === H264_NAL.sps;
      const id = sps ? this.#sets.takeSps(nal).slices.spsId : this.#sets.takePps(nal);
      const known = sps ? this.#sps : this.#pps;
      if (!sameBytes(nal, known.get(id))) this.#config = undefined;
      known.set(id, nal);
      return true;
    } catch (error) {
      if (error instanceof MediaError) return false;
      throw error;
    }
  }
}
