/**
 * RtmpClient: one session of a client that publishes or plays one stream, without sockets or clocks. What it says
 * is in client-commands.ts, what it hears in client-messages.ts, what a refusal or a silence means in
 * client-phase.ts, the meaning of status codes in status.ts. Nothing here waits for an optional answer, and nothing
 * trusts a peer to announce an end. Driven by net/rtmp-dial.ts.
 */

import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import { unpackAggregate } from "./aggregate.ts";
import type { Message } from "./chunk-reader.ts";
import { type Call, connectCall, createCalls, goodbyeCalls, startCall } from "./client-commands.ts";
import { hear, provesStart, type Question, type Reply } from "./client-messages.ts";
import {
  closedError,
  closedLiveError,
  endedError,
  endingOf,
  type Phase,
  type RtmpClientOptions,
  timeoutError,
} from "./client-phase.ts";
import { Connection } from "./connection.ts";
import { MessageType, OUTGOING_CHUNK_SIZE, UserControl, WINDOW_ACKNOWLEDGEMENT_SIZE } from "./constants.ts";
import { userControl } from "./control.ts";
import { EventQueue, type MediaEvent, type RtmpEvent, type Session } from "./events.ts";
import { ClientHandshake } from "./handshake.ts";
import { reactionTo, type Status } from "./status.ts";

/** The buffer length in ms that a player announces: a short one for live, as ffmpeg does. */
const PLAY_BUFFER_MS = 3000;
/** How long a new publisher may take after StreamEOF before the stream counts as ended. */
const STREAM_EOF_GRACE_MS = 5000;

/** One client session; see the head of this file. */
export class RtmpClient implements Session {
  readonly #options: RtmpClientOptions;
  readonly #plays: boolean;
  readonly #connection: Connection;
  #phase: Phase = "handshake";
  readonly #events = new EventQueue();
  /** Bound once: a closure in onMessage would make a scope for every message. */
  readonly #onPart = (part: Message): void => this.#onMessage(part);
  #transaction = 0;
  /** The transaction ids of createStream, and of publish or play. */
  #createTransaction = 0;
  #startTransaction = 0;
  #messageStreamId = 0;
  #liveSince = 0;
  #sawMedia = false;
  #deadline: number | undefined;
  /** The publisher has left; the deadline is the end of the grace for a new one. */
  #eof = false;
  #now = 0;

