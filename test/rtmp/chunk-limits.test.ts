import { describe, expect, test } from "bun:test";
import { type Slab, SlabPool } from "../../src/bytes/slab-pool.ts";
import { ProtocolError } from "../../src/errors.ts";
import { ChunkReader, type Message } from "../../src/rtmp/chunk-reader.ts";
import { EARLY_LIMITS, MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { counting, read, readMessages, readRows } from "./chunk-cases.ts";

describe("messages that are broken off", () => {
  test("V-24 an interleaved message, then the rest of the first", () => {
    const body = toHex(counting(80));
    const wire = fromHex(`
      1b 000000 000050 09 01000000 ${body.slice(0, 128)}
      1c 000000 000002 08 01000000 af01
      db ${body.slice(128)}`);
    expect(read(wire, 64)).toEqual([
      [8, 1, 0, "af01"],
      [9, 1, 0, body],
    ]);
  });

  test("V-24 abort, then a fresh message on the same chunk stream", () => {
    const wire = fromHex(`
      1b 000000 000050 09 01000000 ${"ee".repeat(64)}
      02 000000 000004 02 00000000 0000001b
      1b 000005 000002 08 01000000 af01
      db af02`);
    expect(read(wire, 64).slice(1)).toEqual([
      [8, 1, 5, "af01"],
      [8, 1, 10, "af02"],
    ]);
  });

  test("abort of a chunk stream that is idle or unknown does nothing", () => {
    const abort = "02 000000 000004 02 00000000 00000009";
    expect(read(fromHex(`${abort} 09 000000 000001 08 01000000 af ${abort}`))).toHaveLength(3);
  });

  test("a new header in the middle of a message starts over", () => {
    const wire = hex`
      06 000000 000006 09 01000000 eeee
      06 000001 000003 09 01000000 0102 c6 03
      46 000001 000006 09 eeee
      46 000001 000003 09 0405 c6 06`;
    expect(read(wire, 2)).toEqual([
      [9, 1, 1, "010203"],
      [9, 1, 3, "040506"],
    ]);
  });

  test("seventeen of them in a row are an error, with messages between them they are not", () => {
    const broken = "06 000000 000006 09 01000000 eeee";
    const whole = "04 000000 000001 08 01000000 af";
    expect(read(fromHex(broken.repeat(17)), 2)).toEqual([]);
    expect(read(fromHex((broken.repeat(16) + whole).repeat(4)), 2)).toHaveLength(4);
    expect(() => readRows([fromHex(broken.repeat(18))], 2)).toThrow("broke off 17 messages in a row");
  });
});

describe("chunk size", () => {
  const size = (bytes: number): string =>
    `02 000000 000004 01 00000000 ${bytes.toString(16).padStart(8, "0")}`;

  test("changes in the middle of a message, up and down", () => {
    const body = toHex(counting(12));
    const digits = (from: number, to: number): string => body.slice(2 * from, 2 * to);
    const wire = fromHex(`
      06 000000 00000c 09 01000000 ${digits(0, 2)}
      02 000000 000004 01 00000000 0000 c2 0005
      c6 ${digits(2, 7)} ${size(1)}
      c6 ${digits(7, 8)} c6 ${digits(8, 9)} c6 ${digits(9, 10)} c6 ${digits(10, 11)} c6 ${digits(11, 12)}`);
    expect(read(wire, 2).at(-1)).toEqual([9, 1, 0, body]);
  });

  test("between messages, at each of its borders", () => {
    const body = toHex(counting(200));
    for (const bytes of [200, 201, 65_536, 0xffffff, 0x7fffffff]) {
      const wire = fromHex(`${size(bytes)} 06 000000 0000c8 09 01000000 ${body}`);
      expect(read(wire)[1]).toEqual([9, 1, 0, body]);
    }
  });

  test("0 is not obeyed", () => {
    const body = toHex(counting(3));
    expect(read(fromHex(`${size(0)} 06 000000 000003 09 01000000 ${body}`))[1]).toEqual([9, 1, 0, body]);
  });
});

describe("limits", () => {
  /** A header on a two-byte csid that announces so many bytes. */
  const announcement = (csid: number, length: number): Uint8Array =>
    fromHex(
      `00${(csid - 64).toString(16).padStart(2, "0")} 000000 ${length.toString(16).padStart(6, "0")} 09 01000000`,
    );
  const makeReader = (limits = MEDIA_LIMITS): ChunkReader => new ChunkReader(() => {}, limits);

  test("an announced message takes no memory before its bytes come", () => {
    const reader = makeReader();
    for (let csid = 64; csid < 128; csid++) {
      reader.feed(announcement(csid, 0xffffff));
      reader.feed(new Uint8Array(128));
    }
    expect(reader.unfinishedBytes).toBe(64 * 4096);
  });

  test("64 unfinished messages of 16 MiB end before 32 MiB are held", () => {
    const reader = makeReader();
    reader.chunkSize = 1024 * 1024;
    const megabyte = new Uint8Array(1024 * 1024);
    let held = 0;
    const flood = (): void => {
      for (let csid = 64; csid < 128; csid++) {
        reader.feed(announcement(csid, 0xffffff));
        reader.feed(megabyte);
        held = reader.unfinishedBytes;
        expect(held).toBeLessThanOrEqual((csid - 63) * 2 * megabyte.length);
      }
    };
    expect(flood).toThrow("more than 33554432 bytes in unfinished messages");
    expect(held).toBeGreaterThan(16 * 1024 * 1024);
    expect(held).toBeLessThanOrEqual(32 * 1024 * 1024);
  });

  test("memory is given back when messages end or are aborted", () => {
    const reader = makeReader();
    reader.chunkSize = 100_000;
    reader.feed(announcement(64, 100_000));
    reader.feed(new Uint8Array(99_999));
    expect(reader.unfinishedBytes).toBe(99_999);
    reader.feed(new Uint8Array(1));
    expect(reader.unfinishedBytes).toBe(0);
    reader.feed(announcement(65, 100_000));
    reader.feed(new Uint8Array(50_000));
    expect(reader.unfinishedBytes).toBe(50_000);
    reader.abort(65);
    expect(reader.unfinishedBytes).toBe(0);
  });

  test("a message that is broken off gives its place in a slab back", () => {
    const slabs: (Slab | undefined)[] = [];
    const pool = new SlabPool();
    const reader = new ChunkReader(({ slab }) => slabs.push(slab), MEDIA_LIMITS);
    reader.usePool(pool);
    reader.chunkSize = 100;
    const begin = (): void => {
      reader.feed(announcement(64, 200));
      reader.feed(new Uint8Array(100));
    };
    begin();
    reader.abort(64);
    begin();
    // Anew: a header in the middle of a message.
    begin();
    reader.feed(fromHex(`c000 ${"00".repeat(100)}`));
    expect(slabs.map((slab) => slab?.holds)).toEqual([1]);
  });

  test("a chunk stream that has sent large messages gets its room at once, others do not", () => {
    const reader = makeReader();
    reader.chunkSize = 0xffffff;
    reader.feed(announcement(64, 300_000));
    reader.feed(new Uint8Array(300_000));
    reader.chunkSize = 1;
    for (const csid of [64, 65]) {
      reader.feed(announcement(csid, 200_000));
      reader.feed(new Uint8Array(1));
    }
    expect(reader.unfinishedBytes).toBe(200_000 + 4096);
  });

  test("the largest message is 16 MiB - 1, and before the stream began 64 KiB", () => {
    const messages: Message[] = [];
    const reader = new ChunkReader((message) => messages.push(message), EARLY_LIMITS);
    reader.chunkSize = 0xffffff;
    reader.feed(announcement(64, 65_536));
    reader.feed(new Uint8Array(65_536));
    expect(() => reader.feed(announcement(64, 65_537))).toThrow(
      "announces a message of 65537 bytes; the limit here is 65536",
    );
    reader.setLimits(MEDIA_LIMITS);
    reader.feed(announcement(64, 0xffffff));
    reader.feed(new Uint8Array(0xffffff));
    expect(messages.map(({ payload }) => payload.length)).toEqual([65_536, 0xffffff]);
  });

  test("chunk streams are counted", () => {
    const reader = makeReader(EARLY_LIMITS);
    for (let csid = 64; csid < 80; csid++) reader.feed(announcement(csid, 0));
    expect(() => reader.feed(announcement(80, 0))).toThrow("more than 16 chunk streams");
  });

  test("errors say where, whatever the cut", () => {
    const wire = fromHex("02 000000 000004 01 00000000 00001000 0010 000000 ffffff 09 01000000 01");
    const place = everySplit(wire, (segments) => {
      try {
        readMessages(segments, 128, EARLY_LIMITS);
      } catch (error) {
        if (error instanceof ProtocolError) return error.place;
        throw error;
      }
      return undefined;
    });
    expect(place).toEqual({ layer: "chunk", csid: 80, offset: 16 });
  });
});
