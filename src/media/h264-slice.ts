/**
 * The heads of H.264 slices: which picture a slice belongs to, and where that picture stands in the order of showing.
 * Parameter sets go in as they come, then slices; called by the reader of raw H.264 for each of them. ITU-T H.264
 * 7.3.3, 7.4.1.2.4, 8.2.1; protocol.md 8.2.
 */
import { BitReader, removeEmulationPrevention } from "../bytes/bits.ts";
import { MediaError } from "../errors.ts";
import { H264_NAL, h264NalType, readH264Sps, type H264Sps } from "./h264.ts";

/** The bytes of a slice that are looked at: what is read of its head fits in. */
export const SLICE_HEAD_BYTES = 48;

/** What tells the picture of one slice from that of another. */
export type H264SliceHead = {
  readonly firstMb: number;
  readonly idr: boolean;
  readonly reference: boolean;
  readonly ppsId: number;
  readonly frameNum: number;
  /** undefined: a whole frame. */
  readonly field: "top" | "bottom" | undefined;
  readonly idrPicId: number;
  /** pic_order_cnt_lsb; undefined where the stream has none. */
  readonly pocLsb: number | undefined;
};

/** The parameter sets that slices refer to. */
export class H264Sets {
  readonly #sps = new Map<number, H264Sps>();
  readonly #pps = new Map<number, number>();

  /** Takes a sequence parameter set. Throws MediaError. */
  takeSps(nal: Uint8Array): H264Sps {
    const sps = readH264Sps(nal);
    this.#sps.set(sps.slices.spsId, sps);
    return sps;
  }

  /** Takes a picture parameter set; returns its id. Throws MediaError. */
  takePps(nal: Uint8Array): number {
    try {
      const reader = new BitReader(removeEmulationPrevention(nal.subarray(0, SLICE_HEAD_BYTES)), 1);
      const id = reader.ue();
      const spsId = reader.ue();
      if (id > 255 || spsId > 31) throw new RangeError(`id ${id}, for set ${spsId}`);
      this.#pps.set(id, spsId);
      return id;
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new MediaError(`Cannot read H.264 PPS: ${cause.message}`, undefined, { cause });
    }
  }

  /** The sequence parameter set that slices with this picture parameter set use. */
  spsOf(ppsId: number): H264Sps | undefined {
    return this.#sps.get(this.#pps.get(ppsId) ?? -1);
  }

  /** Reads the head of a slice (types 1, 2 and 5); undefined if its sets are not known or it is damaged. */
  readSlice(head: Uint8Array): H264SliceHead | undefined {
    try {
      return this.#read(head);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #read(head: Uint8Array): H264SliceHead | undefined {
    const reader = new BitReader(removeEmulationPrevention(head), 1);
    const firstMb = reader.ue();
    reader.ue(); // slice_type
    const ppsId = reader.ue();
    const syntax = this.spsOf(ppsId)?.slices;
    if (syntax === undefined) return undefined;
    if (syntax.separatePlanes) reader.skip(2);
    const frameNum = reader.bits(syntax.frameNumBits);
    const isField = syntax.fields && reader.bit() === 1;
    const field = isField ? (reader.bit() === 1 ? "bottom" : "top") : undefined;
    const idr = h264NalType(head) === H264_NAL.idr;
    const idrPicId = idr ? reader.ue() : 0;
    const pocLsb = syntax.pocType === 0 ? reader.bits(syntax.pocBits) : undefined;
    return { firstMb, idr, reference: (head[0]! & 0x60) !== 0, ppsId, frameNum, field, idrPicId, pocLsb };
  }
}

/**
 * Whether `next` begins another picture than that of `last`. The exact rule compares what must be equal within one;
 * a first macroblock tells where all of that is. H.264 7.4.1.2.4.
 */
export function beginsPicture(last: H264SliceHead, next: H264SliceHead): boolean {
  return (
    next.firstMb === 0 ||
    last.frameNum !== next.frameNum ||
    last.ppsId !== next.ppsId ||
    last.field !== next.field ||
    last.reference !== next.reference ||
    last.idr !== next.idr ||
    last.idrPicId !== next.idrPicId ||
    last.pocLsb !== next.pocLsb
  );
}

/** Whether `second` is the other field of the frame that `first` began: both go into one tag. protocol.md 8.2. */
export function completesFrame(first: H264SliceHead, second: H264SliceHead): boolean {
  return (
    first.field !== undefined &&
    second.field !== undefined &&
    first.field !== second.field &&
    first.frameNum === second.frameNum &&
    first.reference === second.reference &&
    !second.idr
  );
}

/** payloadType of a recovery point: a picture from which decoding may begin. H.264 D.1.8. */
const RECOVERY_POINT = 6;

/** Whether an SEI unit marks a recovery point, as streams without IDR pictures have. Looks at its first bytes. */
export function hasRecoveryPoint(sei: Uint8Array): boolean {
  const bytes = removeEmulationPrevention(sei);
  let at = 1;
  while (at + 1 < bytes.length && bytes[at] !== 0x80) {
    let type = 0;
    let size = 0;
    while (bytes[at] === 0xff) type += bytes[at++]!;
    type += bytes[at++] ?? 0;
    while (bytes[at] === 0xff) size += bytes[at++]!;
    size += bytes[at++] ?? 0;
    if (type === RECOVERY_POINT) return true;
    at += size;
  }
  return false;
}
