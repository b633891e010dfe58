import { describe, expect, test } from "bun:test";
import { BitReader, removeEmulationPrevention } from "../../src/bytes/bits.ts";
import { BitWriter } from "../../src/bytes/bit-writer.ts";
import { hex, toHex } from "../support/bytes.ts";
import { randomBytes } from "../support/mutate.ts";

describe("BitWriter", () => {
  test.each([
    [0, "1"],
    [1, "010"],
    [2, "011"],
    [3, "00100"],
    [7, "0001000"],
    [30, "000011111"],
    [255, "00000000100000000"],
  ])("Exp-Golomb %d is %s", (value, bits) => {
    const writer = new BitWriter();
    writer.ue(value);
    const nal = writer.takeNal(0x68);
    const reader = new BitReader(removeEmulationPrevention(nal), 1);
    const read = Array.from({ length: bits.length }, () => reader.bit()).join("");
    expect(read).toBe(bits);
    expect(reader.more).toBe(false);
  });

  test("what BitReader reads back", () => {
    const writer = new BitWriter();
    for (const value of [0, 1, 2, 919, 65_535, 2 ** 31 - 2]) writer.ue(value);
    writer.bits(0xffffffff, 32);
    writer.bits(0, 32);
    writer.bits(5, 3);
    const reader = new BitReader(removeEmulationPrevention(writer.takeNal(0x67)), 1);
    for (const value of [0, 1, 2, 919, 65_535, 2 ** 31 - 2]) expect(reader.ue()).toBe(value);
    expect([reader.bits(32), reader.bits(32), reader.bits(3)]).toEqual([0xffffffff, 0, 5]);
    expect(reader.more).toBe(false);
  });

  test.each([
    ["", "6580"],
    ["01", "650180"],
    ["0000", "65000080"],
    ["000000", "650000030080"],
    ["000001", "650000030180"],
    ["000002", "650000030280"],
    ["000003", "650000030380"],
    ["000004", "6500000480"],
    ["00000000", "65000003000080"],
    ["0000000000", "6500000300000300 80"],
  ])("emulation prevention of %s", (payload, nal) => {
    const writer = new BitWriter();
    writer.bytes(hex`${payload}`);
    expect(toHex(writer.takeNal(0x65))).toBe(nal.replace(" ", ""));
  });

  test("much goes in, and nothing of it is left for the next unit", () => {
    const writer = new BitWriter();
    const bytes = randomBytes(20_000, 7);
    writer.bits(1, 1);
    writer.align();
    writer.bytes(bytes);
    const clean = removeEmulationPrevention(writer.takeNal(0x41));
    expect(clean.length).toBe(1 + 1 + bytes.length + 1);
    expect(clean.subarray(2, -1)).toEqual(bytes);
    expect(toHex(writer.takeNal(0x41))).toBe("4180");
  });

  test("whole bytes begin at whole bytes", () => {
    const writer = new BitWriter();
    writer.bits(0, 3);
    expect(() => writer.bytes(hex`00`)).toThrow("Internal");
  });
});
