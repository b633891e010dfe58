/**
 * Retention: which finished files go, and that nothing else does. The second half tries hard to make it delete a
 * stranger's file.
 */
import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { namePattern } from "../../../src/pipeline/name-pattern.ts";
import { realDisk } from "../../../src/pipeline/sinks/disk.ts";
import { Retention, type KeepRule } from "../../../src/pipeline/sinks/retention.ts";
import { until } from "../../support/ports.ts";
import { MORNING, TestRecording } from "../../support/recordings.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

const HOUR = 3_600_000;
const NONE: KeepRule = { ageMs: undefined, bytes: undefined, freeBytes: undefined };
const FIELDS = { job: "porch", app: "live", stream: "cam" };
/** Everything must go. */
const NOTHING: KeepRule = { ...NONE, bytes: 1 };

/** Writes files of `size` bytes that were last written to this many hours ago. */
function put(folder: string, files: Record<string, number>, size = 1000): void {
  for (const [name, hours] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "x".repeat(size));
    const seconds = (MORNING - hours * HOUR) / 1000;
    utimesSync(path, seconds, seconds);
  }
}

const namesIn = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort();

function prune(folder: string, template: string, keep: KeepRule, free = () => 0): Promise<string[]> {
  const disk = { ...realDisk, free: async () => free() };
  const pattern = namePattern(join(folder, template), FIELDS);
  return new Retention({ disk, pattern, keep, now: () => MORNING }).apply();
}

test("each deletion is told with its size and the rule that asked for it", async () => {
  const folder = scratch("keep");
  put(folder, { "2026-03-01.flv": 96, "2026-03-02.flv": 72, "2026-03-03.flv": 48, "2026-03-04.flv": 24 });
  const told: unknown[] = [];
  const pattern = namePattern(join(folder, "%Y-%m-%d.flv"), FIELDS);
  const keep = { ageMs: 90 * HOUR, bytes: 2999, freeBytes: 1 };
  const disk = { ...realDisk, free: async () => (told.length < 3 ? 0 : 1) };
  const onDeleted = (file: unknown): void => void told.push(file);
  await new Retention({ disk, pattern, keep, now: () => MORNING, onDeleted }).apply();
  const row = (day: number, why: string) => ({ path: join(folder, `2026-03-0${day}.flv`), bytes: 1000, why });
  expect(told).toEqual([row(1, "age"), row(2, "size"), row(3, "free")]);
});

