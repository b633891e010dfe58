import { describe, expect, test } from "bun:test";
import {
  amfEcmaArray,
  amfObject,
  type Amf0Value,
  decodeAmf0,
  DEFAULT_AMF_LIMITS,
  encodeAmf0,
} from "../../src/amf/amf0.ts";
import { ByteReader } from "../../src/bytes/reader.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";

const DEPTH = DEFAULT_AMF_LIMITS.depth;

describe("references", () => {
  test("give the value that they name", () => {
    const [first, second] = decodeAmf0(hex`03 000161 05 000009 07 0000`);
    expect(second).toBe(first);
  });

  test("to a container around them give null", () => {
    expect(decodeAmf0(hex`03 000161 07 0000 000009`)).toEqual([amfObject({ a: null })]);
    expect(decodeAmf0(hex`0a 00000002 05 07 0000`)).toEqual([[null, null]]);
  });

  test("cannot be stacked into more than the limit", () => {
    // Each array holds the one before it eight times.
    let digits = "0a00000001 05";
    for (let i = 0; i < 12; i++) digits += `0a00000008 ${`07${i.toString(16).padStart(4, "0")}`.repeat(8)}`;
    expect(() => decodeAmf0(fromHex(digits))).toThrow("more than 1048576 bytes of values");
  });
});

describe("limits", () => {
  test("on depth", () => {
    expect(decodeAmf0(fromHex("0a00000001".repeat(DEPTH) + "05"))).toHaveLength(1);
    expect(() => decodeAmf0(fromHex("0a00000001".repeat(DEPTH + 1) + "05"))).toThrow("nested deeper than 16");
  });

  test("on properties, through all values of a message", () => {
    const half = amfObject(Object.fromEntries(Array.from({ length: 2048 }, (_, i) => [`k${i}`, i])));
    expect(decodeAmf0(encodeAmf0([half, half]))).toHaveLength(2);
    expect(() => decodeAmf0(encodeAmf0([half, half, amfObject({ one: 1 })]))).toThrow(
      "more than 4096 properties",
    );
  });

  test("on the length of a body, before anything is read", () => {
    expect(() => decodeAmf0(new Uint8Array(1024 * 1024 + 1))).toThrow("at most 1048576");
    expect(() => decodeAmf0(hex`0505`, { ...DEFAULT_AMF_LIMITS, bytes: 1 })).toThrow("2 bytes, at most 1");
  });

  test("leave room for the keyframe index of a day", () => {
    const times = Array.from({ length: 43_200 }, (_, i) => 2 * i);
    expect(decodeAmf0(encodeAmf0([amfEcmaArray({ keyframes: amfObject({ times }) })]))).toHaveLength(1);
  });
});

describe("encodeAmf0 writes what every peer reads", () => {
  const CASES: readonly [string, Amf0Value, string][] = [
    ["a date as a number", new Date(1600123348992), "00427748ec8a800000"],
    ["undefined as null", undefined, "05"],
    [
      "a typed object without its class",
      { kind: "typed", className: "C", entries: [["a", null]] },
      "03 000161 05 000009",
    ],
    [
      "no entry without a name",
      {
        kind: "ecma",
        entries: [
          ["", 1],
          ["a", null],
        ],
      },
      "08 00000001 000161 05 000009",
    ],
    [
      "duplicate keys in order",
      {
        kind: "object",
        entries: [
          ["a", true],
          ["a", null],
        ],
      },
      "03 000161 0101 000161 05 000009",
    ],
    ["a lone surrogate as U+FFFD", "\ud800", "020003 efbfbd"],
  ];

  test.each(CASES)("%s", (_, value, digits) => {
    expect(toHex(encodeAmf0([value]))).toBe(digits.replaceAll(" ", ""));
  });

  test.each([
    ["a".repeat(70_000), 65_535],
    ["a".repeat(65_534) + "é", 65_534],
    ["€".repeat(30_000), 65_535],
    ["a" + "€".repeat(30_000), 65_533],
    ["😀".repeat(20_000), 65_532],
  ])("long text cut between characters", (text, length) => {
    const bytes = encodeAmf0([text]);
    expect(bytes.length).toBe(3 + length);
    expect(new ByteReader(bytes, 1).u16()).toBe(length);
    expect(text.startsWith(String(decodeAmf0(bytes)[0]))).toBe(true);
  });

  test("null in place of what is nested too deep, also when it contains itself", () => {
    const circle: Amf0Value[] = [];
    circle.push(circle);
    expect(toHex(encodeAmf0([circle]))).toBe(`${"0a00000001".repeat(DEPTH)}05`);
  });
});
