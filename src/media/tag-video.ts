/**
 * The first bytes of a video body: legacy `frametype(4) codec(4)`, and the enhanced form whose first bit is set.
 * Called by readTagHeader for every video message. FLV 10.1 E.4.3, E-RTMP v2 "ExVideoTagHeader".
 */
import { skipLastTier } from "../last-tier.ts";
import { codecByName, videoCodecByLegacyId } from "./fourcc.ts";
import { markTruncated, newTagHeader, readModEx, readTrackAndCodec, type TagHeader } from "./tag-header.ts";

/** AVCPacketType: the second byte of the legacy codecs that have one. FLV 10.1 E.4.3.1. */
export const AVC_PACKET = { sequenceHeader: 0, nalUnits: 1, endOfSequence: 2 } as const;

/** VideoPacketType of the enhanced form. E-RTMP v2. */
export const VIDEO_PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
  modEx: 7,
} as const;

const FRAME_KEY = 1;
const FRAME_GENERATED_KEY = 4;
const FRAME_COMMAND = 5;

/** Reads the head of a video body. */
export function readVideoHeader(body: Uint8Array): TagHeader {
  const header = newTagHeader(body);
  if (body.length === 0) return header;
  if ((body[0]! & 0x80) !== 0) readEnhanced(header, body);
  else readLegacy(header, body);
  return header;
}

function readLegacy(header: TagHeader, body: Uint8Array): void {
  const frameType = body[0]! >> 4;
  const row = videoCodecByLegacyId(body[0]! & 0x0f);
  if (row !== undefined) header.codec = row.fourcc;
  header.empty = body.length < 2;
  // A command (seek start or end) has one byte behind the first whatever the codec. FLV 10.1 E.4.3.1.
  if (frameType === FRAME_COMMAND) return;
  if (row?.legacyPacketType === true) {
    readAvcPacket(header, body);
    return;
  }
  if (frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY) header.role = "key";
}

function readAvcPacket(header: TagHeader, body: Uint8Array): void {
  if (body.length >= 2) header.packetType = body[1]!;
  if (body.length >= 2 && header.packetType === AVC_PACKET.endOfSequence) {
    // ffmpeg writes 17 02, gortmplib 27 02, and neither needs the three bytes of composition time.
    header.role = "end";
    header.payloadOffset = Math.min(body.length, 5);
    return;
  }
  if (body.length <= 5) {
    markTruncated(header, body);
    return;
  }
  header.payloadOffset = 5;
  if (header.packetType === AVC_PACKET.sequenceHeader) {
    header.role = "header";
    return;
  }
  if (header.packetType !== AVC_PACKET.nalUnits) return;
  header.compositionTime = signed24(body, 2);
  const frameType = body[0]! >> 4;
  if (frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY) header.role = "key";
}

function readEnhanced(header: TagHeader, body: Uint8Array): void {
  header.enhanced = true;
  if (!readModEx(header, body)) {
    markTruncated(header, body);
    return;
  }
  const frameType = (body[0]! >> 4) & 0x07;
  if (frameType === FRAME_COMMAND && header.packetType !== VIDEO_PACKET.metadata) {
    // One command byte, no FourCC, no body.
    header.empty = header.payloadOffset >= body.length;
    return;
  }
  if (!readTrackAndCodec(header, body, VIDEO_PACKET.multitrack)) {
    markTruncated(header, body);
    return;
  }
  readEnhancedPacket(header, body, frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY);
}

/** Packet type before frame type: OBS marks HDR metadata, gortmplib sequence starts, with frame type 0. */
function readEnhancedPacket(header: TagHeader, body: Uint8Array, key: boolean): void {
  switch (header.packetType) {
    case VIDEO_PACKET.sequenceStart:
      if (header.payloadOffset >= body.length && codecByName(header.codec)?.needsConfig === true) {
        markTruncated(header, body);
        return;
      }
      header.role = "header";
      return;
    case VIDEO_PACKET.mpeg2TsSequenceStart:
      header.role = "header";
      return;
    case VIDEO_PACKET.sequenceEnd:
      header.role = "end";
      return;
    case VIDEO_PACKET.codedFrames:
      if (codecByName(header.codec)?.hasCompositionTime === true) readCompositionTime(header, body);
      break;
    case VIDEO_PACKET.codedFramesX:
      break;
    case VIDEO_PACKET.metadata:
      header.empty = header.payloadOffset >= body.length;
      return;
    default:
      // A packet type of the future: passed on as it is.
      return;
  }
  if (header.payloadOffset >= body.length) markTruncated(header, body);
  else if (key) header.role = "key";
}

function readCompositionTime(header: TagHeader, body: Uint8Array): void {
  const at = header.payloadOffset;
  if (at + 3 > body.length) {
    header.payloadOffset = body.length;
    return;
  }
  header.compositionTime = signed24(body, at);
  header.payloadOffset = at + 3;
}

/** SI24, big-endian. */
function signed24(body: Uint8Array, at: number): number {
  return ((body[at]! << 24) | (body[at + 1]! << 16) | (body[at + 2]! << 8)) >> 8;
}

skipLastTier(
  readVideoHeader,
  readLegacy,
  readAvcPacket,
  readEnhanced,
  readEnhancedPacket,
  readCompositionTime,
  signed24,
);
