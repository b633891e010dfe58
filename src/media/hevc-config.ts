/**
 * Writes the HEVCDecoderConfigurationRecord that is the sequence header of H.265. Parameter sets go in as they stand
 * in the stream. Called by the reader of raw H.265. ISO 14496-15 8.3.3; protocol.md 8.4.
 */
import { removeEmulationPrevention } from "../bytes/bits.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { MediaError } from "../errors.ts";
import { HEVC_NAL, readHevcSps } from "./hevc.ts";

/** The parameter sets of a stream, each list with the active one first. */
export type HevcParameterSets = {
  readonly vps: readonly Uint8Array[];
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
};

/** All sets of the type are in the record, none only in the stream. */
const COMPLETE = 0x80;
/** Bytes of profile, flags and level, which are the same in the set and in the record. H.265 7.3.3. */
const PROFILE_BYTES = 12;

/** Writes a record with 4-byte lengths. Throws MediaError when the first SPS cannot be read. */
export function writeHevcConfig(sets: HevcParameterSets): Uint8Array {
  const first = sets.sps[0];
  if (first === undefined) throw new MediaError("Cannot write HEVC sequence header: no SPS");
  const picture = readHevcSps(first);
  const bytes = removeEmulationPrevention(first);
  const layers = ((bytes[2]! >> 1) & 7) + 1;
  const nested = bytes[2]! & 1;
  const writer = new ByteWriter();
  writer.u8(1);
  writer.bytes(bytes.subarray(3, 3 + PROFILE_BYTES));
  writer.u16(0xf000); // min_spatial_segmentation_idc: not said
  writer.u8(0xfc); // parallelismType: not said
  writer.u8(0xfc | picture.chromaFormat);
  writer.u8(0xf8 | (picture.bitDepthLuma - 8));
  writer.u8(0xf8 | (picture.bitDepthChroma - 8));
  writer.u16(0); // avgFrameRate: not said
  writer.u8((layers << 3) | (nested << 2) | 3);
  writer.u8(3);
  writeArray(writer, HEVC_NAL.vps, sets.vps);
  writeArray(writer, HEVC_NAL.sps, sets.sps);
  writeArray(writer, HEVC_NAL.pps, sets.pps);
  return writer.take();
}

function writeArray(writer: ByteWriter, type: number, nals: readonly Uint8Array[]): void {
  writer.u8(COMPLETE | type);
  writer.u16(nals.length);
  for (const nal of nals) {
    if (nal.length > 0xffff)
      throw new MediaError(`Cannot write HEVC sequence header: a set of ${nal.length} bytes`);
    writer.u16(nal.length);
    writer.bytes(nal);
  }
}
