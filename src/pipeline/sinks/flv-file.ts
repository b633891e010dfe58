/**
 * Sink: records FLV into a file, or streams it to stdout. The file opens with the first media, so that its name
 * has that moment's time and nothing is left behind when no media ever comes; the disk is never waited for.
 */

import { DiskError } from "../../errors.ts";
import { FLV_TAG_HEADER_SIZE, flvHeader } from "../../media/flv-writer.ts";
import {
  playMetadata,
  readMetadata,
  recordingMetadata,
  type PatchKey,
  type RecordingPatches,
} from "../../media/metadata.ts";
import { TYPE_ID_OF_KIND, type MediaPacket } from "../../media/packet.ts";
import { headerKey } from "../headers.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Sink, SinkContext } from "../source.ts";
import { BatchWriter } from "./batch-writer.ts";
import { diskError, RecordingFile } from "./recording-file.ts";
import { RecordingTally } from "./recording-tally.ts";

/** What a recording needs. */
export type FileSinkOptions = {
  readonly name: string;
  /** The path for a file whose first packet comes now; undefined records to stdout. */
  readonly path: (() => string) | undefined;
  readonly force: boolean;
  readonly queue: QueueLimits;
};

/** What may wait for the disk in one piece, in bytes; beyond that packets stay in the queue. */
const MAX_PENDING = 4 * 1024 * 1024;
/** Packets before the first media that are kept. */
const MAX_PREFACE = 64;
const STDOUT = 1;

/** A recording. */
export function flvFileSink(options: FileSinkOptions): Sink {
  const totals = { bytesOut: 0 };
  return {
    name: options.name,
    kind: "file",
    limits: options.queue,
    get bytesOut() {
      return totals.bytesOut;
    },
    run: (context, signal) => new Recorder(options, totals, context).run(signal),
  };
}

/** One recording from its first packet to its finished file. */
class Recorder {
  readonly #options: FileSinkOptions;
  readonly #totals: { bytesOut: number };
  readonly #context: SinkContext;
  readonly #queue: PacketQueue;
  readonly #over = Promise.withResolvers<void>();
  /** Metadata and headers that came before the first media. */
  #preface: MediaPacket[] = [];
  #file: RecordingFile | undefined;
  #writer: BatchWriter | undefined;
  /** Where the numbers stand that are known at the end, and those that the source has told already. */
  #places: RecordingPatches | undefined;
  readonly #claimed = new Set<PatchKey>();
  #metadataAt = 0;
  #origin = 0;
  readonly #tally = new RecordingTally();
  #stopping = false;

