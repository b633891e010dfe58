/**
 * FileTally: the recordings that a sink has finished. A job may run for years and finish a file every minute: the latest
 * are kept one by one, those before them only as numbers.
 */

import type { DeletedFile, FileReport, JobReport } from "./report.ts";

/** How many files are kept one by one. */
const MOST_FILES = 1000;

/** Counts files; see the head of this file. */
export class FileTally {
  /** The latest, the oldest first. */
  readonly files: FileReport[] = [];
  #count = 0;
  #bytes = 0;
  #deleted = 0;

  /** Those that came before the ones that are kept. */
  get earlier(): JobReport["earlierFiles"] {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** How many of all of them are gone. */
  get deleted(): number {
    return this.#deleted;
  }

  /** A file was deleted; it counts if it was one of these. */
  remove({ ofThisRun }: DeletedFile): void {
    if (ofThisRun) this.#deleted += 1;
  }

  add(file: FileReport): void {
    this.files.push(file);
    if (this.files.length <= MOST_FILES) return;
    this.#count += 1;
    this.#bytes += this.files.shift()!.bytes;
  }
}
