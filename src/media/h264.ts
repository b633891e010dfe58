/**
 * H.264 parameter sets: reading a sequence parameter set, reading and writing the AVCDecoderConfigurationRecord that
 * is the sequence header. NAL units come in with their header byte and with emulation prevention, as they stand in the
 * stream. For the facts about a track, for raw H.264 and the test card. ITU-T H.264 7.3.2.1, E.1; ISO 14496-15 5.3.3;
 * protocol.md 8.3 to 8.5.
 */
import { BitReader, removeEmulationPrevention } from "../bytes/bits.ts";
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { MediaError } from "../errors.ts";
import { readH264Vui } from "./h264-vui.ts";

/** nal_unit_type. H.264 table 7-1. */
export const H264_NAL = {
  ...{ slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, aud: 9 },
  ...{ endOfSequence: 10, endOfStream: 11, filler: 12 },
} as const;

/** What a sequence parameter set says about the picture. */
export type H264Sps = {
  readonly profileIdc: number;
  /** constraint_set flags, the highest bit first. */
  readonly constraints: number;
  readonly levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** After cropping. */
  readonly width: number;
  /** After cropping; of the whole frame when it is interlaced. */
  readonly height: number;
  readonly interlaced: boolean;
  /** Frames per second from the timing information; undefined when there is none. */
  readonly fps: number | undefined;
  /** How many frames may come before one that is shown earlier; undefined when it is not said. */
  readonly reorderFrames: number | undefined;
  /** What a reader of slice headers must know. */
  readonly slices: H264SliceSyntax;
};

/** The fields of a sequence parameter set that decide how slice headers read. H.264 7.3.3. */
export type H264SliceSyntax = {
  readonly spsId: number;
  /** Bits of frame_num. */
  readonly frameNumBits: number;
  readonly pocType: number;
  /** Bits of pic_order_cnt_lsb; 0 unless pocType is 0. */
  readonly pocBits: number;
  readonly separatePlanes: boolean;
  /** Whether a picture may be a single field. */
  readonly fields: boolean;
};

/** Profiles whose SPS has chroma format and bit depths, and whose configuration record has a tail. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([
  100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
]);
/** Profiles whose record is written without the tail. As ffmpeg's avc.c. */
const PLAIN_PROFILES: ReadonlySet<number> = new Set([66, 77, 88]);
/** More than any level allows; a bound against damaged sets. */
const MAX_SIDE = 32_768;

/** The type of a NAL unit; 0 when it has no bytes. */
export function h264NalType(nal: Uint8Array): number {
  return nal.length === 0 ? 0 : nal[0]! & 0x1f;
}

/** Reads a sequence parameter set. Throws MediaError. */
export function readH264Sps(nal: Uint8Array): H264Sps {
  if (h264NalType(nal) !== H264_NAL.sps) {
    throw new MediaError(`Cannot read H.264 SPS: NAL unit type ${h264NalType(nal)}, not 7`, 0);
  }
  try {
    return readSps(new BitReader(removeEmulationPrevention(nal), 1));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MediaError(`Cannot read H.264 SPS: ${cause.message}`, undefined, { cause });
  }
}

