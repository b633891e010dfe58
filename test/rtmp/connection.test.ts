import { describe, expect, test } from "bun:test";
import { isOurs, ProtocolError } from "../../src/errors.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { Connection } from "../../src/rtmp/connection.ts";
import { decodeControl, type ControlMessage } from "../../src/rtmp/control.ts";
import { ClientHandshake, ServerHandshake } from "../../src/rtmp/handshake.ts";
import { fixture, fromHex, hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { counting, readMessages, type Row, rowOf } from "./chunk-cases.ts";

const NO_HANDSHAKE = { done: true, feed: () => 0, takeOutput: () => [] };

/** Messages of this size are there to be counted in bytes. */
const FLOOD_PAYLOAD = 65_536 - 12;

/** A connection whose handshake is over, and what it reported. */
function open(): { connection: Connection; rows: Row[]; events: number[]; sent(): (ControlMessage | Row)[] } {
  const rows: Row[] = [];
  const events: number[] = [];
  const connection = new Connection(NO_HANDSHAKE, {
    onOpen: () => {},
    onMessage: (message) => {
      if (message.payload.length < FLOOD_PAYLOAD) rows.push(rowOf(message));
    },
    onUserControl: (event) => events.push(event),
  });
  const sent = (): (ControlMessage | Row)[] =>
    readMessages(connection.takeOutput()).map(
      (message) => decodeControl(message.typeId, message.payload) ?? rowOf(message),
    );
  return { connection, rows, events, sent };
}

const controlBytes = (typeId: number, body: string, csid = 2): Uint8Array =>
  frameMessage(
    { typeId, timestamp: 0, payload: fromHex(body) },
    { csid, messageStreamId: 0, chunkSize: 128 },
  );

/** Messages of video, `size` bytes on the wire altogether. */
function videoBytes(size: number): Uint8Array {
  const message = { typeId: 9, timestamp: 0, payload: new Uint8Array(FLOOD_PAYLOAD) };
  const one = frameMessage(message, { csid: 6, messageStreamId: 1, chunkSize: 65_536 });
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += one.length) bytes.set(one.subarray(0, size - at), at);
  return bytes;
}

const CHUNK_SIZE_65536 = controlBytes(1, "00010000");

describe("handshake", () => {
  test("both roles at every cut: what follows the handshake is read, and onOpen comes first", () => {
    const random = randomBytes(1528, 5);
    const server = new ServerHandshake({ time: 0, random });
    const client = new ClientHandshake({ mode: "simple", time: 0, random });
    server.feed(client.hello());
    const answer = Buffer.concat(server.takeOutput());
    const ping = controlBytes(4, "000600000007");
    const bytes = Uint8Array.from([...answer, ...ping]);
    const result = everySplit(bytes, (segments) => {
      const order: string[] = [];
      const handshake = new ClientHandshake({ mode: "simple", time: 0, random });
      const connection = new Connection(handshake, {
        onOpen: () => order.push("open"),
        onMessage: () => order.push("message"),
        onUserControl: () => order.push("event"),
      });
      for (const segment of segments) connection.receive(segment, 0);
      return { order, open: connection.open, received: connection.received, output: connection.takeOutput() };
    });
    expect(result.order).toEqual(["open"]);
    expect(result.received).toBe(ping.length);
    expect(result.output.map((part) => part.length)).toEqual([1536, 18]);
    expect(toHex(result.output[1]!)).toBe(toHex(controlBytes(4, "000700000007")));
  });
});

