/** How the writers of bytes grow: twice as large each time, so that a byte is copied a few times at most. */

/** `bytes` if it has room for `more` behind the first `used`; if not, a larger array that begins with those. */
export function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  const needed = used + more;
  if (needed <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(needed, bytes.length * 2));
  larger.set(bytes.subarray(0, used));
  return larger;
}
