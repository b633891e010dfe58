/**
 * A full disk whose rules give something away: whatever moment the disk fills up at, the rules are applied to all that
 * they may delete by then, and the recording goes on. Which call comes first is decided here, not by the machine.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { systemError, type DiskCall, type Fault } from "../../support/faulty-disk.ts";
import { until } from "../../support/ports.ts";
import { recordingJob } from "../../support/recording-job.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";

afterAll(removeScratch);

const MIB = 1024 * 1024;
const NONE = { ageMs: undefined, bytes: undefined, freeBytes: undefined };
const CUT = { every: 1000, align: "media" } as const;

/** The names of all files that were told of. */
const told = (report: { files: readonly { path: string }[] }): string[] =>
  report.files.map(({ path }) => basename(path));

/** Files are cut at the first keyframe behind a second; one comes every 400 ms. */
const FILE_MS = 1200;

/** A moment at which a call to the disk is held, and what it waits for. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const state = { held: false, refusals: 0 };
  return {
    state,
    hold: (): Promise<void> => {
      state.held = true;
      return promise;
    },
    /** Refuses the call that is being made, and lets the other one go `ms` later. */
    refuse: (ms: number): never => {
      state.refusals++;
      setTimeout(resolve, ms);
      throw systemError("ENOSPC");
    },
  };
}

/**
 * Plays a show of which only the newest file is to be kept, on such a disk: the second file has begun when the call
 * is held, and goes on then. Nothing may be lost.
 */
async function playsOn(fault: Fault, state: { readonly held: boolean }): Promise<void> {
  const run = await recordingJob(fault, { segment: CUT, keep: { ...NONE, bytes: 1 } });
  run.live.frames(35);
  await until("the call is held", () => state.held);
  for (let i = 0; i < 10; i++) {
    run.live.frames(10);
    await Bun.sleep(2);
  }
  const { report, outcome } = await run.finish();
  expect(run.job.of("retry")).toEqual([]);
  expect(run.job.of("drop")).toEqual([]);
  expect(outcome.code).toBe(0);
  expect(report.gaps.count).toBe(0);
  const ms = 40 * run.live.count;
  expect(report.files.reduce((sum, file) => sum + file.ms, 0)).toBeGreaterThanOrEqual(ms - 40);
  const count = Math.ceil(ms / FILE_MS);
  const deleted = run.job.of("deleted");
  expect(deleted.every(({ why, ofThisRun }) => why === "size" && ofThisRun)).toBe(true);
  expect(report.deletedFiles).toBe(deleted.length);
  expect(deleted.length).toBeGreaterThan(0);
  expect(told(report)).toEqual(Array.from({ length: count }, (_, i) => `show-${i + 1}.flv`));
}

const of = (call: DiskCall, name: DiskCall["name"], path: RegExp): boolean =>
  call.name === name && path.test(call.path);

describe("a disk that fills up", () => {
  test("while the rules are being applied goes on with the room that they make", async () => {
    const { state, hold, refuse } = gate();
    await playsOn((call) => {
      if (of(call, "unlink", /show-1.flv$/) && state.refusals === 0) return hold();
      // The rules that are applied now have deleted the file by the time that they are asked again.
      if (call.name === "append" && state.held && state.refusals === 0) refuse(0);
      return undefined;
    }, state);
    expect(state.refusals).toBe(1);
  });

  test("while the only file that may go is being finished waits for that", async () => {
    const { state, hold, refuse } = gate();
    let full = false;
    await playsOn((call) => {
      if (of(call, "sync", /show-1.flv.part$/) && state.refusals === 0) {
        full = true;
        return hold();
      }
      if (of(call, "unlink", /show-1.flv$/)) full = false;
      // Not before the rules have been applied in vain.
      if (call.name === "append" && full) refuse(50);
      return undefined;
    }, state);
    expect(state.refusals).toBeGreaterThan(0);
  });

  test("when the next file is to be opened makes room for it", async () => {
    const { state, hold, refuse } = gate();
    await playsOn((call) => {
      if (of(call, "unlink", /show-1.flv$/) && state.refusals === 0) return hold();
      if (of(call, "open", /show-3.flv.part$/) && state.refusals === 0) refuse(0);
      return undefined;
    }, state);
    expect(state.refusals).toBe(1);
  });
});

test("the rules are applied as a long file grows, not by the clock alone", async () => {
  const folder = scratch("grows");
  const old = join(folder, "show-1.flv");
  writeFileSync(old, "x");
  const free = async (): Promise<number> => (existsSync(old) ? 4 * MIB : 8 * MIB);
  const keep = { ...NONE, freeBytes: 8 * MIB };
  const run = await recordingJob(() => {}, { name: "show-{n}.flv", keep }, folder, { free });
  run.live.frames(3, 100_000);
  await until("it records", () => run.recording.names.length === 2);
  expect(existsSync(old)).toBe(true);
  await until("the old file is gone", () => {
    run.live.frames(1, 100_000);
    return !existsSync(old);
  });
  expect((await run.finish()).report.files).toHaveLength(1);
});

test("what had been written when the disk filled up is kept, be it the first write alone", async () => {
  const more = Promise.withResolvers<void>();
  let writes = 0;
  const run = await recordingJob((call) => {
    if (call.name !== "append") return;
    writes++;
    if (writes > 1) throw systemError("ENOSPC");
    return more.promise;
  });
  run.live.frames(5);
  await until("the first write is under way", () => writes === 1);
  // These wait for it, and are the second.
  run.live.frames(5);
  more.resolve();
  await until("the file is finished", () => run.recording.names.includes("show-1.flv"));
  expect(run.recording.text("show-1.flv")).toStartWith("V0 A0 K0");
  expect((await run.finish()).outcome.code).toBe(7);
});
