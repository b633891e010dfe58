/**
 * Mends FLV bytes in memory, in two readings as the repair command does with files, and what damage is judged by: a
 * scan for intact tags that is written apart from src and takes nothing but whole tags with their right size behind.
 */
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { behindHead } from "../../src/media/recording-head.ts";
import { type MendedTag, Mender } from "../../src/media/repair.ts";
import type { Finding } from "../../src/media/repair-finding.ts";
import { Survey } from "../../src/media/repair-survey.ts";
import { type FlvTag, readFlv } from "./flv-compare.ts";

export type Mended = {
  readonly findings: Finding[];
  /** The mended file; undefined when there was nothing to save. */
  readonly file: Uint8Array | undefined;
  /** Its tags, read strictly, without the metadata. */
  readonly tags: FlvTag[];
};

function reading(
  segments: readonly Uint8Array[],
  onTag: (tag: MendedTag) => void,
  rest: { late?: Mender["lateHeaders"]; onFinding?: (finding: Finding) => void } = {},
): Mender {
  const mender = new Mender({ onTag, onFinding: rest.onFinding ?? (() => {}) }, rest.late);
  for (const segment of segments) mender.feed(segment);
  mender.end();
  return mender;
}

/** Mends bytes that come in these segments. Throws MediaError where repair does. */
export function mend(segments: readonly Uint8Array[]): Mended {
  const findings: Finding[] = [];
  const first = new Survey();
  const found = reading(segments, (tag) => first.add(tag, tag.offset), {
    onFinding: (finding) => findings.push(finding),
  });
  const size = segments.reduce((sum, segment) => sum + segment.length, 0);
  if (first.tags === 0) return { findings, file: undefined, tags: [] };
  findings.push(...first.headFindings(found, size));
  const headSize = first.headSize(found.metadata);
  const second = new Survey();
  const parts: Uint8Array[] = [];
  let position = behindHead(headSize);
  const write = (tag: MendedTag): void => {
    second.add(tag, position);
    // The strict reader knows data in AMF0 only, and its body says the same of either.
    const bytes = flvTag(tag.typeId === 15 ? 18 : tag.typeId, tag.time, tag.body);
    parts.push(bytes);
    position += bytes.length;
  };
  for (const { tag } of found.lateHeaders) write(tag);
  reading(segments, write, { late: found.lateHeaders });
  const head = flvTag(18, 0, second.head(found.metadata, headSize));
  const file = new Uint8Array(Buffer.concat([flvHeader(second.tracks), head, ...parts]));
  return { findings, file, tags: readFlv(file).slice(1) };
}

/** The bytes in segments of this size. */
export function inSegments(bytes: Uint8Array, size = 65_536): Uint8Array[] {
  const segments: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) segments.push(bytes.subarray(at, at + size));
  return segments;
}

/** Bodies of all intact audio and video tags: known type, stream 0, right size behind; searched at every byte. */
export function intactBodies(bytes: Uint8Array): Uint8Array[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodies: Uint8Array[] = [];
  for (let at = 0; at + 15 < data.length;) {
    const type = data[at]!;
    const size = data.readUIntBE(at + 1, 3);
    const end = at + 11 + size;
    const known = type === 8 || type === 9 || type === 18;
    const whole = known && size > 0 && data.readUIntBE(at + 8, 3) === 0 && end + 4 <= data.length;
    if (!whole || data.readUInt32BE(end) !== size + 11) {
      at++;
      continue;
    }
    if (type !== 18) bodies.push(bytes.subarray(at + 11, end));
    at = end + 4;
  }
  return bodies;
}
