/**
 * BatchWriter on real descriptors: files, and named pipes for writes that are cut short, a reader that is slow, one
 * that leaves and one that hangs.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { flvTag } from "../../../src/media/flv-writer.ts";
import { BatchWriter } from "../../../src/pipeline/sinks/batch-writer.ts";
import { realDisk, type Disk } from "../../../src/pipeline/sinks/disk.ts";
import { systemError } from "../../support/faulty-disk.ts";
import { pick, randomBytes, type Random, seededRandom } from "../../support/mutate.ts";
import { until } from "../../support/ports.ts";
import { runWell } from "../../support/process.ts";
import { which } from "../../support/programs.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";

afterAll(removeScratch);

/** A writer whose idle moments and errors are kept. */
function makeWriter(fd: number, disk: Disk = realDisk) {
  const seen = { idle: 0, errors: [] as NodeJS.ErrnoException[] };
  const handlers = {
    onIdle: () => void seen.idle++,
    onError: (error: NodeJS.ErrnoException) => void seen.errors.push(error),
  };
  const writer = new BatchWriter(fd, handlers, disk);
  return { writer, seen };
}

/** A disk that decides call by call how much it takes, and looks at the bytes when it answers. */
class FickleDisk {
  readonly taken: Uint8Array[] = [];
  readonly disk: Disk;
  size = 0;
  #answer: (() => void) | undefined;

  constructor(random: Random) {
    const append: Disk["append"] = (_fd, pieces, done) => {
      const total = pieces.reduce((sum, { length }) => sum + length, 0);
      const dice = random();
      const limit = dice < 0.5 ? 1 + pick(random, total) : total;
      this.#answer = () => {
        if (dice > 0.85) return done(systemError("ENOSPC"), 0);
        const bytes = concat(pieces).slice(0, limit);
        this.taken.push(bytes);
        this.size += bytes.length;
        done(null, bytes.length);
      };
      if (random() < 0.3) this.settle();
    };
    this.disk = { ...realDisk, append };
  }

  /** Answers the call that is under way. */
  settle(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.();
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe("a file", () => {
  test.each([
    ["small bodies", Array.from({ length: 300 }, (_, i) => i * 3)],
    ["large bodies", [5000, 100_000, 4097, 70_000]],
    ["both, at the border between them", [10, 4096, 4097, 0, 65_536, 3, 4096, 4096]],
    ["more pieces than one write takes", Array.from({ length: 1500 }, () => 4097)],
  ])("gets every byte in order: %s", async (_name, sizes) => {
    const path = join(scratch("batch"), "out");
    const fd = openSync(path, "w");
    const { writer, seen } = makeWriter(fd);
    const expected: Uint8Array[] = [];
    for (const [i, size] of sizes.entries()) {
      const body = randomBytes(size, i);
      writer.tag(9, i * 40, body);
      expected.push(flvTag(9, i * 40, body));
      if (i % 100 === 50) writer.flush();
    }
    const total = expected.reduce((sum, part) => sum + part.length, 0);
    expect(writer.position).toBe(total);
    writer.flush();
    await until("idle", () => seen.idle > 0 && !writer.busy);
    expect(readFileSync(path).equals(concat(expected))).toBe(true);
    expect([writer.pending, writer.position]).toEqual([0, total]);
    closeSync(fd);
  });

  test.each([
    ["is tried again when there is room", false],
    ["is not when the writer was given up", true],
  ])("what the disk refused %s", (_name, givenUp) => {
    let calls = 0;
    let full = true;
    const append: Disk["append"] = (_fd, pieces, done) => {
      calls++;
      if (full) done(systemError("ENOSPC"), 0);
      else done(null, concat(pieces).length);
    };
    const { writer, seen } = makeWriter(-1, { ...realDisk, append });
    writer.tag(9, 0, randomBytes(100, 1));
    writer.flush();
    expect(seen.errors.map(({ code }) => code)).toEqual(["ENOSPC"]);
    full = false;
    let released = 0;
    if (givenUp) writer.abandon(() => released++);
    // The descriptor may be another file's by now.
    writer.retry();
    expect([calls, released, writer.written]).toEqual(givenUp ? [1, 1, 0] : [2, 0, 115]);
  });

  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    "is told the truth by a disk that takes a part, is full, and reads what it is given at the last moment: seed %p",
    (seed) => {
      const random = seededRandom(seed);
      const disk = new FickleDisk(random);
      const { writer, seen } = makeWriter(-1, disk.disk);
      const expected: Uint8Array[] = [];
      let given = 0;
      const check = (): void => {
        expect([writer.position, writer.written, writer.pending]).toEqual([
          given,
          disk.size,
          given - disk.size,
        ]);
      };
      for (let i = 0; i < 300; i++) {
        const size = random() < 0.05 ? pick(random, 600_000) : pick(random, 5000);
        const body = randomBytes(size, seed * 1000 + i);
        expected.push(flvTag(9, i, body));
        given += size + 15;
        writer.tag(9, i, body);
        // Whoever gave it may use it again.
        body.fill(0xa5);
        if (random() < 0.7) writer.flush();
        if (random() < 0.6) disk.settle();
        if (random() < 0.5) writer.retry();
        check();
      }
      for (let i = 0; i < 10_000 && writer.pending > 0; i++) {
        writer.retry();
        writer.flush();
        disk.settle();
      }
      check();
      expect(Buffer.compare(Buffer.concat(disk.taken), Buffer.concat(expected))).toBe(0);
      expect(seen.errors.length).toBeGreaterThan(0);
    },
  );

  test("what comes while a write is under way follows by itself", async () => {
    const path = join(scratch("batch"), "out");
    const fd = openSync(path, "w");
    const { writer, seen } = makeWriter(fd);
    const parts = [randomBytes(9000, 1), randomBytes(9000, 2), randomBytes(30, 3)];
    writer.bytes(parts[0]!);
    writer.flush();
    expect(writer.busy).toBe(true);
    writer.bytes(parts[1]!);
    writer.bytes(parts[2]!);
    writer.flush();
    await until("idle", () => seen.idle === 1);
    expect(readFileSync(path).equals(concat(parts))).toBe(true);
    closeSync(fd);
  });

  test("with nothing to write it is idle at once", () => {
    const { writer, seen } = makeWriter(-1);
    writer.flush();
    expect([seen.idle, writer.busy]).toEqual([1, false]);
  });

  test("an error is told once, and nothing is written after it", async () => {
    const path = join(scratch("batch"), "out");
    const fd = openSync(path, "w");
    closeSync(fd);
    const readOnly = openSync(path, "r");
    const { writer, seen } = makeWriter(readOnly);
    writer.bytes(randomBytes(10, 1));
    writer.flush();
    await until("an error", () => seen.errors.length > 0);
    writer.flush();
    expect(seen.errors.map((error) => error.code)).toEqual(["EBADF"]);
    expect([seen.idle, writer.busy]).toEqual([0, false]);
    closeSync(readOnly);
  });

  test("an idle writer that is abandoned lets go at once", () => {
    const { writer } = makeWriter(-1);
    let released = 0;
    writer.bytes(randomBytes(10, 1));
    writer.abandon(() => released++);
    writer.flush();
    expect([released, writer.busy]).toEqual([1, false]);
  });
});

