import { describe, expect, test } from "bun:test";
import { amfObject, type Amf0Value, getProperty, numberOf, stringOf } from "../../src/amf/amf0.ts";

describe("looking into values", () => {
  test("amfObject leaves undefined out and keeps null", () => {
    expect(amfObject({ a: undefined, b: null }).entries).toEqual([["b", null]]);
  });

  test("getProperty takes the last of equal keys", () => {
    const value: Amf0Value = {
      kind: "object",
      entries: [
        ["a", 1],
        ["b", 2],
        ["a", 3],
      ],
    };
    expect(getProperty(value, "a")).toBe(3);
    expect(getProperty(value, "c")).toBeUndefined();
    expect(getProperty(value, "constructor")).toBeUndefined();
  });

  test.each<[Amf0Value]>([[null], [undefined], ["a"], [1], [[amfObject({ a: 1 })]], [new Date(0)]])(
    "getProperty of %j is undefined",
    (value) => {
      expect(getProperty(value, "a")).toBeUndefined();
    },
  );

  test.each<[Amf0Value, number | undefined]>([
    [7, 7],
    ["7", 7],
    [" 29.97 ", 29.97],
    [true, 1],
    ["", undefined],
    ["avc1", undefined],
    [NaN, undefined],
    [Infinity, undefined],
    [null, undefined],
    [[7], undefined],
  ])("numberOf(%j) is %j", (value, number) => {
    expect(numberOf(value)).toBe(number);
  });

  test("stringOf gives text only", () => {
    expect(stringOf("a")).toBe("a");
    expect(stringOf(1)).toBeUndefined();
    expect(stringOf(null)).toBeUndefined();
  });
});
