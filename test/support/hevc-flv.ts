/** H.265 in FLV turned back into the raw stream, apart from src: ffmpeg 5 decodes that, and no H.265 in FLV. */
import type { FlvTag } from "./flv-compare.ts";

const START_CODE = Buffer.from([0, 0, 0, 1]);
/** Where the bodies of enhanced video begin: behind packet type and FourCC, and a composition time if there is one. */
const BODY = 5;
const CODED_FRAMES = 1;
/** Where the arrays of an HEVCDecoderConfigurationRecord begin. */
const ARRAYS = 22;

/** The Annex B stream of all hvc1 tags. Throws where one is cut. */
export function annexBOf(tags: readonly FlvTag[]): Uint8Array {
  const nals: Uint8Array[] = [];
  for (const { kind, role, payload } of tags) {
    if (kind !== "video" || role === "end") continue;
    const data = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (data.toString("latin1", 1, 5) !== "hvc1") throw new Error(`not hvc1: ${data.toString("hex", 0, 8)}`);
    if (role === "header") nals.push(...setsOf(data.subarray(BODY)));
    else nals.push(...unitsOf(data.subarray((data[0]! & 0x0f) === CODED_FRAMES ? BODY + 3 : BODY)));
  }
  return Buffer.concat(nals.flatMap((nal) => [START_CODE, nal]));
}

function setsOf(record: Buffer): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let at = ARRAYS + 1;
  for (let arrays = record[ARRAYS]!; arrays > 0; arrays--) {
    const count = record.readUInt16BE(at + 1);
    at += 3;
    for (let i = 0; i < count; i++) {
      const size = record.readUInt16BE(at);
      sets.push(record.subarray(at + 2, at + 2 + size));
      at += 2 + size;
    }
  }
  if (at !== record.length) throw new Error(`the record has ${record.length - at} bytes more than its sets`);
  return sets;
}

function unitsOf(body: Buffer): Uint8Array[] {
  const units: Uint8Array[] = [];
  let at = 0;
  while (at < body.length) {
    const size = body.readUInt32BE(at);
    if (at + 4 + size > body.length) throw new Error(`a NAL unit of ${size} bytes is cut`);
    units.push(body.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return units;
}
