/** When the garbage of media is collected: only where enough media has come since the last time. */
import { expect, test } from "bun:test";
import { GarbageWatch, WORTH_BYTES } from "../../src/commands/garbage-watch.ts";

/** What each look at these totals of media leads to. */
function looksAt(totals: readonly number[]): boolean[] {
  let bytes = 0;
  let collections = 0;
  const watch = new GarbageWatch(
    () => bytes,
    () => void collections++,
  );
  return totals.map((total) => {
    bytes = total;
    const before = collections;
    watch.look();
    return collections > before;
  });
}

test.each([
  ["nothing comes", [0, 0, 0], [false, false, false]],
  ["just enough", [WORTH_BYTES - 1, WORTH_BYTES], [false, true]],
  ["a little at a time adds up", [WORTH_BYTES / 2, WORTH_BYTES, WORTH_BYTES * 1.5], [false, true, false]],
  ["a stream that stops", [WORTH_BYTES * 3, WORTH_BYTES * 3], [true, false]],
  ["a new episode counts from 0", [WORTH_BYTES * 3, 10, WORTH_BYTES], [true, false, true]],
])("%s", (_name, totals, collected) => {
  expect(looksAt(totals)).toEqual(collected);
});
