import { describe, expect, test } from "bun:test";
import { frameInto, frameMessage, framedSize } from "../../src/rtmp/chunk-writer.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { CHUNK_CASES, counting, readRows, wireOf } from "./chunk-cases.ts";

describe("frameMessage", () => {
  test.each(CHUNK_CASES.map((each) => [each.name, each] as const))("%s", (_, chunkCase) => {
    const [typeId, messageStreamId, timestamp, payload] = chunkCase.row;
    const { csid, chunkSize } = chunkCase;
    const message = { typeId, timestamp, payload: fromHex(payload) };
    const bytes = frameMessage(message, { csid, messageStreamId, chunkSize });
    expect(toHex(bytes)).toBe(toHex(wireOf(chunkCase)));
    expect(framedSize(message.payload.length, timestamp, chunkSize)).toBe(bytes.length);
  });

  test("does not change its payload", () => {
    const payload = counting(300);
    frameMessage({ typeId: 9, timestamp: 2 ** 31, payload }, { csid: 6, messageStreamId: 1, chunkSize: 7 });
    expect(payload).toEqual(counting(300));
  });
});

describe("frameInto", () => {
  test("writes several messages one behind the other and nothing else", () => {
    const target = new Uint8Array(64).fill(0xee);
    const framing = { csid: 6, messageStreamId: 1, chunkSize: 2 };
    const one = { typeId: 9, timestamp: 1, payload: counting(3) };
    const two = { typeId: 9, timestamp: 2 ** 24, payload: counting(3, 9) };
    const middle = frameInto(target, 5, one, framing);
    const end = frameInto(target, middle, two, framing);
    expect(toHex(target.subarray(5, middle))).toBe(toHex(frameMessage(one, framing)));
    expect(toHex(target.subarray(middle, end))).toBe(toHex(frameMessage(two, framing)));
    expect(target.subarray(0, 5)).toEqual(new Uint8Array(5).fill(0xee));
    expect(target.subarray(end)).toEqual(new Uint8Array(64 - end).fill(0xee));
  });
});

describe("what the writer wrote, the reader reads", () => {
  const sizes = [0, 1, 127, 128, 129, 256, 4096, 65_535, 65_536, 65_537];
  const times = [0, 1, 0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff];
  const combinations = [1, 128, 65_536].flatMap((chunkSize) =>
    sizes.map((size): [number, number] => [chunkSize, size]),
  );

  test.each(combinations)("at chunk size %d, %d bytes, all times", (chunkSize, size) => {
    for (const timestamp of times) {
      const payload = counting(size);
      const bytes = frameMessage(
        { typeId: 9, timestamp, payload },
        { csid: 6, messageStreamId: 1, chunkSize },
      );
      expect(readRows([bytes], chunkSize)).toEqual([[9, 1, timestamp, toHex(payload)]]);
    }
  });

  test.each(times)("at every cut, at time %d", (timestamp) => {
    const message = { typeId: 9, timestamp, payload: counting(40) };
    const bytes = frameMessage(message, { csid: 6, messageStreamId: 1, chunkSize: 7 });
    const twice = Uint8Array.from([...bytes, ...bytes]);
    const rows = everySplit(twice, (segments) => readRows(segments, 7));
    expect(rows).toEqual([
      [9, 1, timestamp, toHex(counting(40))],
      [9, 1, timestamp, toHex(counting(40))],
    ]);
  });
});
