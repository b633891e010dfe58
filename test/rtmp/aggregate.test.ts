import { describe, expect, test } from "bun:test";
import { unpackAggregate } from "../../src/rtmp/aggregate.ts";
import type { Message } from "../../src/rtmp/chunk-reader.ts";
import { fromHex, hex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";
import { readMessages, type Row, rowOf } from "./chunk-cases.ts";

const V25 = fromHex(
  "080000060001f400000000af010118200700000011" +
    "0900000b0001fe00000000270100000000000000024100000016" +
    "0800000600020b00000000af010118200700000011",
);

function partsOf(payload: Uint8Array, timestamp = 2000): Message[] {
  const parts: Message[] = [];
  unpackAggregate({ typeId: 22, messageStreamId: 1, timestamp, payload, slab: undefined }, (part) =>
    parts.push(part),
  );
  return parts;
}

const rows = (payload: Uint8Array, timestamp?: number): Row[] => partsOf(payload, timestamp).map(rowOf);

describe("unpackAggregate", () => {
  const expected: Row[] = [
    [8, 1, 2000, "af0101182007"],
    [9, 1, 2010, "2701000000000000000241"],
    [8, 1, 2023, "af0101182007"],
  ];

  test("V-25 three parts, times relative to the message, from the wire", () => {
    const wire = hex`07 0007d0 000044 16 01000000 ${V25}`;
    const [message] = readMessages([wire]);
    expect(rows(message!.payload, message!.timestamp)).toEqual(expected);
  });

  test("V-25 the last part counts without its back pointer", () => {
    for (let cut = 1; cut <= 4; cut++) expect(rows(V25.subarray(0, V25.length - cut))).toEqual(expected);
  });

  test("V-25 a part that is cut ends the walk; what came before it counts", () => {
    for (let cut = 5; cut <= 21; cut++) {
      expect(rows(V25.subarray(0, V25.length - cut))).toEqual(expected.slice(0, 2));
    }
  });

  test("times wrap at 2^32, and those of the parts may do so first", () => {
    const body = hex`08000001 ffffff ff 000000 aa 0000000c 08000001 000005 00 000000 bb 0000000c`;
    expect(rows(body, 0xffffffff).map(([, , timestamp]) => timestamp)).toEqual([0xffffffff, 5]);
  });

  test("parts may go back in time", () => {
    const body = hex`08000001 000064 00 000000 aa 0000000c 09000001 000050 00 000000 bb 0000000c`;
    expect(rows(body, 10).map(([, , timestamp]) => timestamp)).toEqual([10, 0xfffffff6]);
  });

  test("nothing inside: an empty message, an empty part, a header that is cut", () => {
    expect(rows(new Uint8Array(0))).toEqual([]);
    expect(rows(hex`08000000 000000 00 000000 0000000b`)).toEqual([]);
    expect(rows(V25.subarray(0, 10))).toEqual([]);
  });

  test("only what an FLV tag can be: no aggregate in an aggregate, no command, no control message", () => {
    for (const typeId of ["16", "14", "11", "01", "04", "00", "1f"]) {
      const body = hex`${typeId}000004 000000 00 000000 00000080 0000000f 08000001 000000 00 000000 aa 0000000c`;
      expect(rows(body)).toEqual([[8, 1, 2000, "aa"]]);
    }
  });

  test("the filter bit of a tag's type is not part of it", () => {
    expect(rows(hex`28000001 000000 00 000000 aa`)).toEqual([[8, 1, 2000, "aa"]]);
  });

  test("a message stuffed with tiny parts is not followed to its end", () => {
    const tiny = hex`08000001 000000 00 000000 aa 0000000c`;
    const body = new Uint8Array(tiny.length * 10_000);
    for (let at = 0; at < body.length; at += tiny.length) body.set(tiny, at);
    expect(partsOf(body)).toHaveLength(4096);
  });

  test("parts are copies of their own", () => {
    for (const { payload } of partsOf(V25)) expect(payload.buffer.byteLength).toBe(payload.length);
  });

  test("damage gives fewer or other parts, never more bytes than there are", () => {
    for (const bytes of mutations(V25, 2000, 25)) {
      const sizes = partsOf(bytes).map(({ payload }) => payload.length);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(bytes.length);
    }
  });
});
