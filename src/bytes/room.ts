/** How the writers of bytes grow: twice as large each time, so that a byte is copied a few times at most. */

/** An array with room for `more` bytes behind the first `used` of `bytes`: that one, or a larger one that begins alike. */
export function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  const needed = used + more;
  if (needed <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(needed, bytes.length * 2));
  larger.set(bytes.subarray(0, used));
  return larger;
}
