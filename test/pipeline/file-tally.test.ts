/** The recordings that a sink has finished: all are counted, the latest are named. */
import { expect, test } from "bun:test";
import { FileTally } from "../../src/pipeline/file-tally.ts";

test("a few are kept one by one", () => {
  const tally = new FileTally();
  for (let n = 1; n <= 3; n++) tally.add({ path: `${n}.flv`, bytes: n, ms: 40 });
  expect(tally.files.map((file) => file.path)).toEqual(["1.flv", "2.flv", "3.flv"]);
  expect(tally.earlier).toEqual({ count: 0, bytes: 0 });
});

test("what is deleted counts if it was of this run", () => {
  const tally = new FileTally();
  tally.add({ path: "1.flv", bytes: 1, ms: 40 });
  const file = { path: "1.flv", bytes: 1, why: "age" } as const;
  tally.remove({ ...file, path: "old.flv", ofThisRun: false });
  expect(tally.deleted).toBe(0);
  tally.remove({ ...file, ofThisRun: true });
  expect(tally.deleted).toBe(1);
});

test("30 days of files of 30 s: the latest are kept, the others counted", () => {
  const tally = new FileTally();
  for (let n = 1; n <= 86_400; n++) tally.add({ path: `${n}.flv`, bytes: n, ms: 30_000 });
  expect([tally.files.length, tally.files.at(-1)?.path]).toEqual([1000, "86400.flv"]);
  expect(tally.earlier.count + tally.files.length).toBe(86_400);
  const bytes = tally.files.reduce((sum, file) => sum + file.bytes, tally.earlier.bytes);
  expect(bytes).toBe((86_400 * 86_401) / 2);
});
