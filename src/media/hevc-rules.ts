/**
 * The rules of H.265 for the access unit reader; see video-rules.ts. H.265 7.4.2.4.4, table 7-1; protocol.md 8.1.
 */
import { sameBytes } from "../bytes/same-bytes.ts";
import { MediaError } from "../errors.ts";
import { joinNal, nalHead, type Nal } from "./annexb-splitter.ts";
import { HEVC_NAL, hevcNalType } from "./hevc.ts";
import { writeHevcConfig } from "./hevc-config.ts";
import { HevcSets, type HevcSliceHead } from "./hevc-slice.ts";
import type { OrderMark } from "./picture-order.ts";
import { MAX_SET_BYTES, type NalKind, type VideoConfig, type VideoRules } from "./video-rules.ts";

const HEAD_BYTES = 48;
const LAST_SLICE_TYPE = 31;
const MAX_VPS_ID = 15;

const IN_ORDER: OrderMark = { restart: false, lsb: undefined, bits: 0, depth: 0 };

const KINDS: Readonly<Record<number, NalKind>> = {
  [HEVC_NAL.vps]: "before",
  [HEVC_NAL.sps]: "before",
  [HEVC_NAL.pps]: "before",
  [HEVC_NAL.aud]: "mark",
  36: "mark", // end of sequence
  37: "mark", // end of stream
  39: "before", // SEI
  40: "after", // SEI
};

type Unit = { first: HevcSliceHead | undefined; key: boolean; restart: boolean };

/** H.265 as the access unit reader sees it. */
export class HevcRules implements VideoRules {
  readonly fourcc = "hvc1";
  readonly orderStep = 1;
  readonly complete = true;
  readonly #sets = new HevcSets();
  readonly #vps = new Map<number, Uint8Array>();
  readonly #sps = new Map<number, Uint8Array>();
  readonly #pps = new Map<number, Uint8Array>();
  #config: VideoConfig | undefined;
  #configSps: number | undefined;
  #unit: Unit = { first: undefined, key: false, restart: false };

  get key(): boolean {
    return this.#unit.key;
  }

  /** Filler (38), what is reserved and further layers have no use in a tag. */
  kindOf(nal: Nal): NalKind {
    const head = nalHead(nal, 2);
    if (head.length < 2 || ((head[0]! & 1) << 5) | (head[1]! >> 3)) return "drop";
    const type = hevcNalType(head);
    return type <= LAST_SLICE_TYPE ? "slice" : (KINDS[type] ?? "drop");
  }

  beginsUnit(nal: Nal): boolean {
    // first_slice_segment_in_pic_flag
    return (nalHead(nal, 3)[2]! & 0x80) !== 0;
  }

  startUnit(): void {
    this.#unit = { first: undefined, key: false, restart: false };
  }

  take(nal: Nal): boolean {
    const type = hevcNalType(nalHead(nal, 2));
    if (type === HEVC_NAL.vps || type === HEVC_NAL.sps || type === HEVC_NAL.pps) {
      return nal.length <= MAX_SET_BYTES && this.#takeSet(type, joinNal(nal));
    }
    if (type > LAST_SLICE_TYPE || !this.beginsUnit(nal)) return true;
    this.#unit = {
      first: this.#sets.readFirstSlice(nalHead(nal, HEAD_BYTES)),
      key: type >= HEVC_NAL.firstKey && type <= HEVC_NAL.lastKey,
      // IDR and BLA; a CRA in the middle of a stream goes on counting.
      restart: type >= HEVC_NAL.firstKey && type <= 20,
    };
    return true;
  }

  order(): OrderMark {
    const { first, restart } = this.#unit;
    const sps = first === undefined ? undefined : this.#sets.spsOf(first.ppsId);
    if (first === undefined || sps?.pocBits === undefined) return IN_ORDER;
    return { restart, lsb: first.pocLsb, bits: sps.pocBits, depth: sps.reorderFrames };
  }

  config(): VideoConfig | undefined {
    const { first } = this.#unit;
    const sps = first === undefined ? undefined : this.#sets.spsOf(first.ppsId);
    if (sps === undefined || this.#vps.size === 0) return undefined;
    if (this.#config !== undefined && this.#configSps === sps.spsId) return this.#config;
    const others = [...this.#sps].filter(([id]) => id !== sps.spsId).map(([, nal]) => nal);
    const record = writeHevcConfig({
      vps: [...this.#vps.values()],
      sps: [this.#sps.get(sps.spsId)!, ...others],
      pps: [...this.#pps.values()],
    });
    const { width, height, fps } = sps;
    this.#config = { record, facts: { width, height, fps } };
    this.#configSps = sps.spsId;
    return this.#config;
  }

  #takeSet(type: number, nal: Uint8Array): boolean {
    try {
      const [known, id] = this.#placeOf(type, nal);
      if (!sameBytes(nal, known.get(id))) this.#config = undefined;
      known.set(id, nal);
      return true;
    } catch (error) {
      if (error instanceof MediaError) return false;
      throw error;
    }
  }

  #placeOf(type: number, nal: Uint8Array): [Map<number, Uint8Array>, number] {
    if (type === HEVC_NAL.sps) return [this.#sps, this.#sets.takeSps(nal).spsId];
    if (type === HEVC_NAL.pps) return [this.#pps, this.#sets.takePps(nal)];
    const id = (nal[2] ?? 0xff) >> 4;
    if (id > MAX_VPS_ID || nal.length < 4) throw new MediaError("Cannot read H.265 VPS");
    return [this.#vps, id];
  }
}
