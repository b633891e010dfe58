/**
 * The first bytes of an audio body: legacy `format(4) rate(2) size(1) channels(1)`, and the enhanced form, which is
 * format 9. Called by readTagHeader for every audio message. Rate and channels of the first byte are not read: for
 * AAC they are constants, for MP3 at 48 kHz they are wrong. FLV 10.1 E.4.2, E-RTMP v2 "ExAudioTagHeader".
 */
import { skipLastTier } from "../last-tier.ts";
import { audioCodecByLegacyId, codecByName } from "./fourcc.ts";
import { markTruncated, newTagHeader, readModEx, readTrackAndCodec, type TagHeader } from "./tag-header.ts";

/** The first byte of an AAC body, whatever the rate. FLV 10.1 E.4.2.1. */
export const AAC_FORMAT = 0xaf;

/** AACPacketType: the second byte of an AAC body. FLV 10.1 E.4.2.1. */
export const AAC_PACKET = { sequenceHeader: 0, raw: 1 } as const;

/** AudioPacketType of the enhanced form. E-RTMP v2. */
export const AUDIO_PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multichannelConfig: 4,
  multitrack: 5,
  modEx: 7,
} as const;

const FORMAT_ENHANCED = 9;

/** Reads the head of an audio body. An empty one means silence from here on (E-RTMP v2): `empty` is set. */
export function readAudioHeader(body: Uint8Array): TagHeader {
  const header = newTagHeader(body);
  if (body.length === 0) return header;
  const format = body[0]! >> 4;
  if (format === FORMAT_ENHANCED) readEnhanced(header, body);
  else readLegacy(header, body, format);
  return header;
}

function readLegacy(header: TagHeader, body: Uint8Array, format: number): void {
  const row = audioCodecByLegacyId(format);
  if (row !== undefined) header.codec = row.fourcc;
  if (row?.legacyPacketType !== true) {
    header.empty = body.length < 2;
    return;
  }
  if (body.length >= 2) header.packetType = body[1]!;
  if (body.length <= 2) {
    markTruncated(header, body);
    return;
  }
  header.payloadOffset = 2;
  if (header.packetType === AAC_PACKET.sequenceHeader) header.role = "header";
}

function readEnhanced(header: TagHeader, body: Uint8Array): void {
  header.enhanced = true;
  if (!readModEx(header, body) || !readTrackAndCodec(header, body, AUDIO_PACKET.multitrack)) {
    markTruncated(header, body);
    return;
  }
  const payload = body.length > header.payloadOffset;
  switch (header.packetType) {
    case AUDIO_PACKET.sequenceStart:
      // AC-3, E-AC-3 and MP3 have no configuration, and Opus may leave its own out.
      if (!payload && codecByName(header.codec)?.needsConfig === true) markTruncated(header, body);
      else header.role = "header";
      return;
    case AUDIO_PACKET.sequenceEnd:
      header.role = "end";
      return;
    case AUDIO_PACKET.codedFrames:
    case AUDIO_PACKET.multichannelConfig:
      header.empty = !payload;
      return;
    default:
      // A packet type of the future: passed on as it is.
      return;
  }
}

skipLastTier(readAudioHeader, readLegacy, readEnhanced);
