/**
 * RecordingStore: the files of one recording beyond the one being written: their names and numbers, finishing them
 * while the next is under way, what a crash left behind, and which of them go. It outlives the sessions of its sink.
 */

import { DiskError, describe } from "../../errors.ts";
import { aborted } from "../aborted.ts";
import { expandName, type NameFields } from "../file-name.ts";
import { namePattern, type NamePattern } from "../name-pattern.ts";
import type { FileReport } from "../report.ts";
import type { Ending, SinkContext } from "../source.ts";
import { asPassing, diskError, isFull, silentDisk, STUCK_PATIENCE_MS, type Disk } from "./disk.ts";
import { finishLeftover, type Leftover } from "./leftover.ts";
import type { OpenRecording } from "./open-recording.ts";
import { findOwnFiles } from "./own-files.ts";
import { PART, RecordingFile } from "./recording-file.ts";
import { Retention, type KeepRule, type RetentionOptions } from "./retention.ts";
import { UsedNames } from "./used-names.ts";

/** The wall clock and a clock that nobody sets, both in ms. */
export type Clock = { readonly wall: () => number; readonly monotonic: () => number };

/** What a recording's files are like. */
export type StoreOptions = {
  /** Absolute. */
  readonly template: string;
  readonly fields: NameFields;
  readonly force: boolean;
  readonly keep: KeepRule | undefined;
  readonly disk: Disk;
  readonly clock: Clock;
};

/** Who hears of files. */
export type Hearer = Pick<SinkContext, "onFile" | "onRecovered" | "onDeleted" | "notice" | "trace">;

/** After a disk was full there must be this much room for the next file, in bytes. */
const LEAST_ROOM = 1024 * 1024;
/** How often the rules are applied while one long file is written, in ms. */
const TEND_INTERVAL_MS = 60_000;
/** And after how much of the room that they speak of, so that a fast writer does not outrun them; in bytes. */
const TEND_SHARE = 1 / 8;
const LEAST_STEP = 1024 * 1024;
const MOST_STEP = 64 * 1024 * 1024;

/** The files of a recording; see the head of this file. */
export class RecordingStore {
  hearer: Hearer | undefined;
  readonly #options: StoreOptions;
  readonly #pattern: NamePattern;
  readonly #retention: Retention | undefined;
  readonly #used = new UsedNames();
  /** Files of this run that do not have their name yet. */
  readonly #begun = new Set<string>();
  /** Files of earlier runs that cannot be finished. */
  readonly #unfinished = new Set<string>();
  readonly #tasks = new Set<Promise<void>>();
  /** The file that is being finished, and those behind it. */
  #line: Promise<void> = Promise.resolve();
  readonly #over = new AbortController();
  #files = 0;
  #wasFull = false;
  #failure: unknown;
  /** Something was lost that no later attempt brings back. */
  #lossy = false;
  #tendDue: number | undefined;
  #tendAt: number | undefined;
  #tending = false;
  /** Files that the rules have deleted, and how many there were when a file was last written on for that reason. */
  #deleted = 0;
  /** Files of this run that are finished and still there; kept only where there are rules that delete them. */
  readonly #finished = new Set<string>();
  readonly #deletedBefore = new WeakMap<OpenRecording, number>();

