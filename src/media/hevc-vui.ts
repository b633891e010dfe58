/**
 * The way from the bit depths of an H.265 sequence parameter set to its frame rate. The timing information stands at
 * the very end, behind scaling lists and reference picture sets of variable length, so all of that has to be read.
 * Only hevc.ts calls it. ITU-T H.265 7.3.2.2.1, 7.3.4, 7.3.7, E.2.1.
 */
import type { BitReader } from "../bytes/bits.ts";

const ASPECT_EXTENDED = 255;
const MAX_SHORT_TERM_SETS = 64;
const MAX_LONG_TERM_PICTURES = 32;
const MAX_PICTURES_IN_SET = 16;

/** What is of use there; a field is undefined when the set does not say, or cannot be read that far. */
export type HevcTail = {
  /** Frames per second. */
  fps: number | undefined;
  /** Bits of slice_pic_order_cnt_lsb. */
  pocBits: number | undefined;
  /** How many pictures may come before one that is shown earlier. */
  reorderFrames: number | undefined;
};

/** Reads what follows the bit depths. */
export function readHevcTail(reader: BitReader, subLayers: number): HevcTail {
  const tail: HevcTail = { fps: undefined, pocBits: undefined, reorderFrames: undefined };
  try {
    skipToVui(reader, subLayers, tail);
    tail.fps = reader.bit() === 1 ? readFps(reader) : undefined;
  } catch (error) {
    // The size is known by now, and that is worth more than the rate.
    if (!(error instanceof RangeError)) throw error;
  }
  return tail;
}

function skipToVui(reader: BitReader, subLayers: number, tail: HevcTail): void {
  const pocBits = reader.ue() + 4;
  if (pocBits > 16) throw new RangeError(`picture order counts of ${pocBits} bits`);
  tail.pocBits = pocBits;
  const orderingFrom = reader.bit() === 1 ? 0 : subLayers;
  for (let i = orderingFrom; i <= subLayers; i++) {
    reader.ue(); // sps_max_dec_pic_buffering_minus1
    const reorder = reader.ue();
    tail.reorderFrames = reorder <= 16 ? reorder : undefined;
    reader.ue(); // sps_max_latency_increase_plus1
  }
  skipNumbers(reader, 6); // coding block and transform sizes and depths
  if (reader.bit() === 1 && reader.bit() === 1) skipScalingLists(reader);
  reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (reader.bit() === 1) {
    reader.skip(8); // PCM bit depths
    skipNumbers(reader, 2);
    reader.skip(1); // pcm_loop_filter_disabled_flag
  }
  skipShortTermSets(reader);
  if (reader.bit() === 1) {
    const count = reader.ue();
    if (count > MAX_LONG_TERM_PICTURES) throw new RangeError(`${count} long-term pictures`);
    reader.skip(count * (pocBits + 1));
  }
  reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
}

function skipNumbers(reader: BitReader, count: number): void {
  for (let i = 0; i < count; i++) reader.ue();
}

/** H.265 7.3.4. The 32 x 32 lists of chroma are derived, so only every third one is there. */
function skipScalingLists(reader: BitReader): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (reader.bit() === 0) {
        reader.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      const coefficients = Math.min(64, 1 << (4 + (size << 1)));
      skipNumbers(reader, coefficients + (size > 1 ? 1 : 0));
    }
  }
}

/** H.265 7.3.7: a set either lists its pictures or is predicted from the set before it. */
function skipShortTermSets(reader: BitReader): void {
  const sets = reader.ue();
  if (sets > MAX_SHORT_TERM_SETS) throw new RangeError(`${sets} reference picture sets`);
  let pictures = 0;
  for (let index = 0; index < sets; index++) {
    const predicted = index > 0 && reader.bit() === 1;
    pictures = predicted ? skipPredictedSet(reader, pictures) : skipListedSet(reader);
    if (pictures > MAX_PICTURES_IN_SET) throw new RangeError(`${pictures} reference pictures`);
  }
}

/** Returns how many pictures the set has, given how many the one before has. */
function skipPredictedSet(reader: BitReader, before: number): number {
  reader.skip(1); // delta_rps_sign
  reader.ue(); // abs_delta_rps_minus1
  let pictures = 0;
  for (let i = 0; i <= before; i++) {
    // used_by_curr_pic_flag, else use_delta_flag
    if (reader.bit() === 1 || reader.bit() === 1) pictures++;
  }
  return pictures;
}

function skipListedSet(reader: BitReader): number {
  const pictures = reader.ue() + reader.ue();
  if (pictures > MAX_PICTURES_IN_SET) throw new RangeError(`${pictures} reference pictures`);
  for (let i = 0; i < pictures; i++) {
    reader.ue(); // delta_poc_minus1
    reader.skip(1); // used_by_curr_pic_flag
  }
  return pictures;
}

/** Reads the VUI as far as the timing information. H.265 E.2.1. */
function readFps(reader: BitReader): number | undefined {
  if (reader.bit() === 1 && reader.bits(8) === ASPECT_EXTENDED) reader.skip(32);
  if (reader.bit() === 1) reader.skip(1); // overscan
  if (reader.bit() === 1) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.bit() === 1) reader.skip(24); // colour description
  }
  if (reader.bit() === 1) skipNumbers(reader, 2); // chroma sample location
  reader.skip(3); // neutral chroma, field sequence, frame-field information
  if (reader.bit() === 1) skipNumbers(reader, 4); // default display window
  if (reader.bit() === 0) return undefined;
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  return unitsInTick === 0 || timeScale === 0 ? undefined : timeScale / unitsInTick;
}
