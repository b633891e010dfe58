/**
 * Whether AMF0 bytes hold only the types that every server reads: number, boolean, string, object, null, undefined,
 * ECMA array, strict array. Decoded values cannot tell: a long string is a string there. Called by publishMetadata.
 * protocol.md 4.1, 4.6.
 */
import { ByteReader } from "../bytes/reader.ts";

/** Containers within containers; as the AMF decoder. */
const MAX_DEPTH = 16;

/** Whether all values are of types that every server reads; false as well for what cannot be walked. */
export function isPlainAmf0(body: Uint8Array): boolean {
  const reader = new ByteReader(body);
  try {
    while (reader.remaining > 0) {
      if (!skipPlain(reader, 0)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Skips one value of a plain type; false at any other. */
function skipPlain(reader: ByteReader, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  const marker = reader.u8();
  switch (marker) {
    case 0x00: // number
      reader.skip(8);
      return true;
    case 0x01: // boolean
      reader.skip(1);
      return true;
    case 0x02: // string
      reader.skip(reader.u16());
      return true;
    case 0x05: // null
    case 0x06: // undefined
      return true;
    case 0x03: // object
      return skipPlainEntries(reader, depth);
    case 0x08: // ECMA array: a count, then as an object
      reader.skip(4);
      return skipPlainEntries(reader, depth);
    case 0x0a: {
      const count = reader.u32(); // of a strict array
      for (let i = 0; i < count; i++) {
        if (!skipPlain(reader, depth + 1)) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

/** An object may end with the message instead of its end mark. */
function skipPlainEntries(reader: ByteReader, depth: number): boolean {
  while (reader.remaining > 0) {
    const length = reader.u16();
    reader.skip(length);
    // An empty key is the end for most readers, so one before anything but the end mark must be written anew.
    if (length === 0) return reader.u8() === 0x09;
    if (!skipPlain(reader, depth + 1)) return false;
  }
  return true;
}
