/**
 * Several jobs in one process: what their outcomes amount to, and that a mistake of ours in one of them is its own
 * outcome, or at least nobody else's end.
 */
import { describe, expect, test } from "bun:test";
import { createConsola } from "consola/core";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Faces } from "../../src/commands/faces.ts";
import { runJobs, type JobToRun } from "../../src/commands/run-jobs.ts";
import { gravest, narratorOf, summarize } from "../../src/commands/run-plan.ts";
import { Terminal } from "../../src/face/terminal.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import { makePlan } from "../support/fake-job.ts";
import { run } from "../support/process.ts";
import { makeReport } from "../support/reports.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** Faces that keep what they are told. */
function makeFaces() {
  const lines: string[] = [];
  const events: Record<string, unknown>[] = [];
  const last: { text: string; exitCode: number }[] = [];
  const log = createConsola({
    level: 3,
    throttle: 0,
    reporters: [{ log: ({ tag, args }) => void lines.push(`[${tag}] ${args.join(" ")}`) }],
  });
  const faces: Faces = {
    terminal: new Terminal({}, false),
    log,
    quiet: true,
    json: (line) => events.push(JSON.parse(line)),
    lastLine: (text, exitCode) => void last.push({ text, exitCode }),
  };
  return { faces, lines, events, last };
}

function makeJobs(...plans: Partial<Plan>[]): { jobs: JobToRun[]; folder: string } {
  const folder = scratch("jobs");
  const file = join(folder, "a.yaml");
  writeFileSync(file, "");
  const jobs = plans.map((changes) => ({ plan: makePlan(changes), file, schedule: undefined }));
  return { jobs, folder };
}

test("a mistake of ours in one job is that job's outcome", async () => {
  const { faces, lines, events, last } = makeFaces();
  const folder = scratch("out");
  const { jobs } = makeJobs(
    { job: "good", for: 300, sinks: [{ kind: "file", name: "rec", template: join(folder, "good.flv") }] },
    // A plan that no recipe leads to: it listens nowhere.
    { job: "bad", source: { kind: "listen" } },
  );
  expect(await runJobs(jobs, faces, 0)).toBe(1);
  expect(last).toHaveLength(1);
  expect(last[0]!.text).toMatch(/^incomplete: 1 of 2 jobs done; bad: Internal: /);
  expect(lines.find((line) => line.startsWith("[good] done"))).toBeDefined();
  const summaries = events.filter(({ event }) => event === "summary");
  expect(summaries.map(({ job, exitCode }) => [job, exitCode])).toEqual([
    ["bad", 1],
    ["good", 0],
  ]);
  expect(Bun.file(join(folder, "good.flv")).size).toBeGreaterThan(1000);
});

test("a mistake of ours in a callback is said, and nobody else's end", async () => {
  const code = `
    const { guardCrashes } = await import(${JSON.stringify(join(import.meta.dir, "../../src/commands/crash-guard.ts"))});
    let crashes = 0;
    const guard = guardCrashes({ error: (text) => console.log(text.split("\\n")[0]) }, () => crashes++);
    setTimeout(() => { throw new Error("one"); }, 1);
    queueMicrotask(() => { throw new Error("two"); });
    void (async () => { throw new Error("three"); })();
    await Bun.sleep(50);
    guard[Symbol.dispose]();
    console.log(crashes, process.listenerCount("uncaughtException"));`;
  const { code: exit, stdout } = await run([process.execPath, "-e", code]);
  const said = Buffer.from(stdout).toString();
  expect(exit).toBe(0);
  for (const word of ["one", "two", "three"]) expect(said).toContain(`Internal: Error: ${word}`);
  expect(said).toEndWith("3 0\n");
});

test("many that fail are counted, and the first named", async () => {
  const { faces, last } = makeFaces();
  const { jobs } = makeJobs(
    ...Array.from({ length: 5 }, (_, i): Partial<Plan> => ({ job: `j${i}`, source: { kind: "listen" } })),
  );
  await runJobs(jobs, faces, 0);
  expect(last[0]!.text).toMatch(/^incomplete: 0 of 5 jobs done; j0: .*; j1: .*; j2: .*; and 2 more$/);
});

test("the summary for programs says what was recorded, and how much of it is deleted since", () => {
  const { faces, events } = makeFaces();
  const file = { name: "rec", path: "show-3.flv", bytes: 4096, ms: 2000 };
  const report = makeReport({
    mediaMs: 6000,
    files: [file],
    earlierFiles: { count: 2, bytes: 8192 },
    deletedFiles: 2,
  });
  summarize(narratorOf(makePlan(), faces), { code: 0, text: "done" }, faces, report);
  const nothing = { count: 0, bytes: 0 };
  summarize(narratorOf(makePlan(), faces), { code: 4, text: "no stream" }, faces);
  const told = { files: [file], earlierFiles: { count: 2, bytes: 8192 }, deletedFiles: 2, mediaMs: 6000 };
  expect(events).toMatchObject([
    { event: "summary", exitCode: 0, text: "done", ...told },
    { event: "summary", exitCode: 4, files: [], earlierFiles: nothing, deletedFiles: 0, mediaMs: 0 },
  ]);
});

describe("the exit code of several jobs", () => {
  test.each<[number[], number]>([
    [[0, 0], 0],
    [[0, 3], 3],
    [[3, 0, 8], 3],
    [[0, 8], 8],
    [[4, 3], 4],
    [[6, 4], 6],
    [[5, 6], 5],
    [[7, 5, 6], 7],
    [[1, 7], 1],
  ])("%j is %i", (codes, code) => {
    expect(gravest(codes)).toBe(code);
  });
});
