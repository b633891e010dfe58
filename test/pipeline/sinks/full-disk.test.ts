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

/** Plays a show of files of a second each on such a disk, of which only the newest is to be kept; nothing may be lost. */
async function playsOn(fault: Fault): Promise<string[]> {
  const run = await recordingJob(fault, { segment: CUT, keep: { ...NONE, bytes: 1 } });
  for (let i = 0; i < 12; i++) {
    run.live.frames(10);
    await Bun.sleep(2);
  }
  const { report, outcome } = await run.finish();
  expect(run.job.of("retry")).toEqual([]);
  expect(run.job.of("drop")).toEqual([]);
  expect(outcome.code).toBe(0);
  expect(report.gaps.count).toBe(0);
  expect(report.files.reduce((sum, file) => sum + file.ms, 0)).toBeGreaterThanOrEqual(12 * 400 - 40);
  expect(told(report)).toEqual(Array.from({ length: 4 }, (_, i) => `show-${i + 1}.flv`));
  return run.recording.names;
}

const of = (call: DiskCall, name: DiskCall["name"], path: RegExp): boolean =>
  call.name === name && path.test(call.path);

describe("a disk that fills up", () => {
  test("while the rules are being applied goes on with the room that they make", async () => {
    const refused = Promise.withResolvers<void>();
    let deleting = false;
    let failures = 0;
    await playsOn((call) => {
      if (of(call, "unlink", /show-1.flv$/) && failures === 0) {
        deleting = true;
        return refused.promise;
      }
      if (call.name !== "append" || !deleting || failures > 0) return;
      failures++;
      // The rules that are applied now have deleted the file by the time that they are asked again.
      setTimeout(refused.resolve, 0);
      throw systemError("ENOSPC");
    });
    expect(failures).toBe(1);
  });

  test("while the only file that may go is being finished waits for that", async () => {
    const refused = Promise.withResolvers<void>();
    let full = false;
    let failures = 0;
    await playsOn((call) => {
      if (of(call, "sync", /show-1.flv.part$/) && failures === 0) {
        full = true;
        return refused.promise;
      }
      if (of(call, "unlink", /show-1.flv$/)) full = false;
      if (call.name !== "append" || !full) return;
      failures++;
      // Not before the rules have been applied in vain.
      setTimeout(refused.resolve, 50);
      throw systemError("ENOSPC");
    });
    expect(failures).toBeGreaterThan(0);
  });

  test("when the next file is to be opened makes room for it", async () => {
    const refused = Promise.withResolvers<void>();
    let failures = 0;
    await playsOn((call) => {
      if (of(call, "unlink", /show-1.flv$/) && failures === 0) return refused.promise;
      if (!of(call, "open", /show-3.flv.part$/) || failures > 0) return;
      failures++;
      setTimeout(refused.resolve, 0);
      throw systemError("ENOSPC");
    });
    expect(failures).toBe(1);
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