describe("goes", () => {
  const FILES = { "2026-03-01.flv": 96, "2026-03-02.flv": 72, "2026-03-03.flv": 48, "2026-03-04.flv": 24 };

  test.each([
    ["what is older", { ageMs: 50 * HOUR }, ["2026-03-03.flv", "2026-03-04.flv"]],
    ["nothing that is not", { ageMs: 97 * HOUR }, Object.keys(FILES)],
    ["the oldest until the rest is small enough", { bytes: 2999 }, ["2026-03-03.flv", "2026-03-04.flv"]],
    ["nothing that fits", { bytes: 4000 }, Object.keys(FILES)],
    ["what either rule gives away", { ageMs: 90 * HOUR, bytes: 1500 }, ["2026-03-04.flv"]],
  ])("%s", async (_name, keep, expected) => {
    const folder = scratch("keep");
    put(folder, FILES);
    await prune(folder, "%Y-%m-%d.flv", { ...NONE, ...keep });
    expect(namesIn(folder)).toEqual(expected);
  });

  test("the oldest until the disk has enough room", async () => {
    const folder = scratch("keep");
    put(folder, FILES);
    const free = () => 5000 - 1000 * namesIn(folder).length;
    await prune(folder, "%Y-%m-%d.flv", { ...NONE, freeBytes: 3000 }, free);
    expect(namesIn(folder)).toEqual(["2026-03-03.flv", "2026-03-04.flv"]);
  });

  test("every folder that becomes empty, but not the recording's own", async () => {
    const folder = scratch("keep");
    put(folder, {
      "r/porch/2026-03-01/1/08.flv": 9,
      "r/porch/2026-03-02/1/08.flv": 8,
      "r/porch/2026-03-02/1/mine": 7,
    });
    await prune(folder, "r/{job}/%Y-%m-%d/{n}/%H.flv", NOTHING);
    expect(namesIn(join(folder, "r/porch"))).toEqual(["2026-03-02", "2026-03-02/1", "2026-03-02/1/mine"]);
    put(folder, { "s/porch/2026-03-01/08.flv": 9 });
    await prune(folder, "s/{job}/%Y-%m-%d/%H.flv", NOTHING);
    expect(namesIn(join(folder, "s"))).toEqual(["porch"]);
  });

  test("what is open counts, and stays", async () => {
    const folder = scratch("keep");
    put(folder, { "1.flv": 3, "2.flv": 2, "3.flv.part": 99 });
    await prune(folder, "{n}.flv", { ...NONE, bytes: 2500 });
    expect(namesIn(folder)).toEqual(["2.flv", "3.flv.part"]);
  });

  test("a series of numbers, and what says that it is one", async () => {
    const folder = scratch("keep");
    const recording = new TestRecording({ name: "show.flv" });
    for (let i = 0; i < 5; i++) await recording.record("V1 K0", { more: true });
    expect(recording.names).toEqual(["show-2.flv", "show-3.flv", "show-4.flv", "show-5.flv", "show.flv"]);
    for (const name of ["show-3.flv", "show-5.flv"]) {
      renameSync(join(recording.folder, name), join(folder, name));
    }
    put(folder, { "show-4.flv": 5, "show.flv": 5 });
    await prune(folder, "show.flv", NOTHING);
    // 3 and 5 were made for "show.flv"; 4 may be anybody's, and nothing leads to it.
    expect(namesIn(folder)).toEqual(["show-4.flv"]);
  });
});

describe("a recording with rules", () => {
  test("applies them when a file is finished, to those of earlier runs too", async () => {
    const recording = new TestRecording({ name: "{n}.flv", keep: { ...NONE, ageMs: 30 * HOUR } });
    put(recording.folder, { "7.flv": 31, "8.flv": 29 });
    recording.wall = Date.now();
    for (const [name, hours] of [
      ["7.flv", 31],
      ["8.flv", 29],
    ] as const) {
      const seconds = (recording.wall - hours * HOUR) / 1000;
      utimesSync(join(recording.folder, name), seconds, seconds);
    }
    await recording.record("V1 K0");
    expect(recording.names).toEqual(["1.flv", "8.flv"]);
  });

  test("never deletes the file that is open, whatever they say", async () => {
    const recording = new TestRecording({
      name: "{n}.flv",
      segment: { every: 1000, align: "media" },
      keep: { ...NONE, bytes: 1 },
    });
    const host = new SinkHost();
    const run = host.run(recording.sink);
    for (let i = 0; i < 5; i++) {
      host.feed(`K${i * 1000} f${i * 1000 + 500}`);
      await until("it is open", () => recording.names.includes(`${i + 1}.flv.part`));
    }
    host.end();
    await run;
    await recording.close();
    expect(host.files).toHaveLength(5);
    expect(recording.names).toEqual([]);
    expect(host.notices).toEqual([]);
  });
});

