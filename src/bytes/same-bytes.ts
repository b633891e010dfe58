/** Compares byte arrays: how a header that comes again is told from one that changed, and a mark is known. */

/** Whether both hold the same bytes; none at all is like no other. */
export function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (a.length !== b?.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether `part` stands in `bytes` from `at` on. */
export function holdsAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  if (bytes.length - at < part.length) return false;
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}