  constructor(options: StoreOptions) {
    this.#options = options;
    const { template, fields, disk, keep, clock } = options;
    this.#pattern = namePattern(template, fields);
    if (keep === undefined) return;
    const onDeleted: RetentionOptions["onDeleted"] = (file) => {
      this.#deleted += 1;
      this.hearer?.onDeleted({ ...file, ofThisRun: this.#finished.delete(file.path) });
    };
    this.#retention = new Retention({ disk, pattern: this.#pattern, keep, now: clock.wall, onDeleted });
  }

  /** Marks what time may heal: a disk that is full, and whatever befalls one that has worked before. */
  passing(error: unknown): unknown {
    if (!(error instanceof DiskError)) return error;
    return isFull(error) || this.#files > 0 ? asPassing(error) : error;
  }

  /** Opens the next file, whose first packet came at `wall` (ms). Throws DiskError. */
  async open(wall: number): Promise<RecordingFile> {
    const { template, fields, disk, force } = this.#options;
    const path = expandName(template, { ...fields, n: this.#files + 1 }, new Date(wall));
    await this.#awaitRoom(path);
    const rules = { force, used: this.#used };
    const before = this.#deleted;
    const file = await RecordingFile.open(disk, path, rules).catch(async (error: unknown) => {
      if (!isFull(error) || !(await this.#hasDeletedSince(before))) throw error;
      return RecordingFile.open(disk, path, rules);
    });
    this.#files += 1;
    this.#begun.add(file.path);
    return file;
  }

  /** Nobody wants the file that was opened: removes it. */
  discard(file: RecordingFile): Promise<void> {
    this.#begun.delete(file.path);
    return file.discard();
  }

  /** The disk refused a write for lack of room. */
  noteFull(): void {
    this.#wasFull = true;
  }

  /** A full disk has room for an empty file, and another one after each that was removed again: asks for more. */
  async #awaitRoom(path: string): Promise<void> {
    if (!this.#wasFull) return;
    const { disk } = this.#options;
    const room = async (): Promise<number> => disk.free(this.#pattern.folder).catch(() => Infinity);
    if ((await room()) < LEAST_ROOM && (!(await this.makeRoom()) || (await room()) < LEAST_ROOM)) {
      throw diskError(path, { code: "ENOSPC" }, "write");
    }
    this.#wasFull = false;
  }

  /**
   * Finishes a file, after those before it, tells of it and applies the rules. Throws DiskError when something of it
   * was lost: what could be saved has been told of then.
   */
  complete(open: OpenRecording, length?: number): Promise<void> {
    const work = this.#line.then(() => this.#complete(open, length));
    this.#line = work.catch(() => {});
    return work;
  }

  async #complete(open: OpenRecording, length: number | undefined): Promise<void> {
    for (;;) {
      try {
        this.#tell(open, await open.finish(length));
        return;
      } catch (error) {
        if (error instanceof DiskError) throw error;
        if (isFull(error) && (await this.#makeRoomForFirst(open))) {
          open.retry();
          continue;
        }
        this.#tell(open, await open.salvage());
        this.#lossy = true;
        throw diskError(open.file?.path ?? "", error, "write");
      }
    }
  }

  /** The same while other things go on; a failure is told at the end. */
  retire(open: OpenRecording, length?: number): Promise<void> {
    return this.#task(this.complete(open, length));
  }

  /** Saves what the disk took of a file that it refuses to take more of. */
  rescue(open: OpenRecording): Promise<void> {
    return this.#task(open.salvage().then((report) => this.#tell(open, report)));
  }

  /** The disk has no room for what `open` writes: whether the rules have made some since it last was so. */
  async makeRoomFor(open: OpenRecording): Promise<boolean> {
    const before = this.#deletedBefore.get(open) ?? 0;
    const made = await this.#hasDeletedSince(before);
    this.#deletedBefore.set(open, this.#deleted);
    return made;
  }

  /** Applies the rules; also true if an application that was under way already has deleted something. */
  async #hasDeletedSince(before: number): Promise<boolean> {
    if (this.#retention === undefined) return false;
    await this.makeRoom();
    if (this.#deleted > before) return true;
    // Files that are being finished at this moment may be deleted in the next.
    await this.#line;
    await this.makeRoom();
    return this.#deleted > before;
  }

  /** The same for a file that is at the head of the line: none before it is being finished. */
  async #makeRoomForFirst(open: OpenRecording): Promise<boolean> {
    const before = this.#deletedBefore.get(open) ?? 0;
    await this.makeRoom();
    this.#deletedBefore.set(open, this.#deleted);
    return this.#deleted > before || !open.refused;
  }

  /** Deletes what the rules give away; whether that was anything. */
  async makeRoom(): Promise<boolean> {
    try {
      const deleted = (await this.#retention?.apply()) ?? [];
      return deleted.length > 0;
    } catch (error) {
      this.hearer?.notice(`old files cannot be deleted: ${describe(this.#asDiskError(error))}`);
      return false;
    }
  }

  /** Called now and then while a file is written; `now` is monotonic, `bytes` those of all files so far. */
  tend(now: number, bytes: number): void {
    if (this.#retention === undefined || this.#tending) return;
    this.#tendDue ??= now + TEND_INTERVAL_MS;
    this.#tendAt ??= bytes + this.#step();
    if (now < this.#tendDue && bytes < this.#tendAt) return;
    this.#tendDue = now + TEND_INTERVAL_MS;
    this.#tendAt = bytes + this.#step();
    this.#tending = true;
    void this.#task(this.makeRoom().then(() => void (this.#tending = false)));
  }

  #step(): number {
    const { bytes = Infinity, freeBytes = Infinity } = this.#options.keep ?? {};
    return Math.max(LEAST_STEP, Math.min(MOST_STEP, Math.min(bytes, freeBytes) * TEND_SHARE));
  }

  /** Finishes what earlier runs left behind. */
  recover(): void {
    // Who overwrites has no use for what was to have the same name.
    if (this.#options.force && this.#pattern.fixed) return;
    void this.#task(this.#recover());
  }

  /**
   * Waits for everything that is under way, in a hurry not for what earlier runs left, nor for a disk that does not
   * answer. Throws what was lost and not told yet.
   */
  async settle({ hurry, abort }: Ending): Promise<void> {
    const silent = new AbortController();
    let patience: Timer | undefined;
    const hasten = (): void => {
      this.#over.abort();
      patience = setTimeout(() => silent.abort(), STUCK_PATIENCE_MS);
    };
    hurry.addEventListener("abort", hasten, { once: true });
    if (hurry.aborted) hasten();
    const enough = AbortSignal.any([abort, silent.signal]);
    try {
      // What failed a minute ago may work now.
      if (this.#failure !== undefined) await this.#recover();
      while (this.#tasks.size > 0 && !enough.aborted)
        await Promise.race([Promise.all(this.#tasks), aborted(enough)]);
      if (this.#tasks.size > 0 && silent.signal.aborted) throw silentDisk(this.#options.template);
      if (this.#failure !== undefined && (this.#lossy || !(await this.#isWhole()))) throw this.#failure;
    } finally {
      clearTimeout(patience);
      hurry.removeEventListener("abort", hasten);
    }
  }

  /** Whether every file of this run has its name. */
  async #isWhole(): Promise<boolean> {
    const { parts } = await findOwnFiles(this.#options.disk, this.#pattern);
    return !parts.some(({ path }) => this.#begun.has(path));
  }

  async #recover(): Promise<void> {
    const { disk, clock } = this.#options;
    const rules = { force: false, used: this.#used, signal: this.#over.signal, now: clock.wall };
    for (const { path } of (await findOwnFiles(disk, this.#pattern)).parts) {
      try {
        this.#hear(path, await finishLeftover(disk, path, rules));
      } catch (error) {
        this.#complain(path, describe(diskError(path, error, "finish")));
      }
    }
  }

  #hear(path: string, left: Leftover | undefined): void {
    if (left === undefined) return;
    if (left.kind === "unknown") {
      this.#complain(path, `"${path}${PART}" is not one of runnel's, or its beginning is lost`);
    } else if (left.kind === "removed") {
      this.hearer?.notice(
        `"${path}${PART}" was removed: it was left unfinished with no sound or picture in it`,
      );
    } else if (this.#begun.delete(path)) this.#onFinished(left.report);
    else this.hearer?.onRecovered(left.report);
  }

  /** Once a file: it is tried again with every session. */
  #complain(path: string, why: string): void {
    if (this.#unfinished.has(path)) return;
    this.#unfinished.add(path);
    this.hearer?.notice(`an unfinished recording stays as it is: ${why}`);
  }

  /** A file has its name, or is gone because nothing was in it. */
  #tell({ file }: OpenRecording, report: FileReport | undefined): void {
    if (file !== undefined) this.#begun.delete(file.path);
    if (report !== undefined) this.#onFinished(report);
  }

  #onFinished(report: FileReport): void {
    this.hearer?.onFile(report);
    if (this.#retention !== undefined) this.#finished.add(report.path);
    void this.#task(this.makeRoom().then(() => {}));
  }

  /** Keeps count of something that goes on in the background. Never rejects. */
  #task(work: Promise<void>): Promise<void> {
    const task = work
      .catch((error: unknown) => {
        this.#failure ??= this.#asDiskError(error);
        this.hearer?.notice(describe(this.#failure));
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
    return task;
  }

  #asDiskError(error: unknown): unknown {
    const isSystems = typeof (error as { code?: unknown } | null)?.code === "string";
    return isSystems ? diskError(this.#pattern.folder, error, "finish") : error;
  }
}
