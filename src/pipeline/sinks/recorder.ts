/**
 * Recorder: moves packets from a sink's queue into the recording that is open, and into the next one where the
 * stream is to be cut.
 *
 *     queue ->  K f a f a | K f a f a        what is before the cut in time but came after it (sound often lags)
 *               ^ file n    ^ file n+1       still goes into file n, which is closed a moment later
 *
 * While a file is being opened packets stay in the queue, which is bounded.
 */

import { DiskError } from "../../errors.ts";
import { skipLastTier } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import { aborted } from "../aborted.ts";
import { isHeader } from "../headers.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Ending, SinkContext } from "../source.ts";
import { Cutter, type SegmentRule } from "./cutter.ts";
import { diskError, isFull, silentDisk, silentReader, slowDisk, type Disk } from "./disk.ts";
import { indexRoom, OpenRecording } from "./open-recording.ts";
import type { RecordingFile } from "./recording-file.ts";
import type { Clock, RecordingStore } from "./recording-store.ts";
import { StreamHeaders } from "./stream-headers.ts";
import { StuckWork } from "./stuck-work.ts";

/** What a recorder works with; times in ms. */
export type RecorderOptions = {
  readonly name: string;
  readonly queue: QueueLimits;
  readonly disk: Disk;
  readonly clock: Clock;
  /** undefined records to stdout. */
  readonly store: RecordingStore | undefined;
  readonly segment: SegmentRule | undefined;
  readonly join: number | undefined;
};

/** What may wait for the disk in one piece, in bytes (more would not stay in the cache); beyond that packets stay queued. */
const MAX_PENDING = 2 * 1024 * 1024;
/** What lies between the last packet before an outage and the first after it, in ms. */
const BRIDGE_MS = 40;
/** How long a file that was cut waits for packets from before the cut, in ms of media. */
const LINGER_MS = 1000;
/** An aborted session waits this long for the disk, in ms. */
const ABORT_PATIENCE_MS = 2000;
/** Records one stream after the other; see the head of this file. */
export class Recorder {
  /** Bytes of files that take no more. */
  #bytesDone = 0;
  readonly #options: RecorderOptions;
  readonly #cutter: Cutter;
  readonly #room: number;
  // Of one session.
  #context: SinkContext | undefined;
  #queue: PacketQueue | undefined;
  #over = Promise.withResolvers<void>();
  #stopping = false;
  #live = false;
  // Of the stream.
  #headers = new StreamHeaders();
  #current: OpenRecording | undefined;
  /** Was cut, and still takes what is from before the cut. */
  #previous: OpenRecording | undefined;
  /** The packet that a new file is being opened for. */
  #held: MediaPacket | undefined;
  /** The moment of this drain: one look at the clock for many packets. */
  #drainedAt = 0;
  #lastPacketAt = 0;
  #queueEmptyAt = 0;
  /** The file was left open by the session before. */
  #resuming = false;
  #parkTimer: Timer | undefined;
  /** Of sessions that failed or were not waited for. */
  readonly #stuck = new StuckWork();