function readSps(reader: BitReader): H264Sps {
  const profileIdc = reader.bits(8);
  const constraints = reader.bits(8);
  const levelIdc = reader.bits(8);
  const spsId = reader.ue();
  const chroma = readChroma(reader, profileIdc);
  const frameNumBits = reader.ue() + 4;
  const order = readPictureOrder(reader);
  if (spsId > 31 || frameNumBits > 16)
    throw new RangeError(`id ${spsId}, frame numbers of ${frameNumBits} bits`);
  reader.ue(); // max_num_ref_frames
  reader.bit(); // gaps_in_frame_num_value_allowed_flag
  const widthInMbs = reader.ue() + 1;
  const heightInUnits = reader.ue() + 1;
  const frameMbsOnly = reader.bit();
  if (frameMbsOnly === 0) reader.bit(); // mb_adaptive_frame_field_flag
  reader.bit(); // direct_8x8_inference_flag
  const fieldFactor = 2 - frameMbsOnly;
  const crop = readCrop(reader, chroma.arrayType, fieldFactor);
  const width = 16 * widthInMbs - crop.horizontal;
  const height = 16 * heightInUnits * fieldFactor - crop.vertical;
  if (!(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE)) {
    throw new RangeError(`a picture of ${width} x ${height}`);
  }
  const vui = reader.bit() === 1 ? readH264Vui(reader) : { fps: undefined, reorderFrames: undefined };
  const { format: chromaFormat, luma: bitDepthLuma, chroma: bitDepthChroma } = chroma;
  const picture = { chromaFormat, bitDepthLuma, bitDepthChroma, width, height };
  const interlaced = frameMbsOnly === 0;
  const { separatePlanes } = chroma;
  const slices = { spsId, frameNumBits, ...order, separatePlanes, fields: interlaced };
  return { profileIdc, constraints, levelIdc, ...picture, interlaced, ...vui, slices };
}

type Chroma = { format: number; arrayType: number; luma: number; chroma: number; separatePlanes: boolean };

function readChroma(reader: BitReader, profileIdc: number): Chroma {
  if (!HIGH_PROFILES.has(profileIdc)) {
    return { format: 1, arrayType: 1, luma: 8, chroma: 8, separatePlanes: false };
  }
  const format = reader.ue();
  if (format > 3) throw new RangeError(`chroma format ${format}`);
  const separatePlanes = format === 3 && reader.bit() === 1;
  const luma = 8 + reader.ue();
  const chroma = 8 + reader.ue();
  if (luma > 14 || chroma > 14) throw new RangeError(`${luma} bits of luma, ${chroma} of chroma`);
  reader.bit(); // qpprime_y_zero_transform_bypass_flag
  if (reader.bit() === 1) skipScalingLists(reader, format === 3 ? 12 : 8);
  return { format, arrayType: separatePlanes ? 0 : format, luma, chroma, separatePlanes };
}

/** H.264 7.3.2.1.1.1: a list ends early when its next scale is 0. nginx-rtmp does not know and misreads the rest. */
function skipScalingLists(reader: BitReader, count: number): void {
  for (let list = 0; list < count; list++) {
    if (reader.bit() === 0) continue;
    const size = list < 6 ? 16 : 64;
    let last = 8;
    for (let i = 0; i < size && last !== 0; i++) last = (last + reader.se()) & 0xff;
  }
}

function readPictureOrder(reader: BitReader): { pocType: number; pocBits: number } {
  const pocType = reader.ue();
  const pocBits = pocType === 0 ? reader.ue() + 4 : 0;
  if (pocBits > 16) throw new RangeError(`picture order counts of ${pocBits} bits`);
  if (pocType !== 1) return { pocType, pocBits };
  reader.bit(); // delta_pic_order_always_zero_flag
  reader.se(); // offset_for_non_ref_pic
  reader.se(); // offset_for_top_to_bottom_field
  const cycle = reader.ue();
  if (cycle > 255) throw new RangeError(`a cycle of ${cycle} reference frames`);
  for (let i = 0; i < cycle; i++) reader.se();
  return { pocType, pocBits };
}

/** Cropping in pixels: its units depend on chroma and on fields. H.264 7.4.2.1.1, CropUnitX and CropUnitY. */
function readCrop(
  reader: BitReader,
  chromaArrayType: number,
  fieldFactor: number,
): { horizontal: number; vertical: number } {
  if (reader.bit() === 0) return { horizontal: 0, vertical: 0 };
  const sides = [reader.ue(), reader.ue(), reader.ue(), reader.ue()] as const;
  const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
  const unitY = (chromaArrayType === 1 ? 2 : 1) * fieldFactor;
  return { horizontal: unitX * (sides[0] + sides[1]), vertical: unitY * (sides[2] + sides[3]) };
}

