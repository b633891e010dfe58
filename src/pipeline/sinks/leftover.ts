/**
 * A `.part` that a crash or a power cut left behind: it is read once, cut behind its last whole tag, told its length
 * and its keyframes, and given its name; one that holds no sound or picture is removed. One that a process is still
 * writing, or that is no recording of runnel's, stays as it is.
 */

import { u24 } from "../../media/flv-sync.ts";
import { FLV_FILE_HEADER_SIZE, FLV_FLAGS_OFFSET } from "../../media/flv-writer.ts";
import {
  BEGINNING_BYTES,
  beginningOf,
  behindHead,
  HEAD_AT,
  recordingFlags,
  recordingHead,
} from "../../media/recording-head.ts";
import { recordingNameIn, RecordingScan, type Scanned } from "../../media/recording-scan.ts";
import type { FileReport } from "../report.ts";
import type { Disk } from "./disk.ts";
import { canLock } from "./lock.ts";
import { PART, RecordingFile, type OpenRules } from "./recording-file.ts";

const READ_BYTES = 256 * 1024;
/** Where there are no locks, a file that has not been written to for this long has been left, in ms. */
const LEFT_AFTER_MS = 60_000;

/** What finishing needs beside the path. */
export type LeftoverRules = OpenRules & {
  readonly signal: AbortSignal;
  /** Wall clock, in ms. */
  readonly now: () => number;
};

/** What became of a leftover: it has its name, or went because nothing was in it, or is nothing that is known. */
export type Leftover =
  | { readonly kind: "finished"; readonly report: FileReport }
  | { readonly kind: "removed" }
  | { readonly kind: "unknown" };

/** Sees to `path`.part; undefined if somebody is writing it, or the run is over. Rejects with errors of the disk. */
export async function finishLeftover(
  disk: Disk,
  path: string,
  rules: LeftoverRules,
): Promise<Leftover | undefined> {
  const part = path + PART;
  const fd = await disk.open(part, "existing");
  const file = RecordingFile.adopt(disk, fd, { path, wanted: path }, { ...rules, force: false });
  try {
    const facts = await disk.look(part);
    // Another run may have finished it between the list and the lock.
    if (!(await disk.lock(fd)) || facts === undefined || facts.inode !== (await disk.inode(fd)))
      return undefined;
    const fresh = rules.now() - facts.mtimeMs < LEFT_AFTER_MS;
    if (!(await canLock()) && fresh) return undefined;
    const scanned = facts.size === 0 ? "empty" : await scan(disk, fd, rules.signal);
    if (scanned === undefined) return undefined;
    if (scanned === "unknown" && !(await isTornHead(disk, fd, facts.size, fresh))) return { kind: "unknown" };
    if (typeof scanned !== "string" && hasMedia(scanned)) {
      return { kind: "finished", report: await mend(disk, file, scanned, facts.size) };
    }
    await file.discard();
    return { kind: "removed" };
  } finally {
    await file.abandon();
  }
}

/**
 * Whether a recording ends inside its head, so that nothing can be lost with it. Of the first few bytes alone nobody
 * can tell whose they are: then whoever writes them has had a minute to go on.
 */
async function isTornHead(disk: Disk, fd: number, size: number, fresh: boolean): Promise<boolean> {
  const bytes = new Uint8Array(BEGINNING_BYTES);
  const count = await disk.read(fd, bytes, 0);
  const beginning = beginningOf(bytes.subarray(0, count));
  if (beginning === "foreign" || (beginning === "perhaps" && fresh)) return false;
  return size <= HEAD_AT || size < behindHead(u24(bytes, FLV_FILE_HEADER_SIZE + 1));
}

function hasMedia({ tally: { counts } }: Scanned): boolean {
  return counts.videoFrames + counts.audioFrames > 0;
}

/** What the file holds; undefined if the run is over. */
async function scan(disk: Disk, fd: number, signal: AbortSignal): Promise<Scanned | "unknown" | undefined> {
  const scanning = new RecordingScan();
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; !signal.aborted;) {
    const count = await disk.read(fd, buffer, at);
    if (count === 0) return scanning.end() ?? "unknown";
    scanning.feed(buffer.subarray(0, count));
    if (scanning.foreign) return "unknown";
    at += count;
  }
  return undefined;
}

async function mend(disk: Disk, file: RecordingFile, scanned: Scanned, size: number): Promise<FileReport> {
  const { headSize, tally } = scanned;
  const { counts } = tally;
  if (size > counts.end) await disk.truncate(file.fd, counts.end);
  const input = { ...scanned, counts, firstTag: behindHead(headSize), length: undefined };
  const head = recordingHead(input, headSize);
  if (head !== undefined) await disk.write(file.fd, head.body, HEAD_AT);
  await disk.write(file.fd, Uint8Array.of(recordingFlags(counts)), FLV_FLAGS_OFFSET);
  return { path: await file.finish(), bytes: counts.end, ms: counts.last };
}

/** The name that a finished recording was to have, as it says itself; undefined if it says none. */
export async function recordingNameOf(disk: Disk, path: string): Promise<string | undefined> {
  let fd: number | undefined;
  try {
    fd = await disk.open(path, "existing");
    const buffer = new Uint8Array(READ_BYTES);
    const count = await disk.read(fd, buffer, 0);
    return recordingNameIn(buffer.subarray(0, count));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) await disk.close(fd);
  }
}
