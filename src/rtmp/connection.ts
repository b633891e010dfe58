/**
 * What both roles of a session share, without sockets or clocks: the handshake, chunks in and out, control
 * messages, acknowledgements. Segments of the peer's bytes go in; messages that are not protocol control come
 * out through `onMessage`, and bytes to send through `takeOutput`. RtmpClient and RtmpServer have one each.
 */

import { SlabPool } from "../bytes/slab-pool.ts";
import { skipLastTier } from "../last-tier.ts";
import { ChunkReader, type Message } from "./chunk-reader.ts";
import { encodeCommand, type Command } from "./command.ts";
import {
  DEFAULT_CHUNK_SIZE,
  EARLY_LIMITS,
  MEDIA_LIMITS,
  MessageType,
  UserControl,
  WINDOW_ACKNOWLEDGEMENT_SIZE,
} from "./constants.ts";
import * as control from "./control.ts";

/** The handshake of either role: it eats bytes until it is done, and has bytes to send. */
export type Handshake = {
  readonly done: boolean;
  feed(segment: Uint8Array): number;
  takeOutput(): Uint8Array[];
};

/** What a connection reports to its session. */
export type ConnectionHandler = {
  /** The handshake is over; commands may be sent. */
  onOpen(): void;
  /** Anything but protocol control; the payload, and its slab, are the receiver's. */
  onMessage(message: Message): void;
  /** A user control event that the connection does not answer by itself. */
  onUserControl(event: number): void;
};

/** xiu announces a window of 4096 bytes; acknowledging each would mean hundreds of messages a second. */
const SMALLEST_ACKNOWLEDGEMENT = 65536;
/** Answers that a peer gets in a second; one that asks more often could else fill our memory with them. */
const ANSWERS_PER_SECOND = 100;

/** The shared part of RtmpClient and a server's session; see the head of this file. */
export class Connection {
  readonly #handshake: Handshake;
  readonly #handler: ConnectionHandler;
  readonly #reader: ChunkReader;
  readonly #pool = new SlabPool();
  #output: Uint8Array[] = [];
  #open = false;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #received = 0;
  #acknowledged = 0;
  #acknowledgeEvery = WINDOW_ACKNOWLEDGEMENT_SIZE / 2;
  #announcedWindow = 0;
  #messages = 0;
  #now = 0;
  #answers = 0;
  #answersSince = -Infinity;

  constructor(handshake: Handshake, handler: ConnectionHandler) {
    skipLastTier(this.#onMessage);
    this.#handshake = handshake;
    this.#handler = handler;
    this.#reader = new ChunkReader((message) => this.#onMessage(message), EARLY_LIMITS);
  }

  /** Whether the handshake is over. */
  get open(): boolean {
    return this.#open;
  }

  /** Bytes received after the handshake. */
  get received(): number {
    return this.#received;
  }

  /** Messages received so far, control included. */
  get messages(): number {
    return this.#messages;
  }

  /** The chunk size in force for what we send. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /**
   * Media may come from here on, since publish or play was asked for: it may not wait for the answer. Messages may be as
   * large as RTMP allows, and many are to be expected.
   */
  allowMedia(): void {
    this.#reader.setLimits(MEDIA_LIMITS);
    this.#reader.usePool(this.#pool);
  }

  /** Takes bytes from the peer at `now` (ms); throws ProtocolError when it breaks the rules. */
  receive(segment: Uint8Array, now: number): void {
    this.#now = now;
    let rest = segment;
    if (!this.#handshake.done) {
      const eaten = this.#handshake.feed(segment);
      for (const bytes of this.#handshake.takeOutput()) this.#output.push(bytes);
      rest = segment.subarray(eaten);
    }
    if (!this.#handshake.done) return;
    if (!this.#open) {
      this.#open = true;
      this.#handler.onOpen();
    }
    if (rest.length === 0) return;
    this.#received += rest.length;
    this.#reader.feed(rest);
    if (this.#received - this.#acknowledged >= this.#acknowledgeEvery) {
      this.#acknowledged = this.#received;
      this.#output.push(control.acknowledgement(this.#received));
    }
  }

  /** Nothing more is received: gives back the memory of what was. */
  close(): void {
    this.#reader.close();
    this.#pool.close();
  }

  /** Queues bytes that are ready for the wire. */
  send(bytes: Uint8Array): void {
    this.#output.push(bytes);
  }

  /** Queues what the peer asked for, unless it asks too often. */
  answer(bytes: Uint8Array): void {
    if (this.#now - this.#answersSince >= 1000) {
      this.#answersSince = this.#now;
      this.#answers = 0;
    }
    this.#answers += 1;
    if (this.#answers <= ANSWERS_PER_SECOND) this.#output.push(bytes);
  }

  /** Announces a chunk size and uses it from the next message on. */
  sendChunkSize(size: number): void {
    this.#output.push(control.setChunkSize(size));
    this.#chunkSize = size;
  }

  /** Queues a command on a message stream. */
  sendCommand(command: Command, messageStreamId = 0): void {
    this.#output.push(encodeCommand(command, { messageStreamId, chunkSize: this.#chunkSize }));
  }

  /** Queues a command that the peer asked for, unless it asks too often. */
  answerCommand(command: Command): void {
    this.answer(encodeCommand(command, { messageStreamId: 0, chunkSize: this.#chunkSize }));
  }

  /** Announces our window, unless it is what was announced last. */
  sendWindow(size: number): void {
    if (size === this.#announcedWindow) return;
    this.#announcedWindow = size;
    this.answer(control.windowAcknowledgementSize(size));
  }

  /** Bytes to send, in order. */
  takeOutput(): Uint8Array[] {
    if (this.#output.length === 0) return this.#output;
    const output = this.#output;
    this.#output = [];
    return output;
  }

  #onMessage(message: Message): void {
    this.#messages += 1;
    if (message.typeId > MessageType.setPeerBandwidth) {
      this.#handler.onMessage(message);
      return;
    }
    const decoded = control.decodeControl(message.typeId, message.payload);
    if (decoded !== undefined) this.#onControl(decoded);
  }

  #onControl(message: control.ControlMessage): void {
    switch (message.type) {
      case "set-chunk-size":
        if (message.size > 0) this.#reader.chunkSize = message.size;
        return;
      case "abort":
        this.#reader.abort(message.csid);
        return;
      case "acknowledgement":
        // Peers send totals, increments and nonsense; nothing may depend on it.
        return;
      case "window-size":
        this.#acknowledgeEvery = acknowledgementInterval(message.size);
        return;
      case "peer-bandwidth":
        if (message.size > 0) this.sendWindow(message.size);
        return;
      case "user-control":
        if (message.event !== UserControl.pingRequest) this.#handler.onUserControl(message.event);
        // A ping without its four bytes leaves nothing to answer with.
        else if (message.data !== undefined) this.answer(control.pingResponse(message.data));
        return;
      default:
        message satisfies never;
    }
  }
}

/** Half the peer's window, within what is worth a message and what keeps an old server from pausing. */
function acknowledgementInterval(window: number): number {
  return Math.max(SMALLEST_ACKNOWLEDGEMENT, Math.min(window, WINDOW_ACKNOWLEDGEMENT_SIZE) / 2);
}
