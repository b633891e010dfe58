/**
 * The usability information at the end of an H.264 sequence parameter set: the frame rate that it claims, and how
 * many frames a decoder holds back to put them into the order of showing. Only h264.ts calls it. ITU-T H.264 E.1.
 */
import type { BitReader } from "../bytes/bits.ts";

const ASPECT_EXTENDED = 255;
const MAX_CPB_COUNT = 32;

/** What is of use in it; a field is undefined when it is not there, or cannot be read that far. */
export type H264Vui = { fps: number | undefined; reorderFrames: number | undefined };

/** Reads the information. What is cut off in it is missing, not an error: the size is known by now. */
export function readH264Vui(reader: BitReader): H264Vui {
  const vui: H264Vui = { fps: undefined, reorderFrames: undefined };
  try {
    vui.fps = readFps(reader);
    vui.reorderFrames = readReorderFrames(reader);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return vui;
}

function readFps(reader: BitReader): number | undefined {
  if (reader.bit() === 1 && reader.bits(8) === ASPECT_EXTENDED) reader.skip(32);
  if (reader.bit() === 1) reader.bit(); // overscan
  if (reader.bit() === 1) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.bit() === 1) reader.skip(24); // colour description
  }
  if (reader.bit() === 1) {
    reader.ue(); // chroma_sample_loc_type_top_field
    reader.ue(); // chroma_sample_loc_type_bottom_field
  }
  if (reader.bit() === 0) return undefined;
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  reader.skip(1); // fixed_frame_rate_flag
  // A tick is one field, two make a frame.
  return unitsInTick === 0 || timeScale === 0 ? undefined : timeScale / (2 * unitsInTick);
}

function readReorderFrames(reader: BitReader): number | undefined {
  const nal = reader.bit() === 1;
  if (nal) skipHrd(reader);
  const vcl = reader.bit() === 1;
  if (vcl) skipHrd(reader);
  if (nal || vcl) reader.skip(1); // low_delay_hrd_flag
  reader.skip(1); // pic_struct_present_flag
  if (reader.bit() === 0) return undefined;
  reader.skip(1); // motion_vectors_over_pic_boundaries_flag
  for (let i = 0; i < 4; i++) reader.ue(); // limits of sizes and motion vectors
  const frames = reader.ue();
  return frames <= 16 ? frames : undefined;
}

/** H.264 E.1.2. */
function skipHrd(reader: BitReader): void {
  const count = reader.ue() + 1;
  if (count > MAX_CPB_COUNT) throw new RangeError(`${count} coded picture buffers`);
  reader.skip(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i++) {
    reader.ue(); // bit_rate_value_minus1
    reader.ue(); // cpb_size_value_minus1
    reader.skip(1); // cbr_flag
  }
  reader.skip(20); // lengths of delays and of the time offset
}
