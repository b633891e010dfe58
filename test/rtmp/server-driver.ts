/**
 * Drives an RtmpServer in tests: segments in, the owner's decisions in between, and everything that came of it as
 * plain values. Also a client's bytes, written with test/support/rtmp-wire.ts apart from src.
 */
import { decodeAmf0, getProperty, isAmfObject, type Amf0Value } from "../../src/amf/amf0.ts";
import { RtmpServer, type RtmpServerOptions, SERVER_RANDOM_SIZE } from "../../src/rtmp/server.ts";
import type { Denial, ServerEvent } from "../../src/rtmp/server-events.ts";
import { everySplit } from "../support/every-split.ts";
import { randomBytes } from "../support/mutate.ts";
import { amf, type AmfValue, frame, WireReader } from "../support/rtmp-wire.ts";
import { kept } from "../support/kept.ts";

export const RANDOM = randomBytes(SERVER_RANDOM_SIZE, 7);
const HANDSHAKE = 1 + 2 * 1536;

/** What the owner says to a request: undefined to leave it unanswered, true to accept it. */
export type Decide = (event: Extract<ServerEvent, { id: number }>) => true | Denial | undefined;

/** A session with its owner, and what came of it so far. */
export class Driven {
  readonly server: RtmpServer;
  readonly events: ServerEvent[] = [];
  readonly output: Uint8Array[] = [];
  readonly #decide: Decide;

  constructor(decide: Decide = () => true, options: Partial<RtmpServerOptions> = {}) {
    this.#decide = decide;
    this.server = new RtmpServer({ random: RANDOM, ...options });
    this.server.begin(0);
  }

  receive(segment: Uint8Array, now = 0): this {
    this.server.receive(segment, now);
    return this.settle(now);
  }

  /** Takes events and answers requests until nothing is left. */
  settle(now = 0): this {
    for (let event = this.server.nextEvent(); event !== undefined; event = this.server.nextEvent()) {
      this.events.push(kept(event));
      if (!("id" in event)) continue;
      const decision = this.#decide(event);
      if (decision === true) this.server.accept(event.id, now);
      else if (decision !== undefined) this.server.reject(event.id, decision);
    }
    this.output.push(...this.server.takeOutput());
    return this;
  }

  /** The kinds of events, one word each. */
  get kinds(): string[] {
    return this.events.map((event) => (event.type === "media" ? `media ${event.typeId}` : event.type));
  }

  /** What was sent after the handshake, one line for each message. */
  get said(): string[] {
    return describeMessages(Buffer.concat(this.output).subarray(HANDSHAKE));
  }
}

/** Feeds all segments to a fresh session. */
export function drive(segments: readonly Uint8Array[], decide?: Decide): Driven {
  const driven = new Driven(decide);
  for (const segment of segments) {
    const lent = new Uint8Array(segment);
    driven.receive(lent);
    lent.fill(0xa5); // a transport takes its memory back: nothing of it may be kept
  }
  return driven;
}

const CONTROL: Readonly<Record<number, string>> = {
  1: "chunk size",
  3: "acknowledgement",
  5: "window",
  6: "bandwidth",
};

/** One line for each message: a name, the transaction id, and the code or the values. */
export function describeMessages(bytes: Uint8Array): string[] {
  return new WireReader().feed(bytes).map(({ type, payload, streamId }) => {
    const data = Buffer.from(payload);
    if (type === 4) return `event ${data.readUInt16BE(0)} ${data.readUInt32BE(2)}`;
    if (type === 6) return `bandwidth ${data.readUInt32BE(0)} ${data[4]}`;
    if (type in CONTROL) return `${CONTROL[type]} ${data.readUInt32BE(0)}`;
    if (type !== 18 && type !== 20) return `type ${type}, ${payload.length} bytes @${streamId}`;
    const values = decodeAmf0(new Uint8Array(payload)).map(short);
    return `${values.join(" ")}${type === 18 ? " (data)" : ""} @${streamId}`;
  });
}

function short(value: Amf0Value): string {
  if (!isAmfObject(value)) return String(value);
  const code = getProperty(value, "code");
  return typeof code === "string" ? `${String(getProperty(value, "level"))}:${code}` : "{}";
}

/** C0, C1 and C2 of a client with the simple handshake. */
export function hello(): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE);
  bytes[0] = 3;
  return bytes;
}

/** A message of a client in chunks. */
export function message(type: number, payload: Uint8Array, timestamp = 0): Uint8Array {
  return frame(type === 9 ? 6 : 4, { type, streamId: 1, timestamp, payload });
}

/** A command of a client. */
export function command(streamId: number, ...values: AmfValue[]): Uint8Array {
  return frame(3, { type: 20, streamId, timestamp: 0, payload: amf(...values) });
}

/** Hello and connect. */
export function connected(app = "live", fields: { [key: string]: AmfValue } = {}): Uint8Array {
  return join(
    hello(),
    command(0, "connect", 1, { app, tcUrl: `rtmp://h/${app}`, flashVer: "FMLE/3.0", ...fields }),
  );
}

/** Hello, connect, createStream and publish. */
export function publishing(name = "key"): Uint8Array {
  return join(connected(), command(0, "createStream", 2, null), command(1, "publish", 3, null, name, "live"));
}

/** Hello, connect, createStream and play. */
export function playing(name = "show"): Uint8Array {
  return join(connected(), command(0, "createStream", 2, null), command(1, "play", 3, null, name, -2000));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A frame of audio at 40 ms. */
export const audio = message(8, Buffer.from("af0101", "hex"), 40);

/** Leaves requests of this kind unanswered and accepts all others. */
export function unless(type: string): Decide {
  return (event) => (event.type === type ? undefined : true);
}

/** What comes out as an error, if anything. */
export function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const START = ["window 2500000", "bandwidth 2500000 2", "chunk size 4096"];
/** What is said to who connects, and to who publishes then. */
export const CONNECTED = [...START, "_result 1 {} status:NetConnection.Connect.Success @0"];
export const PUBLISHED = "onStatus 0 null status:NetStream.Publish.Start @1";

/** Media as text, so that a difference can be read. */
function seen(driven: Driven): unknown[] {
  return driven.events.map((event) =>
    event.type === "media"
      ? `${event.typeId} at ${event.timestamp}: ${Bun.hash(event.payload)} (${event.payload.length})`
      : event,
  );
}

/** The same at every cut. Pings are answered at once, whatever waits: they are told apart. */
export function everyWay(bytes: Uint8Array): {
  events: unknown[];
  said: string[];
  pongs: string[];
  driven: Driven;
} {
  let last = new Driven();
  const results = everySplit(bytes, (segments) => {
    last = drive(segments);
    const isPong = (line: string) => line.startsWith("event 7 ");
    return {
      events: seen(last),
      said: last.said.filter((line) => !isPong(line)),
      pongs: last.said.filter(isPong),
    };
  });
  return { ...results, driven: last };
}
