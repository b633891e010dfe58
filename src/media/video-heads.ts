/**
 * The size of the picture where no parameter set of H.264 or H.265 says it: AV1's sequence header, which stands in
 * the configuration record and again before each keyframe, and the first bytes of a keyframe of VP8 and VP9, whose
 * records do not tell. Only codec-facts.ts calls it. AV1 5.5.1; VP9 bitstream 6.2; RFC 6386 9.1.
 */
import { BitReader } from "../bytes/bits.ts";

/** Pixels; frames per second where the stream has a fixed rate. */
export type VideoShape = { readonly width: number; readonly height: number; readonly fps?: number };

const OBU_SEQUENCE_HEADER = 1;
/** A length in LEB128 has eight bytes at most. */
const MAX_LENGTH_BYTES = 8;

/** The shape in the first sequence header among AV1's OBUs; undefined without one. RangeError when it is cut. */
export function readAv1Shape(obus: Uint8Array): VideoShape | undefined {
  for (let at = 0; at < obus.length;) {
    const first = obus[at]!;
    at += (first & 0x04) !== 0 ? 2 : 1;
    const { size, next } = (first & 0x02) !== 0 ? readLength(obus, at) : { size: obus.length - at, next: at };
    if (((first >> 3) & 15) === OBU_SEQUENCE_HEADER) {
      return readSequenceHeader(new BitReader(obus.subarray(next, next + size)));
    }
    at = next + size;
  }
  return undefined;
}

/** LEB128. AV1 4.10.5. */
function readLength(bytes: Uint8Array, start: number): { size: number; next: number } {
  let size = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) === 0) return { size, next: start + i + 1 };
  }
  throw new RangeError("the length of an OBU is cut");
}

/** sequence_header_obu() up to the size. AV1 5.5.1. */
function readSequenceHeader(bits: BitReader): VideoShape {
  bits.skip(3 + 1); // seq_profile, still_picture
  const reduced = bits.bit() === 1;
  const fps = reduced ? undefined : readTimingAndPoints(bits);
  if (reduced) bits.skip(5); // seq_level_idx
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  const size = { width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1 };
  return fps === undefined ? size : { ...size, fps };
}

/** What stands between the flags and the size; returns the frame rate, if it is fixed. */
function readTimingAndPoints(bits: BitReader): number | undefined {
  let fps: number | undefined;
  let delayBits = 0;
  if (bits.bit() === 1) {
    fps = readTiming(bits);
    if (bits.bit() === 1) {
      delayBits = bits.bits(5) + 1;
      bits.skip(32 + 5 + 5); // decoding tick, lengths of removal and presentation times
    }
  }
  const displayDelays = bits.bit() === 1;
  for (let points = bits.bits(5) + 1; points > 0; points--) {
    bits.skip(12); // operating_point_idc
    if (bits.bits(5) > 7) bits.skip(1); // seq_level_idx, seq_tier
    if (delayBits > 0 && bits.bit() === 1) bits.skip(2 * delayBits + 1);
    if (displayDelays && bits.bit() === 1) bits.skip(4);
  }
  return fps;
}

/** timing_info(). AV1 5.5.3. */
function readTiming(bits: BitReader): number | undefined {
  const tick = bits.bits(32);
  const scale = bits.bits(32);
  if (bits.bit() === 0) return undefined;
  // uvlc() is the Exp-Golomb of H.264.
  const ticks = bits.ue() + 1;
  return tick > 0 && scale > 0 ? Math.round((scale / tick / ticks) * 1000) / 1000 : undefined;
}

const VP9_SYNC = 0x498342;
const VP9_RGB = 7;

/** The size in a keyframe of VP9; undefined of other frames. RangeError when it is cut. VP9 bitstream 6.2. */
export function readVp9Shape(frame: Uint8Array): VideoShape | undefined {
  const bits = new BitReader(frame);
  if (bits.bits(2) !== 2) return undefined;
  const profile = bits.bit() + 2 * bits.bit();
  if (profile === 3) bits.skip(1);
  const shown = bits.bit() === 1; // show_existing_frame
  if (shown || bits.bit() === 1) return undefined;
  bits.skip(2); // show_frame, error_resilient_mode
  if (bits.bits(24) !== VP9_SYNC) return undefined;
  if (profile >= 2) bits.skip(1); // ten_or_twelve_bit
  const rgb = bits.bits(3) === VP9_RGB;
  if (!rgb) bits.skip(1); // color_range
  if (profile % 2 === 1) bits.skip(rgb ? 1 : 3); // subsampling
  return { width: bits.bits(16) + 1, height: bits.bits(16) + 1 };
}

const VP8_START = 0x9d012a;
const VP8_SIZE_AT = 6;
const SIZE_BITS = 0x3fff;

/** The size in a keyframe of VP8; undefined of other frames. RangeError when it is cut. RFC 6386 9.1. */
export function readVp8Shape(frame: Uint8Array): VideoShape | undefined {
  const bits = new BitReader(frame);
  const interframe = (bits.bits(8) & 1) === 1;
  bits.skip(16);
  if (interframe || bits.bits(24) !== VP8_START) return undefined;
  bits.skip(32);
  const u14 = (at: number): number => (frame[at]! | (frame[at + 1]! << 8)) & SIZE_BITS;
  return { width: u14(VP8_SIZE_AT), height: u14(VP8_SIZE_AT + 2) };
}
