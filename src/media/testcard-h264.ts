/**
 * H.264 without an encoder: parameter sets, and pictures made of the three kinds of macroblock that need no transform.
 * One whose samples are those of the previous picture is skipped (P_Skip without motion); one that continues the row
 * above or the column to its left is Intra 16x16 without residual; any other is I_PCM, its samples themselves. With
 * the deblocking filter off, a decoder shows exactly the samples that came in. Macroblocks go in, NAL units come out.
 * Called by testcard.ts. Constrained Baseline, one slice per picture. ITU-T H.264 7.3, 7.4, 8.3.
 */
import { BitWriter } from "../bytes/bit-writer.ts";
import {
  type Macroblock,
  PICTURE_COLUMNS,
  PICTURE_HEIGHT,
  PICTURE_ROWS,
  PICTURE_WIDTH,
} from "./testcard-picture.ts";

/** Frames per second. */
export const FRAME_RATE = 25;

/** First bytes of the NAL units: nal_ref_idc and nal_unit_type. H.264 7.3.1. */
const NAL_HEADER = { sps: 0x67, pps: 0x68, idr: 0x65, nonIdr: 0x41 } as const;

const PROFILE_BASELINE = 66;
/** constraint_set0_flag and constraint_set1_flag: a Main decoder can play it, too. */
const CONSTRAINTS = 0xc0;
/** 23,000 macroblocks per second are too many for level 2.2. H.264 table A-1. */
const LEVEL_3 = 30;
/** frame_num has 6 bits, more than the 50 pictures that it counts from one IDR picture to the next. */
const FRAME_NUM_BITS = 6;
/** SMPTE 170M, which is BT.601: colour primaries, transfer characteristics and matrix. H.264 tables E-3 to E-5. */
const BT_601 = 6;

/** slice_type when all slices of the picture have it. H.264 table 7-6. */
const SLICE_TYPE = { p: 5, i: 7 } as const;
/** mb_type in an I slice; in a P slice the five inter types come first. H.264 tables 7-11 and 7-13. */
const MB_TYPE = { intra16x16: 1, pcm: 25 } as const;
const INTRA_IN_P = 5;

/** How a macroblock continues its neighbour: `down` from the one above, `across` from the one to the left. */
type Direction = "down" | "across";

/** Intra16x16PredMode and intra_chroma_pred_mode. H.264 tables 8-4 and 8-5. */
const LUMA_MODE: Readonly<Record<Direction, number>> = { down: 0, across: 1 };
const CHROMA_MODE: Readonly<Record<Direction, number>> = { across: 1, down: 2 };

/** A plane within a macroblock's samples: where it begins and how many samples its side has. */
type Plane = { readonly start: number; readonly side: number };

const LUMA: readonly Plane[] = [{ start: 0, side: 16 }];
const CHROMA: readonly Plane[] = [
  { start: 256, side: 8 },
  { start: 320, side: 8 },
];

/** One picture to be written. */
export type CodedPicture = {
  /** Left to right, top to bottom. */
  readonly macroblocks: readonly Macroblock[];
  /** The picture before; undefined makes this one an IDR picture. Same object means same samples. */
  readonly previous: readonly Macroblock[] | undefined;
  /** Pictures since the last IDR picture, which has 0 itself. H.264 7.4.3. */
  readonly frameNum: number;
  /** Must differ between two IDR pictures that follow each other. H.264 7.4.3. */
  readonly idrPicId: number;
};

/** The sequence parameter set, with the frame rate in its VUI. H.264 7.3.2.1.1, E.1.1. */
export function encodeSps(): Uint8Array {
  const writer = new BitWriter();
  writer.bits(PROFILE_BASELINE, 8);
  writer.bits(CONSTRAINTS, 8);
  writer.bits(LEVEL_3, 8);
  writer.ue(0); // seq_parameter_set_id
  writer.ue(FRAME_NUM_BITS - 4);
  writer.ue(2); // pic_order_cnt_type: pictures are shown in the order they are decoded
  writer.ue(1); // max_num_ref_frames
  writer.bits(0, 1); // gaps_in_frame_num_value_allowed_flag
  writer.ue(PICTURE_COLUMNS - 1);
  writer.ue(PICTURE_ROWS - 1);
  writer.bits(1, 1); // frame_mbs_only_flag
  writer.bits(1, 1); // direct_8x8_inference_flag
  writeCrop(writer);
  writer.bits(1, 1); // vui_parameters_present_flag
  writeVui(writer);
  return writer.takeNal(NAL_HEADER.sps);
}

