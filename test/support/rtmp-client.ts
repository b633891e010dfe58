/**
 * A small RTMP client for tests: it shakes hands, connects, publishes or plays, and then leaves the connection to its
 * caller, who may go on well or badly. `obsPublish` says it all as OBS does. Written apart from src.
 */
import { connect, type Socket } from "node:net";
import { type FlvTag, toTag } from "./flv-compare.ts";
import { until } from "./ports.ts";
import { amf, type AmfValue, frame, u32, WireReader } from "./rtmp-wire.ts";

const TYPE_ID = { audio: 8, video: 9, script: 18 } as const;
const CSID = { audio: 4, video: 6, script: 5 } as const;

/** A tag as a message, framed. */
export function tagBytes(tag: FlvTag, chunkSize: number): Buffer {
  const { kind, timestamp, payload } = tag;
  return frame(CSID[kind], { type: TYPE_ID[kind], streamId: 1, timestamp, payload }, chunkSize);
}

/** One connection to an RTMP server. Everything that comes is read and kept until `stopReading`. */
export class WireClient implements Disposable {
  readonly socket: Socket;
  /** What an audio, video or data message brought, in the order of their coming. */
  readonly media: FlvTag[] = [];
  /** Whether the server has closed. */
  gone = false;
  #heard = "";
  #chunkSize = 128;
  #received: Buffer[] = [];
  #reader: WireReader | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => this.#onData(Buffer.from(bytes)));
    socket.on("close", () => (this.gone = true));
    socket.on("error", () => (this.gone = true));
    socket.on("end", () => (this.gone = true));
  }

  /** Opens a TCP connection and says nothing. */
  static async open(port: number): Promise<WireClient> {
    const client = new WireClient(connect({ port, host: "127.0.0.1", noDelay: true }));
    await until(`127.0.0.1:${port} takes no connection`, () => !client.socket.connecting);
    return client;
  }

  /** Opens a connection and shakes hands. */
  static async shaken(port: number): Promise<WireClient> {
    const client = await WireClient.open(port);
    await client.shakeHands();
    return client;
  }

  /** A connection that is connected to an application. */
  static async connected(port: number, app: string): Promise<WireClient> {
    const client = await WireClient.shaken(port);
    client.command(0, "connect", 1, { app, tcUrl: `rtmp://127.0.0.1:${port}/${app}` });
    await client.hears("NetConnection.Connect.");
    return client;
  }

  /** A connection that has asked to publish a stream; the answer is still to come. */
  static async publishing(port: number, app: string, name: string): Promise<WireClient> {
    const client = await WireClient.connected(port, app);
    client.command(0, "createStream", 2, null);
    client.command(1, "publish", 3, null, name, "live");
    return client;
  }

  /** A connection that has asked to play a stream; the answer is still to come. */
  static async playing(port: number, app: string, name: string): Promise<WireClient> {
    const client = await WireClient.connected(port, app);
    client.command(0, "createStream", 2, null);
    client.command(1, "play", 3, null, name);
    return client;
  }

  /** The simple handshake. */
  async shakeHands(): Promise<void> {
    const c1 = Buffer.alloc(1536);
    this.send(Buffer.concat([Buffer.from([3]), c1]));
    const size = () => this.#received.reduce((sum, part) => sum + part.length, 0);
    await until("no handshake from the server", () => size() >= 3073);
    const all = Buffer.concat(this.#received);
    this.#received = [];
    this.send(all.subarray(1, 1537));
    this.#reader = new WireReader();
    this.#read(all.subarray(3073));
  }

  send(bytes: Uint8Array): void {
    if (!this.gone) this.socket.write(bytes);
  }

  /** Sends bytes and waits until the server has taken them, or is gone. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    this.send(bytes);
    await until("the server takes no data", () => this.gone || this.socket.writableLength === 0, 60_000);
  }

  /** Announces a chunk size, and keeps to it from now on. */
  setChunkSize(size: number): void {
    this.send(frame(2, { type: 1, streamId: 0, timestamp: 0, payload: u32(size) }, this.#chunkSize));
    this.#chunkSize = size;
  }

  /** Sends a command, cut as announced. */
  command(streamId: number, ...values: AmfValue[]): void {
    this.send(frame(3, { type: 20, streamId, timestamp: 0, payload: amf(...values) }, this.#chunkSize));
  }

  /** Sends tags as fast as the server takes them, or in real time. */
  async sendTags(tags: readonly FlvTag[], { realtime = false } = {}): Promise<void> {
    const start = performance.now() - (tags[0]?.timestamp ?? 0);
    for (const tag of tags) {
      const wait = tag.timestamp - (performance.now() - start);
      if (realtime && wait > 4) await Bun.sleep(wait);
      await this.sendAll(tagBytes(tag, this.#chunkSize));
    }
  }

  /** Ends a published stream as ffmpeg and OBS do, and leaves. */
  async unpublish(name: string): Promise<void> {
    this.command(0, "FCUnpublish", 6, null, name);
    this.command(0, "deleteStream", 7, null, 1);
    await this.hears("NetStream.Unpublish.Success");
    this.socket.end();
  }

  /** Waits until the server's commands contain a text, or match a pattern. */
  async hears(what: string | RegExp, timeout?: number): Promise<void> {
    const said = () => {
      if (!this.heard(what) && this.gone) throw new Error(`the server left without saying ${what}`);
      return this.heard(what);
    };
    await until(`the server does not say ${what}`, said, timeout);
  }

  /** Whether the server's commands so far contain a text, or match a pattern. */
  heard(what: string | RegExp): boolean {
    return typeof what === "string" ? this.#heard.includes(what) : what.test(this.#heard);
  }

  /** Waits until the server has closed the connection. */
  async left(timeout?: number): Promise<void> {
    await until("the server keeps the connection", () => this.gone, timeout);
  }

  /** From here on nothing is read: what the server sends piles up. */
  stopReading(): void {
    this.socket.pause();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #onData(bytes: Buffer): void {
    if (this.#reader === undefined) this.#received.push(bytes);
    else this.#read(bytes);
  }

  #read(bytes: Uint8Array): void {
    for (const { type, timestamp, payload } of this.#reader?.feed(bytes) ?? []) {
      if (type === 20) this.#heard += `${Buffer.from(payload).toString("latin1")}\n`;
      const tag = toTag(type, timestamp, payload);
      if (tag !== undefined) this.media.push(tag);
    }
  }
}

const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);

/** The metadata of OBS: an ECMA array that says 20, whatever it has. */
function obsMetadata(): Buffer {
  const values: [string, AmfValue][] = [
    ["duration", 0],
    ["fileSize", 0],
    ["width", 320],
    ["height", 180],
    ["videocodecid", 7],
    ["videodatarate", 300],
    ["framerate", 25],
    ["audiocodecid", 10],
    ["stereo", true],
    ["2.1", false],
    ["encoder", "obs-output module (libobs version 30.0.0)"],
  ];
  const pairs = values.map(([key, value]) => Buffer.concat([text(key), amf(value)]));
  const array = Buffer.concat([Buffer.from([8]), u32(20), ...pairs, Buffer.from([0, 0, 9])]);
  return Buffer.concat([amf("@setDataFrame", "onMetaData"), array]);
}

/** OBS's connect: chunk size before it, and fields that older servers do not know. */
function obsConnect(app: string, tcUrl: string): Buffer {
  const fourCcs = ["av01", "vp09", "hvc1"].map((code) => amf(code));
  const known = {
    app,
    type: "nonprivate",
    flashVer: "FMLE/3.0 (compatible; FMSc/1.0)",
    swfUrl: tcUrl,
    tcUrl,
  };
  const object = Buffer.concat([
    amf(known).subarray(0, -3),
    Buffer.concat([text("fourCcList"), Buffer.from([10]), u32(fourCcs.length), ...fourCcs]),
    Buffer.concat([text("capsEx"), amf(3), text("videoFunction"), amf(1)]),
    Buffer.from([0, 0, 9]),
  ]);
  const payload = Buffer.concat([amf("connect", 1), object]);
  return frame(3, { type: 20, streamId: 0, timestamp: 0, payload }, OBS_CHUNK_SIZE);
}

const OBS_CHUNK_SIZE = 4096;

/**
 * A message as OBS's librtmp frames it: all media on chunk stream 4, a full header at first, then headers without a
 * stream id whose time is the distance to the message before.
 */
function obsFrame(tag: FlvTag, before: number): Buffer {
  const message = { type: TYPE_ID[tag.kind], streamId: 1, timestamp: tag.timestamp, payload: tag.payload };
  if (tag.kind === "script") return frame(4, message, OBS_CHUNK_SIZE);
  const full = frame(4, { ...message, timestamp: tag.timestamp - before }, OBS_CHUNK_SIZE);
  return Buffer.concat([Buffer.from([0x40 | 4]), full.subarray(1, 8), full.subarray(12)]);
}

/** Publishes tags as OBS does, in its words and its order: metadata, audio header, video header, frames. */
export async function obsPublish(
  port: number,
  app: string,
  key: string,
  tags: readonly FlvTag[],
): Promise<void> {
  using client = await WireClient.shaken(port);
  client.setChunkSize(OBS_CHUNK_SIZE);
  client.send(obsConnect(app, `rtmp://127.0.0.1:${port}/${app}`));
  await client.hears("NetConnection.Connect.Success");
  client.command(0, "releaseStream", 2, null, key);
  client.command(0, "FCPublish", 3, null, key);
  client.command(0, "createStream", 4, null);
  await client.hears("_result\0@\x10"); // transaction 4
  client.send(
    frame(4, { type: 20, streamId: 1, timestamp: 0, payload: amf("publish", 5, null, key, "live") }),
  );
  await client.hears("NetStream.Publish.Start");
  const media = tags.filter((tag) => tag.kind !== "script");
  const headers = media.filter((tag) => tag.role === "header").toSorted((a) => (a.kind === "audio" ? -1 : 1));
  const frames = media.filter((tag) => tag.role === "key" || tag.role === "frame");
  const metadata = { kind: "script", role: "data", timestamp: 0, payload: obsMetadata(), hash: "" } as const;
  let before = 0;
  for (const tag of [metadata, ...headers, ...frames]) {
    await client.sendAll(obsFrame(tag, before));
    before = tag.timestamp;
  }
  await client.unpublish(key);
}
