/**
 * Locks on jobs: between two processes, after kill -9, with a process id that was used again, in folders of others. The
 * other process is a bun that takes the lock and waits.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { lockJob, type JobIdentity, type LockResult } from "../../src/commands/job-lock.ts";
import { start, type Child } from "../support/process.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const LOCK = join(import.meta.dir, "../../src/commands/job-lock.ts");

/** A recipe and a folder for locks. */
function place() {
  const folder = scratch("lock");
  const recipe = join(folder, "a.yaml");
  writeFileSync(recipe, "version: 1\n");
  const identity = (job: string, part: JobIdentity["part"] = "run"): JobIdentity => ({ recipe, job, part });
  const locks = (): string[] => readdirSync(join(folder, "runnel"));
  const lock = (one: JobIdentity): Promise<LockResult> => lockJob(one, { XDG_RUNTIME_DIR: folder });
  return { folder, recipe, identity, locks, lock };
}

/** Another process that has the lock. */
async function holder(folder: string, identity: JobIdentity): Promise<Child> {
  const code = `const { lockJob } = await import(${JSON.stringify(LOCK)});
    const lock = await lockJob(${JSON.stringify(identity)}, { XDG_RUNTIME_DIR: ${JSON.stringify(folder)} });
    console.log(lock.kind); setInterval(() => {}, 1000);`;
  const child = start([process.execPath, "-e", code]);
  await child.says("held");
  return child;
}

function release(lock: LockResult): void {
  expect(lock.kind).toBe("held");
  if (lock.kind === "held") lock.release();
}

test("one process, one job: taken, refused, released, taken again, and nothing is left", async () => {
  const { identity, lock, locks } = place();
  const first = await lock(identity("a"));
  expect(await lock(identity("a"))).toEqual({ kind: "busy", pid: process.pid });
  expect(locks()).toHaveLength(1);
  release(first);
  expect(locks()).toEqual([]);
  release(await lock(identity("a")));
  expect(locks()).toEqual([]);
});

test("other jobs, other recipes and the wait for a schedule are other locks", async () => {
  const { folder, identity, lock, locks } = place();
  const other = join(folder, "b.yaml");
  writeFileSync(other, "");
  const all = [
    await lock(identity("a")),
    await lock(identity("b")),
    await lock(identity("a/b")),
    await lock(identity("a", "schedule")),
    await lock({ recipe: other, job: "a", part: "run" }),
  ];
  expect(locks()).toHaveLength(5);
  for (const one of all) release(one);
});

test("a recipe by another path is the same recipe", async () => {
  const { folder, recipe, identity, lock } = place();
  const link = join(folder, "link.yaml");
  symlinkSync(recipe, link);
  const first = await lock(identity("a"));
  expect((await lock({ recipe: link, job: "a", part: "run" })).kind).toBe("busy");
  release(first);
});

describe("another process", () => {
  test("has it: refused, with its id", async () => {
    const { folder, identity, lock } = place();
    await using other = await holder(folder, identity("a"));
    expect(await lock(identity("a"))).toEqual({ kind: "busy", pid: other.pid });
    release(await lock(identity("b")));
  });

  test("was killed: taken over", async () => {
    const { folder, identity, lock, locks } = place();
    const other = await holder(folder, identity("a"));
    await other.stop("SIGKILL");
    expect(locks()).toHaveLength(1);
    const mine = await lock(identity("a"));
    expect(readFileSync(join(folder, "runnel", locks()[0]!), "utf8")).toBe(`${process.pid}\n`);
    release(mine);
    expect(locks()).toEqual([]);
  });

  test("left its id, which another one has now: taken over", async () => {
    const { folder, identity, lock, locks } = place();
    const other = await holder(folder, identity("a"));
    await other.stop("SIGKILL");
    // Process 1 is always there.
    writeFileSync(join(folder, "runnel", locks()[0]!), "1\n");
    release(await lock(identity("a")));
  });

  test.each(["", "nonsense", "-4", "99999999999999999999"])("left %j: taken over", async (text) => {
    const { folder, identity, lock, locks } = place();
    const other = await holder(folder, identity("a"));
    await other.stop("SIGKILL");
    writeFileSync(join(folder, "runnel", locks()[0]!), text);
    release(await lock(identity("a")));
  });
});

test("of many at the same moment one gets it", async () => {
  const { identity, lock } = place();
  for (let round = 0; round < 20; round++) {
    const all = await Promise.all(Array.from({ length: 8 }, () => lock(identity("a"))));
    const held = all.filter(({ kind }) => kind === "held");
    expect(held).toHaveLength(1);
    release(held[0]!);
  }
});

describe("a folder that cannot be had costs a warning, not the job:", () => {
  // Only root can make one of them.
  test.skipIf(process.getuid?.() !== 0)("it belongs to another user", async () => {
    const { folder, identity, lock } = place();
    mkdirSync(join(folder, "runnel"));
    chownSync(join(folder, "runnel"), 12_345, 12_345);
    expect(await lock(identity("a"))).toMatchObject({
      kind: "none",
      why: expect.stringContaining("another user"),
    });
  });

  test("it is a link", async () => {
    const { folder, identity, lock } = place();
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), join(folder, "runnel"));
    expect((await lock(identity("a"))).kind).toBe("none");
    expect(readdirSync(join(folder, "elsewhere"))).toEqual([]);
  });

  test("it is a file", async () => {
    const { folder, identity, lock } = place();
    writeFileSync(join(folder, "runnel"), "");
    chmodSync(join(folder, "runnel"), 0o600);
    expect((await lock(identity("a"))).kind).toBe("none");
  });
});