/** Cropping is counted in chroma samples. H.264 7.4.2.1.1. */
function writeCrop(writer: BitWriter): void {
  writer.bits(1, 1); // frame_cropping_flag
  writer.ue(0); // left
  writer.ue((16 * PICTURE_COLUMNS - PICTURE_WIDTH) / 2);
  writer.ue(0); // top
  writer.ue((16 * PICTURE_ROWS - PICTURE_HEIGHT) / 2);
}

function writeVui(writer: BitWriter): void {
  writer.bits(1, 1); // aspect_ratio_info_present_flag
  writer.bits(1, 8); // square pixels
  writer.bits(0, 1); // overscan_info_present_flag
  writer.bits(1, 1); // video_signal_type_present_flag
  writer.bits(5, 3); // video_format: unspecified
  writer.bits(0, 1); // video_full_range_flag
  writer.bits(1, 1); // colour_description_present_flag
  for (let i = 0; i < 3; i++) writer.bits(BT_601, 8);
  writer.bits(0, 1); // chroma_loc_info_present_flag
  writer.bits(1, 1); // timing_info_present_flag
  writer.bits(1, 32); // num_units_in_tick
  writer.bits(2 * FRAME_RATE, 32); // time_scale: a tick is a field
  writer.bits(1, 1); // fixed_frame_rate_flag
  writer.bits(0, 2); // no HRD parameters of either kind
  writer.bits(0, 1); // pic_struct_present_flag
  // Without this, some decoders hold pictures back until the buffer that the level allows is full.
  writer.bits(1, 1); // bitstream_restriction_flag
  writer.bits(0, 1); // motion_vectors_over_pic_boundaries_flag
  writer.ue(0); // max_bytes_per_pic_denom: no limit
  writer.ue(0); // max_bits_per_mb_denom: no limit
  writer.ue(0); // log2_max_mv_length_horizontal
  writer.ue(0); // log2_max_mv_length_vertical
  writer.ue(0); // max_num_reorder_frames
  writer.ue(1); // max_dec_frame_buffering
}

/** The picture parameter set: CAVLC, one slice group, one reference. H.264 7.3.2.2. */
export function encodePps(): Uint8Array {
  const writer = new BitWriter();
  writer.ue(0); // pic_parameter_set_id
  writer.ue(0); // seq_parameter_set_id
  writer.bits(0, 1); // entropy_coding_mode_flag
  writer.bits(0, 1); // bottom_field_pic_order_in_frame_present_flag
  writer.ue(0); // num_slice_groups_minus1
  writer.ue(0); // num_ref_idx_l0_default_active_minus1
  writer.ue(0); // num_ref_idx_l1_default_active_minus1
  writer.bits(0, 1); // weighted_pred_flag
  writer.bits(0, 2); // weighted_bipred_idc
  writer.ue(0); // pic_init_qp_minus26, as se(v)
  writer.ue(0); // pic_init_qs_minus26, as se(v)
  writer.ue(0); // chroma_qp_index_offset, as se(v)
  writer.bits(1, 1); // deblocking_filter_control_present_flag
  writer.bits(0, 1); // constrained_intra_pred_flag
  writer.bits(0, 1); // redundant_pic_cnt_present_flag
  return writer.takeNal(NAL_HEADER.pps);
}

/** The one slice of a picture, as a NAL unit without start code or length. */
export function encodePicture(picture: CodedPicture): Uint8Array {
  const writer = new BitWriter();
  writeSliceHeader(writer, picture);
  writeSliceData(writer, picture);
  return writer.takeNal(picture.previous === undefined ? NAL_HEADER.idr : NAL_HEADER.nonIdr);
}

/** H.264 7.3.3. */
function writeSliceHeader(writer: BitWriter, picture: CodedPicture): void {
  const idr = picture.previous === undefined;
  writer.ue(0); // first_mb_in_slice
  writer.ue(idr ? SLICE_TYPE.i : SLICE_TYPE.p);
  writer.ue(0); // pic_parameter_set_id
  writer.bits(picture.frameNum, FRAME_NUM_BITS);
  if (idr) {
    writer.ue(picture.idrPicId);
    writer.bits(0, 1); // no_output_of_prior_pics_flag
    writer.bits(0, 1); // long_term_reference_flag
  } else {
    writer.bits(0, 1); // num_ref_idx_active_override_flag
    writer.bits(0, 1); // ref_pic_list_modification_flag_l0
    writer.bits(0, 1); // adaptive_ref_pic_marking_mode_flag
  }
  writer.ue(0); // slice_qp_delta, as se(v)
  writer.ue(1); // disable_deblocking_filter_idc: off
}

