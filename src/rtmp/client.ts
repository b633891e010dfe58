/**
 * RtmpClient: one session of a client that publishes or plays one stream, without sockets or clocks. The
 * order of commands is the one that all known servers accept (protocol.md 5.2 and 5.3): nothing waits for an
 * optional answer, and nothing trusts a peer to announce an end. Driven by net/rtmp-dial.ts.
 */

import { ProtocolError, RemoteError, TransportError } from "../errors.ts";
import { stringOf, type Amf0Value } from "../amf/amf0.ts";
import { unpackAggregate } from "./aggregate.ts";
import { isAuthChallenge } from "./auth.ts";
import type { Message } from "./chunk-reader.ts";
import { decodeCommand, type Command } from "./command.ts";
import { connectObject } from "./connect.ts";
import { Connection } from "./connection.ts";
import { MessageType, OUTGOING_CHUNK_SIZE, UserControl, WINDOW_ACKNOWLEDGEMENT_SIZE } from "./constants.ts";
import { userControl } from "./control.ts";
import type { RtmpEvent, Session } from "./events.ts";
import { ClientHandshake } from "./handshake.ts";
import { reactionTo, readStatus, refusalError, type Status } from "./status.ts";
import type { RtmpUrl } from "./url.ts";

/** What a client is for and how long it waits. Times in ms. */
export type RtmpClientOptions = {
  readonly url: RtmpUrl;
  readonly intent: "publish" | "play";
  readonly handshake: "simple" | "digest";
  /** At least 3032 random bytes for the handshake. */
  readonly random: Uint8Array;
  /** How long each step up to the start of the stream may take. */
  readonly stepTimeout: number;
  readonly startTimeout: number;
  /** A played stream without any media for this long is stalled. */
  readonly stall: number;
  readonly authQuery: string;
  /** Codecs to announce beyond the legacy ones; none for the widest compatibility. */
  readonly fourCcs: readonly string[];
};

type Phase = "handshake" | "connect" | "create" | "start" | "live" | "over";

const PHASE_NAME: Readonly<Record<Phase, string>> = {
  handshake: "the handshake",
  connect: "connect",
  create: "createStream",
  start: "the request for the stream",
  live: "the stream",
  over: "the end",
};

/** Buffer lengths in ms that players announce: a short one for live, as ffmpeg does. */
const PLAY_BUFFER_MS = 3000;
/** play's start argument: live if there is such a stream, else a recording; and live only. */
const PLAY_ANY = -2000;
const PLAY_LIVE = -1000;
/** How long a new publisher may take after StreamEOF before the stream counts as ended. */
const STREAM_EOF_GRACE_MS = 5000;

/** One client session; see the head of this file. */
export class RtmpClient implements Session {
  readonly #options: RtmpClientOptions;
  readonly #connection: Connection;
  #phase: Phase = "handshake";
  #events: RtmpEvent[] = [];
  #nextEvent = 0;
  #transaction = 0;
  #createTransaction = 0;
  #startTransaction = 0;
  #messageStreamId = 0;
  #deadline: number | undefined;
  #eof = false;
  #now = 0;

