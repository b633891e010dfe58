/**
 * Puts two byte sequences one behind the other. For headers, metadata, raw sound and the odd cut: messages that pass
 * through are never joined.
 */

/** `start` and then `rest`, in a new array. */
export function join(start: ArrayLike<number>, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(start.length + rest.length);
  bytes.set(start);
  bytes.set(rest, start.length);
  return bytes;
}
