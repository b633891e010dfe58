/**
 * Hooks: what is filled in and what is not, failures that are a line in the log, and the bounds in time and number.
 * The commands are real processes.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type HookCommands, Hooks } from "../../src/pipeline/hooks.ts";
import { FakeSink, makePlan, runFakeJob, scriptedSource } from "../support/fake-job.ts";
import { until } from "../support/ports.ts";
import { removeScratch, scratch } from "../support/scratch.ts";

afterAll(removeScratch);

/** Appends its arguments to a file, one line a run. */
const writing = (file: string, ...args: string[]) => ["sh", "-c", `echo "$*" >>${file}`, "sh", ...args];
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
const segment = (path: string, ms = 1500) => ({ event: "segment", path, bytes: 1, ms }) as const;

function makeHooks(commands: HookCommands, limits: { timeout?: number; killAfter?: number } = {}) {
  const notices: string[] = [];
  const hooks = new Hooks(commands, { job: "porch", notice: (text) => notices.push(text), ...limits });
  return { hooks, notices };
}

describe("commands", () => {
  test("get path, job and duration, as they are and once", async () => {
    const file = join(scratch("hooks"), "out");
    const { hooks, notices } = makeHooks({ segment: writing(file, "{job}:{path}", "{duration}", "{other}") });
    const path = "/r/$(touch x) {job}'\".flv";
    hooks.hear(segment(path));
    await hooks.end(0);
    expect(linesOf(file)).toEqual([`porch:${path} 1.5 {other}`]);
    expect(notices).toEqual([]);
  });

  test("run for their event, the end after everything", async () => {
    const file = join(scratch("hooks"), "out");
    const { hooks } = makeHooks({
      start: writing(file, "start"),
      gap: writing(file, "gap", "{duration}"),
      end: writing(file, "end", "{duration}", "{path}"),
    });
    hooks.hear({ event: "start", source: "x", destinations: [] });
    await until("it has run", () => linesOf(file).length === 1);
    hooks.hear({ event: "gap", ms: 2250 });
    await until("it has run", () => linesOf(file).length === 2);
    hooks.hear(segment("/r/a.flv"));
    await hooks.end(60_000);
    expect(linesOf(file)).toEqual(["start", "gap 2.25", "end 60 /r/a.flv"]);
  });

  test("the end begins when all before it are over, those that had to wait too", async () => {
    const folder = scratch("hooks");
    const [file, gate] = [join(folder, "out"), join(folder, "gate")];
    const slow = `while [ ! -e ${gate} ]; do sleep 0.01; done; echo segment >>${file}`;
    const { hooks } = makeHooks({ segment: ["sh", "-c", slow], end: writing(file, "end") });
    for (let i = 0; i < 6; i++) hooks.hear(segment(`${i}.flv`));
    const ended = hooks.end(0);
    // Time for an end that does not wait.
    await Bun.sleep(100);
    await Bun.write(gate, "");
    await ended;
    expect(linesOf(file)).toEqual([...Array(6).fill("segment"), "end"]);
  });

  test("no end begins after an abort", async () => {
    const file = join(scratch("hooks"), "out");
    const { hooks } = makeHooks({ segment: ["sleep", "100"], end: writing(file, "end") });
    hooks.hear(segment("a.flv"));
    const ended = hooks.end(0);
    hooks.abort();
    await ended;
    expect(linesOf(file)).toEqual([]);
  });

  test("also run for what an earlier run had left", async () => {
    const file = join(scratch("hooks"), "out");
    const { hooks } = makeHooks({ segment: writing(file, "{path}") });
    hooks.hear({ event: "recovered", path: "/r/old.flv", bytes: 1, ms: 1 });
    await hooks.end(0);
    expect(linesOf(file)).toEqual(["/r/old.flv"]);
  });
});

describe("a failure is a line in the log:", () => {
  test.each([
    [["sh", "-c", "exit 3"], "the end command sh ended with 3"],
    [["sh", "-c", "echo one >&2; echo 'no space' >&2; exit 1"], "the end command sh ended with 1: no space"],
    [["sh", "-c", "kill -9 $$"], "the end command sh ended with SIGKILL"],
  ])("%p", async (command, notice) => {
    const { hooks, notices } = makeHooks({ end: command });
    await hooks.end(0);
    expect(notices).toEqual([notice]);
  });

  test("a program that is not there", async () => {
    const { hooks, notices } = makeHooks({ end: ["/nowhere/upload.sh"] });
    await hooks.end(0);
    expect(notices[0]).toStartWith("the end command /nowhere/upload.sh cannot be run:");
  });
});

describe("bounds", () => {
  test("a command that takes too long is ended, and killed if it does not end, with all that it started", async () => {
    const file = join(scratch("hooks"), "pids");
    const deaf = `trap '' TERM; echo $$ >>${file}; sleep 100 & echo $! >>${file}; wait; sleep 100`;
    const { hooks, notices } = makeHooks({ end: ["sh", "-c", deaf] }, { timeout: 100, killAfter: 100 });
    await hooks.end(0);
    expect(notices).toEqual(["the end command sh was stopped after 0.1s"]);
    for (const pid of linesOf(file)) await until("it is gone", () => isGone(pid));
  });

  test("four at once, a hundred wait, the rest is left out and said so", async () => {
    const folder = scratch("hooks");
    const gate = join(folder, "gate");
    const file = join(folder, "out");
    const wait = `echo begun >>${file}; while [ ! -e ${gate} ]; do sleep 0.01; done`;
    const { hooks, notices } = makeHooks({ segment: ["sh", "-c", wait] });
    for (let i = 0; i < 106; i++) hooks.hear(segment(`${i}.flv`));
    await until("four run", () => linesOf(file).length === 4);
    await Bun.sleep(50);
    expect(linesOf(file)).toHaveLength(4);
    expect(notices).toEqual(Array(2).fill("the segment command is left out: 100 others wait"));
    await Bun.write(gate, "");
    await hooks.end(0);
    expect(linesOf(file)).toHaveLength(104);
  });

  test("an abort ends those that run and forgets those that wait", async () => {
    const { hooks, notices } = makeHooks({ segment: ["sleep", "100"] });
    for (let i = 0; i < 10; i++) hooks.hear(segment(`${i}.flv`));
    const ended = hooks.end(0);
    hooks.abort();
    await ended;
    expect(notices).toEqual([]);
  });
});

test("a job runs them and waits for the last", async () => {
  const file = join(scratch("hooks"), "out");
  const source = scriptedSource("played", ({ push }) => {
    push("V1 K0 f40 f80");
    return "the end";
  });
  const hooks = {
    start: writing(file, "start", "{job}"),
    end: ["sh", "-c", `sleep 0.1; echo end >>${file}`],
  };
  const { job } = await runFakeJob(makePlan({ hooks }), source, [new FakeSink("a")]);
  expect(linesOf(file)).toEqual(["start test", "end"]);
  expect(job.of("notice")).toEqual([]);
});

function isGone(pid: string): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
  return stat === "" || stat.includes(") Z ");
}
