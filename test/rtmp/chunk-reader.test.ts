import { describe, expect, test } from "bun:test";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { CHUNK_CASES, counting, read, readMessages, type Row, times, wireOf } from "./chunk-cases.ts";

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

  test("V-19 four zero bytes in chunks too short to have hidden them", () => {
    const wire = hex`
      06 ffffff 000006 09 01000000 01000054 0102 c6 00000000 0304
      04 000001 000001 08 01000000 af
      c6 00000000 0506`;
    expect(read(wire, 2)).toEqual([
      [8, 1, 1, "af"],
      [9, 1, 16_777_300, "010203040506"],
    ]);
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

describe("payloads", () => {
  test("share no memory with the segments, nor with each other", () => {
    const wire = hex`06 000000 000003 09 01000000 010203 c6 040506`;
    const messages = readMessages([wire]);
    wire.fill(0xee);
    expect(messages.map(({ payload }) => toHex(payload))).toEqual(["010203", "040506"]);
    for (const { payload } of messages) expect(payload.buffer.byteLength).toBe(3);
  });
});
