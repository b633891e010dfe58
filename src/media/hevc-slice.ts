/**
 * The heads of H.265 slices: where a picture stands in the order of showing. Parameter sets go in as they come, then
 * first slices; called by the reader of raw H.265. ITU-T H.265 7.3.2.3.1, 7.3.6.1.
 */
import { BitReader, removeEmulationPrevention } from "../bytes/bits.ts";
import { MediaError } from "../errors.ts";
import { hevcNalType, readHevcSps, type HevcSps } from "./hevc.ts";

/** The bytes of a NAL unit that are looked at: what is read of a picture set or a slice fits in. */
const HEAD_BYTES = 48;
const MAX_PPS_ID = 63;
const MAX_SPS_ID = 15;

type Pps = { readonly spsId: number; readonly outputFlag: boolean; readonly extraBits: number };

/** What the first slice of a picture says. */
export type HevcSliceHead = {
  readonly ppsId: number;
  /** slice_pic_order_cnt_lsb; 0 for IDR pictures. */
  readonly pocLsb: number;
};

/** The parameter sets that slices refer to. */
export class HevcSets {
  readonly #sps = new Map<number, HevcSps>();
  readonly #pps = new Map<number, Pps>();

  /** Takes a sequence parameter set. Throws MediaError. */
  takeSps(nal: Uint8Array): HevcSps {
    const sps = readHevcSps(nal);
    if (sps.spsId > MAX_SPS_ID) throw new MediaError(`Cannot read H.265 SPS: id ${sps.spsId}`);
    this.#sps.set(sps.spsId, sps);
    return sps;
  }

  /** Takes a picture parameter set; returns its id. Throws MediaError. */
  takePps(nal: Uint8Array): number {
    try {
      const reader = new BitReader(removeEmulationPrevention(nal.subarray(0, HEAD_BYTES)), 2);
      const id = reader.ue();
      const spsId = reader.ue();
      if (id > MAX_PPS_ID || spsId > MAX_SPS_ID) throw new RangeError(`id ${id}, for set ${spsId}`);
      reader.skip(1); // dependent_slice_segments_enabled_flag
      const outputFlag = reader.bit() === 1;
      this.#pps.set(id, { spsId, outputFlag, extraBits: reader.bits(3) });
      return id;
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new MediaError(`Cannot read H.265 PPS: ${cause.message}`, undefined, { cause });
    }
  }

  /** The sequence parameter set that slices with this picture parameter set use. */
  spsOf(ppsId: number): HevcSps | undefined {
    return this.#sps.get(this.#pps.get(ppsId)?.spsId ?? -1);
  }

  /** Reads the head of the first slice of a picture; undefined if its sets are not known or it is damaged. */
  readFirstSlice(head: Uint8Array): HevcSliceHead | undefined {
    try {
      return this.#read(head.subarray(0, HEAD_BYTES));
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #read(head: Uint8Array): HevcSliceHead | undefined {
    const type = hevcNalType(head);
    const reader = new BitReader(removeEmulationPrevention(head), 2);
    reader.skip(1); // first_slice_segment_in_pic_flag
    if (type >= 16 && type <= 23) reader.skip(1); // no_output_of_prior_pics_flag
    const ppsId = reader.ue();
    const pps = this.#pps.get(ppsId);
    const sps = this.spsOf(ppsId);
    if (pps === undefined || sps?.pocBits === undefined) return undefined;
    reader.skip(pps.extraBits);
    reader.ue(); // slice_type
    if (pps.outputFlag) reader.skip(1);
    if (sps.separatePlanes) reader.skip(2);
    const idr = type === 19 || type === 20;
    return { ppsId, pocLsb: idr ? 0 : reader.bits(sps.pocBits) };
  }
}
