import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../src/errors.ts";
import { ChunkReader, type Message } from "../../src/rtmp/chunk-reader.ts";
import { EARLY_LIMITS, MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { fixture, fromHex, hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations } from "../support/mutate.ts";
import { WireReader } from "../support/rtmp-wire.ts";
import { CHUNK_CASES, counting, obey, readMessages, readRows, type Row, wireOf } from "./chunk-cases.ts";

/** Handshake of either direction. */
const HANDSHAKE = 1 + 2 * 1536;
const CAPTURES = [
  "ffmpeg-listen.s2c",
  "ffmpeg-play.c2s",
  "ffmpeg-play.s2c",
  "ffmpeg-publish.c2s",
  "ffmpeg-publish.s2c",
  "gstreamer-publish.c2s",
  "nginx-push.c2s",
  "rtmpdump-play.c2s",
  "rtmpdump-play.s2c",
] as const;

const chunksOf = (name: string): Uint8Array => fixture(`rtmp/${name}`).subarray(HANDSHAKE);

/** Reads at every cut and returns what came out. */
function read(wire: Uint8Array, chunkSize = 128): Row[] {
  return everySplit(wire, (segments) => readRows(segments, chunkSize));
}

const times = (rows: Row[]): number[] => rows.map(([, , timestamp]) => timestamp);

describe("what the writer writes, at every cut", () => {
  test.each(CHUNK_CASES.map((each) => [each.name, each] as const))("%s", (_, chunkCase) => {
    expect(read(wireOf(chunkCase), chunkCase.chunkSize)).toEqual([chunkCase.row]);
  });
});

describe("chunk stream ids", () => {
  const forms: [string, string, number][] = [
    ["3", "03", 3],
    ["63", "3f", 63],
    ["64", "00 00", 64],
    ["319", "00 ff", 319],
    ["320", "01 00 01", 320],
    ["65599", "01 ff ff", 65_599],
    ["64 in three bytes", "01 00 00", 64],
  ];

  test.each(forms)("V-09 csid %s, with a continuation and an abort", (_, form, csid) => {
    const digits = form.replaceAll(" ", "");
    const first = Number.parseInt(digits.slice(0, 2), 16);
    const next = (first | 0xc0).toString(16).padStart(2, "0") + digits.slice(2);
    const body = toHex(counting(8));
    const header = `${digits} 000007 000008 09 01000000`;
    const abort = `02 000000 000004 02 00000000 ${csid.toString(16).padStart(8, "0")}`;
    const wire = fromHex(`${header} ${body.slice(0, 8)} ${abort}
      ${header} ${body.slice(0, 8)} ${next} ${body.slice(8)}`);
    expect(read(wire, 4).filter(([typeId]) => typeId === 9)).toEqual([[9, 1, 7, body]]);
  });

  test("V-09 an extended time on csid 65599: the longest header there is", () => {
    const wire = hex`01ffff ffffff 000005 09 01000000 01000000 01020304 c1ffff 01000000 05`;
    expect(read(wire, 4)).toEqual([[9, 1, 0x1000000, "0102030405"]]);
  });

  test("each has its own message: three of them interleaved", () => {
    const wire = hex`
      04 000001 000006 08 01000000 a1a1
      00ff 000002 000005 09 01000000 b1b1
      c4 a1a1
      01ffff 000003 000003 12 01000000 c1c1
      c0ff b1b1 c1ffff c1 c4 a1a1 c0ff b1`;
    expect(read(wire, 2)).toEqual([
      [18, 1, 3, "c1c1c1"],
      [8, 1, 1, "a1a1a1a1a1a1"],
      [9, 1, 2, "b1b1b1b1b1"],
    ]);
  });
});

describe("headers", () => {
  test("V-10 a set chunk size with its top bit set", () => {
    const body = toHex(counting(200));
    const wire = fromHex(`02 000000 000004 01 00000000 80001000 06 000000 0000c8 09 01000000 ${body}`);
    expect(read(wire)[1]).toEqual([9, 1, 0, body]);
  });

  test("V-11 ffmpeg -listen: three fmt 1 headers after one fmt 0", () => {
    const wire = hex`
      02 000000 000004 05 00000000 002625a0
      42 000000 000005 06 002625a002
      42 000000 000006 04 000000000000
      42 000000 000004 01 00000080`;
    expect(read(wire)).toEqual([
      [5, 0, 0, "002625a0"],
      [6, 0, 0, "002625a002"],
      [4, 0, 0, "000000000000"],
      [1, 0, 0, "00000080"],
    ]);
  });

  test("V-12 GStreamer: a new message with fmt 3", () => {
    const wire = hex`
      02 000000 000004 05 00000000 004c4b40
      c2 002625a0
      42 000000 00000a 04 0003 00000000 0000012c`;
    expect(read(wire)).toEqual([
      [5, 0, 0, "004c4b40"],
      [5, 0, 0, "002625a0"],
      [4, 0, 0, "0003000000000000012c"],
    ]);
  });

  test("V-14 fmt 3 repeats the delta", () => {
    const wire = hex`
      04 000000 000002 08 01000000 af00
      44 000017 000006 08 af0101182007
      c4 af0101182007
      c4 af0101182007`;
    const rows = read(wire);
    expect(times(rows)).toEqual([0, 23, 46, 69]);
    expect(rows[3]).toEqual([8, 1, 69, "af0101182007"]);
  });

  test("V-15 an extended delta, repeated in each continuation", () => {
    const body = counting(10_000);
    const piece = (from: number, to: number): string => toHex(body.subarray(from, to));
    const wire = fromHex(`
      06 000000 000002 09 01000000 1700
      46 ffffff 002710 09 01000310 ${piece(0, 4096)}
      c6 01000310 ${piece(4096, 8192)}
      c6 01000310 ${piece(8192, 10_000)}
      46 000028 000001 09 aa`);
    expect(read(wire, 4096)).toEqual([
      [9, 1, 0, "1700"],
      [9, 1, 16_778_000, toHex(body)],
      [9, 1, 16_778_040, "aa"],
    ]);
  });

  test("V-16 fmt 3 right after fmt 0 adds the absolute time, as ffmpeg, rtmpdump and GStreamer read it", () => {
    const wire = hex`
      06 0003e8 000001 09 01000000 01
      06 0003e8 000001 09 01000000 02
      c6 03
      46 000028 000001 09 04
      c6 05 c6 06`;
    expect(times(read(wire))).toEqual([1000, 1000, 2000, 2040, 2080, 2120]);
  });

  test("V-16 but only what can be a delta: a time of hours is not doubled", () => {
    const wire = hex`06 0f4240 000001 09 01000000 01 c6 02 86 000028 03 c6 04`;
    expect(times(read(wire))).toEqual([1_000_000, 1_000_000, 1_000_040, 1_000_080]);
  });

  test("V-20 the time wraps at 2^32", () => {
    const wire = hex`
      06 ffffff 000001 09 01000000 ffffff00 01
      46 000080 000001 09 02 86 000080 03 c6 04
      06 000100 000001 09 01000000 05`;
    expect(times(read(wire))).toEqual([0xffffff00, 0xffffff80, 0, 0x80, 0x100]);
  });

  test("V-23 an extended delta in a fmt 2 header, modulo 2^32", () => {
    const wire = hex`19 000010 000001 09 01000000 01 99 ffffff ffaabbcc 02`;
    expect(times(read(wire))).toEqual([16, 0xffaabbdc]);
  });

  test("an extended field below 0xffffff is still a delta", () => {
    const wire = hex`06 0f4240 000001 09 01000000 01 46 ffffff 000001 09 00000028 02 c6 00000028 03`;
    expect(times(read(wire))).toEqual([1_000_000, 1_000_040, 1_000_080]);
  });

  test("SRS writes the time itself into the extended field of fmt 1", () => {
    const wire = hex`
      06 ffffff 000001 09 01000000 01000000 01
      46 ffffff 000001 09 01000028 02
      46 ffffff 000001 09 01000050 03
      c6 04
      04 000007 000001 08 01000000 af`;
    expect(times(read(wire))).toEqual([0x1000000, 0x1000028, 0x1000050, 0x1000050, 7]);
  });

  test("a chunk stream may begin with fmt 1, as librtmp's ping does", () => {
    expect(read(hex`42 000007 000006 04 0006 00000001`)).toEqual([[4, 0, 7, "000600000001"]]);
  });

  test("one that begins with fmt 2 or fmt 3 has an empty message of no type (DJI)", () => {
    expect(read(hex`a1 000007 02 000000 000004 01 00000000 00000080`)).toEqual([
      [0, 0, 7, ""],
      [1, 0, 0, "00000080"],
    ]);
    expect(read(hex`e1 e1`)).toEqual([
      [0, 0, 0, ""],
      [0, 0, 0, ""],
    ]);
  });

  test("empty messages: one for each header", () => {
    expect(times(read(hex`04 00000a 000000 08 01000000 c4 44 000005 000000 08 c4`))).toEqual([
      10, 20, 25, 30,
    ]);
  });
});

describe("continuations and the extended timestamp", () => {
  const body = Uint8Array.from({ length: 10_009 }, (_, i) => 1 + (i % 251));
  const piece = (from: number, to: number): string => toHex(body.subarray(from, to));
  const message = (stamp: string, csid = "06", next = "c6"): string => `
    ${csid} ffffff 002719 09 01000000 01000054 ${piece(0, 4096)}
    ${next} ${stamp} ${piece(4096, 8192)} ${next} ${stamp} ${piece(8192, 10_009)}`;
  const after = "06 ffffff 000003 09 01000000 01000080 aabbcc";
  const expected: Row[] = [
    [9, 1, 16_777_300, toHex(body)],
    [9, 1, 16_777_300, toHex(body)],
    [9, 1, 16_777_344, "aabbcc"],
  ];

  test("V-17 left out (old librtmp, cameras)", () => {
    expect(read(fromHex(message("") + message("") + after), 4096)).toEqual(expected);
  });

  test("V-18 repeated (ffmpeg, nginx, SRS)", () => {
    expect(read(fromHex(message("01000054") + message("01000054") + after), 4096)).toEqual(expected);
  });

  test("V-19 four zero bytes (gortmplib)", () => {
    expect(read(fromHex(message("00000000") + message("00000000") + after), 4096)).toEqual(expected);
  });

  test("V-19 four zero bytes on a csid of two and of three bytes", () => {
    const two = fromHex(message("00000000", "0080", "c080") + after);
    expect(read(two, 4096)).toEqual(expected.slice(1));
    for (const csid of ["8000", "0001"]) {
      const three = fromHex(message("00000000", `01${csid}`, `c1${csid}`) + after);
      expect(read(three, 4096)).toEqual(expected.slice(1));
    }
  });

  const zeros = Uint8Array.from({ length: 40 }, (_, i) => (i >= 8 && i < 12 ? 0 : i + 1));

  test("V-17 left out, and the first continuation begins with four zero bytes of payload", () => {
    const cut = (from: number, to: number): string => toHex(zeros.subarray(from, to));
    const wire = fromHex(`
      06 ffffff 000028 09 01000000 01000054 ${cut(0, 8)} c6 ${cut(8, 16)} c6 ${cut(16, 24)}
      04 000001 000002 08 01000000 af01
      c6 ${cut(24, 32)} c6 ${cut(32, 40)}`);
    expect(read(wire, 8)).toEqual([
      [8, 1, 1, "af01"],
      [9, 1, 16_777_300, toHex(zeros)],
    ]);
  });

  test("V-19 four zero bytes, and later four zero bytes of payload behind them", () => {
    const cut = (from: number, to: number): string => toHex(zeros.subarray(from, to));
    const wire = fromHex(`
      06 ffffff 000028 09 01000000 01000054 ${cut(0, 8)} c6 00000000 ${cut(8, 16)} c6 00000000 ${cut(16, 24)}
      c6 00000000 ${cut(24, 32)} c6 00000000 ${cut(32, 40)}`);
    expect(read(wire, 8)).toEqual([[9, 1, 16_777_300, toHex(zeros)]]);
  });

  test("a delta that is repeated as the absolute time it led to", () => {
    const wire = hex`
      06 0003e8 000001 09 01000000 01
      46 ffffff 000006 09 01000000 01020304 c6 010003e8 0506
      46 000001 000001 09 02`;
    expect(read(wire, 4)).toEqual([
      [9, 1, 1000, "01"],
      [9, 1, 0x10003e8, "010203040506"],
      [9, 1, 0x10003e9, "02"],
    ]);
  });

  test("a new message with fmt 3 repeats it too", () => {
    const wire = hex`06 ffffff 000002 09 01000000 01000000 0102 c6 01000000 0304`;
    expect(read(wire)).toEqual([
      [9, 1, 0x1000000, "0102"],
      [9, 1, 0x1000000, "0304"],
    ]);
  });

  test("a new message that begins with zero bytes proves nothing about the peer", () => {
    const wire = hex`
      06 ffffff 000005 09 01000000 01000000 0000000001
      c6 0000000002
      06 ffffff 000005 09 01000000 01000000 01020304 c6 01000000 05`;
    expect(read(wire.subarray(0, 27), 8)).toHaveLength(2);
    expect(read(wire, 8)[1]).toEqual([9, 1, 0x1000000, "0000000002"]);
  });

  test("a last chunk shorter than a timestamp, which is left out", () => {
    const wire = hex`
      06 ffffff 000005 09 01000000 01000000 01020304 c6 05
      06 000001 000001 09 01000000 06`;
    expect(read(wire, 4)).toEqual([
      [9, 1, 0x1000000, "0102030405"],
      [9, 1, 1, "06"],
    ]);
  });

  test("a header without the field ends it", () => {
    const wire = hex`
      06 ffffff 000005 09 01000000 01000000 01020304 c6 01000000 05
      46 000028 000005 09 01020304 c6 05`;
    expect(times(read(wire, 4))).toEqual([0x1000000, 0x1000028]);
  });
});

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
        return error instanceof ProtocolError ? error.place : error;
      }
      return undefined;
    });
    expect(place).toEqual({ layer: "chunk", csid: 80, offset: 16 });
  });
});

