import { describe, expect, test } from "bun:test";
import { BitReader, removeEmulationPrevention } from "../../src/bytes/bits.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { randomBytes } from "../support/mutate.ts";

describe("BitReader", () => {
  test("reads any number of bits across byte borders", () => {
    const reader = new BitReader(hex`a5 0f ff 80 12345678 ff`);
    expect(reader.bit()).toBe(1);
    expect(reader.bits(3)).toBe(2);
    expect(reader.bits(8)).toBe(0x50);
    expect(reader.bits(0)).toBe(0);
    expect(reader.bits(13)).toBe(0x1fff);
    reader.skip(7);
    expect(reader.bits(32)).toBe(0x12345678);
    expect(reader.remaining).toBe(8);
    expect(reader.bits(8)).toBe(255);
    expect(() => reader.bit()).toThrow(RangeError);
    expect(() => reader.bits(1)).toThrow(RangeError);
  });

  test("32 bits are unsigned, at any place", () => {
    expect(new BitReader(hex`ffffffff`).bits(32)).toBe(0xffffffff);
    const reader = new BitReader(hex`7fffffff 80`);
    reader.skip(1);
    expect(reader.bits(32)).toBe(0xffffffff);
  });

  test("begins where told", () => {
    expect(new BitReader(hex`ff 80`, 1).bits(2)).toBe(2);
  });

  test.each([
    ["80", 0, 0],
    ["40", 1, 1],
    ["60", 2, -1],
    ["20", 3, 2],
    ["28", 4, -2],
    ["30", 5, 3],
    ["38", 6, -3],
    ["10", 7, 4],
    ["0080 80", 256, -128],
    ["00000001 fffffffe", 4294967294, -2147483647],
  ])("Exp-Golomb %s", (bytes, unsigned, signed) => {
    expect(new BitReader(fromHex(bytes)).ue()).toBe(unsigned);
    expect(new BitReader(fromHex(bytes)).se()).toBe(signed);
  });

  test("Exp-Golomb numbers that are too long or cut", () => {
    expect(() => new BitReader(hex`0000000000 ff`).ue()).toThrow(RangeError);
    expect(() => new BitReader(hex`0000`).ue()).toThrow(RangeError);
    expect(() => new BitReader(hex`01`).ue()).toThrow(RangeError);
  });

  test.each([
    ["80", 0, false],
    ["c0", 0, true],
    ["c0", 1, false],
    ["ff80 0000", 7, true],
    ["ff80 0000", 8, false],
    ["0000", 0, false],
    ["", 0, false],
  ])("more in %s after %p bits: %p", (bytes, skipped, expected) => {
    const reader = new BitReader(fromHex(bytes));
    reader.skip(skipped);
    expect(reader.more).toBe(expected);
  });
});

describe("removeEmulationPrevention", () => {
  test.each([
    ["", ""],
    ["000001", "000001"],
    ["000003", "0000"],
    ["00000301", "000001"],
    ["0000030000030000 03", "000000000000"],
    ["00000300000301", "0000000001"],
    ["0000000301", "00000001"],
    ["00000303", "000003"],
    ["010003", "010003"],
  ])("%s", (nal, expected) => {
    expect(toHex(removeEmulationPrevention(fromHex(nal)))).toBe(expected);
  });

  test("undoes what an encoder adds", () => {
    const plain = randomBytes(20_000, 5).map((byte) => (byte < 200 ? byte & 3 : byte));
    const coded: number[] = [];
    let zeros = 0;
    for (const byte of plain) {
      if (zeros >= 2 && byte <= 3) {
        coded.push(3);
        zeros = 0;
      }
      coded.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    expect(coded.length).toBeGreaterThan(plain.length + 100);
    expect(toHex(removeEmulationPrevention(Uint8Array.from(coded)))).toBe(toHex(plain));
  });

  test("costs nothing when there is nothing to remove", () => {
    const nal = hex`6742c01f`;
    expect(removeEmulationPrevention(nal)).toBe(nal);
  });
});