/** H.264 7.3.4. */
function writeSliceData(writer: BitWriter, picture: CodedPicture): void {
  const { macroblocks, previous } = picture;
  const pcm = new Uint8Array(macroblocks.length);
  let skipped = 0;
  for (let at = 0; at < macroblocks.length; at++) {
    if (previous?.[at] === macroblocks[at]) {
      skipped++;
      continue;
    }
    if (previous !== undefined) writer.ue(skipped);
    skipped = 0;
    writeMacroblock(writer, { macroblocks, pcm, at, typeOffset: previous === undefined ? 0 : INTRA_IN_P });
  }
  if (skipped > 0) writer.ue(skipped);
}

/** A macroblock to be written: where it is, and which ones before it are I_PCM (1) or not (0). */
type Place = {
  readonly macroblocks: readonly Macroblock[];
  readonly pcm: Uint8Array;
  readonly at: number;
  readonly typeOffset: number;
};

/** H.264 7.3.5. Neighbours that were skipped serve prediction just as well: constrained_intra_pred_flag is 0. */
function writeMacroblock(writer: BitWriter, place: Place): void {
  const { macroblocks, at } = place;
  const samples = macroblocks[at]!;
  const above = macroblocks[at - PICTURE_COLUMNS];
  const left = at % PICTURE_COLUMNS === 0 ? undefined : macroblocks[at - 1];
  const luma = directionOf(samples, LUMA, { above, left });
  const chroma = directionOf(samples, CHROMA, { above, left });
  if (luma === undefined || chroma === undefined) {
    place.pcm[at] = 1;
    writer.ue(place.typeOffset + MB_TYPE.pcm);
    writer.align();
    writer.bytes(samples);
    return;
  }
  writer.ue(place.typeOffset + MB_TYPE.intra16x16 + LUMA_MODE[luma]);
  writer.ue(CHROMA_MODE[chroma]);
  writer.ue(0); // mb_qp_delta, as se(v)
  writeNoCoefficients(writer, place);
}

/**
 * coeff_token of an empty Intra16x16DCLevel. An I_PCM macroblock counts as 16 coefficients in every block and all the
 * others as none: with one of the two neighbours I_PCM the mean is 8, or 16 if it is the only one, and from 8 on the
 * code has a fixed length. H.264 9.2.1, table 9-5.
 */
function writeNoCoefficients(writer: BitWriter, place: Place): void {
  const { pcm, at } = place;
  const busyLeft = at % PICTURE_COLUMNS !== 0 && pcm[at - 1] === 1;
  const busyAbove = pcm[at - PICTURE_COLUMNS] === 1;
  if (busyLeft || busyAbove) writer.bits(0b000011, 6);
  else writer.bits(1, 1);
}

type Neighbours = { readonly above: Macroblock | undefined; readonly left: Macroblock | undefined };

/** The direction in which all these planes continue a neighbour exactly; undefined when there is none. H.264 8.3.3. */
function directionOf(
  samples: Macroblock,
  planes: readonly Plane[],
  neighbours: Neighbours,
): Direction | undefined {
  const { above, left } = neighbours;
  if (above !== undefined && planes.every((plane) => continuesDown(samples, above, plane))) return "down";
  if (left !== undefined && planes.every((plane) => continuesAcross(samples, left, plane))) return "across";
  return undefined;
}

/** Whether every row equals the lowest row of the macroblock above. */
function continuesDown(samples: Macroblock, above: Macroblock, plane: Plane): boolean {
  const { start, side } = plane;
  const lowest = start + side * (side - 1);
  for (let i = 0; i < side * side; i++) {
    if (samples[start + i] !== above[lowest + (i % side)]) return false;
  }
  return true;
}

/** Whether every column equals the rightmost column of the macroblock to the left. */
function continuesAcross(samples: Macroblock, left: Macroblock, plane: Plane): boolean {
  const { start, side } = plane;
  for (let i = 0; i < side * side; i++) {
    const row = i - (i % side);
    if (samples[start + i] !== left[start + row + side - 1]) return false;
  }
  return true;
}
