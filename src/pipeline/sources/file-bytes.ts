/**
 * The bytes of a file from its beginning to its end. A path may name a pipe, which is read as it is written. Used by the
 * sources that read files, and by the commands that look at them.
 */

import { closeSync, openSync, read, statSync } from "node:fs";
import { promisify } from "node:util";
import { codeOf, DiskError, fileFault } from "../../errors.ts";
import { namedPipeSegments } from "./stdin.ts";

/** Into a buffer that is used again it costs nothing to read much. */
const READ_BYTES = { each: 64 * 1024, one: 256 * 1024 } as const;
const readInto = promisify(read);

/** How a file is read: every piece into memory of its own, or all into one buffer, whose bytes are good for one turn. */
export type Reading = { readonly buffer: "each" | "one" };

/** Segments of a file until its end; of a pipe until `signal`, too. Throws DiskError. */
export async function* fileSegments(
  path: string,
  signal: AbortSignal,
  { buffer: mode }: Reading = { buffer: "one" },
): AsyncGenerator<Uint8Array> {
  const fd = open(path);
  if (fd === undefined) {
    yield* namedPipeSegments(path, signal);
    return;
  }
  try {
    let buffer = new Uint8Array(READ_BYTES[mode]);
    for (;;) {
      const { bytesRead } = await readInto(fd, buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      if (mode === "each") buffer = new Uint8Array(READ_BYTES[mode]);
    }
  } finally {
    closeSync(fd);
  }
}

/** A descriptor; undefined for a pipe, where opening it here would wait for its writer, and runnel with it. */
function open(path: string): number | undefined {
  try {
    return statSync(path).isFIFO() ? undefined : openSync(path, "r");
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

/** What is said of a file that the system does not give. */
export function cannotRead(path: string, cause: unknown): DiskError {
  const detail = { path, code: codeOf(cause) };
  return new DiskError(`Cannot read "${path}": ${fileFault(cause)}`, detail, { cause });
}
