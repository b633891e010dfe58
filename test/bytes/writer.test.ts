import { describe, expect, test } from "bun:test";
import { ByteReader } from "../../src/bytes/reader.ts";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { hex, toHex } from "../support/bytes.ts";

type Field = "u8" | "u16" | "u24" | "u32" | "f64";

const VALUES: readonly [Field, number, string][] = [
  ["u8", 0, "00"],
  ["u8", 255, "ff"],
  ["u16", 0x0102, "0102"],
  ["u16", 0xffff, "ffff"],
  ["u24", 0x010203, "010203"],
  ["u24", 0xffffff, "ffffff"],
  ["u32", 0x01020304, "01020304"],
  ["u32", 0xffffffff, "ffffffff"],
  ["f64", 1280, "4094000000000000"],
  ["f64", -Infinity, "fff0000000000000"],
];

describe("ByteWriter", () => {
  test.each(VALUES)("writes %s %d as %s, and it reads back", (field, value, digits) => {
    const writer = new ByteWriter();
    writer[field](value);
    const bytes = writer.take();
    expect(toHex(bytes)).toBe(digits);
    expect(new ByteReader(bytes)[field]()).toBe(value);
  });

  test("grows from a small start without losing anything", () => {
    const writer = new ByteWriter(1);
    for (let i = 0; i < 1000; i++) writer.u32(i);
    const reader = new ByteReader(writer.take());
    for (let i = 0; i < 1000; i++) expect(reader.u32()).toBe(i);
    expect(reader.remaining).toBe(0);
  });

  test("writes bytes and text, and says how long the text was", () => {
    const writer = new ByteWriter(1);
    writer.bytes(hex`0102`);
    expect(writer.utf8("é€😀".repeat(40))).toBe(9 * 40);
    expect(writer.utf8("")).toBe(0);
    expect(writer.length).toBe(2 + 9 * 40);
    const reader = new ByteReader(writer.take(), 2);
    expect(reader.utf8(reader.remaining)).toBe("é€😀".repeat(40));
  });

  test("what was taken stays, and the writer begins anew", () => {
    const writer = new ByteWriter();
    writer.u16(0x0102);
    const first = writer.take();
    expect(writer.length).toBe(0);
    writer.u16(0xffff);
    expect(toHex(first)).toBe("0102");
    expect(toHex(writer.take())).toBe("ffff");
    expect(first.buffer.byteLength).toBe(2);
  });
});
