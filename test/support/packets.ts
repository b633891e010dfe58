/**
 * Packets in a line of text, for tests of everything between a source and a sink: `M1 V1 A1 K0 a0 f40 a23 K80` is
 * metadata, a video and an audio header, then a keyframe at 0 ms, audio at 0 ms, a frame at 40 ms and so on. The
 * bodies are real FLV tag bodies, so readers see in them what the text says.
 *
 *     M V A  metadata, video header, audio header; the number tells one from another, `@` gives it a time
 *     K f E  keyframe, frame, end of sequence        a audio frame        d data
 *     *      the size of the body in bytes, 16 by default: K0*1000
 */
import { encodeAmf0 } from "../../src/amf/amf0.ts";
import type { MediaPacket, PacketRole } from "../../src/media/packet.ts";

type Letter = "M" | "V" | "A" | "K" | "f" | "E" | "a" | "d";

const DEFAULT_SIZE = 16;

const KINDS: Readonly<Record<Letter, readonly [MediaPacket["kind"], PacketRole, string]>> = {
  M: ["data", "metadata", ""],
  V: ["video", "header", "avc1"],
  A: ["audio", "header", "mp4a"],
  K: ["video", "key", "avc1"],
  f: ["video", "frame", "avc1"],
  E: ["video", "end", "avc1"],
  a: ["audio", "frame", "mp4a"],
  d: ["data", "frame", ""],
};

const HEADS: Readonly<Record<Exclude<Letter, "M">, readonly number[]>> = {
  V: [0x17, 0, 0, 0, 0],
  A: [0xaf, 0],
  K: [0x17, 1, 0, 0, 0],
  f: [0x27, 1, 0, 0, 0],
  E: [0x17, 2, 0, 0, 0],
  a: [0xaf, 1],
  d: [0x02, 0, 4, 0x6e, 0x6f, 0x74, 0x65],
};

/** One packet from its text. */
export function packet(text: string): MediaPacket {
  const match = /^([MVAKfEad])(\d+)(?:@(\d+))?(?:\*(\d+))?$/.exec(text);
  if (match === null) throw new Error(`no packet: ${text}`);
  const [, letter, number, at, size] = match;
  const [kind, role, codec] = KINDS[letter as Letter];
  const n = Number(number);
  const isHeader = role === "header" || role === "metadata";
  const body = bodyOf(letter as Letter, n, Number(size ?? DEFAULT_SIZE));
  return { kind, role, codec, track: 0, dts: isHeader ? Number(at ?? 0) : n, body, slab: undefined };
}

/** Packets from a line of them. */
export function packets(line: string): MediaPacket[] {
  return line.split(/\s+/).filter(Boolean).map(packet);
}

function bodyOf(letter: Letter, n: number, size: number): Uint8Array {
  if (letter === "M") return encodeAmf0(["onMetaData", { kind: "ecma", entries: [["version", n]] }]);
  const head = HEADS[letter];
  const body = new Uint8Array(Math.max(size, head.length + 4));
  body.set(head);
  new DataView(body.buffer).setUint32(head.length, n);
  return body;
}

/** The text of a packet, sizes left out, the times of headers too. */
export function textOf(packet: MediaPacket): string {
  const letter = letterOf(packet);
  if (packet.role === "metadata") return `M${metadataNumber(packet.body)}`;
  if (packet.role !== "header") return `${letter}${packet.dts}`;
  const at = HEADS[letter as "V" | "A"].length;
  return `${letter}${new DataView(packet.body.buffer, packet.body.byteOffset).getUint32(at)}`;
}

/** The text of packets, as `packets` reads it. */
export function lineOf(list: Iterable<MediaPacket>): string {
  return Array.from(list, textOf).join(" ");
}

function letterOf(packet: MediaPacket): Letter {
  for (const [letter, [kind, role]] of Object.entries(KINDS)) {
    if (kind === packet.kind && role === packet.role) return letter as Letter;
  }
  throw new Error(`no letter for ${packet.kind} ${packet.role}`);
}

/** The one number of the metadata that bodyOf makes: eight bytes before the end mark. */
function metadataNumber(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset).getFloat64(body.length - 11);
}
