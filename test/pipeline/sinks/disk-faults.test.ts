/**
 * Disks that are full, slow, read-only or gone. With a job around the recording: what was written is a finished file,
 * the next one follows when the disk is well again, a destination beside it never notices, and the report says how
 * it was. The job's waits are real and short; a disk of the machine fails on command, and one is a small tmpfs.
 */
import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskError } from "../../../src/errors.ts";
import { ExitCode, exitCodeOf } from "../../../src/face/exit.ts";
import { flvFileSink } from "../../../src/pipeline/sinks/flv-file.ts";
import { brake, faultyDisk, systemError, type Fault } from "../../support/faulty-disk.ts";
import { until } from "../../support/ports.ts";
import { recordingJob as start } from "../../support/recording-job.ts";
import { TestRecording } from "../../support/recordings.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

describe("a disk that is full in the middle of a file", () => {
  /** Fills up once `full` is set. */
  function tank() {
    const state = { full: false, code: "ENOSPC" };
    const fault: Fault = ({ name }) => {
      if (state.full && (name === "append" || name === "open")) throw systemError(state.code);
    };
    return { state, fault };
  }

  test.each(["ENOSPC", "EDQUOT", "EIO", "EROFS"])(
    "%s: it ends there, and the next follows when there is room",
    async (code) => {
      const { state, fault } = tank();
      state.code = code;
      const run = await start(fault);
      run.live.frames(25);
      await until("some is written", () => run.status().state === "live" && run.written() > 0);
      state.full = true;
      for (let i = 0; i < 5; i++) {
        run.live.frames(5);
        await Bun.sleep(5);
      }
      await until("it waits", () => run.status().state === "waiting");
      await until("the file is finished", () => run.recording.names.includes("show-1.flv"));
      await Bun.sleep(100);
      state.full = false;
      await until("it is live again", () => {
        run.live.frames(5);
        return run.status().state === "live";
      });
      run.live.frames(25);
      const { report, outcome } = await run.finish();
      expect(report.files.map((file) => file.path.split("/").at(-1))).toEqual(["show-1.flv", "show-2.flv"]);
      expect(run.recording.names).toEqual(["show-1.flv", "show-2.flv"]);
      for (const name of run.recording.names) expect(run.recording.text(name)).toStartWith("V0 A0 K0");
      expect(run.job.of("retry")[0]).toMatchObject({ name: run.recording.sink.name });
      expect(outcome.code).toBe(3);
      expect(outcome.text).toMatch(/down \d+/);
      // The destination has had every frame.
      expect(run.frames()).toBe(run.live.count);
      expect(run.destination.sessions).toHaveLength(1);
      expect(run.job.of("drop")).toEqual([]);
    },
  );

  test("to the end of the job: what there is is finished, exit 7", async () => {
    const { state, fault } = tank();
    const run = await start(fault);
    run.live.frames(25);
    await until("some is written", () => run.written() > 0);
    state.full = true;
    run.live.frames(25);
    await until("it waits", () => run.status().state === "waiting");
    const { outcome } = await run.finish();
    expect(outcome.code).toBe(7);
    expect(outcome.text).toMatch(/the disk is full/);
    expect(run.recording.names).toEqual(["show-1.flv"]);
    expect(run.recording.text("show-1.flv")).toStartWith("V0 A0 K0 a0 f40 a40");
  });

  test("with old files that may go: nothing is lost and the file goes on", async () => {
    const folder = scratch("prune");
    for (const n of [1, 2]) writeFileSync(join(folder, `show-${n}.flv`), "x".repeat(1000));
    const old = () => [1, 2].filter((n) => existsSync(join(folder, `show-${n}.flv`))).length;
    let limit = Infinity;
    let appended = 0;
    const fault: Fault = ({ name }) => {
      if (name === "append" && ++appended > limit && old() === 2) throw systemError("ENOSPC");
    };
    const keep = { ageMs: undefined, bytes: 1500, freeBytes: undefined };
    const run = await start(fault, { name: "show-{n}.flv", keep }, folder);
    run.live.frames(5);
    await until("it records", () => run.recording.names.length === 3);
    limit = appended;
    run.live.frames(20);
    await until("the oldest is gone", () => old() < 2);
    run.live.frames(20);
    const { report, outcome } = await run.finish();
    expect(outcome.code).toBe(0);
    expect(report.files).toHaveLength(1);
    expect(report.files[0]!.ms).toBe(44 * 40);
    expect(run.job.of("retry")).toEqual([]);
    // Those of an earlier run are not counted with this run's.
    const own = run.job.of("deleted").filter(({ ofThisRun }) => ofThisRun);
    expect(report.deletedFiles).toBe(own.length);
    expect(run.job.of("deleted")[0]).toEqual({
      event: "deleted",
      path: join(folder, "show-1.flv"),
      bytes: 1000,
      why: "size",
      ofThisRun: false,
    });
  });

  test("from the start: it is tried again while there are others, exit 7 when nothing helps", async () => {
    const { state, fault } = tank();
    state.full = true;
    const run = await start(fault);
    run.live.frames(10);
    await until(
      "it has been tried",
      () => run.job.of("retry").filter((event) => event.name !== "server").length >= 4,
    );
    state.full = false;
    await until("it is live", () => {
      run.live.frames(2);
      return run.status().state === "live";
    });
    const { outcome } = await run.finish();
    expect([outcome.code, run.recording.names.length]).toEqual([0, 1]);
  });
});

