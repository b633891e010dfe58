/**
 * H.265 parameter sets: reading a sequence parameter set up to its frame rate and the HEVCDecoderConfigurationRecord
 * that is the sequence header. NAL units come in with their two header bytes and with emulation prevention. For the
 * facts about a track and for raw H.265. ITU-T H.265 7.3.2.2, 7.3.3, E.2.1; ISO 14496-15 8.3.3; protocol.md
 * 8.4, 8.5.
 */
import { BitReader, removeEmulationPrevention } from "../bytes/bits.ts";
import { ByteReader } from "../bytes/reader.ts";
import { MediaError } from "../errors.ts";
import { readHevcTail } from "./hevc-vui.ts";

/** nal_unit_type. H.265 table 7-1. */
export const HEVC_NAL = { firstKey: 16, lastKey: 21, vps: 32, sps: 33, pps: 34, aud: 35 } as const;

/** What a sequence parameter set says about the picture. */
export type HevcSps = {
  readonly spsId: number;
  readonly profileIdc: number;
  readonly highTier: boolean;
  /** 30 times the level. */
  readonly levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly separatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Inside the conformance window. */
  readonly width: number;
  /** Inside the conformance window. */
  readonly height: number;
  /** Frames per second from the timing information; undefined when there is none. */
  readonly fps: number | undefined;
  /** Bits of slice_pic_order_cnt_lsb; undefined when the set is cut before it. */
  readonly pocBits: number | undefined;
  /** How many pictures may come before one that is shown earlier; undefined as above. */
  readonly reorderFrames: number | undefined;
};

/** More than any level allows; a bound against damaged sets. */
const MAX_SIDE = 32_768;

/** The type of a NAL unit; 0 when it has no bytes. */
export function hevcNalType(nal: Uint8Array): number {
  return nal.length === 0 ? 0 : (nal[0]! >> 1) & 0x3f;
}

/** Reads a sequence parameter set. Throws MediaError. */
export function readHevcSps(nal: Uint8Array): HevcSps {
  if (hevcNalType(nal) !== HEVC_NAL.sps) {
    throw new MediaError(`Cannot read H.265 SPS: NAL unit type ${hevcNalType(nal)}, not 33`, 0);
  }
  try {
    return readSps(new BitReader(removeEmulationPrevention(nal), 2));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MediaError(`Cannot read H.265 SPS: ${cause.message}`, undefined, { cause });
  }
}

function readSps(reader: BitReader): HevcSps {
  reader.skip(4); // sps_video_parameter_set_id
  const subLayers = reader.bits(3);
  reader.skip(1); // sps_temporal_id_nesting_flag
  const profile = readProfile(reader, subLayers);
  const spsId = reader.ue();
  const chromaFormat = reader.ue();
  if (chromaFormat > 3) throw new RangeError(`chroma format ${chromaFormat}`);
  const separatePlanes = chromaFormat === 3 && reader.bit() === 1;
  const coded = { width: reader.ue(), height: reader.ue() };
  const window = readWindow(reader, separatePlanes ? 0 : chromaFormat);
  const width = coded.width - window.horizontal;
  const height = coded.height - window.vertical;
  if (!(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE)) {
    throw new RangeError(`a picture of ${width} x ${height}`);
  }
  const bitDepthLuma = 8 + reader.ue();
  const bitDepthChroma = 8 + reader.ue();
  if (bitDepthLuma > 16 || bitDepthChroma > 16) throw new RangeError(`${bitDepthLuma} bits of luma`);
  const tail = readHevcTail(reader, subLayers);
  const picture = { chromaFormat, separatePlanes, bitDepthLuma, bitDepthChroma, width, height };
  return { spsId, ...profile, ...picture, ...tail };
}

