/** Where secrets stand in texts; how a terminal and problems of recipes mask them is tested there. */
import { expect, test } from "bun:test";
import { longestFirst, maskSecrets, placesOf } from "../src/secret-text.ts";

test.each([
  ["abcd", "abcdabcd xabcdx", [0, 4, 10]],
  ["aaaa", "aaaaaaa", [0]],
  ["ab", "ab cab abc ab", [0, 11]],
  ["aa", "aaa aa", [4]],
  ["1", "1 of 11, 1.5 (1)", [0, 14]],
  ["key", "", []],
])("%p in %p", (secret, text, places) => {
  expect(placesOf(secret, text)).toEqual(places);
});

test("longer ones first, each once, and no empty one", () => {
  expect(longestFirst(["ab", "", "abc", "ab"])).toEqual(["abc", "ab"]);
  expect(maskSecrets("abc ab abc-ab", ["ab", "", "abc"])).toBe("*** *** ***-***");
});
