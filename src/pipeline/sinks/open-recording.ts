/**
 * OpenRecording: one recording while it is written. Tags go to the writer, counts to the tally; the head with
 * duration and keyframe index is written anew every few seconds, so that what a kill or a power cut leaves behind
 * can be played and sought in, and once more at the end. A recording on stdout is the same without a head.
 */

import { skipLastTierIn } from "../../last-tier.ts";
import { FLV_FLAGS_OFFSET, flvHeader } from "../../media/flv-writer.ts";
import { playMetadata, readMetadata, type Metadata } from "../../media/metadata.ts";
import { TYPE_ID_OF_KIND, type MediaPacket } from "../../media/packet.ts";
import { TrackFacts } from "../../media/recording-facts.ts";
import { behindHead, HEAD_AT, headSize, recordingFlags, recordingHead } from "../../media/recording-head.ts";
import { RecordingTally, type RecordingCounts } from "../../media/recording-tally.ts";
import type { FileReport } from "../report.ts";
import { BatchWriter, type Patch } from "./batch-writer.ts";
import { diskError, realDisk, type Disk } from "./disk.ts";
import type { RecordingFile } from "./recording-file.ts";

/** How often the head is written anew, and how often everything is made durable, in ms. */
const HEAD_INTERVAL_MS = 3000;
const SYNC_INTERVAL_MS = 10_000;
const STDOUT = 1;
/**
 * Keyframes for which a file has room: 72 KiB, a quarter of a second of a 2 Mbit/s stream, and every keyframe of two
 * hours. Longer files have every second one, or every fourth; a day's is never more than half a minute off.
 */
const INDEX_ROOM = 4096;
/** Encoders make keyframes less often than this, in ms, so short segments need less room. */
const SHORTEST_GOP_MS = 500;
const LEAST_INDEX_ROOM = 256;

/** What a recording begins with. */
export type Beginning = {
  /** undefined records to stdout. */
  readonly file: RecordingFile | undefined;
  readonly disk?: Disk;
  /** dts of the packet that is at time 0. */
  readonly origin: number;
  /** Metadata and sequence headers. */
  readonly headers: readonly MediaPacket[];
  /** Keyframes for which there is room in the index; even. */
  readonly room: number;
  /** Monotonic, in ms. */
  readonly now: number;
};

/** Who hears of a recording. */
export type RecordingHandlers = {
  /** Everything that was given has been written. */
  readonly onIdle: () => void;
  readonly onError: (error: NodeJS.ErrnoException) => void;
  /** Somebody has deleted the file. */
  readonly onDeleted: () => void;
};

/** One recording; see the head of this file. */
export class OpenRecording {
  readonly file: RecordingFile | undefined;
  readonly #disk: Disk;
  readonly #handlers: RecordingHandlers;
  readonly #writer: BatchWriter;
  readonly #facts = new TrackFacts();
  readonly #tally: RecordingTally;
  readonly #claims: Metadata | undefined;
  readonly #name: string | undefined;
  #origin: number;
  #headSize = 0;
  /** How far heads reached before their spacer: what must be zeros again. */
  #reach = 0;
  #headDue: number;
  #syncDue: number;
  /** Counts that were true when `#markAt` bytes had been given, and those whose bytes are written for certain. */
  #marked: RecordingCounts | undefined;
  #markAt = 0;
  #written: RecordingCounts | undefined;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #error: NodeJS.ErrnoException | undefined;

  constructor(beginning: Beginning, handlers: RecordingHandlers) {
    const { file, origin, headers, room, now, disk = realDisk } = beginning;
    this.file = file;
    this.#disk = disk;
    this.#handlers = handlers;
    this.#origin = origin;
    this.#tally = new RecordingTally(room);
    this.#headDue = now + HEAD_INTERVAL_MS;
    this.#syncDue = now + SYNC_INTERVAL_MS;
    const onIdle = (): void => this.#onIdle();
    const onError = (error: NodeJS.ErrnoException): void => this.#onError(error);
    this.#writer = new BatchWriter(file?.fd ?? STDOUT, { onIdle, onError }, disk);
    const metadata = headers.findLast((packet) => packet.role === "metadata")?.body;
    this.#name = file?.baseName;
    this.#claims = metadata === undefined ? undefined : readMetadata(metadata);
    for (const packet of headers) this.#facts.learn(packet);
    this.#writer.bytes(flvHeader({ audio: true, video: true }));
    if (file !== undefined) this.#writeHead(room);
    else if (metadata !== undefined) this.#writer.tag(TYPE_ID_OF_KIND.data, 0, playMetadata(metadata));
    for (const packet of headers) if (packet.role !== "metadata") this.write(packet);
  }

  /** dts of what is at time 0. */
  get origin(): number {
    return this.#origin;
  }

  /** Time of the latest packet, in ms from the start. */
  get length(): number {
    return this.#tally.counts.last;
  }

  /** Bytes that wait for the disk. */
  get pending(): number {
    return this.#writer.pending;
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#writer.position;
  }

  /** Whether the disk has refused a write that was not tried again since. */
  get refused(): boolean {
    return this.#error !== undefined;
  }

