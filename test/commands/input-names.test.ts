/** What probe and repair say of a file that they cannot read: its name as it is, whatever is in it. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectInput } from "../../src/commands/probe-input.ts";
import { surveyFile } from "../../src/commands/repair-file.ts";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import { removeScratch, scratch } from "../support/scratch.ts";

afterAll(removeScratch);

const path = join(scratch("input-names"), "a$&$'.flv");
writeFileSync(path, Uint8Array.of(0, 0, 0, 1, 0x67, 0x42, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0));
const { signal } = new AbortController();
const WHY =
  "the input looks like Annex B video; use h264:- for a raw H.264 stream on stdin, h264:FILE for one in a file";

test.each([
  ["probe", "read", () => inspectInput(path, new Ingest(new Hub(), () => {}), signal)],
  ["repair", "repair", () => surveyFile(path, () => {}, signal)],
] as const)("%s", async (_name, verb, act) => {
  const error = await (act() as Promise<unknown>).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toBe(`Cannot ${verb} "${path}": ${WHY}`);
});
