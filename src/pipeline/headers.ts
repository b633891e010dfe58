/**
 * The state that a newcomer to a stream needs before the first frame: metadata and sequence headers, the latest
 * of each kind and track.
 */

import type { MediaPacket } from "../media/packet.ts";

/** Which header replaces which: one onMetaData, and one sequence header per kind and track. */
export function headerKey(packet: MediaPacket): string {
  return packet.role === "metadata" ? "metadata" : `${packet.kind}/${packet.track}`;
}

/** Whether two packets carry the same bytes. */
export function sameBody(a: MediaPacket, b: MediaPacket): boolean {
  const { body } = a;
  if (body.length !== b.body.length) return false;
  for (let i = 0; i < body.length; i++) if (body[i] !== b.body[i]) return false;
  return true;
}
