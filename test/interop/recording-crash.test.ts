/**
 * Recordings and what befalls the program and its disk: a kill at any moment leaves a file that plays nearly to that
 * moment and that the next run finishes; a disk that is full ends no job by itself.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFlvFile, readFlv, mediaOf } from "../support/flv-compare.ts";
import { decodingErrors, QUIET_FFMPEG, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { until } from "../support/ports.ts";
import { run } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { claim } from "../support/recordings.ts";
import { events, expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** The time of the last packet that ffmpeg finds in a file, in ms. */
async function lastTime(path: string): Promise<number> {
  const entries = ["-show_entries", "packet=dts_time", "-of", "csv=p=0"];
  const { stdout } = await run(["ffprobe", "-v", "error", ...entries, path]);
  const times = Buffer.from(stdout)
    .toString()
    .split("\n")
    .map(Number)
    .filter((time) => !Number.isNaN(time));
  return 1000 * Math.max(0, ...times);
}

describe.skipIf(!needs("ffmpeg"))("kill -9", () => {
  /** Records a show in a loop, kills the program after `ms` of it, and looks at what there is. */
  async function killAfter(ms: number): Promise<void> {
    const dir = scratch();
    const out = join(dir, "show_%H-%M-%S.flv");
    const file = await show({ seconds: 4 });
    await using recorder = await startRunnel(["push", file, "-o", out, "--loop"]);
    const part = await until("it records", () => {
      const name = readdirSync(dir)[0];
      return name !== undefined && statSync(join(dir, name)).size > 0 ? join(dir, name) : undefined;
    });
    const from = performance.now();
    await Bun.sleep(ms);
    await recorder.stop("SIGKILL");
    const length = performance.now() - from;

    expect(part).toEndWith(".part");
    const played = await lastTime(part);
    expect(played).toBeGreaterThan(length - 1000);
    const errors = await run(["ffmpeg", ...QUIET_FFMPEG, "-i", part, "-f", "null", "-"]);
    expect(errors.code).toBe(0);
    // The head is at most a few seconds old.
    if (length > 4500) expect(1000 * Number(claim(part, "duration"))).toBeGreaterThan(length - 4500);

    const next = await runnel(["push", file, "-o", out, "--no-realtime", "--json"]);
    expectExit(next, 0);
    const finished = part.replace(/\.part$/, "");
    expect(events(next).find((event) => event["event"] === "recovered")).toMatchObject({ path: finished });
    expect(readdirSync(dir).filter((name) => name.endsWith(".part"))).toEqual([]);
    expect(await decodingErrors(finished)).toBe("");
    expect(Number(claim(finished, "filesize"))).toBe(statSync(finished).size);
    expect(1000 * Number(claim(finished, "duration"))).toBeGreaterThan(length - 1000);
    expect((await readFlvFile(finished)).length).toBeGreaterThan(5);
  }

  test("at ten moments leaves a file that plays, and that the next run finishes", async () => {
    await show({ seconds: 4 });
    const moments = Array.from({ length: 10 }, (_, i) => 100 + i * 700 + Math.random() * 600);
    for (let i = 0; i < moments.length; i += 5) await Promise.all(moments.slice(i, i + 5).map(killAfter));
  });
});

/** Where a tmpfs of 16 MiB is mounted, if that is allowed. */
const MOUNT = join(tmpdir(), `runnel-test-disk-${process.pid}`);

function mount(): boolean {
  mkdirSync(MOUNT, { recursive: true });
  const done = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", MOUNT]).exitCode === 0;
  if (!done) console.log("skipped: a tmpfs cannot be mounted here");
  return done;
}

const mounted = mount();
afterAll(() => {
  if (mounted) Bun.spawnSync(["umount", MOUNT]);
  rmdirSync(MOUNT);
});

describe.skipIf(!mounted || !needs("ffmpeg", "nginx-rtmp"))("a full disk", () => {
  const tidyMount = (): void => {
    for (const name of readdirSync(MOUNT)) rmSync(join(MOUNT, name));
  };
  const wholeFiles = async (): Promise<string[]> => {
    const names = readdirSync(MOUNT).filter((name) => name.endsWith(".flv"));
    for (const name of names) expect(await decodingErrors(join(MOUNT, name))).toBe("");
    return names;
  };

  test("ends a recording with 7, its files whole, and the relay beside it goes on", async () => {
    tidyMount();
    const nginx = await startNginx();
    const file = await show({ seconds: 20, bitrate: "8M" });
    const out = ["-o", join(MOUNT, "show-{n}.flv"), "--segment", "3s"];
    const argv = ["push", file, nginx.url("live", "copy"), ...out, "--no-realtime"];
    const result = await runnel(argv, { timeout: 60_000 });
    expectExit(result, 7);
    expectLastLine(result, /the disk is full/);
    expect((await wholeFiles()).length).toBeGreaterThan(2);
    expect(readdirSync(MOUNT).filter((name) => name.endsWith(".part"))).toEqual([]);
    const copy = mediaOf(await readFlvFile(await nginx.recording("copy"))).filter(
      (tag) => tag.kind === "video",
    );
    const sent = mediaOf(await readFlvFile(file)).filter((tag) => tag.kind === "video");
    expect(copy.map((tag) => tag.hash)).toEqual(sent.map((tag) => tag.hash));
  });

  test("is none where old files may go", async () => {
    tidyMount();
    const file = await show({ seconds: 20, bitrate: "8M" });
    const argv = ["push", file, "-o", join(MOUNT, "show-{n}.flv"), "--segment", "2s", "--keep-free", "6MiB"];
    const result = await runnel([...argv, "--no-realtime", "--json"], { timeout: 60_000 });
    expectExit(result, 0);
    expect(events(result).filter((event) => event["event"] === "segment").length).toBeGreaterThan(8);
    const left = await wholeFiles();
    expect(left).toContain("show-10.flv");
    expect(left).not.toContain("show-1.flv");
  });

  test("that gets room again goes on in a new file", async () => {
    tidyMount();
    const file = await show({ seconds: 20, bitrate: "4M" });
    const ballast = join(MOUNT, "ballast");
    await Bun.write(ballast, new Uint8Array(12 * 1024 * 1024));
    const argv = ["push", file, "-o", join(MOUNT, "show-{n}.flv"), "-o", join(scratch(), "other.flv")];
    await using recorder = await startRunnel([...argv, "--retry-max", "2s"], { timeout: 60_000 });
    await recorder.says(/the disk is full/, 30_000);
    await recorder.says(/recorded .*show-1/);
    rmSync(ballast);
    const result = await recorder.finished;
    expectExit(result, 3);
    expectLastLine(result, /down/);
    expect((await wholeFiles()).sort()).toEqual(["show-1.flv", "show-2.flv"]);
    expect(readFlv(await Bun.file(join(MOUNT, "show-2.flv")).bytes()).length).toBeGreaterThan(20);
  });
});