  constructor(options: RecorderOptions) {
    skipLastTier(this.#write, this.#record, this.#cutsAt);
    const { segment } = options;
    this.#options = options;
    this.#cutter = new Cutter(segment);
    this.#room = indexRoom(segment?.every);
  }

  /** Bytes of all files so far. */
  get bytesOut(): number {
    return this.#bytesDone + (this.#previous?.size ?? 0) + (this.#current?.size ?? 0);
  }

  /** Records what a hub brings until it ends, or `signal` aborts. */
  async run(context: SinkContext, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    if (this.#stuck.pending !== undefined) await Promise.race([this.#stuck.pending, aborted(signal)]);
    if (signal.aborted && this.#stuck.pending !== undefined) return;
    this.#begin(context);
    store?.recover();
    const queue = this.#queue!;
    const silent = Promise.withResolvers<never>();
    const whole = this.#over.promise.then(() => this.#end());
    let patience: Timer | undefined;
    const stop = (): void => {
      this.#stopping = true;
      // An aborted session does not wait for a disk that hangs; the end of the job does. For a pipe nobody does.
      patience = setTimeout(() => {
        if (store !== undefined) this.#stuck.leave(whole);
        silent.reject(this.#silence());
      }, ABORT_PATIENCE_MS);
      this.#drain();
    };
    queue.onReady = () => this.#drain();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      this.#drain();
      await Promise.race([whole, silent.promise]);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener("abort", stop);
      this.#dropHeld();
      context.unsubscribe(queue);
    }
  }

  /** The source was away for `ms`; media from `at` (dts) on is from after that. */
  gap(at: number, ms: number): void {
    const { join } = this.#options;
    if (join !== undefined && ms > join) this.#cutter.cutFrom(at);
  }

  /** No further session will come: finishes what the last one left open. */
  async close({ hurry, abort }: Ending): Promise<void> {
    clearTimeout(this.#parkTimer);
    const { store } = this.#options;
    const open = this.#takeCurrent();
    if (open !== undefined) void store?.retire(open);
    const stuck = this.#stuck;
    await stuck.wait(abort);
    if (stuck.pending !== undefined) throw silentDisk(this.#options.name);
    if (stuck.error !== undefined) throw stuck.error;
    await store?.settle({ hurry, abort });
  }

  #begin(context: SinkContext): void {
    const { store, clock } = this.#options;
    this.#context = context;
    if (store !== undefined) store.hearer = context;
    this.#queue = context.subscribe();
    this.#over = Promise.withResolvers();
    this.#stopping = false;
    this.#live = false;
    this.#queueEmptyAt = clock.monotonic();
    this.#resuming = this.#current !== undefined;
    if (this.#resuming) return;
    this.#headers = new StreamHeaders();
    this.#cutter.forget();
  }

  /** Moves packets from the queue to the writer. Never throws: a failure is this recording's alone. */
  #drain(): void {
    const { store, clock } = this.#options;
    const queue = this.#queue!;
    try {
      if (queue.overflowed) throw this.#passing(slowDisk(this.#options.name, this.#options.queue.bytes));
      const now = clock.monotonic();
      this.#drainedAt = now;
      let taken = false;
      while (!this.#stopping && this.#held === undefined && (this.#current?.pending ?? 0) < MAX_PENDING) {
        const packet = queue.take();
        if (packet === undefined) break;
        this.#record(packet);
        taken = true;
      }
      if (taken && !this.#resuming) this.#lastPacketAt = now;
      if (queue.length === 0) this.#queueEmptyAt = now;
      store?.tend(now, this.bytesOut);
      this.#previous?.flush(now);
      if (this.#current !== undefined) this.#current.flush(now);
      else this.#checkEnd();
    } catch (error) {
      this.#over.reject(error);
    }
  }

  #checkEnd(): void {
    const queue = this.#queue!;
    if (this.#held !== undefined) return;
    if (this.#stopping || (queue.ended && queue.length === 0)) this.#over.resolve();
  }

  #onIdle(): void {
    if (this.#queue!.length > 0 && !this.#stopping && this.#held === undefined) this.#drain();
    else this.#checkEnd();
  }

  #record(packet: MediaPacket): void {
    if (isHeader(packet)) {
      if (this.#headers.hold(packet) && this.#current !== undefined) this.#cutter.cutSoon();
      return;
    }
    if (this.#current === undefined) {
      if (packet.kind === "data" || packet.role === "end") this.#headers.keepEarly(packet);
      else this.#openFor(packet);
      return;
    }
    if (this.#resuming && packet.kind !== "data" && packet.role !== "end") this.#resume(packet);
    if (this.#cutsAt(packet)) this.#openFor(packet);
    else this.#write(packet);
  }

  /** The stream goes on after an outage, on a timeline of its own. */
  #resume(packet: MediaPacket): void {
    this.#resuming = false;
    clearTimeout(this.#parkTimer);
    this.#noteLive();
    const away = this.#options.clock.monotonic() - this.#lag() - this.#lastPacketAt;
    this.#current!.rebase(packet.dts, BRIDGE_MS);
    if (away > (this.#options.join ?? 0)) this.#cutter.cutFrom(packet.dts);
  }

  #cutsAt(packet: MediaPacket): boolean {
    if (this.#options.store === undefined) return false;
    return this.#cutter.cutsAt(packet, packet.dts - this.#current!.origin, this.#drainedAt);
  }

  #write(packet: MediaPacket): void {
    const current = this.#current!;
    if (this.#previous !== undefined && this.#isFromBefore(packet)) {
      this.#previous.write(packet);
      return;
    }
    if (this.#headers.waiting) this.#headers.release(packet, this.#writeHeader);
    this.#cutter.note(packet, packet.dts - current.origin);
    current.write(packet);
  }

  readonly #writeHeader = (header: MediaPacket): void => this.#current?.write(header);

  /** Whether a packet belongs to the file that was cut, which ends once none can come any more. */
  #isFromBefore(packet: MediaPacket): boolean {
    const ahead = packet.dts - this.#current!.origin;
    if (packet.kind !== "video" && ahead < 0) return true;
    if (packet.kind === "audio" || ahead >= LINGER_MS) this.#endPrevious(this.#current!.origin);
    return false;
  }

  /** The file that is open takes no more. */
  #takeCurrent(): OpenRecording | undefined {
    const open = this.#current;
    this.#current = undefined;
    this.#bytesDone += open?.size ?? 0;
    return open;
  }

  /** Finishes the file that was cut; `cut` is where (dts), if the next one goes on from there. */
  #endPrevious(cut: number | undefined): void {
    const previous = this.#previous;
    this.#previous = undefined;
    if (previous === undefined) return;
    this.#bytesDone += previous.size;
    const length = cut === undefined ? undefined : Math.max(previous.length, cut - previous.origin);
    void this.#options.store?.retire(previous, length);
  }

  /** A new file begins with this packet; until it is open, no other is taken. */
  #openFor(packet: MediaPacket): void {
    const { clock, store } = this.#options;
    this.#endPrevious(this.#current?.origin);
    this.#previous = this.#current;
    this.#current = undefined;
    // After an outage nothing of before can come any more.
    if (this.#cutter.breaksAt(packet)) this.#endPrevious(undefined);
    this.#cutter.forget();
    const lag = this.#lag();
    const [wall, now] = [clock.wall() - lag, clock.monotonic() - lag];
    if (store === undefined) return this.#onOpen(packet, undefined);
    this.#held = packet;
    const over = this.#over;
    store.open(wall).then(
      (file) => {
        if (this.#over !== over || this.#held !== packet) return void store.discard(file).catch(() => {});
        this.#held = undefined;
        this.#cutter.begin(wall, now);
        this.#onOpen(packet, file);
        this.#drain();
      },
      (error: unknown) => over.reject(this.#passing(error)),
    );
  }

  #onOpen(packet: MediaPacket, file: RecordingFile | undefined): void {
    const { disk, clock } = this.#options;
    const { headers, early } = this.#headers.begin(packet.dts);
    const open: OpenRecording = new OpenRecording(
      { file, disk, origin: packet.dts, headers, room: this.#room, now: clock.monotonic() },
      {
        onIdle: () => {
          if (this.#current === open) this.#onIdle();
        },
        onError: (error) => void this.#onWriteError(open, error),
        onDeleted: () => this.#onDeleted(open),
      },
    );
    this.#current = open;
    this.#noteLive();
    for (const data of early) open.write(data);
    this.#write(packet);
  }

  #noteLive(): void {
    if (this.#live) return;
    this.#live = true;
    this.#context!.onLive();
  }

  /** How long ago the packet that was just taken came, in ms: it may have waited for the disk. */
  #lag(): number {
    const waited = this.#options.clock.monotonic() - this.#queueEmptyAt;
    return Math.max(0, Math.min(this.#queue!.ms, waited));
  }

  /** A full disk may have room again at once; anything else ends the session. */
  async #onWriteError(open: OpenRecording, error: NodeJS.ErrnoException): Promise<void> {
    const { store, name } = this.#options;
    if (isFull(error)) {
      if ((await store?.makeRoomFor(open)) === true) return open.retry();
      // Given to the store meanwhile, which sees to it.
      if (open !== this.#current && open !== this.#previous) return;
      store?.noteFull();
    }
    this.#over.reject(this.#passing(diskError(open.file?.path ?? name, error, "write")));
  }

  #onDeleted(open: OpenRecording): void {
    if (this.#current !== open || !this.#cutter.cutSoon()) return;
    this.#context!.notice(`"${open.file?.path}" was deleted while it was written; the next file follows`);
  }

  #passing(error: unknown): unknown {
    return this.#options.store?.passing(error) ?? error;
  }

  /** No file will take the packet that one was being opened for. */
  #dropHeld(): void {
    this.#held?.slab?.release();
    this.#held = undefined;
  }

  /** The stream of this session is over: leaves the file open for the next one, or finishes it. */
  async #end(): Promise<void> {
    const { store, join } = this.#options;
    this.#endPrevious(this.#current?.origin);
    if (this.#current === undefined) return;
    if (join !== undefined && !this.#stopping && this.#park(join)) return;
    const open = this.#takeCurrent()!;
    for (const packet of this.#headers.rest) open.write(packet);
    if (store === undefined) await open.finish();
    else await store.complete(open);
  }

  /** The source may be back within `join`. */
  #park(join: number): boolean {
    const left = this.#lastPacketAt + join - this.#options.clock.monotonic();
    if (left <= 0) return false;
    clearTimeout(this.#parkTimer);
    this.#parkTimer = setTimeout(() => {
      const open = this.#takeCurrent();
      this.#resuming = false;
      if (open !== undefined) void this.#options.store?.retire(open);
    }, left);
    return true;
  }

  /** The disk goes on with what it was given, if it can; nothing new begins before it has let go. */
  #fail(error: unknown): void {
    const { store } = this.#options;
    const open = this.#takeCurrent();
    this.#dropHeld();
    this.#endPrevious(undefined);
    if (open === undefined) return;
    if (store === undefined) return open.abandon();
    this.#stuck.leave(
      error instanceof DiskError && error.code === "EBUSY" ? store.retire(open) : store.rescue(open),
    );
  }

  /** What is said of a disk, or a reader of stdout, that has not come back after an abort. */
  #silence(): DiskError {
    const { store, name } = this.#options;
    const error = store === undefined ? silentReader(name) : silentDisk(name);
    this.#context?.notice(error.message);
    return error;
  }
}