async function makePipe(): Promise<string> {
  const path = join(scratch("pipe"), "fifo");
  await runWell(["mkfifo", path]);
  return path;
}

describe.skipIf(which("mkfifo") === undefined)("a pipe", () => {
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

  test("that takes less than it is given, and nothing for a while, gets everything in order", async () => {
    const path = await makePipe();
    const reader = openSync(path, O_RDONLY | O_NONBLOCK);
    const fd = openSync(path, O_WRONLY | O_NONBLOCK);
    const { writer, seen } = makeWriter(fd);
    const bodies = [300_000, 10, 5000, 200_000, 4096, 100_000].map(randomBytes);
    for (const body of bodies) writer.bytes(body);
    writer.flush();
    const read: Uint8Array[] = [];
    const buffer = new Uint8Array(30_011);
    await until("all of it", () => {
      try {
        read.push(buffer.slice(0, readSync(reader, buffer)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      }
      return seen.idle > 0 && read.reduce((sum, part) => sum + part.length, 0) >= 609_106;
    });
    expect(Buffer.from(concat(read)).equals(concat(bodies))).toBe(true);
    expect(seen.errors).toEqual([]);
    closeSync(reader);
    closeSync(fd);
  });

  test("whose reader has left is an error", async () => {
    const path = await makePipe();
    const reader = openSync(path, O_RDONLY | O_NONBLOCK);
    const fd = openSync(path, O_WRONLY | O_NONBLOCK);
    closeSync(reader);
    const { writer, seen } = makeWriter(fd);
    writer.bytes(randomBytes(10, 1));
    writer.flush();
    await until("an error", () => seen.errors.length > 0);
    expect(seen.errors[0]!.code).toBe("EPIPE");
    closeSync(fd);
  });

  test("that hangs is closed only when it has let go of the last write", async () => {
    const path = await makePipe();
    const reader = openSync(path, O_RDONLY | O_NONBLOCK);
    const fd = openSync(path, O_WRONLY);
    const { writer, seen } = makeWriter(fd);
    writer.bytes(randomBytes(1_000_000, 1));
    writer.flush();
    const buffer = new Uint8Array(65_536);
    await until("the pipe is in use", () => {
      try {
        return readSync(reader, buffer) > 0;
      } catch {
        return false;
      }
    });
    let released = 0;
    writer.bytes(randomBytes(1000, 2));
    writer.abandon(() => {
      released++;
      closeSync(fd);
    });
    expect(released).toBe(0);
    closeSync(reader);
    await until("the descriptor is free", () => released > 0);
    expect([seen.idle, seen.errors]).toEqual([0, []]);
  });
});