/** What a sequence header says. */
export type AvcConfig = {
  readonly profileIdc: number;
  readonly constraints: number;
  readonly levelIdc: number;
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthSize: number;
  /** Views into the record; both may be empty, then the sets come in the stream. */
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
};

/**
 * Reads an AVCDecoderConfigurationRecord. Reserved bits are not checked, the tail of high profiles may be missing,
 * junk may follow. Throws MediaError.
 */
export function readAvcConfig(record: Uint8Array): AvcConfig {
  const reader = new ByteReader(record);
  try {
    const version = reader.u8();
    if (version !== 1) throw new RangeError(`version ${version}`);
    const profileIdc = reader.u8();
    const constraints = reader.u8();
    const levelIdc = reader.u8();
    const lengthSize = (reader.u8() & 3) + 1;
    const sps = readSets(reader, reader.u8() & 0x1f);
    // Broken encoders stop after an empty list of SPS.
    const pps = reader.remaining === 0 && sps.length === 0 ? [] : readSets(reader, reader.u8());
    return { profileIdc, constraints, levelIdc, lengthSize, sps, pps };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `Cannot read AVC sequence header: ${cause.message}`;
    throw new MediaError(message, reader.position, { cause });
  }
}

function readSets(reader: ByteReader, count: number): Uint8Array[] {
  const sets: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const set = reader.bytes(reader.u16());
    if (set.length > 0) sets.push(set);
  }
  return sets;
}

/**
 * Writes an AVCDecoderConfigurationRecord with 4-byte lengths. Profile and level are those of the first SPS; high
 * profiles get the tail with chroma format and bit depths. Throws MediaError when the first SPS cannot be read.
 */
export function writeAvcConfig(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const first = sps[0];
  if (first === undefined || sps.length > 31 || pps.length > 255) {
    throw new MediaError(`Cannot write AVC sequence header: ${sps.length} SPS, ${pps.length} PPS`);
  }
  const picture = readH264Sps(first);
  const writer = new ByteWriter();
  writer.u8(1);
  writer.bytes(first.subarray(1, 4));
  writer.u8(0xff);
  writer.u8(0xe0 | sps.length);
  writeSets(writer, sps);
  writer.u8(pps.length);
  writeSets(writer, pps);
  if (!PLAIN_PROFILES.has(picture.profileIdc)) {
    writer.u8(0xfc | picture.chromaFormat);
    writer.u8(0xf8 | (picture.bitDepthLuma - 8));
    writer.u8(0xf8 | (picture.bitDepthChroma - 8));
    writer.u8(0); // SPS extensions
  }
  return writer.take();
}

function writeSets(writer: ByteWriter, sets: readonly Uint8Array[]): void {
  for (const set of sets) {
    if (set.length > 0xffff)
      throw new MediaError(`Cannot write AVC sequence header: a set of ${set.length} bytes`);
    writer.u16(set.length);
    writer.bytes(set);
  }
}

const PROFILES: Readonly<Record<number, string>> = {
  44: "CAVLC 4:4:4",
  66: "Baseline",
  77: "Main",
  88: "Extended",
  100: "High",
  110: "High 10",
  122: "High 4:2:2",
  244: "High 4:4:4",
};

/** Profile for people, such as "Constrained Baseline". H.264 A.2. */
export function h264ProfileName(profileIdc: number, constraints: number): string {
  if (profileIdc === 66 && (constraints & 0x40) !== 0) return "Constrained Baseline";
  return PROFILES[profileIdc] ?? `profile ${profileIdc}`;
}

/** Level for people, such as "3.1" or "1b". H.264 A.3. */
export function h264LevelName(levelIdc: number, constraints: number): string {
  if (levelIdc === 9 || (levelIdc === 11 && (constraints & 0x10) !== 0)) return "1b";
  return `${Math.floor(levelIdc / 10)}.${levelIdc % 10}`;
}