  /**
   * Writes a packet as a tag, at its time from the start; what is from before the start is at the start. The caller's
   * hold of its slab ends here.
   */
  write(packet: MediaPacket): void {
    const time = Math.max(0, packet.dts - this.#origin);
    const body = packet.role === "metadata" ? playMetadata(packet.body) : packet.body;
    this.#facts.learn(packet);
    this.#tally.add(packet, time, this.#writer.position);
    this.#writer.tag(TYPE_ID_OF_KIND[packet.kind], time, body);
    packet.slab?.release();
  }

  /** Time goes on from the latest packet: one with this dts comes `gap` ms after it. */
  rebase(dts: number, gap: number): void {
    this.#origin = dts - gap - this.length;
  }

  /** Hands what has gathered to the disk, and the head if it is due. `now` is monotonic, in ms. */
  flush(now: number): void {
    if (now >= this.#headDue && this.file !== undefined && !this.#writer.patching) this.#renewHead(now);
    if (this.#marked === undefined || this.#writer.written >= this.#markAt) this.#mark();
    if (!this.#writer.busy) this.#writer.flush();
  }

  /** Does again what the disk refused. */
  retry(): void {
    this.#error = undefined;
    this.#writer.retry();
  }

  /**
   * Finishes the file; `length` is its media's, where that is known. Rejects with the system's error when the disk
   * does not take what was given; then salvage() saves what it took.
   */
  async finish(length?: number): Promise<FileReport | undefined> {
    await this.#drained();
    if (this.file === undefined) return undefined;
    return this.#close(this.#tally.counts, length);
  }

  /** Finishes the file with what is in it for certain; undefined if no media is. */
  async salvage(): Promise<FileReport | undefined> {
    if (this.#writer.written >= this.#markAt) this.#mark();
    const counts = this.#written;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writer.abandon(resolve);
    await promise;
    if (this.file === undefined) return undefined;
    if (counts === undefined || counts.videoFrames + counts.audioFrames === 0) {
      await this.file.discard();
      return undefined;
    }
    try {
      await this.#disk.truncate(this.file.fd, counts.end);
    } catch (cause) {
      await this.file.abandon();
      throw diskError(this.file.path, cause, "finish");
    }
    return this.#close(counts, undefined);
  }

  /** Closes the file and leaves it a `.part`, as soon as the disk has let go of it. */
  abandon(): void {
    this.#writer.abandon(() => void this.file?.abandon());
  }

  async #close(counts: RecordingCounts, length: number | undefined): Promise<FileReport> {
    const file = this.file!;
    try {
      for (const { at, bytes } of this.#patches(counts, length)) await this.#disk.write(file.fd, bytes, at);
    } catch {
      // The head of some seconds ago is better than an unfinished file; a disk that is gone says so below.
    }
    const path = await file.finish();
    return { path, bytes: counts.end, ms: length ?? counts.last };
  }

  #writeHead(room: number): void {
    this.#headSize = headSize(this.#input(this.#tally.counts, undefined), room);
    const head = recordingHead(this.#input(this.#tally.counts, undefined), this.#headSize)!;
    this.#reach = head.used;
    this.#writer.tag(TYPE_ID_OF_KIND.data, 0, head.body);
    this.#tally.counts.end = this.#writer.position;
  }

  #renewHead(now: number): void {
    if (this.#error !== undefined) return;
    this.#headDue = now + HEAD_INTERVAL_MS;
    const sync = now >= this.#syncDue;
    if (sync) this.#syncDue = now + SYNC_INTERVAL_MS;
    this.#writer.patch(this.#patches(this.#tally.counts, undefined), { sync });
    void this.#lookForFile();
  }

  /** A file that was deleted takes what is written to it, and nobody will ever see that. */
  async #lookForFile(): Promise<void> {
    try {
      if ((await this.#disk.names(this.file!.fd)) === 0) this.#handlers.onDeleted();
    } catch {
      // Closed meanwhile, or a disk that will say so when it is written to.
    }
  }

  #patches(counts: RecordingCounts, length: number | undefined): Patch[] {
    const head = recordingHead(this.#input(counts, length), this.#headSize);
    const flags = { at: FLV_FLAGS_OFFSET, bytes: Uint8Array.of(recordingFlags(counts)) };
    // Facts that outgrow their room: the numbers of before are still true of what was there.
    if (head === undefined) return [flags];
    this.#reach = Math.max(this.#reach, head.used);
    return [flags, { at: HEAD_AT, bytes: head.body.subarray(0, this.#reach) }];
  }

  #input(counts: RecordingCounts, length: number | undefined) {
    const firstTag = behindHead(this.#headSize);
    const name = this.#name;
    return { claims: this.#claims, facts: this.#facts, tally: this.#tally, counts, firstTag, length, name };
  }

  #mark(): void {
    if (this.#marked !== undefined)
      this.#written = Object.assign(this.#written ?? { ...this.#marked }, this.#marked);
    this.#marked = Object.assign(this.#marked ?? { ...this.#tally.counts }, this.#tally.counts);
    this.#markAt = this.#writer.position;
  }

  async #drained(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settle = { resolve, reject };
    if (!this.#writer.busy) this.#writer.flush();
    await promise;
  }

  #onIdle(): void {
    if (this.#settle !== undefined) this.#settle.resolve();
    else this.#handlers.onIdle();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#error = error;
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle !== undefined) settle.reject(error);
    else this.#handlers.onError(error);
  }
}

/** The keyframes for which a file should have room, if it ends after `every` ms; even. */
export function indexRoom(every: number | undefined): number {
  const wanted = every === undefined ? INDEX_ROOM : 2 * Math.ceil(every / SHORTEST_GOP_MS / 2);
  return Math.min(INDEX_ROOM, Math.max(LEAST_INDEX_ROOM, wanted));
}

skipLastTierIn(OpenRecording);