describe("permission", () => {
  test("that never was is a reason to give up", async () => {
    const run = await start(({ name }) => {
      if (name === "open") throw systemError("EACCES");
    });
    run.live.frames(5);
    await until("it is given up", () => run.status().state === "failed");
    const { outcome } = await run.finish();
    expect(outcome.code).toBe(7);
    expect(outcome.text).toMatch(/permission denied/);
    expect(run.frames()).toBe(5);
  });

  test("that is lost between two files may come back", async () => {
    let denied = false;
    const run = await start(
      ({ name }) => {
        if (denied && (name === "open" || name === "rename")) throw systemError("EACCES");
      },
      { segment: { every: 400, align: "media" } },
    );
    run.live.frames(5);
    await until("it records", () => run.recording.names.length === 1);
    denied = true;
    run.live.frames(10);
    await until("it waits", () => run.status().state === "waiting");
    denied = false;
    await until("it is live again", () => {
      run.live.frames(5);
      return run.status().state === "live";
    });
    run.live.frames(5);
    const { outcome } = await run.finish();
    expect(outcome.code).toBe(3);
    expect(run.recording.names.filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(run.recording.names).toContain("show-1.flv");
  });
});

test("a folder that is removed is made anew", async () => {
  const run = await start(() => {}, { name: "deep/er/{n}.flv", segment: { every: 400, align: "media" } });
  run.live.frames(5);
  await until("it records", () => run.recording.names.some((name) => name.endsWith(".part")));
  rmSync(join(run.recording.folder, "deep"), { recursive: true });
  run.live.frames(20);
  await until("the next file", () => run.recording.names.some((name) => name.endsWith("3.flv.part")));
  const { outcome } = await run.finish();
  expect(run.recording.names.filter((name) => /\d\.flv$/.test(name)).length).toBeGreaterThan(0);
  expect(run.frames()).toBe(25);
  expect(outcome.code).toBe(0);
  expect(run.job.of("notice")).toHaveLength(1);
});

describe("a disk that hangs", () => {
  test("loses nothing while the queue has room", async () => {
    const disk = brake();
    const run = await start(disk.fault, { segment: { every: 2000, align: "media" } });
    run.live.frames(25);
    await until("it records", () => run.recording.names.length === 1);
    disk.stop();
    for (let i = 0; i < 10; i++) {
      run.live.frames(25, 20_000);
      await Bun.sleep(2);
    }
    // The destination does not wait for the disk.
    expect(run.frames()).toBe(275);
    disk.go();
    const { report, outcome } = await run.finish();
    expect(outcome.code).toBe(0);
    const frames = run.recording.names.flatMap((name) => run.recording.text(name).match(/[Kf]\d+/g));
    expect(frames).toHaveLength(275);
    expect(report.files).toHaveLength(6);
  });

  test("for longer ends its file with what it was given; the next follows, and memory is bounded", async () => {
    const disk = brake();
    const run = await start(disk.fault);
    run.live.frames(25);
    await until("it records", () => run.recording.names.length === 1 && run.status().bytesOut > 5000);
    await Bun.sleep(20);
    disk.stop();
    for (let i = 0; i < 100 && run.status().state === "live"; i++) {
      run.live.frames(25, 40_000);
      await Bun.sleep(1);
    }
    expect(run.status().state).toBe("waiting");
    expect(run.status().error).toBeInstanceOf(DiskError);
    const [before, from] = [process.memoryUsage().rss, run.frames()];
    for (let i = 0; i < 100; i++) {
      run.live.frames(25, 40_000);
      await Bun.sleep(1);
    }
    expect(run.frames() - from).toBe(2500);
    // 100 MB went by; while the disk hangs none of it is kept but the current GOP.
    expect(run.status().queuedBytes).toBe(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    disk.go();
    await until("it is live again", () => {
      run.live.frames(5);
      return run.status().state === "live";
    });
    run.live.frames(10);
    const { outcome } = await run.finish();
    expect(outcome.code).toBe(3);
    expect(run.recording.names).toEqual(["show-1.flv", "show-2.flv"]);
    for (const name of run.recording.names) expect(run.recording.text(name)).toStartWith("V0 A0 K0");
  });

  test("at the end does not hold an aborted job", async () => {
    const disk = brake();
    const run = await start(disk.fault);
    run.live.frames(25);
    await until("it records", () => run.recording.names.length === 1);
    disk.stop();
    run.live.frames(25);
    run.job.abort();
    await run.job.done;
    disk.go();
  });

  test.concurrent.each([
    ["comes back, the file is finished", true],
    ["does not come back, that is an error", false],
  ])("while a file is finished is waited for at the end of the job: when it %s", async (_what, comesBack) => {
    const disk = brake();
    const recording = new TestRecording({}, { disk: faultyDisk(disk.fault) });
    const host = new SinkHost();
    const over = host.run(recording.sink).catch((error: unknown) => error);
    host.feed("V1 A1 K0 a0 f40");
    await until("it records", () => host.lives === 1 && recording.sink.bytesOut > 0);
    disk.stop();
    host.end();
    host.abort();
    // The session is over: what it left to the disk is the job's affair.
    expect(await over).toBeInstanceOf(DiskError);
    const abort = new AbortController();
    const closed = recording.sink.close!({ hurry: AbortSignal.abort(), abort: abort.signal });
    if (comesBack) disk.go();
    else abort.abort();
    const error = await closed.catch((reason: unknown) => reason);
    expect(error).toEqual(comesBack ? undefined : expect.any(DiskError));
    expect(recording.names).toEqual([comesBack ? "show-1.flv" : "show-1.flv.part"]);
    expect(host.files).toHaveLength(comesBack ? 1 : 0);
    disk.go();
  });
});

test("stdout whose reader does not read is not called a disk", async () => {
  const hangs: Fault = ({ name }) => (name === "append" ? new Promise(() => {}) : undefined);
  const queue = { bytes: 64 * 1024 * 1024, ms: Infinity, policy: "fail" } as const;
  const sink = flvFileSink({ name: "stdout", files: undefined, queue, disk: faultyDisk(hangs) });
  const host = new SinkHost();
  const over = host.run(sink).catch((error: unknown) => error);
  host.feed("V1 A1 K0 a0 f40");
  await until("it records", () => host.lives === 1);
  host.end();
  host.abort();
  const error = await over;
  expect(error).toBeInstanceOf(DiskError);
  expect((error as DiskError).message).toBe('Cannot finish "stdout": the reader does not read');
  expect(exitCodeOf(error)).toBe(ExitCode.incomplete);
});

/** Where a tmpfs of 8 MiB is mounted, if that is allowed. */
const MOUNT = join(tmpdir(), `runnel-test-tmpfs-${process.pid}`);

function mount(): boolean {
  mkdirSync(MOUNT, { recursive: true });
  const done = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", MOUNT]).exitCode === 0;
  if (!done) console.log("skipped: a tmpfs cannot be mounted here");
  return done;
}

const mounted = mount();
afterAll(() => {
  if (mounted) Bun.spawnSync(["umount", MOUNT]);
  rmdirSync(MOUNT);
});

describe.skipIf(!mounted)("a small disk", () => {
  async function fill(keep: ConstructorParameters<typeof TestRecording>[0], count: number) {
    for (const name of new Bun.Glob("*").scanSync({ cwd: MOUNT })) rmSync(join(MOUNT, name));
    const segment = { every: 2000, align: "media" } as const;
    const run = await start(() => {}, { segment, ...keep }, MOUNT);
    for (let i = 0; i < count; i++) {
      run.live.frames(10, 20_000);
      await Bun.sleep(5);
    }
    const done = await run.finish();
    for (const name of run.recording.names) {
      if (name.endsWith(".flv")) expect(run.recording.text(name)).toStartWith("V0 A0 K0");
    }
    expect(run.frames()).toBe(count * 10);
    return { ...run, ...done };
  }

  test("that fills up: every file is whole, exit 7", async () => {
    const { recording, outcome } = await fill({}, 60);
    expect(outcome.code).toBe(7);
    expect(outcome.text).toMatch(/the disk is full/);
    expect(recording.names.length).toBeGreaterThan(5);
    expect(recording.names.filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("with --keep-free goes on and on", async () => {
    const keep = { ageMs: undefined, bytes: undefined, freeBytes: 2 * 1024 * 1024 };
    const { report, outcome } = await fill({ keep }, 100);
    expect([outcome.code, report.gaps.count]).toEqual([0, 0]);
    expect(report.files.length).toBeGreaterThan(15);
    expect(report.files.reduce((sum, file) => sum + file.ms, 0)).toBeGreaterThanOrEqual(1000 * 40 - 40);
  });
});

test("a session that failed is not waited for by a later abort", async () => {
  const fault: Fault = ({ name }) => {
    if (name === "open") throw systemError("ENOSPC");
  };
  const host = new SinkHost();
  const done = host.run(new TestRecording({}, { disk: faultyDisk(fault) }).sink);
  host.feed("V1 A1 K0 a0 f40");
  expect(await done.catch((error: unknown) => error)).toBeInstanceOf(DiskError);
  using timers = spyOn(globalThis, "setTimeout");
  host.abort();
  await Promise.resolve();
  await Promise.resolve();
  expect(timers).not.toHaveBeenCalled();
});
