/** `runnel repair` is stopped by a signal: it ends as the signal says, in words, and leaves no file. */
import { expect, spyOn, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runRepairCommand } from "../../src/commands/repair.ts";
import { Terminal } from "../../src/face/terminal.ts";
import { randomBytes } from "../support/mutate.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s ends it with %p", async (signal, expected) => {
  const folder = scratch("repair");
  const input = join(folder, "a.flv");
  writeFileSync(input, randomBytes(100_000, 1));
  const terminal = new Terminal({}, false);
  const lines: string[] = [];
  using _spy = spyOn(terminal, "line").mockImplementation((text) => void lines.push(text));
  // It listens from here on, and has read nothing.
  const code = runRepairCommand([input], terminal);
  process.emit(signal, signal);
  expect(await code).toBe(expected);
  expect(lines).toEqual(["stopped: nothing was written"]);
  expect(readdirSync(folder)).toEqual(["a.flv"]);
});
