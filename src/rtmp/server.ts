/**
 * RtmpServer: one session of a server, for a client that publishes or plays one stream at a time, without sockets
 * or clocks. What clients ask for is read in server-requests.ts, what they hear is in server-replies.ts, how long
 * they may take in server-phase.ts, how much they may send unasked in server-limits.ts. Driven by net/rtmp-listen.ts.
 *
 *     handshake -> connect -> ready <-> publishing | playing        any of them -> closing
 *
 * The owner answers each request with accept or reject. Until then whatever the client sends after it waits here,
 * bounded: a relay of nginx-rtmp sends its sequence headers without waiting for the answer, and how segments are
 * cut must not decide whether they are lost. What a client can make us hold before it was accepted is little.
 */

import { amf0In, type Amf0Value } from "../amf/amf0.ts";
import { ProtocolError } from "../errors.ts";
import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import { unpackAggregate } from "./aggregate.ts";
import type { Message } from "./chunk-reader.ts";
import { decodeCommand, type Command } from "./command.ts";
import { Connection } from "./connection.ts";
import { MessageType, UserControl, WINDOW_ACKNOWLEDGEMENT_SIZE } from "./constants.ts";
import { setPeerBandwidth, userControl } from "./control.ts";
import { EventQueue, type Session } from "./events.ts";
import { RANDOM_SIZE, ServerHandshake, SIGNED_RANDOM_SIZE } from "./handshake.ts";
import type { Denial, ServerEvent } from "./server-events.ts";
import { CommandLimit, type Pending, WaitingRoom } from "./server-limits.ts";
import { clientTimeout, type ServerPhase, type ServerTimes, timeFor } from "./server-phase.ts";
import * as reply from "./server-replies.ts";
import { type ConnectInfo, readApp, readConnect, readPlay, readPublish } from "./server-requests.ts";

/** What a session may be told; the rest is SERVER_DEFAULTS. */
export type RtmpServerOptions = Partial<ServerTimes> & {
  /** SERVER_RANDOM_SIZE random bytes for the handshake. */
  readonly random: Uint8Array;
  /** What we announce: our messages are cut by it, and ffmpeg adopts it for its own. */
  readonly chunkSize?: number;
};

/** How many random bytes a session takes. */
export const SERVER_RANDOM_SIZE = RANDOM_SIZE + SIGNED_RANDOM_SIZE;

/** Times in ms, and a chunk size that no client objects to. */
export const SERVER_DEFAULTS = {
  handshakeTimeout: 10_000,
  startTimeout: 20_000,
  idleTimeout: 15_000,
  chunkSize: 4096,
} as const;

/** How long the last words of a session in `closing` get before the connection is cut, in ms; for the owner. */
export const CLOSE_DELAY_MS = 200;

/** One server session; see the head of this file. */
export class RtmpServer implements Session<ServerEvent> {
  readonly #times: ServerTimes;
  readonly #announcedChunkSize: number;
  readonly #connection: Connection;
  readonly #events = new EventQueue<ServerEvent>();
  /** Bound once: a closure in onMessage would make a scope for every message. */
  readonly #onPart = (part: Message): void => this.#onMedia(part);
  #phase: ServerPhase = "handshake";
  #client: ConnectInfo = { app: "", tcUrl: "", flashVer: "" };
  readonly #waiting = new WaitingRoom();
  readonly #limit = new CommandLimit();
  #dropped = 0;
  #deadline: number | undefined;
  #now = 0;

