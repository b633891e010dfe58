/**
 * The frame of an end-to-end test file: `tidy()` at its top gives its tests time, and in the end stops every process
 * that they started and removes every folder they made.
 */
import { afterAll, setDefaultTimeout } from "bun:test";
import { stopAll } from "./process.ts";
import { removeScratch } from "./scratch.ts";

/** Streams run in real time, and a build may come first. */
const TEST_TIMEOUT = 90_000;

/** Registers the clean-up of a test file. */
export function tidy(): void {
  setDefaultTimeout(TEST_TIMEOUT);
  afterAll(async () => {
    await stopAll();
    removeScratch();
  });
}
