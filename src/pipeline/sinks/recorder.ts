/**
 * Recorder: moves packets from a sink's queue into the recording that is open, and into the next one where the stream is
 * to be cut. While a file is being opened packets stay in the queue, which is bounded. What it knows lives for different
 * times: a session (recorder-session.ts) as long as one hub brings media, files (open-files.ts) and headers as long as
 * the stream goes on, which may be over many sessions, the rest for good.
 */

import { DiskError } from "../../errors.ts";
import { skipLastTier } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import { aborted } from "../aborted.ts";
import { isHeader } from "../headers.ts";
import type { QueueLimits } from "../queue.ts";
import type { Ending, SinkContext } from "../source.ts";
import { Cutter, type SegmentRule } from "./cutter.ts";
import { diskError, isFull, silentDisk, silentReader, slowDisk, slowReader, type Disk } from "./disk.ts";
import { OpenFiles } from "./open-files.ts";
import { indexRoom, OpenRecording } from "./open-recording.ts";
import { RecorderSession } from "./recorder-session.ts";
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
/** An aborted session waits this long for the disk, in ms. */
const ABORT_PATIENCE_MS = 2000;

/** Records one stream after the other; see the head of this file. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #cutter: Cutter;
  readonly #room: number;
  readonly #files: OpenFiles;
  /** Of sessions that failed or were not waited for. */
  readonly #stuck = new StuckWork();
  #headers = new StreamHeaders();
  #lastPacketAt = 0;
  #parkTimer: Timer | undefined;
  /** The latest. */
  #session: RecorderSession | undefined;

  constructor(options: RecorderOptions) {
    skipLastTier(this.#write, this.#record, this.#cutsAt);
    const { segment, store } = options;
    this.#options = options;
    this.#cutter = new Cutter(segment);
    this.#room = indexRoom(segment?.every);
    this.#files = new OpenFiles(store);
  }

  /** Bytes of all files so far. */
  get bytesOut(): number {
    return this.#files.bytes;
  }

  /** Records what a hub brings until it ends, or `signal` aborts. */
  async run(context: SinkContext, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    if (this.#stuck.pending !== undefined) await Promise.race([this.#stuck.pending, aborted(signal)]);
    if (signal.aborted && this.#stuck.pending !== undefined) return;
    const session = this.#begin(context);
    store?.recover();
    const silent = Promise.withResolvers<never>();
    const whole = session.over.promise.then(() => this.#end(session));
    let patience: Timer | undefined;
    const stop = (): void => {
      session.stopping = true;
      // An aborted session does not wait for a disk that hangs; the end of the job does. For a pipe nobody does.
      patience = setTimeout(() => {
        if (store !== undefined) this.#stuck.leave(whole);
        silent.reject(this.#silence(session));
      }, ABORT_PATIENCE_MS);
      this.#drain(session);
    };
    session.queue.onReady = () => this.#drain(session);
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      this.#drain(session);
      await Promise.race([whole, silent.promise]);
    } catch (error) {
      this.#fail(session, error);
      throw error;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener("abort", stop);
      session.leave();
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
    this.#files.retireCurrent();
    const stuck = this.#stuck;
    await stuck.wait(abort);
    if (stuck.pending !== undefined) throw silentDisk(this.#options.name);
    if (stuck.error !== undefined) throw stuck.error;
    await store?.settle({ hurry, abort });
  }

  #begin(context: SinkContext): RecorderSession {
    const { store, clock } = this.#options;
    if (store !== undefined) store.hearer = context;
    const resuming = this.#files.current !== undefined;
    const session = new RecorderSession(context, { now: clock.monotonic(), resuming });
    this.#session = session;
    if (!resuming) {
      this.#headers = new StreamHeaders();
      this.#cutter.forget();
    }
    return session;
  }

  /** Moves packets from the queue to the writer. Never throws: a failure is this recording's alone. */
  #drain(session: RecorderSession): void {
    const { store, clock } = this.#options;
    const { queue } = session;
    const files = this.#files;
    try {
      if (queue.overflowed) throw this.#overflow();
      const now = clock.monotonic();
      session.drainedAt = now;
      let taken = false;
      while ((files.current?.pending ?? 0) < MAX_PENDING) {
        const packet = session.take();
        if (packet === undefined) break;
        this.#record(session, packet);
        taken = true;
      }
      if (taken && !session.resuming) this.#lastPacketAt = now;
      session.noteTaken(now);
      store?.tend(now, this.bytesOut);
      const idle = files.current === undefined;
      files.flush(now);
      if (idle) session.endIfDone();
    } catch (error) {
      session.over.reject(error);
    }
  }

  #onIdle(): void {
    const session = this.#session!;
    if (session.queue.length > 0 && !session.stopping && session.held === undefined) this.#drain(session);
    else session.endIfDone();
  }

  #record(session: RecorderSession, packet: MediaPacket): void {
    const hasFile = this.#files.current !== undefined;
    if (isHeader(packet)) {
      if (this.#headers.hold(packet) && hasFile) this.#cutter.cutSoon();
      return;
    }
    if (!hasFile) {
      if (packet.kind === "data" || packet.role === "end") this.#headers.keepEarly(packet);
      else this.#openFor(session, packet);
      return;
    }
    if (session.resuming && packet.kind !== "data" && packet.role !== "end") this.#resume(session, packet);
    if (this.#cutsAt(session, packet)) this.#openFor(session, packet);
    else this.#write(packet);
  }

  /** The stream goes on after an outage, on a timeline of its own. */
  #resume(session: RecorderSession, packet: MediaPacket): void {
    session.resuming = false;
    clearTimeout(this.#parkTimer);
    session.noteLive();
    const now = this.#options.clock.monotonic();
    const away = now - session.lag(now) - this.#lastPacketAt;
    this.#files.current!.rebase(packet.dts, BRIDGE_MS);
    if (away > (this.#options.join ?? 0)) this.#cutter.cutFrom(packet.dts);
  }

  #cutsAt(session: RecorderSession, packet: MediaPacket): boolean {
    if (this.#options.store === undefined) return false;
    return this.#cutter.cutsAt(packet, packet.dts - this.#files.current!.origin, session.drainedAt);
  }

  #write(packet: MediaPacket): void {
    if (this.#files.writeBefore(packet)) return;
    const current = this.#files.current!;
    if (this.#headers.waiting) this.#headers.release(packet, this.#writeHeader);
    this.#cutter.note(packet, packet.dts - current.origin);
    current.write(packet);
  }

  readonly #writeHeader = (header: MediaPacket): void => this.#files.current?.write(header);

  /** A new file begins with this packet; until it is open, no other is taken. */
  #openFor(session: RecorderSession, packet: MediaPacket): void {
    const { clock, store } = this.#options;
    this.#files.cut();
    // After an outage nothing of before can come any more.
    if (this.#cutter.breaksAt(packet)) this.#files.endPrevious(undefined);
    this.#cutter.forget();
    if (store === undefined) return this.#onOpen(session, packet, undefined);
    const lag = session.lag(clock.monotonic());
    const [wall, now] = [clock.wall() - lag, clock.monotonic() - lag];
    session.held = packet;
    store.open(wall).then(
      (file) => {
        const late = this.#session !== session || session.held !== packet;
        if (late) return void store.discard(file).catch(() => {});
        session.held = undefined;
        this.#cutter.begin(wall, now);
        this.#onOpen(session, packet, file);
        this.#drain(session);
      },
      (error: unknown) => session.over.reject(this.#passing(error)),
    );
  }

  #onOpen(session: RecorderSession, packet: MediaPacket, file: RecordingFile | undefined): void {
    const { disk, clock } = this.#options;
    const { headers, early } = this.#headers.begin(packet.dts);
    const open: OpenRecording = new OpenRecording(
      { file, disk, origin: packet.dts, headers, room: this.#room, now: clock.monotonic() },
      {
        onIdle: () => {
          if (this.#files.current === open) this.#onIdle();
        },
        onError: (error) => void this.#onWriteError(open, error),
        onDeleted: () => this.#onDeleted(open),
      },
    );
    this.#files.begin(open);
    session.noteLive();
    for (const data of early) open.write(data);
    this.#write(packet);
  }

  /** A full disk may have room again at once; anything else ends the session. */
  async #onWriteError(open: OpenRecording, error: NodeJS.ErrnoException): Promise<void> {
    const { store, name } = this.#options;
    if (isFull(error)) {
      if ((await store?.makeRoomFor(open)) === true) return open.retry();
      // Given to the store meanwhile, which sees to it.
      if (!this.#files.has(open)) return;
      store?.noteFull();
    }
    this.#session!.over.reject(this.#passing(diskError(open.file?.path ?? name, error, "write")));
  }

  #onDeleted(open: OpenRecording): void {
    if (this.#files.current !== open || !this.#cutter.cutSoon()) return;
    const path = open.file?.path;
    this.#session!.context.notice(`"${path}" was deleted while it was written; the next file follows`);
  }

  #passing(error: unknown): unknown {
    return this.#options.store?.passing(error) ?? error;
  }

  /** The stream of this session is over: leaves the file open for the next one, or finishes it. */
  async #end(session: RecorderSession): Promise<void> {
    const { store, join } = this.#options;
    const files = this.#files;
    files.endPrevious(files.current?.origin);
    if (files.current === undefined) return;
    if (join !== undefined && !session.stopping && this.#park(join)) return;
    const open = files.takeCurrent()!;
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
      this.#session!.resuming = false;
      this.#files.retireCurrent();
    }, left);
    return true;
  }

  /** The disk goes on with what it was given, if it can; nothing new begins before it has let go. */
  #fail(session: RecorderSession, error: unknown): void {
    const { store } = this.#options;
    const open = this.#files.takeCurrent();
    session.dropHeld();
    this.#files.endPrevious(undefined);
    if (open === undefined) return;
    if (store === undefined) return open.abandon();
    this.#stuck.leave(
      error instanceof DiskError && error.code === "EBUSY" ? store.retire(open) : store.rescue(open),
    );
  }

  /** What is said when more waits for the disk, or for the reader of stdout, than may. */
  #overflow(): unknown {
    const { store, name, queue } = this.#options;
    return store === undefined ? slowReader(name, queue.bytes) : this.#passing(slowDisk(name, queue.bytes));
  }

  /** What is said of a disk, or a reader of stdout, that has not come back after an abort. */
  #silence(session: RecorderSession): DiskError {
    const { store, name } = this.#options;
    const error = store === undefined ? silentReader(name) : silentDisk(name);
    session.context.notice(error.message);
    return error;
  }
}
