/** H.264 and H.265 as a whole: what a reader that has everything at once makes of it. */
import { nextStartCode } from "../../src/media/annexb.ts";

/**
 * The NAL units in `bytes`, without start codes and without the zeros that pad them. Start codes of three and four
 * bytes may be mixed; what stands before the first one is ignored. Without any start code the result is empty.
 */
export function splitAnnexB(bytes: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let code = nextStartCode(bytes, 0);
  while (code >= 0) {
    const start = code + 3;
    const next = nextStartCode(bytes, start);
    let end = next < 0 ? bytes.length : next;
    // The first zero of a four-byte start code is dropped here, too. A NAL never ends in a zero: H.264 7.4.1.
    while (end > start && bytes[end - 1] === 0) end--;
    if (end > start) nals.push(bytes.subarray(start, end));
    code = next;
  }
  return nals;
}