describe("a stranger's file stays:", () => {
  const STRANGERS: Record<string, string[]> = {
    "cam_%Y-%m-%d_%H-%M-%S.flv": [
      "cam_2026-03-01_08-00-00.flv.bak",
      "cam_2026-03-01_08-00-00.flv.part",
      "cam_2026-03-01_08-00-00.flv~",
      "cam_2026-03-01_08-00-00.mp4",
      "cam_2026-03-01_08-00-00 (1).flv",
      "cam_2026-03-01_08-00-00-copy.flv",
      "cam_2026-03-01_08-00-00-9.flv",
      "cam_2026-03-01_08-00-00-1.flv",
      "cam_2026-03-01_08-00-00-02.flv",
      "cam_2026-03-01_08-00.flv",
      "cam_2026-3-1_08-00-00.flv",
      "cam_2026-02-30_08-00-00.flv",
      "cam_2026-03-01_25-00-00.flv",
      "Cam_2026-03-01_08-00-00.flv",
      "acam_2026-03-01_08-00-00.flv",
      "cam2_2026-03-01_08-00-00.flv",
      ".cam_2026-03-01_08-00-00.flv",
      "cam_2026-03-01_08-00-00.flv/inside.flv",
      "sub/cam_2026-03-01_08-00-00.flv",
      "cam_٢٠٢٦-03-01_08-00-00.flv",
      "cam_2026-03-01_08-00-00.flv\n",
    ],
    "{job}/%Y-%m-%d/%H-%M-%S.flv": [
      "garage/2026-03-01/08-00-00.flv",
      "porch2/2026-03-01/08-00-00.flv",
      "porch/08-00-00.flv",
      "porch/2026-03-01/x/08-00-00.flv",
      "porch/2026-03-01-old/08-00-00.flv",
      "porch/holiday/08-00-00.flv",
      "porch/2026-03-01/08-00-00",
      "08-00-00.flv",
    ],
    "{date}/{date}_{time}.flv": ["2026-03-01/2026-03-02_08-00-00.flv", "2026-03-01/2026-03-01-08-00-00.flv"],
    "cam-%Y-%m-%d.flv": ["cam-2026-03-01-14.flv", "cam-2026-03-01-12.flv", "cam-2026-03-01-13.flv"],
    "show.flv": ["show-2.flv", "show-final.flv", "show.flv.flv", "myshow.flv", "show-2/show.flv", "Show.flv"],
  };

  test.each(Object.keys(STRANGERS))("%s", async (template) => {
    const folder = scratch("strangers");
    put(folder, Object.fromEntries(STRANGERS[template]!.map((name) => [name, 9999])));
    const before = namesIn(folder);
    expect(await prune(folder, template, { ageMs: 1, bytes: 1, freeBytes: 1e15 })).toEqual([]);
    expect(namesIn(folder)).toEqual(before);
  });

  test("behind a link, be it a file's or a folder's", async () => {
    const [folder, elsewhere] = [scratch("links"), scratch("elsewhere")];
    put(elsewhere, { "2026-03-01/08.flv": 99, "09.flv": 99, "porch/2026-03-01/10.flv": 99 });
    mkdirSync(join(folder, "porch/2026-03-02"), { recursive: true });
    symlinkSync(join(elsewhere, "2026-03-01"), join(folder, "porch/2026-03-01"));
    symlinkSync(join(elsewhere, "09.flv"), join(folder, "porch/2026-03-02/09.flv"));
    const [before, there] = [namesIn(folder), namesIn(elsewhere)];
    await prune(folder, "{job}/%Y-%m-%d/%H.flv", NOTHING);
    expect([namesIn(folder), namesIn(elsewhere)]).toEqual([before, there]);
  });

  test("above the recording's folder, though the template says ..", async () => {
    const folder = scratch("above");
    put(folder, { "2026.flv": 99, "in/2025.flv": 99 });
    await prune(join(folder, "in"), "{stream}/../%Y.flv", NOTHING);
    expect(namesIn(folder)).toEqual(["2026.flv", "in"]);
  });

  test("that took the place of one of ours a moment ago", async () => {
    const folder = scratch("swap");
    put(folder, { "2025.flv": 9, "2026.flv": 8 });
    const disk = {
      ...realDisk,
      free: async () => {
        put(folder, { mine: 1 });
        renameSync(join(folder, "mine"), join(folder, "2025.flv"));
        return 0;
      },
    };
    const pattern = namePattern(join(folder, "%Y.flv"), FIELDS);
    const keep = { ...NONE, freeBytes: 1 };
    await new Retention({ disk, pattern, keep, now: () => MORNING }).apply();
    expect(existsSync(join(folder, "2025.flv"))).toBe(true);
  });
});
