import { expect, test } from "bun:test";
import { holdsAt, sameBytes } from "../../src/bytes/same-bytes.ts";

test.each<[number[], number[] | undefined, boolean]>([
  [[], [], true],
  [[1, 2], [1, 2], true],
  [[1, 2], [1, 3], false],
  [[1, 2], [0, 2], false],
  [[1], [1, 2], false],
  [[1, 2], [1], false],
  [[0], undefined, false],
  [[], undefined, false],
])("%j and %j: %p", (a, b, same) => {
  expect(sameBytes(Uint8Array.from(a), b && Uint8Array.from(b))).toBe(same);
});

test("views are compared by what they show, wherever it lies", () => {
  const bytes = Uint8Array.of(7, 1, 2, 1, 2);
  expect(sameBytes(bytes.subarray(1, 3), bytes.subarray(3))).toBe(true);
  expect(sameBytes(bytes.subarray(0, 2), bytes.subarray(3))).toBe(false);
});

test.each<[bytes: number[], at: number, part: number[], holds: boolean]>([
  [[1, 2, 3], 0, [1, 2], true],
  [[1, 2, 3], 1, [2, 3], true],
  [[1, 2, 3], 1, [2, 4], false],
  [[1, 2, 3], 2, [3, 4], false],
  [[1, 2, 3], 3, [], true],
  [[], 0, [], true],
  [[], 0, [1], false],
])("%j from %d on holds %j: %p", (bytes, at, part, holds) => {
  expect(holdsAt(Uint8Array.from(bytes), at, Uint8Array.from(part))).toBe(holds);
});
