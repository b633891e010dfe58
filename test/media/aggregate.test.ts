import { describe, expect, test } from "bun:test";
import { MediaError } from "../../src/errors.ts";
import { readAggregate } from "../../src/media/aggregate.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

const V25 =
  "080000060001f400000000af010118200700000011" +
  "0900000b0001fe00000000270100000000000000024100000016" +
  "0800000600020b00000000af010118200700000011";

const AGGREGATE = fromHex(V25);

describe("readAggregate", () => {
  const expected = [
    [8, 2000, "af0101182007"],
    [9, 2010, "2701000000000000000241"],
    [8, 2023, "af0101182007"],
  ];
  const parts = (body: Uint8Array, timestamp: number) =>
    readAggregate(body, timestamp).map((part) => [part.typeId, part.timestamp, toHex(part.body)]);

  test("V-25 three parts, times relative to the message", () => {
    expect(parts(AGGREGATE, 2000)).toEqual(expected as never);
  });

  test("V-25 the last part counts without its back-pointer", () => {
    for (let cut = 1; cut <= 4; cut++) {
      expect(parts(AGGREGATE.subarray(0, AGGREGATE.length - cut), 2000)).toEqual(expected as never);
    }
  });

  test("times wrap at 2^32, and those of the parts may do so first", () => {
    const body = hex`080000010fffff00 000000 aa 0000000c 08000001000005 00 000000 bb 0000000c`;
    body.set([0xff, 0xff, 0xff, 0xff], 4);
    expect(readAggregate(body, 0xffffffff).map((part) => part.timestamp)).toEqual([0xffffffff, 5]);
  });

  test("empty parts and an empty message give nothing", () => {
    expect(readAggregate(new Uint8Array(0), 0)).toEqual([]);
    expect(readAggregate(hex`0800000000000000000000 0000000b`, 0)).toEqual([]);
  });

  test("a part larger than the message is an error", () => {
    expect(() => readAggregate(AGGREGATE.subarray(0, AGGREGATE.length - 5), 0)).toThrow(MediaError);
  });

  test("damage gives parts or MediaError", () => {
    for (const bytes of mutations(AGGREGATE, 2000, 25)) {
      try {
        for (const part of readAggregate(bytes, 0))
          expect(part.body.length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
      }
    }
  });
});
