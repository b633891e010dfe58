/**
 * The disk as recordings use it: every call goes to a thread of the runtime, so that one that hangs holds nothing
 * but its caller. Tests put a disk that is full, slow or gone in its place.
 */

import {
  close,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  lstat,
  mkdir,
  open,
  read,
  readdir,
  rename,
  rmdir,
  statfs,
  unlink,
  write,
  writev,
} from "node:fs";
import { promisify } from "node:util";
import { codeOf, DiskError, fileFault } from "../../errors.ts";
import { lockFile } from "./lock.ts";

/** What is known of a path; a link is a link, not what it points to. */
export type PathFacts = {
  readonly kind: "file" | "folder" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
};

/** What of a disk recordings use. Calls reject with the system's errors. */
export type Disk = {
  /** Opens a file for writing: a new one, or one that exists for reading too. */
  open(path: string, how: "new" | "existing"): Promise<number>;
  close(fd: number): Promise<void>;
  /** Writes behind what was written before. The one call without a promise: it is made for every batch. */
  append(
    fd: number,
    pieces: Uint8Array[],
    done: (error: NodeJS.ErrnoException | null, count: number) => void,
  ): void;
  /** Writes all of `bytes` at a place. */
  write(fd: number, bytes: Uint8Array, at: number): Promise<void>;
  /** Reads into `target` from a place; returns how much, 0 at the end. */
  read(fd: number, target: Uint8Array, at: number): Promise<number>;
  truncate(fd: number, size: number): Promise<void>;
  /** Makes durable what was written; `data` alone, or all that belongs to the file. */
  sync(fd: number, what: "data" | "all"): Promise<void>;
  /** How many names the file has: 0 once somebody deleted it. */
  names(fd: number): Promise<number>;
  inode(fd: number): Promise<number>;
  /** Claims a file among all processes; false if another has it. */
  lock(fd: number): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** Removes a folder if it is empty. */
  removeFolder(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  /** undefined if there is nothing of that name. */
  look(path: string): Promise<PathFacts | undefined>;
  /** Bytes that may still be written to the disk of a folder. */
  free(folder: string): Promise<number>;
};

const openFile = promisify(open);
const readInto = promisify(read);
const writeAt = promisify(write);
const stat = promisify(lstat);
const statOpen = promisify(fstat);
const makeFolders = promisify(mkdir);
const fsStats = promisify(statfs);
const syncs = { data: promisify(fdatasync), all: promisify(fsync) } as const;

/** The machine's. */
export const realDisk: Disk = {
  open: (path, how) => openFile(path, how === "new" ? "wx" : "r+"),
  close: promisify(close),
  append: (fd, pieces, done) => writev(fd, pieces, null, done),
  async write(fd, bytes, at) {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await writeAt(fd, bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  },
  read: async (fd, target, at) => (await readInto(fd, target, 0, target.length, at)).bytesRead,
  truncate: promisify(ftruncate),
  sync: (fd, what) => syncs[what](fd),
  names: async (fd) => (await statOpen(fd)).nlink,
  inode: async (fd) => (await statOpen(fd)).ino,
  lock: lockFile,
  rename: promisify(rename),
  unlink: promisify(unlink),
  async makeFolder(path) {
    await makeFolders(path, { recursive: true });
  },
  removeFolder: promisify(rmdir),
  list: (folder) => promisify(readdir)(folder),
  look,
  async free(folder) {
    const { bavail, bsize } = await fsStats(folder);
    return bavail * bsize;
  },
};

async function look(path: string): Promise<PathFacts | undefined> {
  try {
    const facts = await stat(path);
    const kind = facts.isFile() ? "file" : facts.isDirectory() ? "folder" : "other";
    return { kind, size: facts.size, mtimeMs: facts.mtimeMs, inode: facts.ino };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Whether the disk has no more room. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** What is said differently of a file that is to be made. */
const OF_NEW_FILES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  // Of mkdir: an existing recording is never in the way.
  EEXIST: "a part of its path is no folder",
};

/** An operating system's error about a file, in words. */
export function diskError(path: string, cause: unknown, verb: "write" | "finish"): DiskError {
  if (cause instanceof DiskError) return cause;
  const why = fileFault(cause, OF_NEW_FILES);
  return new DiskError(`Cannot ${verb} "${path}": ${why}`, { path, code: codeOf(cause) }, { cause });
}

/** So much waits for the disk that more would be too much memory. */
export function slowDisk(path: string, bytes: number): DiskError {
  const mib = Math.round(bytes / 1024 / 1024);
  return new DiskError(`Cannot write "${path}": the disk is too slow, ${mib} MiB wait for it`, {
    path,
    code: "EBUSY",
  });
}

/** The same of a reader of our stdout. */
export function slowReader(name: string, bytes: number): DiskError {
  const mib = Math.round(bytes / 1024 / 1024);
  const text = `Cannot write "${name}": its reader is too slow, ${mib} MiB wait for it`;
  return new DiskError(text, { path: name, code: "EPIPE" });
}

/** The same error as one that time may heal. */
export function asPassing({ message, path, code, cause }: DiskError): DiskError {
  return new DiskError(message, { path, code, passing: true }, { cause });
}

/** At the end of the job a disk that hangs is waited for this long, in ms. */
export const STUCK_PATIENCE_MS = 30_000;

/** Whoever reads our stdout has stopped doing so. */
export function silentReader(name: string): DiskError {
  const text = `Cannot finish "${name}": the reader does not read`;
  return new DiskError(text, { path: name, code: "EPIPE" });
}

/** A call to the disk has not come back. */
export function silentDisk(path: string): DiskError {
  return new DiskError(`Cannot finish "${path}": the disk does not answer`, { path, code: "EBUSY" });
}
