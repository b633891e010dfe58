import { expect, test } from "bun:test";
import { join } from "../../src/bytes/join.ts";

test.each<[number[], number[]]>([
  [[], []],
  [[1], []],
  [[], [2]],
  [
    [1, 2],
    [3, 4],
  ],
])("%j and %j are one array of their own", (start, rest) => {
  const given = Uint8Array.from(rest);
  const bytes = join(start, given);
  given.fill(0);
  expect([...bytes]).toEqual([...start, ...rest]);
});
