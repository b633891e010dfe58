import { expect, test } from "bun:test";
import { withRoom } from "../../src/bytes/room.ts";

test.each<[capacity: number, used: number, more: number, length: number]>([
  [4, 0, 0, 4],
  [4, 2, 2, 4],
  [4, 2, 3, 8],
  [4, 4, 1, 8],
  [4, 3, 9, 12],
  [0, 0, 0, 0],
  [0, 0, 5, 5],
])("%d bytes with %d used and %d to come: %d", (capacity, used, more, length) => {
  const bytes = Uint8Array.from({ length: capacity }, (_, i) => i + 1);
  const roomy = withRoom(bytes, used, more);
  expect(roomy.length).toBe(length);
  expect(roomy.subarray(0, used)).toEqual(bytes.subarray(0, used));
  expect(roomy === bytes).toBe(length === capacity);
});
