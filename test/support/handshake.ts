/** Signatures of handshakes, looked at from the other side. */
import { signPacket2, type HandshakeKey } from "../../src/rtmp/handshake.ts";

/** Whether packet 2 is signed as an answer to a packet 1 with this digest. */
export function isSigned(packet: Uint8Array, peerDigest: Uint8Array, key: HandshakeKey): boolean {
  const signed = packet.slice();
  signPacket2(signed, peerDigest, key);
  return Buffer.from(signed).equals(packet);
}