  constructor(options: RtmpServerOptions) {
    skipLastTier(this.#onMessage, this.#onMedia);
    const { random, chunkSize, ...times } = { ...SERVER_DEFAULTS, ...options };
    this.#times = times;
    this.#announcedChunkSize = chunkSize;
    const handshake = new ServerHandshake({
      time: 0,
      random: random.subarray(0, RANDOM_SIZE),
      random2: random.subarray(RANDOM_SIZE, SERVER_RANDOM_SIZE),
    });
    this.#connection = new Connection(handshake, {
      onOpen: () => this.#enter("connect"),
      onMessage: (message) => this.#onMessage(message),
      onUserControl: () => {},
    });
  }

  /** A client is there: the clock starts. */
  begin(now: number): void {
    this.#now = now;
    this.#enter("handshake");
  }

  /** When `advance` wants to be called, in ms. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  get phase(): ServerPhase {
    return this.#phase;
  }

  /** Whether all is said: send what is queued, wait CLOSE_DELAY_MS, then close the connection. */
  get closing(): boolean {
    return this.#phase === "closing";
  }

  /** The message stream id that a player's media carries. */
  get messageStreamId(): number {
    return reply.SERVED_STREAM_ID;
  }

  /** The chunk size that a player's media is cut by. */
  get chunkSize(): number {
    return this.#connection.chunkSize;
  }

  /** Media messages that came while nothing was published. */
  get dropped(): number {
    return this.#dropped;
  }

  receive(segment: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#phase === "closing") return;
    this.#connection.receive(segment, now);
    if (this.#phase === "publishing") this.#deadline = now + this.#times.idleTimeout;
    this.#waiting.check(this.#connection.received);
  }

  nextEvent(): ServerEvent | undefined {
    return this.#events.take();
  }

  takeOutput(): Uint8Array[] {
    return this.#connection.takeOutput();
  }

  /** We do not listen to the publisher for now: its silence is ours. */
  postpone(now: number): void {
    this.#now = now;
    if (this.#phase === "publishing") this.#deadline = now + this.#times.idleTimeout;
  }

  advance(now: number): void {
    this.#now = now;
    if (this.#deadline === undefined || now < this.#deadline) return;
    this.#deadline = undefined;
    throw clientTimeout(this.#phase, this.#times);
  }

  /**
   * Grants a request; false if it is none that waits. What the client sent after it is read now, so this throws
   * what receive throws, and there may be new events.
   */
  accept(id: number, now: number): boolean {
    const pending = this.#waiting.settle(id);
    if (pending === undefined) return false;
    this.#now = now;
    switch (pending.kind) {
      case "connect":
        this.#acceptConnect(pending.transactionId);
        break;
      case "publish":
        this.#startStream("publishing");
        this.#status("NetStream.Publish.Start", "Start publishing");
        break;
      case "play":
        this.#startStream("playing");
        this.#acceptPlay();
        break;
      default:
        pending.kind satisfies never;
    }
    // A request among them makes the rest wait again.
    for (const message of this.#waiting.takeHeld()) this.#onMessage(message);
    return true;
  }

  /** Denies a request and ends the session; false if it is none that waits. */
  reject(id: number, denial: Denial): boolean {
    const pending = this.#waiting.settle(id);
    if (pending === undefined) return false;
    if (pending.kind === "connect") {
      this.#connection.sendCommand(reply.connectDenied(pending.transactionId, denial));
    } else {
      this.#connection.sendCommand(reply.streamDenied(denial), reply.SERVED_STREAM_ID);
    }
    this.#close();
    return true;
  }

  close(): void {
    if (this.#phase !== "closing") this.#close();
    this.#events.clear();
    this.#connection.close();
  }

  /** The stream that is played is over: ffmpeg and librtmp hear the one word, GStreamer the other. */
  endOfStream(): void {
    if (this.#phase !== "playing") return;
    this.#status("NetStream.Play.UnpublishNotify", "The publisher has left");
    this.#connection.send(userControl(UserControl.streamEof, [reply.SERVED_STREAM_ID]));
    this.#status("NetStream.Play.Stop", "Stopped playing");
    this.#close();
  }

  /** Ends the session from our side, whatever it does: a stream that someone else takes over, a job that ends. */
  dismiss(denial: Denial): void {
    if (this.#phase === "closing") return;
    if (this.#phase !== "handshake") {
      this.#connection.sendCommand(reply.streamDenied(denial), reply.SERVED_STREAM_ID);
    }
    this.#close();
  }

  #enter(phase: ServerPhase): void {
    this.#phase = phase;
    const time = timeFor(phase, this.#times);
    this.#deadline = time === undefined ? undefined : this.#now + time;
  }

  #close(): void {
    this.#enter("closing");
    this.#waiting.clear();
  }

  #status(code: string, description: string): void {
    this.#connection.sendCommand(reply.streamStatus(code, description), reply.SERVED_STREAM_ID);
  }

  #answer({ transactionId }: Command, ...values: readonly Amf0Value[]): void {
    // Transaction id 0 asks for no answer.
    if (transactionId !== 0) this.#connection.sendCommand(reply.result(transactionId, ...values));
  }

  /** Makes a request; its id is for the event. From here on messages wait, and it is our time that runs. */
  #ask(kind: Pending["kind"], transactionId: number): number {
    this.#deadline = undefined;
    return this.#waiting.ask(kind, transactionId, this.#connection.received);
  }

  #acceptConnect(transactionId: number): void {
    this.#enter("ready");
    this.#connection.sendWindow(WINDOW_ACKNOWLEDGEMENT_SIZE);
    this.#connection.send(setPeerBandwidth(WINDOW_ACKNOWLEDGEMENT_SIZE));
    // Before the first answer above 128 bytes: clients must know how it is cut.
    this.#connection.sendChunkSize(this.#announcedChunkSize);
    this.#connection.sendCommand(reply.connectAccepted(transactionId));
  }

  #startStream(phase: "publishing" | "playing"): void {
    this.#limit.trust(this.#now);
    this.#enter(phase);
  }

  #acceptPlay(): void {
    this.#connection.send(userControl(UserControl.streamBegin, [reply.SERVED_STREAM_ID]));
    this.#status("NetStream.Play.Reset", "Playing and resetting");
    this.#status("NetStream.Play.Start", "Started playing");
    this.#connection.send(reply.sampleAccess(this.#connection.chunkSize));
  }

  #onMessage(message: Message): void {
    // An empty message says nothing, and takes but a byte of the wire.
    if (this.#phase === "closing" || message.payload.length === 0) return message.slab?.release();
    if (this.#waiting.busy) return this.#waiting.hold(message);
    switch (message.typeId) {
      case MessageType.audio:
      case MessageType.video:
      case MessageType.dataAmf0:
      case MessageType.dataAmf3:
        return this.#onMedia(message);
      case MessageType.aggregate:
        if (this.#phase !== "publishing") this.#dropped += 1;
        else unpackAggregate(message, this.#onPart);
        return;
      case MessageType.commandAmf0:
      case MessageType.commandAmf3:
        return this.#onCommand(message);
      default:
        // Before it is accepted a client makes no events but requests: they would take memory.
        if (!this.#limit.trusted) return;
        this.#events.push({ type: "ignored", typeId: message.typeId, length: message.payload.length });
    }
  }

  #onMedia(message: Message): void {
    const { typeId, timestamp, payload, slab } = message;
    if (this.#phase !== "publishing") {
      this.#dropped += 1;
      slab?.release();
    } else if (typeId === MessageType.dataAmf3) this.#onAmf3Data(message);
    else this.#events.push({ type: "media", typeId, timestamp, payload, slab });
  }

  #onAmf3Data({ timestamp, payload, slab }: Message): void {
    const body = amf0In(payload);
    if (body.length === 0) return;
    this.#events.push({ type: "media", typeId: MessageType.dataAmf0, timestamp, payload: body, slab });
  }

  #onCommand(message: Message): void {
    this.#limit.count(this.#now);
    const command = this.#decode(message);
    if (command === undefined) return;
    if (this.#phase === "connect" && this.#onEarlyCommand(command)) return;
    switch (command.name) {
      case "createStream":
        // Always the same: there is one stream at a time.
        this.#connection.sendCommand(reply.result(command.transactionId, reply.SERVED_STREAM_ID));
        return;
      case "publish":
        return this.#onPublish(command);
      case "play":
        return this.#onPlay(command);
      case "FCUnpublish":
        this.#answer(command);
        return this.#endStream(command.name);
      case "deleteStream":
      case "closeStream":
        return this.#endStream(command.name);
      case "getStreamLength":
        // ffmpeg complains about an answer that is no number; 0 is what it takes for live.
        return this.#answer(command, 0);
      case "_result":
      case "_error":
      case "onStatus":
        return;
      default:
        // Some encoders wait for their _checkbw, releaseStream or FCPublish; an _error would end others.
        return this.#answer(command);
    }
  }

  /** connect, and what must not come before it; true if that was all there is to do. */
  #onEarlyCommand({ name, transactionId, values }: Command): boolean {
    if (name === "publish" || name === "play") {
      throw new ProtocolError(`The client asks to ${name} before it connects`, { layer: "command" });
    }
    if (name !== "connect") return false;
    this.#client = readConnect(values);
    const { tcUrl, flashVer } = this.#client;
    const id = this.#ask("connect", transactionId);
    this.#events.push({ type: "connect-request", id, ...readApp(this.#client), tcUrl, flashVer });
    return true;
  }

  #onPublish({ name, transactionId, values }: Command): void {
    this.#endStream(name);
    // Flash's way to say that it is done.
    if (values[1] === false) return;
    const request = readPublish(this.#client, values);
    // Who does not wait for the answer may begin with a large key frame; what is held is bounded anyway.
    this.#connection.allowMedia();
    const id = this.#ask("publish", transactionId);
    this.#events.push({ type: "publish-request", id, ...request });
  }

  #onPlay({ name, transactionId, values }: Command): void {
    this.#endStream(name);
    const request = readPlay(this.#client, values);
    this.#events.push({ type: "play-request", id: this.#ask("play", transactionId), ...request });
  }

  /** The client ends its stream, if it has one, and may ask for another. */
  #endStream(reason: string): void {
    if (this.#phase === "publishing") {
      this.#events.push({ type: "unpublish", reason });
      this.#status("NetStream.Unpublish.Success", "Stopped publishing");
      this.#enter("ready");
    } else if (this.#phase === "playing") {
      this.#events.push({ type: "stop-play", reason });
      this.#enter("ready");
    }
  }

  /** A command that is broken is dropped, unless it may be connect, without which there is nothing to do. */
  #decode({ typeId, payload }: Message): Command | undefined {
    try {
      return decodeCommand(typeId, payload);
    } catch (error) {
      if (error instanceof ProtocolError && this.#phase !== "connect") return undefined;
      throw error;
    }
  }
}

skipLastTierIn(RtmpServer);
