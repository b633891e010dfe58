/**
 * RecorderSession: what a recorder knows of one session, which is media of one hub from its beginning until it ends or
 * fails. Each has an object of its own, so that nothing is left in it of the one before: what outlives a session (files
 * that are open, headers, where to cut) is the recorder's.
 */

import { skipLastTierIn } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { PacketQueue } from "../queue.ts";
import type { SinkContext } from "../source.ts";

/** One session; see the head of this file. Times are monotonic, in ms. */
export class RecorderSession {
  readonly context: SinkContext;
  readonly queue: PacketQueue;
  /** Resolves when nothing more is to be taken, and rejects when the session has failed. */
  readonly over = Promise.withResolvers<void>();
  /** It was aborted: what is in the queue stays there. */
  stopping = false;
  /** The packet that a new file is being opened for; until that is open no other is taken. */
  held: MediaPacket | undefined;
  /** The session before left a file open, and nothing has come for it since. */
  resuming: boolean;
  /** When packets were last moved: one look at the clock for many. */
  drainedAt: number;
  #live = false;
  /** When the queue was last seen empty. */
  #emptyAt: number;

  /** Subscribes to the hub of `context`; `now` is when. */
  constructor(context: SinkContext, { now, resuming }: { readonly now: number; readonly resuming: boolean }) {
    this.context = context;
    this.queue = context.subscribe();
    this.resuming = resuming;
    this.drainedAt = now;
    this.#emptyAt = now;
  }

  /** The next packet; undefined if there is none, or none may be taken. */
  take(): MediaPacket | undefined {
    return this.stopping || this.held !== undefined ? undefined : this.queue.take();
  }

  /** As much has been taken as may be for now. */
  noteTaken(now: number): void {
    if (this.queue.length === 0) this.#emptyAt = now;
  }

  /** How long ago the packet that was just taken came, in ms: it may have waited for the disk. */
  lag(now: number): number {
    return Math.max(0, Math.min(this.queue.ms, now - this.#emptyAt));
  }

  /** Media is being recorded: says so once. */
  noteLive(): void {
    if (this.#live) return;
    this.#live = true;
    this.context.onLive();
  }

  /** Ends the session if nothing more is to be taken. */
  endIfDone(): void {
    if (this.held !== undefined) return;
    if (this.stopping || (this.queue.ended && this.queue.length === 0)) this.over.resolve();
  }

  /** No file will take the packet that one was being opened for. */
  dropHeld(): void {
    this.held?.slab?.release();
    this.held = undefined;
  }

  /** Takes no more of the hub. */
  leave(): void {
    this.dropHeld();
    this.context.unsubscribe(this.queue);
  }
}

skipLastTierIn(RecorderSession);
