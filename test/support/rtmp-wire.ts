/**
 * RTMP's bytes as far as the test servers need them, written apart from src: chunks in and out, and the few AMF0
 * values of connect, createStream, publish and play.
 */

/** One message. */
export type WireMessage = { type: number; streamId: number; timestamp: number; payload: Uint8Array };

/** A decoded command: its name, transaction and the strings among its further values. */
export type WireCommand = { name: string; transaction: number; strings: string[] };

/** What the encoder takes. */
export type AmfValue = string | number | boolean | null | { [key: string]: AmfValue };

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** A 32-bit number, as chunk sizes and acknowledgements are sent. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const shortText = (text: string) => Buffer.concat([u16(Buffer.byteLength(text)), Buffer.from(text)]);

/** Encodes AMF0 values one after the other. */
export function amf(...values: AmfValue[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      if (value === null) return Buffer.from([5]);
      if (typeof value === "boolean") return Buffer.from([1, Number(value)]);
      if (typeof value === "string") return Buffer.concat([Buffer.from([2]), shortText(value)]);
      if (typeof value === "number") {
        const bytes = Buffer.alloc(9);
        bytes.writeDoubleBE(value, 1);
        return bytes;
      }
      const pairs = Object.entries(value).map(([key, item]) => Buffer.concat([shortText(key), amf(item)]));
      return Buffer.concat([Buffer.from([3]), ...pairs, Buffer.from([0, 0, 9])]);
    }),
  );
}

/** Encodes a message as chunks: a full header first, then type 3 headers, which repeat an extended timestamp. */
export function frame(csid: number, message: WireMessage, chunkSize = 128): Buffer {
  const { type, streamId, timestamp, payload } = message;
  const header = Buffer.alloc(12);
  header.writeUInt8(csid);
  const extended = timestamp >= 0xffffff ? u32(timestamp) : Buffer.alloc(0);
  header.writeUIntBE(Math.min(timestamp, 0xffffff), 1, 3);
  header.writeUIntBE(payload.length, 4, 3);
  header.writeUInt8(type, 7);
  header.writeUInt32LE(streamId, 8);
  const parts: Uint8Array[] = [header, extended];
  for (let at = 0; at < payload.length; at += chunkSize) {
    if (at > 0) parts.push(Uint8Array.of(0xc0 | csid), extended);
    parts.push(payload.subarray(at, at + chunkSize));
  }
  return Buffer.concat(parts);
}

/** A command message, framed. */
export function commandBytes(streamId: number, ...values: AmfValue[]): Buffer {
  return frame(3, { type: 20, streamId, timestamp: 0, payload: amf(...values) });
}

/** A protocol control message (set chunk size, window, user control), framed. */
export function controlBytes(type: number, payload: Uint8Array): Buffer {
  return frame(2, { type, streamId: 0, timestamp: 0, payload });
}

/** An onStatus command, framed. */
export function statusBytes(level: "status" | "error", code: string): Buffer {
  return commandBytes(1, "onStatus", 0, null, { level, code, description: code });
}

/** Reads the name, the transaction and the strings of a command; objects are stepped over. */
export function readCommand(payload: Uint8Array): WireCommand {
  const data = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const scalars: (string | number)[] = [];
  const text = (at: number) => data.toString("utf8", at + 2, at + 2 + data.readUInt16BE(at));
  let depth = 0;
  for (let at = 0; at < data.length;) {
    if (depth > 0) {
      const length = data.readUInt16BE(at);
      at += 2 + length;
      if (length === 0 && data[at] === 9) {
        depth -= 1;
        at += 1;
        continue;
      }
    }
    const marker = data[at];
    at += 1;
    if (marker === 3 || marker === 8) {
      depth += 1;
      at += marker === 8 ? 4 : 0;
      continue;
    }
    if (marker === 0) {
      if (depth === 0) scalars.push(data.readDoubleBE(at));
      at += 8;
    } else if (marker === 1) at += 1;
    else if (marker === 2) {
      if (depth === 0) scalars.push(text(at));
      at += 2 + data.readUInt16BE(at);
    } else if (marker !== 5 && marker !== 6) break; // strict arrays of fourCCs and the like end what is of interest
  }
  const [name, transaction, ...rest] = scalars;
  return {
    name: String(name ?? ""),
    transaction: typeof transaction === "number" ? transaction : 0,
    strings: rest.filter((value) => typeof value === "string"),
  };
}

type ChunkStream = WireMessage & { length: number; delta: number; extended: boolean; filled: number };

/** Turns chunks into messages. Set chunk size is obeyed and also returned. */
export class WireReader {
  #chunkSize = 128;
  #rest: Buffer = Buffer.alloc(0);
  #streams = new Map<number, ChunkStream>();

  feed(bytes: Uint8Array): WireMessage[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const messages: WireMessage[] = [];
    for (;;) {
      const eaten = this.#chunk(messages);
      if (eaten === 0) return messages;
      this.#rest = this.#rest.subarray(eaten);
    }
  }

  /** Reads one chunk and returns its size, 0 when it is not complete yet. */
  #chunk(messages: WireMessage[]): number {
    const data = this.#rest;
    const first = data[0];
    if (first === undefined) return 0;
    const csid = first & 63; // our own clients use 2 to 63 only
    const size = [11, 7, 3, 0][first >> 6] ?? 0;
    if (data.length < 1 + size) return 0;
    const before = this.#streams.get(csid);
    const stream: ChunkStream =
      before === undefined
        ? {
            type: 0,
            streamId: 0,
            timestamp: 0,
            payload: Buffer.alloc(0),
            length: 0,
            delta: 0,
            extended: false,
            filled: 0,
          }
        : { ...before };
    if (size >= 3) stream.extended = data.readUIntBE(1, 3) === 0xffffff;
    if (size >= 7) {
      stream.length = data.readUIntBE(4, 3);
      stream.type = data.readUInt8(7);
    }
    if (size === 11) stream.streamId = data.readUInt32LE(8);
    const head = 1 + size + (stream.extended ? 4 : 0);
    const part = Math.min(this.#chunkSize, stream.length - stream.filled);
    if (data.length < head + part) return 0;
    if (stream.filled === 0) {
      const short = size >= 3 ? data.readUIntBE(1, 3) : 0;
      const value = stream.extended ? data.readUInt32BE(1 + size) : short;
      if (size === 11) stream.timestamp = value;
      // A new message without a time of its own comes as long after the last one as that did.
      else stream.timestamp = (stream.timestamp + (size >= 3 ? value : stream.delta)) >>> 0;
      if (size >= 3) stream.delta = value;
    }
    if (stream.filled === 0) stream.payload = Buffer.alloc(stream.length);
    data.copy(stream.payload, stream.filled, head, head + part);
    stream.filled += part;
    if (stream.filled === stream.length) {
      stream.filled = 0;
      const { type, streamId, timestamp, payload } = stream;
      messages.push({ type, streamId, timestamp, payload });
      if (type === 1) this.#chunkSize = Buffer.from(payload).readUInt32BE();
    }
    this.#streams.set(csid, stream);
    return head + part;
  }
}
