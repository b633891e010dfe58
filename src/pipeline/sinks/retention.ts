/**
 * Retention: deletes the oldest finished files of a recording until what is left keeps to its rules. What is being
 * written is never deleted, nor anything that cannot have come from the recording's template; folders that become
 * empty go too.
 */

import { dirname } from "node:path";
import type { NamePattern } from "../name-pattern.ts";
import type { DeletedFile } from "../report.ts";
import { isMissing, type Disk } from "./disk.ts";
import { findOwnFiles, type OwnFile } from "./own-files.ts";

/** Limits; undefined where there is none. Age in ms, sizes in bytes. */
export type KeepRule = {
  readonly ageMs: number | undefined;
  readonly bytes: number | undefined;
  readonly freeBytes: number | undefined;
};

/** What retention works on; `now` is the wall clock in ms. */
export type RetentionOptions = {
  readonly disk: Disk;
  readonly pattern: NamePattern;
  readonly keep: KeepRule;
  readonly now: () => number;
  /** Told of each file that was deleted. */
  readonly onDeleted?: (file: Omit<DeletedFile, "ofThisRun">) => void;
};

/** Deletes old files; see the head of this file. */
export class Retention {
  readonly #options: RetentionOptions;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Applies the rules once; returns the paths that were deleted. Rejects with errors of the disk. */
  apply(): Promise<string[]> {
    const next = this.#running.then(() => this.#apply());
    this.#running = next.catch(() => {});
    return next;
  }

  async #apply(): Promise<string[]> {
    const { disk, pattern } = this.#options;
    const { finished, parts } = await findOwnFiles(disk, pattern);
    const oldestFirst = finished.toSorted(byAge);
    let total = [...finished, ...parts].reduce((sum, file) => sum + file.facts.size, 0);
    const deleted: string[] = [];
    for (const file of oldestFirst) {
      const why = await this.#reasonAgainst(file, total);
      if (why === undefined) break;
      if (!(await this.#delete(file))) continue;
      const { path, facts } = file;
      deleted.push(path);
      total -= facts.size;
      this.#options.onDeleted?.({ path, bytes: facts.size, why });
    }
    return deleted;
  }

  /** The rule that a file offends; undefined if it may stay. */
  async #reasonAgainst({ facts }: OwnFile, total: number): Promise<DeletedFile["why"] | undefined> {
    const { disk, pattern, keep, now } = this.#options;
    if (keep.ageMs !== undefined && now() - facts.mtimeMs > keep.ageMs) return "age";
    if (keep.bytes !== undefined && total > keep.bytes) return "size";
    if (keep.freeBytes === undefined) return undefined;
    return (await disk.free(pattern.folder)) < keep.freeBytes ? "free" : undefined;
  }

  /** False if somebody else was faster, or has put something else in its place. */
  async #delete({ path, facts }: OwnFile): Promise<boolean> {
    const { disk, pattern } = this.#options;
    const present = await disk.look(path);
    if (present?.kind !== "file" || present.inode !== facts.inode) return false;
    try {
      await disk.unlink(path);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    await this.#removeEmpty(dirname(path), pattern.folder);
    return true;
  }

  /** Removes folders up to, and without, the recording's own; the first that is not empty ends it. */
  async #removeEmpty(folder: string, top: string): Promise<void> {
    for (let at = folder; at !== top && at.startsWith(`${top === "/" ? "" : top}/`); at = dirname(at)) {
      try {
        await this.#options.disk.removeFolder(at);
      } catch {
        return;
      }
    }
  }
}

/** The oldest first; of one moment the one whose name comes first. */
function byAge(a: OwnFile, b: OwnFile): number {
  return a.facts.mtimeMs - b.facts.mtimeMs || (a.path < b.path ? -1 : 1);
}