  constructor(options: RtmpClientOptions) {
    skipLastTier(this.#onMessage, this.#onMedia);
    this.#options = options;
    this.#plays = options.intent === "play";
    const handshake = new ClientHandshake({
      mode: options.handshake,
      time: 0,
      random: options.random.subarray(0, 1528),
      random2: options.random.subarray(1528, 3032),
    });
    this.#connection = new Connection(handshake, {
      onOpen: () => this.#connect(),
      onMessage: (message) => this.#onMessage(message),
      onUserControl: (event) => this.#onUserControl(event),
    });
    this.#connection.send(handshake.hello());
  }

  /** The way to the server is open: the clock starts. */
  begin(now: number): void {
    this.#now = now;
    this.#deadline = now + this.#options.stepTimeout;
  }

  /** When `advance` wants to be called, in ms. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** Whether publish or play was accepted and nothing has ended it. */
  get live(): boolean {
    return this.#phase === "live";
  }

  /** Whether any audio or video of the stream that is played has come. */
  get sawMedia(): boolean {
    return this.#sawMedia;
  }

  /** The message stream id that media of a publisher carries. */
  get messageStreamId(): number {
    return this.#messageStreamId;
  }

  /** The chunk size that media of a publisher is cut by. */
  get chunkSize(): number {
    return this.#connection.chunkSize;
  }

  /** Whether the server has said nothing yet that only a served client hears. */
  get unheard(): boolean {
    return this.#phase === "handshake" || (this.#phase === "connect" && this.#connection.messages === 0);
  }

  receive(segment: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#phase !== "over") this.#connection.receive(segment, now);
  }

  nextEvent(): RtmpEvent | undefined {
    return this.#events.take();
  }

  takeOutput(): Uint8Array[] {
    return this.#connection.takeOutput();
  }

  advance(now: number): void {
    this.#now = now;
    if (this.#deadline === undefined || now < this.#deadline) return;
    this.#deadline = undefined;
    const { stall, startTimeout, stepTimeout } = this.#options;
    if (this.#phase !== "live") {
      throw timeoutError(this.#phase, this.#phase === "start" ? startTimeout : stepTimeout);
    }
    if (!this.#eof) throw timeoutError("live", stall);
    this.#ended("StreamEOF", true);
  }

  /** We do not read at the moment: the time until a live stream counts as stalled begins anew. */
  postpone(now: number): void {
    this.#now = now;
    if (this.#phase === "live" && this.#plays && !this.#eof) this.#deadline = now + this.#options.stall;
  }

  /** Says goodbye: unpublish or stop playing. What it queues must still be sent. */
  finish(): void {
    if (this.#phase === "start" || this.#phase === "live") {
      for (const call of goodbyeCalls(this.#options, this.#messageStreamId)) this.#call(call);
    }
    this.#over();
  }

  close(): void {
    this.#over();
    this.#events.clear();
    this.#connection.close();
  }

  /** The peer closed the connection: what that means at this point. */
  closedByPeer(now: number): Error {
    if (this.#phase !== "live") return closedError(this.#phase, this.#options);
    return closedLiveError(this.#options.intent, now - this.#liveSince, this.#sawMedia);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    const { startTimeout, stepTimeout, stall } = this.#options;
    if (phase === "live") this.#liveSince = this.#now;
    if (phase === "live") this.#deadline = this.#plays ? this.#now + stall : undefined;
    else this.#deadline = this.#now + (phase === "start" ? startTimeout : stepTimeout);
  }

  #over(): void {
    this.#phase = "over";
    this.#deadline = undefined;
  }

  /** Sends a command and returns its transaction id. */
  #call({ name, values, messageStreamId }: Call): number {
    this.#transaction += 1;
    this.#connection.sendCommand({ name, transactionId: this.#transaction, values }, messageStreamId);
    return this.#transaction;
  }

  #connect(): void {
    this.#enter("connect");
    if (!this.#plays) this.#connection.sendChunkSize(OUTGOING_CHUNK_SIZE);
    this.#call(connectCall(this.#options));
  }

  #createStream(): void {
    this.#enter("create");
    if (this.#plays) this.#connection.sendWindow(WINDOW_ACKNOWLEDGEMENT_SIZE);
    for (const call of createCalls(this.#options)) {
      const transaction = this.#call(call);
      if (call.name === "createStream") this.#createTransaction = transaction;
    }
  }

  #start(messageStreamId: number): void {
    this.#enter("start");
    this.#messageStreamId = messageStreamId;
    this.#startTransaction = this.#call(startCall(this.#options, messageStreamId));
    if (!this.#plays) return;
    this.#connection.send(userControl(UserControl.setBufferLength, [messageStreamId, PLAY_BUFFER_MS]));
    // A server may send the first key frame before it answers play, or never answer.
    this.#connection.allowMedia();
  }

  #becomeLive(): void {
    if (this.#phase !== "start") return;
    this.#connection.allowMedia();
    this.#enter("live");
    this.#events.push({ type: "live" });
  }

  #onMessage(message: Message): void {
    // The rest of a segment whose beginning ended the session.
    if (this.#phase === "over") return message.slab?.release();
    if (message.typeId === MessageType.aggregate) {
      unpackAggregate(message, this.#onPart);
      return;
    }
    const heard = hear(message, this.#phase === "connect");
    switch (heard.type) {
      case "media":
        return this.#onMedia(heard);
      case "reply":
        return this.#onReply(heard);
      case "status":
        return this.#onStatus(heard.status);
      case "ended":
        if (this.#plays) this.#ended(heard.reason, true);
        return;
      case "close":
        return this.#ended("the server closed the stream", true);
      case "question":
        return this.#answer(heard.reply);
      case "ignored":
        return this.#ignore(message);
      default:
        heard satisfies never;
    }
  }

  #ignore({ typeId, payload }: Message): void {
    // An empty message takes one byte of the wire: a flood of them is not worth an event each.
    if (payload.length > 0) this.#events.push({ type: "ignored", typeId, length: payload.length });
  }

  #answer({ name, transactionId = ++this.#transaction, values }: Question["reply"]): void {
    this.#connection.answerCommand({ name, transactionId, values });
  }

  #onMedia(media: MediaEvent): void {
    if (!this.#plays) return media.slab?.release();
    // Some servers send media without ever answering play.
    if (this.#phase === "start" && provesStart(media)) this.#becomeLive();
    if (this.#phase !== "live") return media.slab?.release();
    if (media.typeId !== MessageType.dataAmf0) {
      if (this.#eof) this.#returned();
      this.#sawMedia = true;
      this.#deadline = this.#now + this.#options.stall;
    }
    this.#events.push(media);
  }

  #onReply({ transactionId, failed, status, text, messageStreamId }: Reply): void {
    if (this.#phase === "connect" && transactionId === 1) {
      // Some modules refuse in a _result.
      const refused = failed || (status !== undefined && reactionTo(status, false) === "refused");
      if (refused) this.#refuse(status, text);
      else if (this.#options.connectOnly === true) this.#events.push({ type: "live" });
      else this.#createStream();
    } else if (this.#phase === "create" && transactionId === this.#createTransaction) {
      if (failed) this.#refuse(status, text);
      else this.#start(messageStreamId);
    } else if (this.#phase === "start" && transactionId === this.#startTransaction) {
      // librtmp takes a _result of publish or play for the start, and some servers send no other.
      if (failed) this.#refuse(status, text);
      else this.#becomeLive();
    }
  }

  #onStatus(status: Status): void {
    this.#events.push({ type: "status", code: status.code, description: status.description });
    const reaction = status.redirect !== undefined ? "refused" : reactionTo(status, this.#phase === "live");
    switch (reaction) {
      case "publishing":
        if (!this.#plays) this.#becomeLive();
        return;
      case "playing":
        if (this.#plays) this.#becomeLive();
        return;
      case "returned":
        if (this.#plays) this.#becomeLive();
        this.#returned();
        return;
      case "ended":
        if (this.#plays) this.#ended(status.code, true);
        return;
      case "refused":
        this.#refuse(status, "");
        return;
      case "done":
      case "ignore":
        return;
      default:
        reaction satisfies never;
    }
  }

  #onUserControl(event: number): void {
    if (this.#phase !== "live" || !this.#plays) return;
    if (event === UserControl.streamBegin && this.#eof) this.#returned();
    if (event !== UserControl.streamEof || this.#eof) return;
    // nginx-rtmp says so when a publisher leaves, and keeps the player for the next one.
    this.#eof = true;
    this.#deadline = this.#now + STREAM_EOF_GRACE_MS;
    this.#ended("StreamEOF", false);
  }

  /** A publisher is there (again): its media has the usual time to come. */
  #returned(): void {
    if (this.#phase !== "live" || !this.#plays) return;
    this.#eof = false;
    this.#deadline = this.#now + this.#options.stall;
    this.#events.push({ type: "returned" });
  }

  /** A stream that is played ended; any other session ends with it. */
  #ended(reason: string, final: boolean): void {
    if (this.#plays && this.#phase === "live") {
      this.#events.push({ type: "ended", reason, final });
    } else {
      this.#events.push({ type: "refused", error: endedError(reason) });
      this.#over();
    }
  }

  #refuse(status: Status | undefined, text: string): void {
    this.#events.push(endingOf(status, text, this.#phase));
    this.#over();
  }
}

skipLastTierIn(RtmpClient);
