/** Recipes with the compiled program: checking them, and what pull, push and relay make of them. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFlvFile } from "../support/flv-compare.ts";
import { freePort } from "../support/ports.ts";
import type { Finished } from "../support/process.ts";
import { serveRtmp } from "../support/rtmp-server.ts";
import {
  events,
  expectExit,
  expectLastLine,
  expectNoSecret,
  lastLine,
  runnel,
  startRunnel,
} from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const ROOT = join(import.meta.dir, "../..");
const RECIPES = ["demo", "mirror", "nightly", "obs-to-three", "pi-camera"].map((name) =>
  join(ROOT, `recipes/${name}.yaml`),
);
const KEYS = {
  CAM_TOKEN: "camera-secret",
  OBS_KEY: "obs-secret",
  TWITCH_KEY: "twitch-secret",
  YOUTUBE_KEY: "youtube-secret",
  BACKUP_KEY: "backup-secret",
};

const stdout = (result: Finished): string => Buffer.from(result.stdout).toString();

/** A folder with this recipe in it, and the recipe's name. */
function folderWith(recipe: string, name = "r.yaml"): string {
  const folder = scratch("recipe");
  writeFileSync(join(folder, name), recipe);
  return folder;
}

describe("check", () => {
  test("says what the recipes will do", async () => {
    const result = await runnel(["check", ...RECIPES, "--next", "2", "--resolved"], { env: KEYS });
    expectExit(result, 0);
    expect(lastLine(result)).toBe("8 jobs in 5 recipes: nothing is wrong");
    expect(stdout(result)).toMatch(
      /nightly\.yaml: porch \(pull\) rtmp:\/\/cam\.lan\/live\/porch\?\*\*\* -> /,
    );
    expect(stdout(result).match(/^ {2}next (Mon|Tue|Wed|Thu|Fri) .* 23:00:00 GMT\+0[12]:00/gm)).toHaveLength(
      2,
    );
    expect(stdout(result)).toMatch(/^ {2}record\.segment\.every +30m +\S+nightly\.yaml:\d+:\d+$/m);
    expect(stdout(result)).toMatch(/^ {2}from\.stall +15s +default$/m);
    expectNoSecret(result, ...Object.values(KEYS));
  });

  test("says the rules of a job as --dry-run does", async () => {
    const folder = folderWith(`version: 1
jobs:
  porch:
    from: rtmp://127.0.0.1:1/live/porch
    for: 2h
    record:
      path: "{job}_{date}_{time}.flv"
      segment: { every: 30m, align: clock }
      keep: { age: 14d }
`);
    const rules = /\n {2}for: 2h\n {2}segment: 30m, on the clock\n {2}keep: for 14d\n/;
    for (const command of [
      ["check", "r.yaml"],
      ["pull", "r.yaml", "--dry-run"],
    ]) {
      const result = await runnel(command, { cwd: folder });
      expectExit(result, 0);
      expect(stdout(result)).toMatch(rules);
    }
  });

  test("says all that is wrong, and starts nothing", async () => {
    const cwd = folderWith(
      "version: 1\njobs:\n  a:\n    from: { url: rtmp://h/live/x, wait: 15 }\n    recrod: x.flv\n",
    );
    const result = await runnel(["check", "r.yaml"], { cwd });
    expectExit(result, 2);
    expect(stdout(result)).toBe("");
    expect(result.stderr).toBe(`r.yaml:4:41  15 has no unit — write 15s or 15m
    4 |     from: { url: rtmp://h/live/x, wait: 15 }
      |                                         ^^
r.yaml:5:5  unknown key "recrod" in jobs.a — did you mean "record"?
    5 |     recrod: x.flv
      |     ^^^^^^
2 errors. Nothing was started.
`);
  });

  test("names variables that are not set, and files that are not there", async () => {
    const cwd = folderWith(
      'version: 1\njobs:\n  a: { from: show.flv, to: { own: { url: rtmp://h/a, key: "${THE_KEY}" } } }\n',
    );
    const result = await runnel(["check", "r.yaml", "none.yaml"], { cwd });
    expectExit(result, 2);
    expect(result.stderr).toContain("r.yaml:3:60  ${THE_KEY} is not set — set it in the environment");
    expect(result.stderr).toContain("none.yaml:1:1  the recipe cannot be read: there is no such file");
    expectLastLine(result, /^2 errors\. Nothing was started\.$/);
    const set = await runnel(["check", "r.yaml"], { cwd, env: { THE_KEY: "the-secret" } });
    expectExit(set, 2);
    expect(set.stderr).toContain(
      'r.yaml:3:14  there is no file "show.flv" — the path begins where runnel is started',
    );
    expectNoSecret(set, "the-secret");
  });

  test("reads what a recipe extends, and keys from files and credentials, beside it", async () => {
    const folder = scratch("recipe");
    mkdirSync(join(folder, "conf/cred"), { recursive: true });
    writeFileSync(join(folder, "conf/base.yaml"), "version: 1\ndefaults: { to: { required: false } }\n");
    writeFileSync(join(folder, "conf/one.key"), "first-secret\n");
    writeFileSync(join(folder, "conf/cred/two"), "second-secret\n");
    writeFileSync(
      join(folder, "conf/r.yaml"),
      'extends: base.yaml\njobs:\n  a:\n    from: rtmp://h/live/x\n    to:\n      one: { url: rtmp://h/a, key: "${file:one.key}" }\n      two: { url: rtmp://h/a, key: "${cred:two}" }\n',
    );
    const env = { CREDENTIALS_DIRECTORY: join(folder, "conf/cred") };
    const result = await runnel(["check", "conf/r.yaml", "--resolved"], { cwd: folder, env });
    expectExit(result, 0);
    expect(stdout(result)).toMatch(/to\.two\.required +false +conf\/base\.yaml:2:29/);
    expectNoSecret(result, "first-secret", "second-secret");
  });

  test("tells programs the same as JSON", async () => {
    const cwd = folderWith(
      'version: 1\njobs:\n  a: { from: rtmp://h/live/x, record: x.flv, schedule: "0 0 29 2 *" }\n',
    );
    const good = await runnel(["check", "r.yaml", "--json", "--next", "1", "--resolved"], {
      cwd,
      env: { RUNNEL_STALL: "3s" },
    });
    expectExit(good, 0);
    const [job] = events(good);
    expect(job).toMatchObject({
      event: "job",
      job: "a",
      verb: "pull",
      next: [expect.stringMatching(/^20\d\d-02-2[89]T/)],
    });
    expect(job?.["resolved"]).toContainEqual({ key: "from.stall", value: "3s", from: "RUNNEL_STALL" });
    writeFileSync(join(cwd, "r.yaml"), "version: 2\njobs: {}\n");
    const bad = await runnel(["check", "r.yaml", "--json"], { cwd });
    expectExit(bad, 2);
    expect(events(bad)).toEqual([
      expect.objectContaining({ event: "problem", file: "r.yaml", line: 1, column: 10 }),
    ]);
  });

  test("--probe goes to every server, and no further than connect", async () => {
    const asked: string[] = [];
    const note = (what: string) => (): void => void asked.push(what);
    using server = serveRtmp({ opened: note("opened"), publish: note("publish"), play: note("play") });
    const nobody = await freePort();
    const recipe = (required: boolean): string => `version: 1
jobs:
  a:
    from: rtmp://127.0.0.1:${server.port}/live/x
    record: out/x.flv
    to:
      good: { url: rtmp://127.0.0.1:${server.port}/live, key: good-secret }
      gone: { url: rtmp://127.0.0.1:${nobody}/live, key: gone-secret, required: ${required} }
  b: { from: { listen: "127.0.0.1:${nobody}" }, record: "-" }
`;
    const cwd = folderWith(recipe(false));
    const result = await runnel(["check", "r.yaml", "--probe"], { cwd });
    expectExit(result, 0);
    expect(stdout(result)).toMatch(
      /^ {2}ok {3}source: rtmp:.*: connected in .*; the stream was not asked for$/m,
    );
    expect(stdout(result)).toMatch(/^ {2}ok {3}record: out\/x\.flv: can be written, .* free$/m);
    expect(stdout(result)).toMatch(/^ {2}ok {3}good: .*: connected in .*; the stream key was not tried$/m);
    expect(stdout(result)).toMatch(/^ {2}fail gone \(not required\): .*connection refused/m);
    expect(stdout(result)).toMatch(/^ {2}ok {3}source: .*: the address is free$/m);
    expect(asked).toEqual(["opened", "opened"]);
    expect(existsSync(join(cwd, "out"))).toBe(false);
    writeFileSync(join(cwd, "r.yaml"), recipe(true));
    const failed = await runnel(["check", "r.yaml", "--probe"], { cwd });
    expectExit(failed, 6);
    expectLastLine(failed, /connection refused/);
    expectNoSecret(failed, "good-secret", "gone-secret");
  });

  test.each([
    [["check"], "check needs a recipe"],
    [["check", "r.yaml", "--next", "0"], '--next: "0" is no number of runs'],
    [["check", "r.yaml", "--job", "nope"], 'there is no job "nope" in r.yaml'],
    [["check", "r.yaml", "--to", "x"], "--to is a flag of"],
  ])("%p is refused", async (args, said) => {
    const cwd = folderWith("version: 1\njobs:\n  a: { from: rtmp://h/live/x, record: x.flv }\n");
    const result = await runnel(args, { cwd });
    expectExit(result, 2);
    expect(result.stderr).toContain(said);
  });
});