  constructor(options: RtmpClientOptions) {
    this.#options = options;
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

  /** The message stream id that media of a publisher carries. */
  get messageStreamId(): number {
    return this.#messageStreamId;
  }

  /** The chunk size that media of a publisher is cut by. */
  get chunkSize(): number {
    return this.#connection.chunkSize;
  }

  /** Whether the server closed before it said anything that only a served client hears. */
  get unheard(): boolean {
    return this.#phase === "handshake" || (this.#phase === "connect" && this.#connection.messages === 0);
  }

  receive(segment: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#phase !== "over") this.#connection.receive(segment);
  }

  nextEvent(): RtmpEvent | undefined {
    if (this.#nextEvent === this.#events.length) {
      if (this.#nextEvent > 0) this.#events = [];
      this.#nextEvent = 0;
      return undefined;
    }
    return this.#events[this.#nextEvent++];
  }

  takeOutput(): Uint8Array[] {
    return this.#connection.takeOutput();
  }

  advance(now: number): void {
    this.#now = now;
    if (this.#deadline === undefined || now < this.#deadline) return;
    this.#deadline = undefined;
    if (this.#phase === "live" && this.#eof) {
      this.#ended("StreamEOF", true);
      return;
    }
    if (this.#phase === "live") {
      throw new TransportError(`no media for ${this.#options.stall / 1000}s`, "stalled");
    }
    const waited = this.#phase === "start" ? this.#options.startTimeout : this.#options.stepTimeout;
    throw new TransportError(
      `the server did not answer ${PHASE_NAME[this.#phase]} within ${waited / 1000}s`,
      "timeout",
    );
  }

  /** Says goodbye: unpublish or stop playing. What it queues must still be sent. */
  finish(): void {
    if (this.#phase === "live") {
      const name = this.#options.url.streamName;
      if (this.#options.intent === "publish") this.#call("FCUnpublish", [null, name]);
      this.#call("deleteStream", [null, this.#messageStreamId]);
    }
    this.#phase = "over";
    this.#deadline = undefined;
  }

  /** The peer closed the connection: what that means at this point. */
  closedByPeer(): Error {
    const app = this.#options.url.app;
    switch (this.#phase) {
      case "connect":
        return new RemoteError(
          `the server closed the connection when asked for the application "${withoutQuery(app)}"; is that its name?`,
          { code: "closed", refusal: "app" },
        );
      case "create":
      case "start":
        return new RemoteError(
          this.#options.intent === "publish"
            ? "the server closed the connection when asked to publish; is the stream key right and not in use?"
            : "the server closed the connection when asked for the stream; does it exist?",
          { code: "closed", refusal: this.#options.intent === "publish" ? "name" : "not-live" },
        );
      default:
        return new TransportError(
          `the server closed the connection during ${PHASE_NAME[this.#phase]}`,
          "closed",
        );
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    const { startTimeout, stepTimeout, stall, intent } = this.#options;
    if (phase === "live") this.#deadline = intent === "play" ? this.#now + stall : undefined;
    else this.#deadline = this.#now + (phase === "start" ? startTimeout : stepTimeout);
  }

  #call(name: string, values: readonly Amf0Value[], messageStreamId = 0): number {
    this.#transaction += 1;
    this.#connection.sendCommand({ name, transactionId: this.#transaction, values }, messageStreamId);
    return this.#transaction;
  }

  #connect(): void {
    this.#enter("connect");
    if (this.#options.intent === "publish") this.#connection.sendChunkSize(OUTGOING_CHUNK_SIZE);
    this.#call("connect", [connectObject(this.#options), ...(this.#options.url.connectArgs ?? [])]);
  }

  #createStream(): void {
    const name = this.#options.url.streamName;
    this.#enter("create");
    if (this.#options.intent === "publish") {
      // SRS waits for FCPublish once it has seen releaseStream, so both or none.
      this.#call("releaseStream", [null, name]);
      this.#call("FCPublish", [null, name]);
      this.#createTransaction = this.#call("createStream", [null]);
    } else {
      this.#connection.sendWindow(WINDOW_ACKNOWLEDGEMENT_SIZE);
      this.#createTransaction = this.#call("createStream", [null]);
      // Akamai and Limelight send nothing to a player that did not subscribe; others ignore it.
      this.#call("FCSubscribe", [null, name]);
    }
  }

  #start(): void {
    const name = this.#options.url.streamName;
    const id = this.#messageStreamId;
    this.#enter("start");
    if (this.#options.intent === "publish") {
      this.#startTransaction = this.#call("publish", [null, name, "live"], id);
      return;
    }
    const from = this.#options.url.live === true ? PLAY_LIVE : PLAY_ANY;
    this.#startTransaction = this.#call("play", [null, name, from], id);
    this.#connection.send(userControl(UserControl.setBufferLength, [id, PLAY_BUFFER_MS]));
  }

  #becomeLive(): void {
    if (this.#phase !== "start") return;
    this.#connection.allowMedia();
    this.#enter("live");
    this.#events.push({ type: "live" });
  }

  #onMessage(message: Message): void {
    switch (message.typeId) {
      case MessageType.audio:
      case MessageType.video:
        this.#onMedia(message);
        return;
      case MessageType.dataAmf0:
      case MessageType.dataAmf3:
        this.#onData(message);
        return;
      case MessageType.commandAmf0:
      case MessageType.commandAmf3:
        this.#onCommandMessage(message);
        return;
      case MessageType.aggregate:
        unpackAggregate(message, (inner) => {
          if (inner.typeId !== MessageType.aggregate) this.#onMessage(inner);
        });
        return;
      default:
        this.#events.push({ type: "ignored", typeId: message.typeId, length: message.payload.length });
    }
  }

  #onMedia(message: Message): void {
    if (this.#options.intent !== "play") return;
    // Some servers send media without ever answering play.
    this.#becomeLive();
    if (this.#phase !== "live") return;
    this.#eof = false;
    this.#deadline = this.#now + this.#options.stall;
    this.#events.push({
      type: "media",
      typeId: message.typeId,
      timestamp: message.timestamp,
      payload: message.payload,
    });
  }

  #onData(message: Message): void {
    // A type 15 body is AMF0 behind one byte; a data message of a recording is always type 18.
    const amf3 = message.typeId === MessageType.dataAmf3 && message.payload[0] === 0;
    const payload = amf3 ? message.payload.subarray(1) : message.payload;
    if (startsWithName(payload, "onPlayStatus")) {
      const complete = this.#decode(message)?.values ?? [];
      const status = readStatus(complete);
      if (status !== undefined && reactionTo(status, true) === "ended") this.#ended(status.code, true);
      return;
    }
    if (this.#options.intent !== "play" || this.#phase !== "live") return;
    this.#events.push({
      type: "media",
      typeId: MessageType.dataAmf0,
      timestamp: message.timestamp,
      payload,
    });
  }

  #decode(message: Message): Command | undefined {
    try {
      return decodeCommand(message.typeId, message.payload);
    } catch (error) {
      // A broken command is dropped; only the answer to connect is worth the session.
      if (error instanceof ProtocolError && this.#phase !== "connect") return undefined;
      throw error;
    }
  }

  #onCommandMessage(message: Message): void {
    const command = this.#decode(message);
    if (command === undefined) return;
    switch (command.name) {
      case "_result":
      case "_error":
        this.#onReply(command);
        return;
      case "onStatus":
      case "onFCSubscribe":
        this.#onStatus(readStatus(command.values));
        return;
      case "onFCUnsubscribe":
        this.#ended(command.name, true);
        return;
      case "close":
        this.#ended("the server closed the stream", true);
        return;
      case "onBWDone":
        this.#call("_checkbw", [null]);
        return;
      case "_onbwcheck":
      case "onBWCheck":
        this.#connection.sendCommand({
          name: "_result",
          transactionId: command.transactionId,
          values: [null, 0],
        });
        return;
      case "ping":
        this.#connection.sendCommand({ name: "pong", transactionId: command.transactionId, values: [null] });
        return;
      default:
        this.#events.push({ type: "ignored", typeId: message.typeId, length: message.payload.length });
    }
  }

  #onReply(command: Command): void {
    const failed = command.name === "_error";
    if (this.#phase === "connect" && command.transactionId === 1) {
      if (failed) this.#connectRefused(command);
      else this.#createStream();
    } else if (this.#phase === "create" && command.transactionId === this.#createTransaction) {
      if (failed) this.#refuse(readStatus(command.values));
      else this.#streamCreated(command);
    } else if (this.#phase === "start" && command.transactionId === this.#startTransaction) {
      // librtmp takes a _result of publish or play for the start, and some servers send no other.
      if (failed) this.#refuse(readStatus(command.values));
      else this.#becomeLive();
    }
  }

  #streamCreated(command: Command): void {
    const id = command.values.find((value) => typeof value === "number");
    this.#messageStreamId = typeof id === "number" && id >= 0 && id <= 0xffffffff ? id : 1;
    this.#start();
  }

  #connectRefused(command: Command): void {
    const status = readStatus(command.values);
    const text = command.values.map((value) => stringOf(value)).find((value) => value !== undefined);
    const description = status?.description ?? text ?? "";
    if (isAuthChallenge(description)) this.#events.push({ type: "auth", description });
    else this.#refuse(status, description);
    this.#over();
  }

  #onStatus(status: Status | undefined): void {
    if (status === undefined) return;
    if (status.redirect !== undefined) {
      this.#refuse(status);
      return;
    }
    this.#events.push({ type: "status", code: status.code, description: status.description });
    switch (reactionTo(status, this.#phase === "live")) {
      case "publishing":
        if (this.#options.intent === "publish") this.#becomeLive();
        return;
      case "playing":
        if (this.#options.intent === "play") this.#becomeLive();
        return;
      case "returned":
        this.#becomeLive();
        this.#events.push({ type: "returned" });
        return;
      case "ended":
        this.#ended(status.code, true);
        return;
      case "refused":
        if (
          status.code.toLowerCase() === "netconnection.connect.rejected" &&
          isAuthChallenge(status.description)
        ) {
          this.#events.push({ type: "auth", description: status.description });
          this.#over();
        } else {
          this.#refuse(status);
        }
        return;
      case "done":
      case "ignore":
        return;
    }
  }

  #onUserControl(event: number): void {
    if (event !== UserControl.streamEof || this.#phase !== "live" || this.#options.intent !== "play") return;
    // nginx-rtmp says so when a publisher leaves and keeps the player for the next one.
    this.#eof = true;
    this.#deadline = this.#now + STREAM_EOF_GRACE_MS;
    this.#ended("StreamEOF", false);
  }

  #ended(reason: string, final: boolean): void {
    if (this.#options.intent === "play" && this.#phase === "live") {
      this.#events.push({ type: "ended", reason, final });
    } else if (this.#phase !== "over") {
      const error = new RemoteError(`the server ended the session: ${reason}`, {
        code: reason,
        refusal: "failed",
      });
      this.#events.push({ type: "refused", error });
      this.#over();
    }
  }

  #refuse(status: Status | undefined, description = ""): void {
    if (status?.redirect !== undefined) {
      this.#events.push({ type: "redirect", url: status.redirect, hasStream: status.redirectHasStream });
    } else {
      const unknown = { level: "error", code: "_error", redirect: undefined, redirectHasStream: false };
      this.#events.push({ type: "refused", error: refusalError(status ?? { ...unknown, description }) });
    }
    this.#over();
  }

  #over(): void {
    this.#phase = "over";
    this.#deadline = undefined;
  }
}

function withoutQuery(app: string): string {
  const q = app.indexOf("?");
  return q < 0 ? app : app.slice(0, q);
}

/** Whether an AMF0 body begins with this string. */
function startsWithName(body: Uint8Array, name: string): boolean {
  if (body.length < 3 + name.length || body[0] !== 2) return false;
  for (let i = 0; i < name.length; i++) if (body[3 + i] !== name.charCodeAt(i)) return false;
  return true;
}