describe("control messages", () => {
  test("V-26 a ping is answered with its own four bytes", () => {
    const { connection, events, sent } = open();
    connection.receive(hex`02 000000 000006 04 00000000 0006 21f6fbc3`, 0);
    expect(sent()).toEqual([{ type: "user-control", event: 7, data: 0x21f6fbc3 }]);
    expect(events).toEqual([]);
  });

  test("a ping without them is not", () => {
    const { connection, sent } = open();
    connection.receive(controlBytes(4, "0006"), 0);
    connection.receive(controlBytes(4, "0006ffff"), 0);
    expect(sent()).toEqual([]);
  });

  test("V-28 V-29 other user control events are reported, truncated ones and those on csid 3 too", () => {
    const { connection, events, sent } = open();
    connection.receive(controlBytes(4, "001f"), 0);
    connection.receive(controlBytes(4, "0020"), 0);
    connection.receive(controlBytes(4, "000200008ace", 3), 0);
    connection.receive(controlBytes(4, ""), 0);
    expect(events).toEqual([31, 32, 2]);
    expect(sent()).toEqual([]);
  });

  test("V-10 a set chunk size counts from the next chunk on", () => {
    const { connection, rows } = open();
    const body = toHex(counting(300));
    connection.receive(
      fromHex(`02 000000 000004 01 00000000 80001000 06 000000 00012c 09 01000000 ${body}`),
      0,
    );
    expect(rows).toEqual([[9, 1, 0, body]]);
  });

  test("a set chunk size of 0 is not obeyed", () => {
    const { connection, rows } = open();
    connection.receive(controlBytes(1, "00000000"), 0);
    connection.receive(controlBytes(1, "80000000"), 0);
    connection.receive(hex`06 000000 000002 09 01000000 0102`, 0);
    expect(rows).toEqual([[9, 1, 0, "0102"]]);
  });

  test("V-24 abort drops the unfinished message", () => {
    const { connection, rows } = open();
    connection.receive(fromHex(`1b 000000 0000c8 09 01000000 ${"ee".repeat(128)}`), 0);
    connection.receive(controlBytes(2, "0000001b"), 0);
    connection.receive(hex`1b 000000 000001 08 01000000 af`, 0);
    expect(rows).toEqual([[8, 1, 0, "af"]]);
  });

  test("V-11 set peer bandwidth is answered with our window, once for each value", () => {
    const { connection, sent } = open();
    connection.receive(controlBytes(6, "002625a002"), 0);
    connection.receive(controlBytes(6, "002625a002"), 0);
    connection.receive(controlBytes(6, "004c4b40"), 0);
    connection.receive(controlBytes(6, "0000000000"), 0);
    connection.receive(controlBytes(6, "01"), 0);
    expect(sent()).toEqual([
      { type: "window-size", size: 2_500_000 },
      { type: "window-size", size: 5_000_000 },
    ]);
  });

  test("V-30 acknowledgements of any size change nothing", () => {
    const { connection, sent } = open();
    for (const body of ["02bd33b0", "00000000", "ffffffff", "000200fd", "000200fd"]) {
      connection.receive(controlBytes(3, body), 0);
    }
    expect(sent()).toEqual([]);
  });

  test("control messages are no business of the session, all others are", () => {
    const { connection, rows } = open();
    for (let typeId = 0; typeId <= 6; typeId++) connection.receive(controlBytes(typeId, "00000080"), 0);
    for (const typeId of [7, 8, 9, 14, 15, 19, 20, 22, 99, 255])
      connection.receive(controlBytes(typeId, "00"), 0);
    expect(rows.map(([typeId]) => typeId)).toEqual([7, 8, 9, 14, 15, 19, 20, 22, 99, 255]);
    expect(connection.messages).toBe(17);
  });
});

