/** Hosts before ports. */
import { expect, test } from "bun:test";
import { bracketed, formatHostPort } from "../src/host-text.ts";

test.each([
  ["h", "h", "h:1935"],
  ["127.0.0.1", "127.0.0.1", "127.0.0.1:1935"],
  ["::1", "[::1]", "[::1]:1935"],
  ["fe80::1%eth0", "[fe80::1%eth0]", "[fe80::1%eth0]:1935"],
])("%p", (host, alone, withPort) => {
  expect([bracketed(host), formatHostPort({ host, port: 1935 })]).toEqual([alone, withPort]);
});
