/**
 * A server in memory for one RtmpClient: the test says what it sends and sees what the client sent and reported.
 * No sockets and no clock; `now` moves only when the test moves it.
 */
import { amfObject, type Amf0Value, decodeAmf0Message, encodeAmf0 } from "../../src/amf/amf0.ts";
import type { RemoteError } from "../../src/errors.ts";
import { ChunkReader, type Message } from "../../src/rtmp/chunk-reader.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { RtmpClient } from "../../src/rtmp/client.ts";
import type { RtmpClientOptions } from "../../src/rtmp/client-phase.ts";
import { MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { decodeControl, userControl } from "../../src/rtmp/control.ts";
import type { RtmpEvent } from "../../src/rtmp/events.ts";
import { ServerHandshake } from "../../src/rtmp/handshake.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { fromHex } from "../support/bytes.ts";
import { randomBytes } from "../support/mutate.ts";
import { kept } from "../support/kept.ts";
import { obey } from "./chunk-cases.ts";

/** A message of the client in short: a command with its stream and values, or a control message. */
export type Said = readonly [name: string, ...details: unknown[]];

export const TIMES = { stepTimeout: 10_000, startTimeout: 15_000, stall: 20_000 };

export function clientOptions(options: Partial<RtmpClientOptions> = {}): RtmpClientOptions {
  return {
    url: parseRtmpUrl("rtmp://host.example/live/name"),
    intent: "play",
    handshake: "simple",
    random: randomBytes(3032, 1),
    authQuery: "",
    fourCcs: { video: [], audio: [] },
    ...TIMES,
    ...options,
  };
}

export class ScriptedServer {
  readonly client: RtmpClient;
  /** What the client reported, in order. */
  readonly events: RtmpEvent[] = [];
  now = 1000;
  /** The server's chunk size; only the framing of the test's own messages follows it. */
  chunkSize = 128;
  readonly #handshake = new ServerHandshake({ time: 0, random: randomBytes(1528, 2) });
  readonly #reader: ChunkReader;
  #said: Said[] = [];

  constructor(options: Partial<RtmpClientOptions> = {}) {
    this.client = new RtmpClient(clientOptions(options));
    this.#reader = new ChunkReader((message) => {
      obey(this.#reader, message);
      this.#said.push(inShort(message));
    }, MEDIA_LIMITS);
    this.client.begin(this.now);
  }

  /** The handshake, whole. */
  shakeHands(): this {
    this.#collect();
    for (const answer of this.#handshake.takeOutput()) this.send(answer);
    return this;
  }

  /** Everything up to the answer to createStream; the client then has sent publish or play. */
  openStream(messageStreamId = 1): this {
    this.shakeHands().result(1, amfObject({ fmsVer: "FMS/3,0,1,123" }), SUCCESS);
    const create = this.takeSaid().find(([name]) => name === "createStream");
    return this.result(create?.[2] as number, null, messageStreamId);
  }

  /** All of it: the stream is live, and what was said and reported on the way is forgotten. */
  goLive(intent: "publish" | "play" = "play"): this {
    this.openStream().status(intent === "play" ? "NetStream.Play.Start" : "NetStream.Publish.Start");
    this.takeSaid();
    this.events.length = 0;
    return this;
  }

  /** Bytes to the client; what it answers and reports is collected. */
  send(bytes: Uint8Array): this {
    this.client.receive(bytes, this.now);
    this.#collect();
    return this;
  }

  message(
    typeId: number,
    payload: Uint8Array,
    more: { timestamp?: number; stream?: number; csid?: number } = {},
  ): this {
    const { timestamp = 0, stream = 1, csid = 5 } = more;
    const framing = { csid, messageStreamId: stream, chunkSize: this.chunkSize };
    return this.send(frameMessage({ typeId, timestamp, payload }, framing));
  }

  /** A command of any values, the transaction id among them. */
  command(name: string, ...values: Amf0Value[]): this {
    return this.message(20, encodeAmf0([name, ...values]), { stream: 0, csid: 3 });
  }

  data(...values: Amf0Value[]): this {
    return this.message(18, encodeAmf0(values));
  }

  result(transaction: number, ...values: Amf0Value[]): this {
    return this.command("_result", transaction, ...values);
  }

  error(transaction: number, ...values: Amf0Value[]): this {
    return this.command("_error", transaction, ...values);
  }

  status(code: string, more: Readonly<Record<string, Amf0Value>> = {}): this {
    return this.command("onStatus", 0, null, amfObject({ level: "status", code, description: "", ...more }));
  }

  userControl(event: number, stream = 1): this {
    return this.send(userControl(event, [stream]));
  }

  /** Time passes. */
  wait(ms: number): this {
    this.now += ms;
    this.client.advance(this.now);
    this.#collect();
    return this;
  }

  /** What the client sent since the last call. */
  takeSaid(): Said[] {
    const said = this.#said;
    this.#said = [];
    return said;
  }

  /** Collects what the client queued without being fed, as after finish(). */
  collect(): this {
    this.#collect();
    return this;
  }

  #collect(): void {
    for (const bytes of this.client.takeOutput()) {
      const eaten = this.#handshake.done ? 0 : this.#handshake.feed(bytes);
      this.#reader.feed(bytes.subarray(eaten));
    }
    for (let event = this.client.nextEvent(); event !== undefined; event = this.client.nextEvent()) {
      this.events.push(kept(event));
    }
  }
}

/** The information object of a connect that worked. */
export const SUCCESS = amfObject({
  level: "status",
  code: "NetConnection.Connect.Success",
  description: "ok",
});

function inShort(message: Message): Said {
  const { typeId, messageStreamId, payload } = message;
  const control = decodeControl(typeId, payload);
  if (control !== undefined) {
    const { type, ...fields } = control;
    return [type, ...Object.values(fields)];
  }
  const [name, ...values] = decodeAmf0Message(typeId, payload);
  return [String(name), messageStreamId, ...values];
}

export const PUBLISH = { intent: "publish" } as const;
/** A message of audio: one short AAC frame. */
export const AUDIO = fromHex("af0101182007");

export const kinds = (server: ScriptedServer): string[] => server.events.map(({ type }) => type);

/** The error of the one refusal that the client reported. */
export function refusal(server: ScriptedServer): RemoteError {
  const [event, ...more] = server.events.filter(({ type }) => type === "refused");
  if (event?.type !== "refused" || more.length > 0)
    throw new Error(`Not one refusal: ${kinds(server).join(" ")}`);
  return event.error;
}

/** What `run` threw; undefined if it did not. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
