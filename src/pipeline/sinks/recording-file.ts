/**
 * RecordingFile: a recording's file on disk. It is written under its final name plus `.part`, locked against other
 * processes, never over an existing file unless told so, and gets its name when it is finished.
 */

import { basename, dirname } from "node:path";
import { codeOf, DiskError } from "../../errors.ts";
import { numbered } from "../file-name.ts";
import { diskError, isMissing, type Disk } from "./disk.ts";
import type { UsedNames } from "./used-names.ts";

/** What a file being written is called beyond its name. */
export const PART = ".part";
/** More files of one name than this is a mistake somewhere. */
const MAX_NUMBER = 10_000;
/** A folder that vanishes between being made and being used is made again this often. */
const FOLDER_ATTEMPTS = 3;

/** How a file is opened. `used` are names that this run has used: none is used twice. */
export type OpenRules = { readonly force: boolean; readonly used: UsedNames };

/** The name that a file has, and the one that it was to have. */
export type Names = { readonly path: string; readonly wanted: string };

/** An open recording; see the head of this file. */
export class RecordingFile {
  readonly fd: number;
  /** The name that it will have; absolute. */
  readonly path: string;
  /** The last part of that name, without a number that was added. */
  readonly baseName: string;
  readonly #disk: Disk;
  readonly #rules: OpenRules;
  #open = true;

  private constructor(disk: Disk, fd: number, names: Names, rules: OpenRules) {
    this.#disk = disk;
    this.fd = fd;
    this.path = names.path;
    this.baseName = basename(names.wanted);
    this.#rules = rules;
  }

  /** Opens the first free name from `path` on (path, path-2, path-3 ...). Makes folders. Throws DiskError. */
  static async open(disk: Disk, path: string, rules: OpenRules): Promise<RecordingFile> {
    for (let attempt = 1; ; attempt++) {
      try {
        await disk.makeFolder(dirname(path));
        return await openFree(disk, path, rules);
      } catch (cause) {
        if (codeOf(cause) === "ENOENT" && attempt < FOLDER_ATTEMPTS) continue;
        throw diskError(path, cause, "write");
      }
    }
  }

  /** An open file as a recording. */
  static adopt(disk: Disk, fd: number, names: Names, rules: OpenRules): RecordingFile {
    return new RecordingFile(disk, fd, names, rules);
  }

  /** Makes everything durable and gives the file its name; returns that name. Throws DiskError. */
  async finish(): Promise<string> {
    try {
      await this.#disk.sync(this.fd, "all");
      const name = await freeName(this.#disk, this.path, this.#rules);
      await this.#disk.rename(this.path + PART, name);
      await this.#close();
      return name;
    } catch (cause) {
      await this.abandon();
      throw diskError(this.path, cause, "finish");
    }
  }

  /** Removes a file in which nothing is. */
  async discard(): Promise<void> {
    try {
      await this.#disk.unlink(this.path + PART);
    } catch (cause) {
      if (!isMissing(cause)) throw diskError(this.path, cause, "write");
    } finally {
      await this.abandon();
    }
  }

  /** Closes; what was written stays as a `.part`. */
  async abandon(): Promise<void> {
    try {
      await this.#close();
    } catch {
      // A disk that is gone says so here once more.
    }
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    // From here on the number of this descriptor may be another file's.
    this.#open = false;
    await this.#disk.close(this.fd);
  }
}

async function openFree(disk: Disk, path: string, rules: OpenRules): Promise<RecordingFile> {
  const first = rules.used.last(path) + 1;
  for (let n = first; n < first + MAX_NUMBER; n++) {
    const name = n === 1 ? path : numbered(path, n);
    const fd = await openNew(disk, name, rules);
    if (fd === undefined) continue;
    rules.used.note(path, n);
    return RecordingFile.adopt(disk, fd, { path: name, wanted: path }, rules);
  }
  throw new DiskError(`Cannot write "${path}": ${MAX_NUMBER} files of that name exist`, {
    path,
    code: "EEXIST",
  });
}

/** Opens `name`.part if neither it nor `name` exists; undefined if one does and must stay. */
async function openNew(disk: Disk, name: string, { force }: OpenRules): Promise<number | undefined> {
  const part = name + PART;
  if (!force && (await disk.look(name)) !== undefined) return undefined;
  if (force && !(await removePart(disk, part))) return undefined;
  try {
    const fd = await disk.open(part, "new");
    if (await disk.lock(fd)) return fd;
    // Whoever looks for what crashes leave behind was faster, and removes it.
    await disk.close(fd);
    return undefined;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return undefined;
    throw error;
  }
}

/** Removes what is in the way, unless somebody is writing it. */
async function removePart(disk: Disk, part: string): Promise<boolean> {
  if ((await disk.look(part)) === undefined) return true;
  const fd = await disk.open(part, "existing");
  try {
    if (!(await disk.lock(fd))) return false;
    await disk.unlink(part);
    return true;
  } finally {
    await disk.close(fd);
  }
}

/** Someone may have taken the name while the file was written. */
async function freeName(disk: Disk, path: string, { force, used }: OpenRules): Promise<string> {
  if (force) return path;
  for (let n = 1; n <= MAX_NUMBER; n++) {
    const name = n === 1 ? path : numbered(path, n);
    if ((await disk.look(name)) !== undefined) continue;
    if (n > 1) used.note(path, n);
    return name;
  }
  throw new DiskError(`Cannot finish "${path}": ${MAX_NUMBER} files of that name exist`, {
    path,
    code: "EEXIST",
  });
}
