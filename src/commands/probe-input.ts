/**
 * How `runnel probe` reads a file or a pipe: all of it, at the disk's pace, over whatever damage there is, which it
 * reports with byte offsets. Streams of servers are watched by probe.ts itself.
 */

import { MediaError } from "../errors.ts";
import { FlvReader } from "../media/flv-reader.ts";
import { type Inspection, Inspector } from "../media/repair-inspection.ts";
import type { Ingest } from "../pipeline/ingest.ts";
import { fileSegments } from "../pipeline/sources/file-bytes.ts";
import { stdinSegments } from "../pipeline/sources/stdin.ts";

/** Reads a file, or stdin where `path` is undefined, into `ingest`. Throws DiskError, MediaError. */
export async function inspectInput(
  path: string | undefined,
  ingest: Ingest,
  signal: AbortSignal,
): Promise<Inspection> {
  const inspector = new Inspector();
  let tags = 0;
  const onTag = (tag: { typeId: number; timestamp: number; body: Uint8Array }): void => {
    tags++;
    ingest.push(tag.typeId, tag.timestamp, tag.body);
  };
  const reader = new FlvReader({ onTag }, { salvage: true });
  const segments = path === undefined ? stdinSegments(signal) : fileSegments(path, signal);
  const name = path === undefined ? "stdin" : `"${path}"`;
  const read = <T>(feed: () => T): T => {
    try {
      return feed();
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      // By a function: $ in a name means nothing.
      const words = error.message.replace(/^Cannot read FLV/, () => `Cannot read ${name}`);
      throw new MediaError(words, error.offset, { cause: error });
    }
  };
  for await (const segment of segments) {
    if (signal.aborted) break;
    read(() => {
      inspector.feed(segment);
      reader.feed(segment);
    });
    ingest.flush();
  }
  const inspection = read(() => inspector.end({ whole: path !== undefined, stopped: signal.aborted }));
  if (!signal.aborted) read(() => reader.end());
  if (tags === 0 && inspection.damaged) throw new MediaError(`Cannot read ${name}: there is no FLV in it`);
  return inspection;
}