describe("acknowledgements", () => {
  /** The byte counts at which a connection acknowledges, fed in segments of 64 KiB. */
  function acknowledged(window: number | undefined, total: number): number[] {
    const { connection, sent } = open();
    connection.allowMedia();
    connection.receive(CHUNK_SIZE_65536, 0);
    if (window !== undefined) connection.receive(controlBytes(5, window.toString(16).padStart(8, "0")), 0);
    const segment = videoBytes(65_536);
    const counts: number[] = [];
    for (let fed = 0; fed < total; fed += segment.length) {
      connection.receive(segment, 0);
      for (const message of sent()) {
        if ("type" in message && message.type === "acknowledgement") counts.push(message.bytes);
      }
    }
    return counts;
  }

  test("come at half the window, and count all bytes after the handshake", () => {
    const counts = acknowledged(1_000_000, 2_000_000);
    expect(counts).toEqual([32 + 8 * 65_536, 32 + 16 * 65_536, 32 + 24 * 65_536]);
  });

  test("come without any window from the peer", () => {
    expect(acknowledged(undefined, 3_000_000)).toEqual([16 + 20 * 65_536, 16 + 40 * 65_536]);
  });

  test("come as often for a huge window, whose peer may still wait for them", () => {
    expect(acknowledged(0xffffffff, 3_000_000)).toHaveLength(2);
  });

  test.each([0, 1, 4096, 100_000])("come at most every 64 KiB, whatever the window: %d", (window) => {
    const counts = acknowledged(window, 1_000_000);
    expect(counts.length).toBeGreaterThan(10);
    counts.reduce((last, count) => {
      expect(count - last).toBeGreaterThanOrEqual(65_536);
      return count;
    }, 0);
  });

  test("a segment larger than several windows is acknowledged once", () => {
    const { connection, sent } = open();
    connection.receive(CHUNK_SIZE_65536, 0);
    connection.receive(controlBytes(5, "00020000"), 0);
    connection.receive(videoBytes(640 * 1024), 0);
    expect(sent()).toEqual([{ type: "acknowledgement", bytes: 32 + 640 * 1024 }]);
  });

  test("go on beyond 4 GiB, modulo 2^32", () => {
    const { connection, sent } = open();
    connection.receive(CHUNK_SIZE_65536, 0);
    const segment = videoBytes(16 * 1024 * 1024);
    const counts: number[] = [];
    for (let fed = 0; fed < 2 ** 32 + segment.length; fed += segment.length) {
      connection.receive(segment, 0);
      for (const message of sent()) {
        if ("type" in message && message.type === "acknowledgement") counts.push(message.bytes);
      }
    }
    expect(connection.received).toBe(2 ** 32 + segment.length + 16);
    expect(counts).toHaveLength(257);
    expect(counts.slice(-3)).toEqual([2 ** 32 - segment.length + 16, 16, segment.length + 16]);
  });
});

describe("what a hostile peer can make it hold", () => {
  test("a flood of pings gets 100 answers a second", () => {
    const { connection, sent } = open();
    const flood = Buffer.concat(Array.from({ length: 5000 }, () => controlBytes(4, "000600000001")));
    connection.receive(flood, 1000);
    expect(sent()).toHaveLength(100);
    connection.receive(flood, 1999);
    expect(sent()).toHaveLength(0);
    connection.receive(flood, 2000);
    expect(sent()).toHaveLength(100);
  });

  test("so does a flood of bandwidths", () => {
    const { connection, sent } = open();
    for (let i = 1; i <= 500; i++)
      connection.receive(controlBytes(6, (100_000 + i).toString(16).padStart(8, "0")), 0);
    expect(sent()).toHaveLength(100);
  });

  test("before media is allowed messages end at 64 KiB", () => {
    const { connection } = open();
    expect(() => connection.receive(hex`06 000000 010001 09 01000000`, 0)).toThrow(ProtocolError);
    const later = open().connection;
    later.allowMedia();
    later.receive(hex`06 000000 ffffff 09 01000000`, 0);
  });

  const captures = ["ffmpeg-play.s2c", "ffmpeg-publish.c2s", "gstreamer-publish.c2s", "nginx-push.c2s"];
  test.each(captures)("damaged copies of %s end in nothing but our own errors", (name) => {
    for (const bytes of mutations(fixture(`rtmp/${name}`).subarray(3073), 300, 17)) {
      const { connection } = open();
      try {
        for (let at = 0; at < bytes.length; at += 700) connection.receive(bytes.slice(at, at + 700), at);
      } catch (error) {
        expect(isOurs(error)).toBe(true);
      }
      const output = connection.takeOutput().reduce((sum, part) => sum + part.length, 0);
      expect(output).toBeLessThanOrEqual(2 * bytes.length);
    }
  });
});

describe("what it sends", () => {
  test("our chunk size counts from the next message on", () => {
    const { connection, sent } = open();
    const command = { name: "x".repeat(300), transactionId: 1, values: [] };
    connection.sendCommand(command);
    connection.sendChunkSize(65_536);
    connection.sendCommand(command, 7);
    expect(connection.chunkSize).toBe(65_536);
    const [first, size, second] = sent();
    expect(size).toEqual({ type: "set-chunk-size", size: 65_536 });
    expect((first as Row)[3]).toBe((second as Row)[3]);
    expect([(first as Row)[1], (second as Row)[1]]).toEqual([0, 7]);
  });

  test("output is handed over once", () => {
    const { connection } = open();
    connection.send(hex`01`);
    connection.send(hex`02`);
    expect(connection.takeOutput()).toEqual([hex`01`, hex`02`]);
    expect(connection.takeOutput()).toEqual([]);
  });
});
