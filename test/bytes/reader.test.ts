import { describe, expect, test } from "bun:test";
import { ByteReader } from "../../src/bytes/reader.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";

type Field = "u8" | "u16" | "u24" | "u32" | "f64";

const VALUES: readonly [Field, string, number][] = [
  ["u8", "00", 0],
  ["u8", "ff", 255],
  ["u16", "0102", 0x0102],
  ["u16", "ffff", 0xffff],
  ["u24", "010203", 0x010203],
  ["u24", "ffffff", 0xffffff],
  ["u32", "01020304", 0x01020304],
  ["u32", "ffffffff", 0xffffffff],
  ["u32", "80000000", 0x80000000],
  ["f64", "3ff0000000000000", 1],
  ["f64", "c09f400000000000", -2000],
  ["f64", "7ff0000000000000", Infinity],
  ["f64", "7ff8000000000000", NaN],
];

describe("ByteReader", () => {
  test.each(VALUES)("reads %s of %s", (field, digits, value) => {
    // Two bytes in front and a view that does not begin at its buffer's start.
    const reader = new ByteReader(fromHex(`aabb${digits}cc`).subarray(1), 1);
    expect(reader[field]()).toBe(value);
    expect(reader.remaining).toBe(1);
  });

  test.each(VALUES)("refuses %s when the last byte of %s is missing", (field, digits) => {
    const bytes = fromHex(digits);
    const reader = new ByteReader(bytes, 0, bytes.length - 1);
    expect(() => reader[field]()).toThrow(RangeError);
    expect(reader.position).toBe(0);
  });

  test("gives views, text and skips", () => {
    const bytes = hex`01 02 03 c3a9 00 ff`;
    const reader = new ByteReader(bytes);
    const view = reader.bytes(2);
    bytes[0] = 9;
    expect(toHex(view)).toBe("0902");
    reader.skip(1);
    expect(reader.utf8(4)).toBe("é\0\ufffd");
    expect(reader.remaining).toBe(0);
    expect(reader.bytes(0).length).toBe(0);
    expect(reader.utf8(0)).toBe("");
  });

  test("keeps a byte order mark", () => {
    expect(new ByteReader(hex`efbbbf 61`).utf8(4)).toBe("\ufeffa");
  });

  test.each([-1, 4, NaN, 2 ** 32])("refuses to move by %d", (length) => {
    const reader = new ByteReader(hex`010203`);
    expect(() => reader.skip(length)).toThrow(RangeError);
    expect(() => reader.bytes(length)).toThrow(RangeError);
    expect(reader.position).toBe(0);
  });

  test("an end beyond the bytes is the bytes' end", () => {
    const reader = new ByteReader(hex`0102`, 1, 99);
    expect(reader.end).toBe(2);
    expect(reader.remaining).toBe(1);
  });

  test("can be set back", () => {
    const reader = new ByteReader(hex`0102`);
    reader.u16();
    reader.position = 1;
    expect(reader.u8()).toBe(2);
  });
});