describe("payloads", () => {
  test("share no memory with the segments, nor with each other", () => {
    const wire = hex`06 000000 000003 09 01000000 010203 c6 040506`;
    const messages = readMessages([wire]);
    wire.fill(0xee);
    expect(messages.map(({ payload }) => toHex(payload))).toEqual(["010203", "040506"]);
    for (const { payload } of messages) expect(payload.buffer.byteLength).toBe(3);
  });
});

describe("captures", () => {
  test.each(CAPTURES)(
    "%s reads the same at every cut, and as the test server's own reader reads it",
    (name) => {
      const bytes = chunksOf(name);
      const rows = read(bytes);
      const other = new WireReader().feed(bytes);
      expect(rows.length).toBeGreaterThan(4);
      expect(rows.map(([typeId, , , payload]) => [typeId, payload])).toEqual(
        other.map(({ type, payload }) => [type, toHex(payload)]),
      );
    },
  );

  test("V-33 nginx pushes: set chunk size, window, then connect", () => {
    const rows = read(chunksOf("nginx-push.c2s"));
    expect(rows.slice(0, 2)).toEqual([
      [1, 0, 0, "00001000"],
      [5, 0, 0, "004c4b40"],
    ]);
    expect(rows[2]?.[0]).toBe(20);
    expect(rows[2]?.[3]).toStartWith("020007636f6e6e656374");
  });

  test("V-34 GStreamer publishes: five commands, then a set chunk size of 128", () => {
    const rows = read(chunksOf("gstreamer-publish.c2s"));
    const kinds = rows.map(([typeId]) => typeId);
    expect(kinds.filter((typeId) => typeId === 20)).toHaveLength(5);
    expect(rows.find(([typeId]) => typeId === 1)).toEqual([1, 0, 0, "00000080"]);
    expect(kinds).toContain(9);
  });

  test("V-27 ffmpeg and rtmpdump announce their buffer", () => {
    const events = (name: string): Row[] => read(chunksOf(name)).filter(([typeId]) => typeId === 4);
    expect(events("ffmpeg-play.c2s")).toContainEqual([4, 0, 1, "00030000000100000bb8"]);
    expect(events("rtmpdump-play.c2s").map(([, , , payload]) => payload)).toContain("00030000000102255100");
  });

  test("V-14 times of ffmpeg's audio and video, which are deltas on the wire", () => {
    const rows = read(chunksOf("ffmpeg-publish.c2s"));
    const timesOf = (type: number): number[] => times(rows.filter(([typeId]) => typeId === type));
    expect(timesOf(9)).toEqual([0, 23, 123, 223, 323]);
    expect(timesOf(8).slice(0, 8)).toEqual([0, 0, 23, 46, 69, 93, 116, 139]);
  });
});

describe("damage", () => {
  test.each(CAPTURES)(
    "%s: damaged copies give messages or ProtocolError, and memory follows the bytes",
    (name) => {
      for (const bytes of mutations(chunksOf(name), 400, 7)) {
        let payloads = 0;
        const reader: ChunkReader = new ChunkReader((message) => {
          payloads += message.payload.length;
          obey(reader, message);
        }, MEDIA_LIMITS);
        try {
          for (let at = 0; at < bytes.length; at += 1000) {
            reader.feed(bytes.slice(at, at + 1000));
            expect(reader.unfinishedBytes).toBeLessThanOrEqual(64 * 4096 + 2 * bytes.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        expect(payloads).toBeLessThanOrEqual(bytes.length);
      }
    },
  );

  test("damaged copies read the same at every cut", () => {
    for (const bytes of mutations(chunksOf("ffmpeg-publish.s2c"), 60, 11)) {
      everySplit(bytes, (segments) => {
        const rows: Row[] = [];
        try {
          rows.push(...readRows(segments));
        } catch (error) {
          return error instanceof ProtocolError ? error.place : error;
        }
        return rows;
      });
    }
  });
});
