/** What is said of a plan's paths before anything starts. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPaths, requireFile } from "../../src/commands/check-paths.ts";
import { probePlan } from "../../src/commands/check-probe.ts";
import { parseArgs } from "../../src/commands/args.ts";
import { flagsOf } from "../../src/commands/flags.ts";
import { readRecipes } from "../../src/commands/recipes.ts";
import { planFromArgs } from "../../src/commands/request.ts";
import { DiskError, UsageError } from "../../src/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "runnel-paths-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "shows"));
writeFileSync(join(folder, "clip.h264"), Uint8Array.of(0, 0, 0, 1, 0x67, 0x42, 0, 30));
writeFileSync(join(folder, "notes.flv"), "no video at all");

const check = (verb: "pull" | "push", ...argv: readonly string[]): void =>
  checkPaths(planFromArgs(verb, parseArgs(argv, flagsOf(verb), {}), { environment: {}, now: new Date() }));

const thrown = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("a recording", () => {
  const pull = (name: string): unknown =>
    thrown(() => check("pull", "rtmp://h/live/cam", join(folder, name)));

  test("under the name of a folder", () => {
    const path = join(folder, "shows");
    expect(pull("shows")).toEqual(
      new UsageError({
        value: path,
        what: "is a folder",
        instead: `write ${path}/{stream}_{date}_{time}.flv`,
      }),
    );
  });

  test("under a name that no file system takes, its letters counted as bytes", () => {
    expect(pull(`${"ü".repeat(123)}.flv`)).toEqual(
      new UsageError("the name of a recording is too long: 250 bytes, 245 at most"),
    );
    expect(pull(`${"x".repeat(241)}.flv`)).toBeUndefined();
  });

  test("under the name of a folder, in a recipe", async () => {
    const path = join(folder, "shows");
    const file = join(folder, "show.yaml");
    writeFileSync(file, `version: 1\njobs:\n  a:\n    from: rtmp://h/live/cam\n    record: "${path}"\n`);
    const { problems } = await readRecipes([file], { environment: {}, given: [], job: undefined });
    expect(problems.map(({ text }) => text)).toEqual([
      `"${path}" is a folder — write ${path}/{stream}_{date}_{time}.flv`,
    ]);
  });

  test.each([
    ["a; b.flv", 'there is no file "a; b.flv" — the path begins where runnel is started'],
    ["a — b: write c.flv", 'there is no file "a — b: write c.flv" — the path begins where runnel is started'],
  ])("from a file %p that is not there, in a recipe", async (name, text) => {
    const file = join(folder, "source.yaml");
    writeFileSync(file, `version: 1\njobs:\n  a:\n    from: "${name}"\n    record: x.flv\n`);
    const { problems } = await readRecipes([file], { environment: {}, given: [], job: undefined });
    expect(problems.map((problem) => problem.text)).toEqual([text]);
  });

  test("below a file", () => {
    expect(pull("notes.flv/a.flv")).toBeInstanceOf(DiskError);
  });

  test("below a file, when it is probed", async () => {
    const path = join(folder, "notes.flv/new/a.flv");
    const argv = ["testcard:", "-o", path];
    const plan = planFromArgs("push", parseArgs(argv, flagsOf("push"), {}), {
      environment: {},
      now: new Date(),
    });
    const results = await probePlan(plan, new AbortController().signal);
    const text = `Cannot record to "${path}": "${join(folder, "notes.flv")}" is no folder`;
    expect(results.map((one) => one.text)).toEqual(["nothing to dial", text]);
  });

  test("in folders that are not there yet", () => {
    expect(pull("shows/{date}/new/a.flv")).toBeUndefined();
  });
});

describe("a file that may not be read", () => {
  const path = join(folder, "secret.flv");
  writeFileSync(path, "FLV", { mode: 0 });
  chmodSync(folder, 0o755);
  const isRoot = process.getuid?.() === 0;
  /** Root may read everything: somebody else looks. */
  const asNobody = (act: () => void): unknown => {
    if (isRoot) process.seteuid!(65_534);
    try {
      return thrown(act);
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  };

  test.each([
    ["push", () => check("push", path, "rtmp://h/live/KEY")],
    ["push of raw video", () => check("push", `h264:${path}`, "rtmp://h/live/KEY")],
    ["probe and repair", () => void requireFile(path)],
  ])("%s", (_name, act) => {
    expect(asNobody(act)).toEqual(new UsageError(`cannot read "${path}": permission denied`));
  });
});

describe("a file that is no FLV", () => {
  const push = (name: string): unknown =>
    thrown(() => check("push", join(folder, name), "rtmp://h/live/KEY"));

  test("raw video", () => {
    const path = join(folder, "clip.h264");
    expect(push("clip.h264")).toEqual(
      new UsageError({
        value: path,
        what: "looks like Annex B video",
        instead: "use h264:FILE for a raw H.264 stream",
      }),
    );
  });

  test("anything", () => {
    const path = join(folder, "notes.flv");
    expect(push("notes.flv")).toEqual(
      new UsageError({
        value: path,
        what: "is no FLV file",
        instead: "if it is a damaged one, runnel repair may mend it",
      }),
    );
  });
});
