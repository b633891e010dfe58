/**
 * What a client of a server may make us do and hold before it was accepted: the messages that wait behind a request
 * without an answer, and the commands that it may send. Called by RtmpServer.
 */

import { ProtocolError } from "../errors.ts";
import type { Message } from "./chunk-reader.ts";

/** Commands before any stream was accepted, and in a second after that. */
const MAX_COMMANDS = 100;
/** What may wait for an answer: more than one segment holds, and as many messages as that may well be. */
const MAX_HELD_BYTES = 1024 * 1024;
const MAX_HELD_MESSAGES = 4096;

/** A request without an answer. */
export type Pending = {
  readonly id: number;
  readonly kind: "connect" | "publish" | "play";
  readonly transactionId: number;
};

/** Where a request waits for the owner's answer, and what came after it waits with it, bounded. */
export class WaitingRoom {
  #requests = 0;
  #pending: Pending | undefined;
  #held: Message[] = [];
  #heldBytes = 0;
  #receivedBefore = 0;

  /** Whether a request waits, and so must every message. */
  get busy(): boolean {
    return this.#pending !== undefined;
  }

  /** A new request, at `received` bytes of the connection; returns its id. */
  ask(kind: Pending["kind"], transactionId: number, received: number): number {
    this.#requests += 1;
    this.#receivedBefore = received;
    this.#pending = { id: this.#requests, kind, transactionId };
    return this.#requests;
  }

  /** Takes the request out; undefined if it is not the one that waits. */
  settle(id: number): Pending | undefined {
    const pending = this.#pending;
    if (pending?.id !== id) return undefined;
    this.#pending = undefined;
    return pending;
  }

  /** Keeps a message for later. */
  hold(message: Message): void {
    this.#heldBytes += message.payload.length;
    this.#held.push(message);
    if (this.#heldBytes > MAX_HELD_BYTES || this.#held.length > MAX_HELD_MESSAGES) throw tooMuchHeld();
  }

  /** Checks what else came while a request waits: unfinished messages take memory too. */
  check(received: number): void {
    if (this.busy && received - this.#receivedBefore > MAX_HELD_BYTES) throw tooMuchHeld();
  }

  /** The messages that waited, in order. */
  takeHeld(): Message[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  /** Nobody waits for anything any more. */
  clear(): void {
    this.#pending = undefined;
    for (const { slab } of this.takeHeld()) slab?.release();
  }
}

/** Counts the commands of a client: few altogether until it is trusted, few in a second from then on. */
export class CommandLimit {
  #trusted = false;
  #commands = 0;
  #since = 0;

  /** Whether a stream was ever accepted. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** A stream was accepted. Only the first one counts: else ending and beginning would begin the count anew. */
  trust(now: number): void {
    if (this.#trusted) return;
    this.#trusted = true;
    this.#startSecond(now);
  }

  /** One command more; throws ProtocolError when it is one too many. */
  count(now: number): void {
    if (this.#trusted && now - this.#since >= 1000) this.#startSecond(now);
    this.#commands += 1;
    if (this.#commands <= MAX_COMMANDS) return;
    const span = this.#trusted ? "in a second" : "before any stream";
    throw new ProtocolError(`The client sends more than ${MAX_COMMANDS} commands ${span}`, {
      layer: "command",
    });
  }

  #startSecond(now: number): void {
    this.#since = now;
    this.#commands = 0;
  }
}

function tooMuchHeld(): ProtocolError {
  return new ProtocolError("The client sends too much before its request is answered", { layer: "message" });
}
