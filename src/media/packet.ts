/**
 * MediaPacket is what flows from a source through the hub to every sink. Its body is the RTMP payload, which is
 * also the FLV tag's data, bit for bit; from the moment a packet is published nobody writes to it.
 *
 * A body may lie in a slab, memory that is used again. Then it holds for the call that hands the packet over; who keeps
 * the packet longer holds the slab, and releases it when it will not look at the body any more. So do the hub for
 * its GOP, and each queue, whose hold passes on to the sink that takes the packet. Headers and metadata, which are kept
 * for hours, never lie in one.
 */

import type { Slab } from "../bytes/slab-pool.ts";
import { skipLastTier } from "../last-tier.ts";

/** RTMP message type = FLV tag type. */
export type MediaKind = "audio" | "video" | "data";

/**
 * What a packet is to the plumbing: `metadata` is onMetaData, `header` a sequence header, `key` starts a GOP,
 * `frame` is any other media or data, `end` an end-of-sequence mark.
 */
export type PacketRole = "metadata" | "header" | "key" | "frame" | "end";

/** See the head of this file. */
export type MediaPacket = {
  readonly kind: MediaKind;
  readonly role: PacketRole;
  /** FourCC as text ("avc1", "mp4a", "hvc1", ...); "" when there is none (data) or it is unknown. */
  readonly codec: string;
  /** Enhanced RTMP track id; 0 for everything legacy. */
  readonly track: number;
  /**
   * Decoding time in ms on the episode's timeline: starts at 0, unwrapped, never going back within a track. An episode is
   * media without an outage longer than `grace`.
   */
  readonly dts: number;
  /** RTMP payload = FLV tag data. Read-only. */
  readonly body: Uint8Array;
  /** What the body lies in; undefined if it belongs to the packet for good. */
  readonly slab: Slab | undefined;
};

/** The type id that RTMP (message) and FLV (tag) share for each kind. */
export const TYPE_ID_OF_KIND: Readonly<Record<MediaKind, number>> = { audio: 8, video: 9, data: 18 };

/** Data in AMF3 has a type id of its own. */
export const DATA_AMF3_TYPE_ID = 15;

/** The same the other way round: what a message or tag with this type id carries; undefined if it is no media. */
export function kindOfTypeId(typeId: number): MediaKind | undefined {
  switch (typeId) {
    case 8:
      return "audio";
    case 9:
      return "video";
    case 18:
    case DATA_AMF3_TYPE_ID:
      return "data";
    default:
      return undefined;
  }
}

skipLastTier(kindOfTypeId);
