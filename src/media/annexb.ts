/**
 * Annex B: NAL units behind start codes, as encoders and pipes write them. In goes a whole buffer, out come views of
 * its NAL units. Called with parameter sets and small files. H.264 B.1, H.265 B.2; protocol.md 8.1.
 */

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

/** Where the next 00 00 01 at or after `from` begins; -1 when there is none. */
export function nextStartCode(bytes: Uint8Array, from: number): number {
  for (let one = bytes.indexOf(1, from + 2); one >= 0; one = bytes.indexOf(1, one + 1)) {
    if (bytes[one - 1] === 0 && bytes[one - 2] === 0) return one - 2;
  }
  return -1;
}
