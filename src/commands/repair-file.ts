/**
 * The files of `runnel repair`: one reading that finds out what is wrong, and one that writes the mended file beside
 * its final name and gives it that name when it is whole. Neither holds more of a file than a few tags.
 */

import { close, closeSync, fsync, mkdirSync, openSync, renameSync, rmSync, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { DiskError, MediaError } from "../errors.ts";
import {
  FILTER_BIT,
  flvHeader,
  FLV_TAG_HEADER_SIZE,
  PREVIOUS_TAG_SIZE,
  writeFlvTagHeader,
  writePreviousTagSize,
} from "../media/flv-writer.ts";
import { TYPE_ID_OF_KIND } from "../media/packet.ts";
import { HEAD_AT } from "../media/recording-head.ts";
import { Mender, type MendedTag } from "../media/repair.ts";
import type { Finding } from "../media/repair-finding.ts";
import { Survey } from "../media/repair-survey.ts";
import { diskError } from "../pipeline/sinks/disk.ts";
import { fileSegments } from "../pipeline/sources/file-bytes.ts";

/** What a reading found out. */
export type Surveyed = {
  readonly survey: Survey;
  readonly mender: Mender;
  /** Bytes that were read. */
  readonly size: number;
};

/** The file that was written. */
export type Repaired = { readonly bytes: number; readonly ms: number };

/** Grows with the tags of one segment. */
const FIRST_CAPACITY = 1 << 20;

/** Reads a file and reports what is wrong with it. Throws DiskError, MediaError. */
export async function surveyFile(
  path: string,
  onFinding: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<Surveyed> {
  const survey = new Survey();
  const mender = new Mender({ onTag: (tag) => survey.add(tag, tag.offset), onFinding });
  let size = 0;
  try {
    for await (const segment of fileSegments(path, signal)) {
      signal.throwIfAborted();
      size += segment.length;
      mender.feed(segment);
    }
    mender.end();
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    const words = error.message.replace(/^Cannot read FLV/, () => `Cannot repair "${path}"`);
    throw new MediaError(words, error.offset, { cause: error });
  }
  if (survey.tags === 0) throw new MediaError(`Cannot repair "${path}": there is no audio or video in it`);
  for (const finding of survey.headFindings(mender, size)) onFinding(finding);
  return { survey, mender, size };
}

/** Writes the mended file; `mode` is that of the input. Throws DiskError; then there is no new file. */
export async function writeRepaired(
  paths: { readonly input: string; readonly output: string; readonly mode: number },
  found: Surveyed,
  signal: AbortSignal,
): Promise<Repaired> {
  const { input, output, mode } = paths;
  const part = `${output}.${process.pid}.part`;
  let fd: number | undefined;
  try {
    mkdirSync(dirname(output), { recursive: true });
    fd = openSync(part, "wx", mode);
    const repaired = await writeTags(fd, input, found, signal);
    await promisify(fsync)(fd);
    const whole = fd;
    fd = undefined;
    await promisify(close)(whole);
    renameSync(part, output);
    return repaired;
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    rmSync(part, { force: true });
    if (signal.aborted || !isSystemError(cause)) throw cause;
    throw diskError(output, cause, "write");
  }
}

async function writeTags(
  fd: number,
  input: string,
  { survey: first, mender: firstMender, size }: Surveyed,
  signal: AbortSignal,
): Promise<Repaired> {
  const headSize = first.headSize(firstMender.metadata);
  const survey = new Survey();
  const out = new Output(fd);
  const onTag = (tag: MendedTag): void => {
    survey.add(tag, out.position);
    out.tag(tag.filtered ? tag.typeId | FILTER_BIT : tag.typeId, tag.time, tag.body);
  };
  out.bytes(flvHeader(first.tracks));
  out.tag(TYPE_ID_OF_KIND.data, 0, new Uint8Array(headSize));
  for (const { tag } of firstMender.lateHeaders) onTag(tag);
  const mender = new Mender({ onTag, onFinding: () => {} }, firstMender.lateHeaders);
  let left = size;
  for await (const segment of fileSegments(input, signal)) {
    signal.throwIfAborted();
    // What somebody has added since the first reading is not in its counts.
    mender.feed(segment.subarray(0, left));
    left -= Math.min(left, segment.length);
    await out.flush();
    if (left === 0) break;
  }
  mender.end();
  await out.flush();
  if (survey.tags !== first.tags) throw changed(input);
  await out.patch(HEAD_AT, survey.head(firstMender.metadata, headSize));
  return { bytes: out.position, ms: survey.lastMs };
}

function changed(path: string): DiskError {
  return new DiskError(`Cannot repair "${path}": it changed while it was read`, { path, code: "EBUSY" });
}

function isSystemError(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && !(cause instanceof DiskError);
}

const writeAt = promisify(write);

/** Gathers tags and writes them at the end of a file. */
class Output {
  readonly #fd: number;
  #buffer = new Uint8Array(FIRST_CAPACITY);
  #length = 0;
  #written = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Where the next byte will stand. */
  get position(): number {
    return this.#written + this.#length;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** `time` in ms. */
  tag(typeId: number, time: number, body: Uint8Array): void {
    const size = body.length;
    this.#reserve(FLV_TAG_HEADER_SIZE + size + PREVIOUS_TAG_SIZE);
    const at = this.#length;
    writeFlvTagHeader(this.#buffer, at, { typeId, size, timestamp: time });
    this.#buffer.set(body, at + FLV_TAG_HEADER_SIZE);
    writePreviousTagSize(this.#buffer, at + FLV_TAG_HEADER_SIZE + size, size);
    this.#length += FLV_TAG_HEADER_SIZE + size + PREVIOUS_TAG_SIZE;
  }

  async flush(): Promise<void> {
    const length = this.#length;
    for (let at = 0; at < length;) {
      const { bytesWritten } = await writeAt(this.#fd, this.#buffer, at, length - at, this.#written + at);
      at += bytesWritten;
    }
    this.#written += length;
    this.#length = 0;
  }

  /** Writes over what has been written. */
  async patch(position: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await writeAt(this.#fd, bytes, at, bytes.length - at, position + at);
      at += bytesWritten;
    }
  }

  #reserve(size: number): void {
    const wanted = this.#length + size;
    if (wanted <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
