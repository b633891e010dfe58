import { expect, test } from "bun:test";
import { sameBytes } from "../../src/bytes/same-bytes.ts";

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
