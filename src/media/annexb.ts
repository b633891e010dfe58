/**
 * Annex B: NAL units behind start codes, as encoders and pipes write them. Finds the start codes, for the splitter of
 * streams. H.264 B.1, H.265 B.2; protocol.md 8.1.
 */

/** Where the next 00 00 01 at or after `from` begins; -1 when there is none. */
export function nextStartCode(bytes: Uint8Array, from: number): number {
  for (let one = bytes.indexOf(1, from + 2); one >= 0; one = bytes.indexOf(1, one + 1)) {
    if (bytes[one - 1] === 0 && bytes[one - 2] === 0) return one - 2;
  }
  return -1;
}