/** profile_tier_level(1, subLayers). H.265 7.3.3. */
function readProfile(
  reader: BitReader,
  subLayers: number,
): { profileIdc: number; highTier: boolean; levelIdc: number } {
  reader.skip(2); // general_profile_space
  const highTier = reader.bit() === 1;
  const profileIdc = reader.bits(5);
  reader.skip(32 + 48); // compatibility and constraint flags
  const levelIdc = reader.bits(8);
  // Two flags for each sub-layer, and for the missing ones up to 8 two bits as padding.
  const present = Array.from({ length: subLayers }, () => reader.bits(2));
  if (subLayers > 0) reader.skip(2 * (8 - subLayers));
  for (const flags of present) reader.skip(((flags & 2) !== 0 ? 88 : 0) + ((flags & 1) !== 0 ? 8 : 0));
  return { profileIdc, highTier, levelIdc };
}

/** The conformance window in pixels, from units of chroma. H.265 7.4.3.2.1, table 6-1. */
function readWindow(reader: BitReader, chromaArrayType: number): { horizontal: number; vertical: number } {
  if (reader.bit() === 0) return { horizontal: 0, vertical: 0 };
  const sides = [reader.ue(), reader.ue(), reader.ue(), reader.ue()] as const;
  const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
  const unitY = chromaArrayType === 1 ? 2 : 1;
  return { horizontal: unitX * (sides[0] + sides[1]), vertical: unitY * (sides[2] + sides[3]) };
}

/** One array of a sequence header: NAL units of one type, as views into the record. */
export type HevcArray = { readonly type: number; readonly nals: readonly Uint8Array[] };

/** What a sequence header says. */
export type HevcConfig = {
  readonly profileIdc: number;
  readonly highTier: boolean;
  readonly levelIdc: number;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number;
  /** In the order of the record; x265 adds one with SEI messages to the three of parameter sets. */
  readonly arrays: readonly HevcArray[];
};

/** Reads an HEVCDecoderConfigurationRecord. Reserved bits are not checked, junk may follow. Throws MediaError. */
export function readHevcConfig(record: Uint8Array): HevcConfig {
  const reader = new ByteReader(record);
  try {
    return readConfig(reader);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `Cannot read HEVC sequence header: ${cause.message}`;
    throw new MediaError(message, reader.position, { cause });
  }
}

function readConfig(reader: ByteReader): HevcConfig {
  const version = reader.u8();
  // Some encoders write 0 here.
  if (version > 1) throw new RangeError(`version ${version}`);
  const profile = reader.u8();
  reader.skip(10); // compatibility and constraint flags
  const levelIdc = reader.u8();
  reader.skip(3); // min_spatial_segmentation_idc, parallelismType
  const chromaFormat = reader.u8() & 0x03;
  const bitDepthLuma = 8 + (reader.u8() & 0x07);
  const bitDepthChroma = 8 + (reader.u8() & 0x07);
  reader.skip(2); // avgFrameRate
  const lengthSize = (reader.u8() & 0x03) + 1;
  const arrays: HevcArray[] = [];
  for (let left = reader.u8(); left > 0; left--) arrays.push(readArray(reader));
  return {
    profileIdc: profile & 0x1f,
    highTier: (profile & 0x20) !== 0,
    levelIdc,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    lengthSize,
    arrays,
  };
}

function readArray(reader: ByteReader): HevcArray {
  const type = reader.u8() & 0x3f;
  const nals: Uint8Array[] = [];
  for (let left = reader.u16(); left > 0; left--) nals.push(reader.bytes(reader.u16()));
  return { type, nals };
}

/** The NAL units of one type in a sequence header, such as HEVC_NAL.sps. */
export function hevcSets(config: HevcConfig, type: number): Uint8Array[] {
  return config.arrays.filter((array) => array.type === type).flatMap((array) => array.nals);
}

const PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "Main 10",
  3: "Main Still Picture",
  4: "Range Extensions",
  9: "Screen Content",
};

/** Profile for people, such as "Main 10". H.265 A.3. */
export function hevcProfileName(profileIdc: number): string {
  return PROFILES[profileIdc] ?? `profile ${profileIdc}`;
}

/** Level for people, such as "4.1", with "high tier" where it applies. H.265 A.4. */
export function hevcLevelName(levelIdc: number, highTier: boolean): string {
  const level = `${Math.floor(levelIdc / 30)}.${Math.floor((levelIdc % 30) / 3)}`;
  return highTier ? `${level} high tier` : level;
}