  constructor(options: FileSinkOptions, totals: { bytesOut: number }, context: SinkContext) {
    this.#options = options;
    this.#totals = totals;
    this.#context = context;
    this.#queue = context.subscribe();
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping = true;
      this.#drain();
    };
    this.#queue.onReady = () => this.#drain();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      this.#drain();
      await this.#over.promise;
      await this.#finish();
    } catch (error) {
      this.#abandon();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#context.unsubscribe(this.#queue);
    }
  }

  /** Leaves the file as it is; a disk that hangs may still be writing to it. */
  #abandon(): void {
    const release = (): void => this.#file?.abandon();
    if (this.#writer === undefined) release();
    else this.#writer.abandon(release);
  }

  /** Moves packets from the queue to the writer. Never throws: a failure is this recording's alone. */
  #drain(): void {
    try {
      if (this.#queue.overflowed) throw this.#tooSlow();
      while (!this.#stopping && (this.#writer?.pending ?? 0) < MAX_PENDING) {
        const packet = this.#queue.take();
        if (packet === undefined) break;
        this.#record(packet);
      }
      if (this.#writer !== undefined && !this.#writer.busy) this.#writer.flush();
      else if (this.#writer === undefined) this.#checkEnd();
    } catch (error) {
      this.#over.reject(error);
    }
  }

  #checkEnd(): void {
    if (this.#stopping || (this.#queue.ended && this.#queue.length === 0)) this.#over.resolve();
  }

  #record(packet: MediaPacket): void {
    if (this.#writer === undefined) {
      const media = packet.kind !== "data" && (packet.role === "key" || packet.role === "frame");
      if (!media) {
        this.#rememberPreface(packet);
        return;
      }
      this.#open(packet.dts);
    }
    this.#writeTag(packet);
  }

  /** Before the first media only the latest of each header counts; other data is kept up to a bound. */
  #rememberPreface(packet: MediaPacket): void {
    if (packet.role === "header" || packet.role === "metadata") {
      const key = headerKey(packet);
      this.#preface = this.#preface.filter((known) => known.role === "frame" || headerKey(known) !== key);
    }
    if (this.#preface.length < MAX_PREFACE) this.#preface.push(packet);
  }

  #open(dts: number): void {
    const { path, force } = this.#options;
    this.#file = path === undefined ? undefined : RecordingFile.open(path(), force);
    const fd = this.#file?.fd ?? STDOUT;
    this.#writer = new BatchWriter(
      fd,
      () => this.#onIdle(),
      (error) => this.#onWriteError(error),
    );
    this.#origin = dts;
    this.#context.onLive();
    this.#writer.bytes(flvHeader({ audio: true, video: true }));
    this.#writeMetadata();
    for (const packet of this.#preface) if (packet.role !== "metadata") this.#writeTag(packet);
    this.#preface = [];
  }

  /** A file gets metadata with room for what is known at its end; a stream gets the source's, or none. */
  #writeMetadata(): void {
    const source = this.#preface.findLast((packet) => packet.role === "metadata")?.body;
    if (this.#file === undefined) {
      if (source !== undefined) this.#writer?.tag(TYPE_ID_OF_KIND.data, 0, playMetadata(source));
      return;
    }
    const claims = source === undefined ? undefined : readMetadata(source);
    if (claims?.videodatarate !== undefined) this.#claimed.add("videodatarate");
    if (claims?.audiodatarate !== undefined) this.#claimed.add("audiodatarate");
    if (claims?.framerate !== undefined) this.#claimed.add("framerate");
    const { body, patches } = recordingMetadata(claims, {});
    this.#places = patches;
    this.#metadataAt = this.#writer!.position + FLV_TAG_HEADER_SIZE;
    this.#writer?.tag(TYPE_ID_OF_KIND.data, 0, body);
  }

  #writeTag(packet: MediaPacket): void {
    const writer = this.#writer!;
    const before = writer.position;
    const time = Math.max(0, packet.dts - this.#origin);
    const body = packet.role === "metadata" ? playMetadata(packet.body) : packet.body;
    this.#tally.add(packet, time, before);
    writer.tag(TYPE_ID_OF_KIND[packet.kind], time, body);
    this.#totals.bytesOut += writer.position - before;
  }

  #onIdle(): void {
    if (this.#queue.length > 0 && !this.#stopping) this.#drain();
    else this.#checkEnd();
  }

  #onWriteError(error: NodeJS.ErrnoException): void {
    this.#over.reject(diskError(this.#file?.path ?? this.#options.name, error, "write"));
  }

  #tooSlow(): DiskError {
    const { name, queue } = this.#options;
    const mib = Math.round(queue.bytes / 1024 / 1024);
    return new DiskError(`Cannot write "${name}": the disk is too slow, ${mib} MiB wait for it`, {
      path: this.#file?.path ?? name,
      code: "EBUSY",
    });
  }

  async #finish(): Promise<void> {
    const writer = this.#writer;
    if (this.#file === undefined || writer === undefined) return;
    const bytes = writer.position;
    const { last } = this.#tally;
    const patches =
      this.#places === undefined
        ? []
        : this.#tally.patches(bytes, this.#metadataAt, this.#places, this.#claimed);
    const path = await this.#file.finish(patches);
    this.#context.onFile({ path, bytes, ms: last });
  }
}
