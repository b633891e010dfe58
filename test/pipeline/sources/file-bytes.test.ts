/** The bytes of files and of named pipes: whole, in memory as asked for, and never waited for longer than wanted. */
import { describe, expect, test } from "bun:test";
import { openSync, closeSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DiskError } from "../../../src/errors.ts";
import { fileSegments, type Reading } from "../../../src/pipeline/sources/file-bytes.ts";
import { runWell } from "../../support/process.ts";
import { which } from "../../support/programs.ts";
import { scratch } from "../../support/scratch.ts";
import { tidy } from "../../support/tidy.ts";

tidy();

const NEVER = new AbortController().signal;
const BYTES = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7) % 251);

describe("a file", () => {
  test.each<Reading["buffer"]>(["one", "each"])("is read whole into %s", async (buffer) => {
    const path = join(scratch("source"), "in.flv");
    writeFileSync(path, BYTES);
    const parts: Uint8Array[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const part of fileSegments(path, NEVER, { buffer })) {
      parts.push(part.slice());
      memory.add(part.buffer);
    }
    expect(Buffer.concat(parts).equals(BYTES)).toBe(true);
    expect(parts.length).toBeGreaterThan(1);
    expect(memory.size).toBe(buffer === "one" ? 1 : parts.length);
  });

  test("that is not there is said so", async () => {
    const error = await fileSegments("/nowhere/in.flv", NEVER)
      .next()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DiskError);
    expect(error).toMatchObject({
      path: "/nowhere/in.flv",
      code: "ENOENT",
      message: 'Cannot read "/nowhere/in.flv": there is no such file',
    });
  });
});

describe.skipIf(which("mkfifo") === undefined)("a named pipe", () => {
  async function pipe(): Promise<string> {
    const path = join(scratch("source"), "pipe");
    await runWell(["mkfifo", path]);
    return path;
  }

  test("is read as it is written, until its writer is gone", async () => {
    const path = await pipe();
    const segments = fileSegments(path, NEVER);
    const first = segments.next();
    const writer = openSync(path, "r+");
    writeSync(writer, "one");
    expect((await first).value).toEqual(Uint8Array.from(Buffer.from("one")));
    const second = segments.next();
    writeSync(writer, "two");
    expect((await second).value).toEqual(Uint8Array.from(Buffer.from("two")));
    closeSync(writer);
    expect((await segments.next()).done).toBe(true);
  });

  test.each(["nobody writes to", "falls silent"])("that %s is let go of", async (what) => {
    const path = await pipe();
    const over = new AbortController();
    const segments = fileSegments(path, over.signal);
    const first = segments.next();
    const writer = what === "falls silent" ? openSync(path, "r+") : undefined;
    if (writer !== undefined) {
      writeSync(writer, "one");
      await first;
    }
    const next = writer === undefined ? first : segments.next();
    over.abort();
    expect((await next).done).toBe(true);
    if (writer !== undefined) closeSync(writer);
  });
});
