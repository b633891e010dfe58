/**
 * RecordingFile: a recording on disk. It is written under its final name plus `.part`, never over an existing
 * file unless told so, and gets duration and size patched into its metadata when it is finished.
 */

import {
  close,
  closeSync,
  existsSync,
  fsync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { DiskError } from "../../errors.ts";
import { numbered } from "../file-name.ts";

/** A number to be written at a place in the file once it is known. */
export type Patch = { readonly at: number; readonly bytes: Uint8Array };

/** More files of one name than this is a mistake somewhere. */
const MAX_NUMBER = 10_000;

/** An open recording; see the head of this file. */
export class RecordingFile {
  readonly fd: number;
  /** The name that it will have. */
  readonly path: string;
  readonly #part: string;
  readonly #force: boolean;
  #open = true;

  private constructor(fd: number, path: string, part: string, force: boolean) {
    this.fd = fd;
    this.path = path;
    this.#part = part;
    this.#force = force;
  }

  /** Opens the first free name from `path` on (path, path-2, path-3 ...). Makes folders. Throws DiskError. */
  static open(path: string, force: boolean): RecordingFile {
    const wanted = resolve(path);
    try {
      mkdirSync(dirname(wanted), { recursive: true });
      for (let n = 1; n <= MAX_NUMBER; n++) {
        const name = n === 1 ? wanted : numbered(wanted, n);
        const opened = openNew(name, force);
        if (opened !== undefined) return new RecordingFile(opened.fd, opened.path, opened.part, force);
      }
    } catch (cause) {
      throw diskError(wanted, cause, "write");
    }
    throw new DiskError(`Cannot write "${wanted}": ${MAX_NUMBER} files of that name exist`, {
      path: wanted,
      code: "EEXIST",
    });
  }

  /** Writes the patches, makes everything durable, and gives the file its name; returns that name. */
  async finish(patches: readonly Patch[]): Promise<string> {
    try {
      for (const { at, bytes } of patches) writeSync(this.fd, bytes, 0, bytes.length, at);
      await promisify(fsync)(this.fd);
      // From here on the number of this descriptor may be another file's.
      this.#open = false;
      await promisify(close)(this.fd);
      const name = this.#freeName();
      renameSync(this.#part, name);
      return name;
    } catch (cause) {
      throw diskError(this.path, cause, "finish");
    }
  }

  /** Closes after a failed write; what was written stays as a playable `.part`. */
  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      closeSync(this.fd);
    } catch {
      // A disk that is gone says so here once more.
    }
  }

  /** Someone may have taken the name while this file was written. */
  #freeName(): string {
    if (this.#force) return this.path;
    let name = this.path;
    for (let n = 2; existsSync(name) && n <= MAX_NUMBER; n++) name = numbered(this.path, n);
    return name;
  }
}

/** Opens `name`.part if neither it nor `name` exists; undefined if one does. */
function openNew(name: string, force: boolean): { fd: number; path: string; part: string } | undefined {
  if (!force && existsSync(name)) return undefined;
  const part = `${name}.part`;
  if (force && existsSync(part)) unlinkSync(part);
  try {
    return { fd: openSync(part, "wx"), path: name, part };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

const DISK_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOENT: "the folder is gone",
  ENOTDIR: "a part of its path is no folder",
  // Of mkdir: an existing recording is never in the way.
  EEXIST: "a part of its path is no folder",
  EISDIR: "it is a folder",
  EPIPE: "the reader closed the pipe",
};

/** An operating system's error about a file, in words. */
export function diskError(path: string, cause: unknown, verb: "write" | "finish"): DiskError {
  const { code = "", message = String(cause) } = cause as { code?: string; message?: string };
  return new DiskError(
    `Cannot ${verb} "${path}": ${DISK_FAULTS[code] ?? message}`,
    { path, code },
    { cause },
  );
}
