/**
 * Recordings and what befalls the program and its disk: a kill at any moment leaves a file that plays nearly to that
 * moment and that the next run finishes; a disk that is full ends no job by itself.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
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

/** What ffmpeg decodes of a file: up to which time, in ms, and what it complains about. */
async function played(path: string): Promise<{ last: number; complaints: string }> {
  const decode = ["-i", path, "-map", "0", "-f", "framecrc", "-"];
  const { code, stdout, stderr } = await run(["ffmpeg", ...QUIET_FFMPEG, ...decode]);
  expect(code).toBe(0);
  const bases: number[] = [];
  let last = 0;
  for (const line of Buffer.from(stdout).toString().split("\n")) {
    const [, stream, numerator, denominator] = /^#tb (\d+): (\d+)\/(\d+)/.exec(line) ?? [];
    if (stream !== undefined) bases[Number(stream)] = (1000 * Number(numerator)) / Number(denominator);
    const [index, dts] = line.split(",").map(Number);
    if (dts !== undefined && !Number.isNaN(dts)) last = Math.max(last, dts * bases[index!]!);
  }
  return { last, complaints: stderr };
}

/** Whether a file ends with a whole tag. */
function endsWhole(bytes: Buffer): boolean {
  let at = 13;
  while (at + 15 <= bytes.length) at += 15 + bytes.readUIntBE(at + 1, 3);
  return at === bytes.length;
}

describe.skipIf(!needs("ffmpeg"))("kill -9", () => {
  const MOMENTS = 50;
  const AT_ONCE = 10;
  /** The latest moment, and how much of the end may be missing from a file and from its head, in ms. */
  const LATEST = 7500;
  const FEW_SECONDS = 2500;
  const HEAD_AGE = 6000;

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
    const length = performance.now() - from;
    await recorder.stop("SIGKILL");

    expect(part).toEndWith(".part");
    const { last, complaints } = await played(part);
    expect(last).toBeGreaterThan(length - FEW_SECONDS);
    if (endsWhole(readFileSync(part))) expect(complaints).toBe("");
    if (length > HEAD_AGE) {
      expect(1000 * Number(claim(part, "duration"))).toBeGreaterThan(length - HEAD_AGE);
    }

    const next = await runnel(["push", file, "-o", out, "--no-realtime", "--json"]);
    expectExit(next, 0);
    const finished = part.replace(/\.part$/, "");
    expect(events(next).find((event) => event["event"] === "recovered")).toMatchObject({ path: finished });
    expect(readdirSync(dir).filter((name) => name.endsWith(".part"))).toEqual([]);
    const again = await played(finished);
    expect(again.complaints).toBe("");
    expect(again.last).toBeGreaterThan(length - FEW_SECONDS);
    expect(Number(claim(finished, "filesize"))).toBe(statSync(finished).size);
    expect(1000 * Number(claim(finished, "duration"))).toBeGreaterThan(length - FEW_SECONDS);
    // Metadata, two headers, and a frame at the least.
    expect((await readFlvFile(finished)).length).toBeGreaterThan(3);
  }

  test("at fifty moments leaves a file that plays, and that the next run finishes", async () => {
    await show({ seconds: 4 });
    const each = LATEST / MOMENTS;
    const moments = Array.from({ length: MOMENTS }, (_, i) => 20 + (i + Math.random()) * each);
    // Short and long ones side by side, so that all of them end at about the same time.
    const killer = async (first: number): Promise<void> => {
      for (let i = first; i < MOMENTS; i += AT_ONCE) await killAfter(moments[i]!);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => killer(i)));
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
