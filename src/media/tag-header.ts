/**
 * What the audio and the video tag readers share: the TagHeader that they fill in, and the prefix of an enhanced
 * body (ModEx, multitrack, FourCC), which is the same for both. In goes a body, out comes a header and how far the
 * prefix reached. Runs for every message: one object, no closures, no views.
 */
import { skipLastTier } from "../last-tier.ts";
import { type CodecRow, codecByFourCc } from "./fourcc.ts";
import type { PacketRole } from "./packet.ts";

/** What the first bytes of an FLV tag body or RTMP media message say. */
export type TagHeader = {
  role: PacketRole;
  /** FourCC as text, "" when unknown; see MediaPacket. */
  codec: string;
  /** Enhanced track id, that of the first track in a body with several; 0 otherwise. */
  track: number;
  /** Presentation minus decoding time in ms; may be negative. */
  compositionTime: number;
  /** Where the codec's own bytes begin; at most the length of the body. */
  payloadOffset: number;
  /** Whether the body is in the form of Enhanced RTMP. */
  enhanced: boolean;
  /** AVCPacketType, AACPacketType or the enhanced packet type; 0 where the form has none. */
  packetType: number;
  multitrack: boolean;
  /** Whether the body says nothing (no payload, or cut short): accept it and do not pass it on. */
  empty: boolean;
};

/** A fresh header of an unknown frame with its payload behind the first byte. */
export function newTagHeader(body: Uint8Array): TagHeader {
  return {
    role: "frame",
    codec: "",
    track: 0,
    compositionTime: 0,
    payloadOffset: body.length === 0 ? 0 : 1,
    enhanced: false,
    packetType: 0,
    multitrack: false,
    empty: body.length === 0,
  };
}

/** Marks a header as cut short: nobody can use the body, so nobody gets it. Returns undefined for the caller. */
export function markTruncated(header: TagHeader, body: Uint8Array): undefined {
  header.role = "frame";
  header.payloadOffset = body.length;
  header.empty = true;
  return undefined;
}

const PACKET_TYPE_MOD_EX = 7;
/** More extensions in front of one packet than any writer has reason for; a peer must not make us walk 16 MiB. */
const MAX_MOD_EX = 16;
const MULTITRACK_MANY_CODECS = 2;

/**
 * Skips the ModEx chain behind the first byte and sets the real packet type; false when the body is cut in it. The
 * offset in nanoseconds that an extension may carry is below our resolution. E-RTMP v2 "ModEx".
 */
export function readModEx(header: TagHeader, body: Uint8Array): boolean {
  let at = 1;
  let packetType = body[0]! & 0x0f;
  for (let count = 0; packetType === PACKET_TYPE_MOD_EX; count++) {
    if (count === MAX_MOD_EX || at >= body.length) return false;
    let size = body[at]! + 1;
    at += 1;
    if (size === 256) {
      if (at + 2 > body.length) return false;
      size = ((body[at]! << 8) | body[at + 1]!) + 1;
      at += 2;
    }
    if (at + size >= body.length) return false;
    packetType = body[at + size]! & 0x0f;
    at += size + 1;
  }
  header.enhanced = true;
  header.packetType = packetType;
  header.payloadOffset = at;
  return true;
}

/**
 * Reads what stands between packet type and payload: for multitrack the inner packet type and the first track's id
 * and size, and the FourCC in any case. False when the body is cut in it. E-RTMP v2 "Multitrack".
 */
export function readTrackAndCodec(header: TagHeader, body: Uint8Array, multitrackType: number): boolean {
  if (header.packetType !== multitrackType) return readCodec(header, body);
  const at = header.payloadOffset;
  if (at >= body.length) return false;
  const arrangement = body[at]! >> 4;
  const packetType = body[at]! & 0x0f;
  header.multitrack = true;
  header.payloadOffset = at + 1;
  // A multitrack inside a multitrack is forbidden, and an arrangement of the future has a layout we do not know:
  // the packet type stays "multitrack", and the body is passed on as it is.
  if (packetType === multitrackType || arrangement > MULTITRACK_MANY_CODECS) return true;
  header.packetType = packetType;
  if (!readCodec(header, body)) return false;
  const track = header.payloadOffset;
  const next = arrangement === 0 ? track + 1 : track + 4;
  if (next > body.length) return false;
  header.track = body[track]!;
  header.payloadOffset = next;
  return true;
}

function readCodec(header: TagHeader, body: Uint8Array): boolean {
  const at = header.payloadOffset;
  if (at + 4 > body.length) return false;
  const number = ((body[at]! << 24) | (body[at + 1]! << 16) | (body[at + 2]! << 8) | body[at + 3]!) >>> 0;
  const row: CodecRow | undefined = codecByFourCc(number);
  if (row !== undefined) header.codec = row.fourcc;
  header.payloadOffset = at + 4;
  return true;
}

skipLastTier(newTagHeader);