test("schema prints the schema that is committed", async () => {
  const result = await runnel(["schema"]);
  expectExit(result, 0);
  expect(stdout(result)).toBe(readFileSync(join(ROOT, "recipes/recipe.schema.json"), "utf8"));
});

describe("a recipe where SOURCE stands", () => {
  /** The demo on ports that are free, in a folder of its own, for a few seconds. */
  async function demo(): Promise<string> {
    const text = readFileSync(join(ROOT, "recipes/demo.yaml"), "utf8");
    const [first, second] = [await freePort(), await freePort()];
    return folderWith(
      text.replaceAll("21935", String(first)).replaceAll("21936", String(second)),
      "demo.yaml",
    );
  }

  test("runs its jobs of that kind, and flags beside it win", async () => {
    const cwd = await demo();
    await using pull = await startRunnel(["pull", "demo.yaml", "--for", "2s"], {
      cwd,
      env: { XDG_RUNTIME_DIR: cwd },
    });
    await using relay = await startRunnel(["relay", "demo.yaml", "--for", "2s", "-o", "mine-{job}.flv"], {
      cwd,
      env: { XDG_RUNTIME_DIR: cwd },
    });
    await pull.says("rtmp://127.0.0.1");
    await relay.says("rtmp://127.0.0.1");
    await using push = await startRunnel(["push", "demo.yaml"], {
      cwd,
      env: { RUNNEL_FOR: "4s", XDG_RUNTIME_DIR: cwd },
    });
    const results = await Promise.all([pull.finished, relay.finished, push.finished]);
    expectExit(results[0], 0, 3);
    expectExit(results[1], 0);
    expect(results[0].stderr).toContain('"studio" is a job for relay; runnel relay demo.yaml --job studio');
    const archive = await readFlvFile(join(cwd, "demo-archive.flv"));
    const studio = await readFlvFile(join(cwd, "mine-studio.flv"));
    expect(archive.filter((tag) => tag.kind === "video").length).toBeGreaterThan(20);
    expect(studio.filter((tag) => tag.kind === "video").length).toBeGreaterThan(20);
    expect(existsSync(join(cwd, "demo-studio.flv"))).toBe(false);
  });

  test("runs several jobs side by side", async () => {
    const job = (name: string): string =>
      `  ${name}: { from: "testcard:", record: "${name}.flv", for: 1s }\n`;
    const cwd = folderWith(`version: 1\njobs:\n${job("a")}${job("b")}`);
    const result = await runnel(["push", "r.yaml"], { cwd, env: { XDG_RUNTIME_DIR: cwd } });
    expectExit(result, 0);
    expect(lastLine(result)).toContain("2 jobs");
    expect([existsSync(join(cwd, "a.flv")), existsSync(join(cwd, "b.flv"))]).toEqual([true, true]);
  });

  test("reads nothing from stdin and needs no terminal", async () => {
    const cwd = folderWith('version: 1\njobs:\n  a: { from: "testcard:", record: "{job}.flv", for: 1s }\n');
    const result = await runnel(["push", "r.yaml", "-q"], {
      cwd,
      env: { XDG_RUNTIME_DIR: cwd },
      stdin: "pipe",
      timeout: 10_000,
    });
    expectExit(result, 0);
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  const CARD =
    'version: 1\njobs:\n  a: { from: "testcard:", record: a.flv, for: 1s }\n  b: { from: rtmp://h/live/x, record: b.flv }\n';
  test.each([
    [["relay", "r.yaml"], '"a" is a job for push; runnel push r.yaml --job a'],
    [["pull", "r.yaml", "--job", "a"], '"a" is a job for push; runnel push r.yaml --job a'],
    [["push", "r.yaml", "--job", "c"], 'there is no job "c" in r.yaml'],
    [["push", "r.yaml", "-k", "x"], "--key cannot stand beside a recipe; write it into the recipe"],
    [["push", "r.yaml", "rtmp://h/a/k"], "a recipe stands alone"],
    [["push", "r.yaml", "--for", "1"], '--for  "1" has no unit — write 1s for seconds or 1m for minutes'],
    [["push", "none.yaml"], "none.yaml:1:1  the recipe cannot be read: there is no such file"],
  ])("%p is refused", async (args, said) => {
    const result = await runnel(args, { cwd: folderWith(CARD) });
    expectExit(result, 2);
    expect(result.stderr).toContain(said);
  });
});

test("--print-recipe prints a recipe that check takes", async () => {
  const cwd = scratch("recipe");
  const line = [
    "relay",
    "rtmp://h/live/x?t=typed-secret",
    "-t",
    "own=rtmp://h/a",
    "-k",
    "own=env:THE_KEY",
    "--for",
    "2h",
  ];
  const printed = await runnel([...line, "--print-recipe"], { cwd, env: { THE_KEY: "key-secret" } });
  expectExit(printed, 0);
  expectNoSecret(printed, "typed-secret", "key-secret");
  writeFileSync(join(cwd, "r.yaml"), printed.stdout);
  const checked = await runnel(["check", "r.yaml"], {
    cwd,
    env: { THE_KEY: "key-secret", SOURCE_QUERY: "t=x" },
  });
  expectExit(checked, 0);
  expect(stdout(checked)).toContain("r.yaml: x (relay) rtmp://h/live/x?*** -> own rtmp://h/a/***");
});
