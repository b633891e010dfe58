/**
 * `runnel run` and recipes where SOURCE stands, as people start them: by hand, from cron (an empty environment, sh -c, no
 * terminal, no stdin), from systemd, twice by mistake. Only the loopback is used.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { cronCommand, startAsCron } from "../support/crontab.ts";
import { lengthOf, readFlvFile } from "../support/flv-compare.ts";
import { freePort, until } from "../support/ports.ts";
import { run, start, type Child } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { events, expectExit, expectLastLine, expectNoSecret, lastLine, runnel } from "../support/runnel.ts";
import { startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const ROOT = join(import.meta.dir, "../..");

/** A folder with a recipe in it, and a place for locks; `jobs` are the lines below `jobs:`. */
function recipe(jobs: string): { folder: string; file: string; options: { cwd: string; env: Environment } } {
  const folder = scratch("run");
  const file = join(folder, "recipe.yaml");
  writeFileSync(file, `version: 1\njobs:\n${jobs}`);
  return { folder, file, options: { cwd: folder, env: { XDG_RUNTIME_DIR: folder } } };
}

type Environment = Record<string, string | undefined>;

const GOOD = "  good: { from: 'testcard:', record: good.flv, for: 2s }\n";
const ENDLESS = "  card: { from: 'testcard:', record: card.flv }\n";
const NEW_YEAR = "{ cron: '0 0 1 1 *', for: 1h, tz: UTC }";

async function broken(name = "broken"): Promise<string> {
  const source = `rtmp://127.0.0.1:${await freePort()}/live/x`;
  return `  ${name}: { from: "${source}", record: ${name}.flv, retry: { min: 50ms, max: 100ms } }\n`;
}

test("RUNNEL_FOR wins over a recipe, with run and pull alike", async () => {
  const port = await freePort();
  const { folder, file, options } = recipe(
    `  card: { from: "testcard:", record: card.flv, for: 1h }\n` +
      `  take: { from: { listen: "127.0.0.1:${port}", app: live }, record: take.flv, for: 1h }\n`,
  );
  const env = { ...options.env, RUNNEL_FOR: "1s" };
  await using taker = await startRunnel(["pull", file, "--job", "take"], { ...options, env });
  await until("the listener", () =>
    taker.stderr.includes(`waiting for a publisher on rtmp://127.0.0.1:${port}/live`),
  );
  await using _sender = await startRunnel(["push", "testcard:", `rtmp://127.0.0.1:${port}/live/x`], options);
  expectExit(await runnel(["run", file, "--job", "card"], { ...options, env }), 0);
  expectExit(await taker.finished, 0);
  for (const name of ["card.flv", "take.flv"])
    expect(lengthOf(await readFlvFile(join(folder, name)))).toBeGreaterThan(500);
});

describe("several jobs", () => {
  test("the demo as it is: listener, test card, relay, recordings", async () => {
    const text = await Bun.file(join(ROOT, "recipes/demo.yaml")).text();
    const folder = scratch("demo");
    const [studio, archive] = [await freePort(), await freePort()];
    const local = text.replaceAll(":21935", `:${studio}`).replaceAll(":21936", `:${archive}`);
    expect(local).not.toBe(text);
    writeFileSync(join(folder, "demo.yaml"), local);
    const result = await runnel(["run", "demo.yaml", "--json"], {
      cwd: folder,
      env: { XDG_RUNTIME_DIR: folder },
    });
    expectExit(result, 0);
    expectLastLine(result, /^done: 3 jobs$/);
    const all = events(result);
    const jobs = ["archive", "camera", "studio"];
    for (const event of all) expect(jobs).toContain(String(event["job"]));
    const summaries = all.filter((event) => event["event"] === "summary");
    expect(summaries.map((event) => event["job"]).sort()).toEqual(jobs);
    expect(summaries.map((event) => event["exitCode"])).toEqual([0, 0, 0]);
    for (const name of ["demo-archive.flv", "demo-studio.flv"]) {
      const { length } = await readFlvFile(join(folder, name));
      expect(length).toBeGreaterThan(250);
    }
    expect(readdirSync(join(folder, "runnel"))).toEqual([]);
  });

  test("a broken one does not touch a good one, and gives the exit code", async () => {
    const { folder, file, options } = recipe(GOOD + (await broken()));
    const result = await runnel(["run", file], options);
    expectExit(result, 6);
    expectLastLine(result, /^incomplete: 1 of 2 jobs done; broken: nothing recorded: .*refused/);
    expect(result.stderr).toMatch(/\[good\] done: 2s/);
    expect(result.stderr.indexOf("[broken] nothing")).toBeLessThan(result.stderr.indexOf("[good] done"));
    expect((await readFlvFile(join(folder, "good.flv"))).length).toBeGreaterThan(50);
  });

  test("of two recipes; one job alone by its name", async () => {
    const one = recipe(GOOD);
    const two = recipe(ENDLESS);
    const result = await runnel(["run", one.file, two.file, "--job", "good"], one.options);
    expectExit(result, 0);
    expectLastLine(result, /^done: 2s in 1 file/);
    const same = await runnel(["run", one.file, recipe(GOOD).file], one.options);
    expectExit(same, 2);
    expect(same.stderr).toContain('the job "good" is in');
  });

  test("of two recipes that listen on the same port: nothing is started", async () => {
    const listens = (name: string) =>
      recipe(`  ${name}: { from: { listen: "127.0.0.1:19350/live" }, record: ${name}.flv }\n`);
    const [one, two] = [listens("one"), listens("two")];
    const result = await runnel(["run", one.file, two.file], one.options);
    expectExit(result, 2);
    expect(result.stderr).toContain('the job "one" listens on 127.0.0.1:19350 too');
  });

  test("INT ends all in good order, USR1 asks all", async () => {
    const { folder, file, options } = recipe(
      `${ENDLESS}  later: { from: 'testcard:', record: later.flv, schedule: ${NEW_YEAR} }\n`,
    );
    await using child = await startRunnel(["run", file], options);
    await child.says("[card/card.flv] live");
    child.signal("SIGUSR1");
    await child.says(/● card \d\d:\d\d:\d\d .*rec/);
    await child.says(/○ later next run \w{3} \d{4}-01-01 00:00 UTC/);
    child.signal("SIGINT");
    const result = await child.finished;
    expectExit(result, 0);
    expectLastLine(result, /^done: 2 jobs$/);
    expect(existsSync(join(folder, "card.flv"))).toBe(true);
    expect(existsSync(join(folder, "later.flv"))).toBe(false);
    expect(readdirSync(join(folder, "runnel"))).toEqual([]);
  });

  test.skipIf(!needs("tmux"))("on a terminal: a line for each, below the log", async () => {
    const { folder, file } = recipe(
      `${ENDLESS}  later: { from: 'testcard:', record: later.flv, schedule: ${NEW_YEAR} }\n`,
    );
    const socket = join(folder, "tmux");
    const tmux = ["tmux", "-S", socket, "-f", "/dev/null"];
    await using _server = start([...tmux, "-D"], { env: { TERM: "xterm-256color" }, timeout: 60_000 });
    await until("tmux has a socket", () => existsSync(socket));
    const command = `cd ${folder}; XDG_RUNTIME_DIR=${folder} ${await runnelBinary()} run ${file}; echo code $?; sleep 30`;
    await run([...tmux, "new-session", "-d", "-s", "face", "-x", "120", "-y", "12", command]);
    const screen = async () => Buffer.from((await run([...tmux, "capture-pane", "-p"])).stdout).toString();
    const lines = /\[card\] live\n[^]*\n● card 00:00:0[1-9] .*\| rec .*\n○ later next run .* UTC\n\s*$/;
    await until("both are shown", async () => lines.test(await screen()));
    await run([...tmux, "send-keys", "C-c"]);
    await until("it ends in words", async () => /\ndone: 2 jobs\ncode 0\n/.test(await screen()));
    expect(await screen()).not.toMatch(/^[●○]/m);
    await run([...tmux, "kill-server"]);
  });

  test("fifty that cannot reach their source: start, status, stop", async () => {
    const port = await freePort();
    const jobs = Array.from({ length: 50 }, (_, i) => {
      return `  cam${i}: { from: { url: "rtmp://127.0.0.1:${port}/live/c", wait: 1h }, to: { own: "rtmp://127.0.0.1:${port}/live/d" } }\n`;
    });
    const { file, options } = recipe(jobs.join(""));
    await using child = await startRunnel(["run", file], options);
    await until("all were tried", () => child.stderr.split("connection refused").length > 50);
    child.signal("SIGUSR1");
    await until("all are shown", () => (child.stderr.match(/^○ cam\d+ /gm) ?? []).length === 50);
    // The waits before their next attempts end too: those double to a minute.
    child.signal("SIGTERM");
    expectLastLine(await child.finished);
  });
});

describe("a schedule", () => {
  /** A daily schedule whose window began this minute and closes in `seconds`. */
  function closing(seconds: number): string {
    const now = new Date();
    const into = now.getUTCSeconds() + now.getUTCMilliseconds() / 1000;
    const window = Math.ceil((into + seconds) * 1000);
    return `{ cron: '${now.getUTCMinutes()} ${now.getUTCHours()} * * *', for: ${window}ms, tz: UTC }`;
  }

  test("whose window is open is begun late, and ends when the window does", async () => {
    const { folder, file, options } = recipe(
      `  a: { from: 'testcard:', record: a.flv, schedule: ${closing(5)} }\n`,
    );
    await using child = await startRunnel(["run", file], options);
    await child.says("[a] next run");
    child.signal("SIGTERM");
    const result = await child.finished;
    expectExit(result, 0);
    expectLastLine(result, /^done: 1 job$/);
    expect(result.stderr).toMatch(/\[a\] done: [1-5](\.\d+)?s in 1 file/);
    expect((await readFlvFile(join(folder, "a.flv"))).length).toBeGreaterThan(20);
  });

  test("waits for its source as long as its window is open", async () => {
    const source = `from: "rtmp://127.0.0.1:${await freePort()}/live/x", retry: { min: 50ms, max: 100ms }`;
    const { file, options } = recipe(`  a: { ${source}, record: a.flv, schedule: ${closing(4)} }\n`);
    const begun = performance.now();
    await using child = await startRunnel(["run", file], options);
    await child.says("[a] next run");
    expect(performance.now() - begun).toBeGreaterThan(2000);
    child.signal("SIGTERM");
    const result = await child.finished;
    expectExit(result, 4, 6);
    expectLastLine(result, /^incomplete: 0 of 1 job done; a: nothing recorded: /);
  });

  test("belongs to one process; the job itself may be run by hand meanwhile", async () => {
    const { file, options } = recipe(
      `  a: { from: 'testcard:', to: { x: "rtmp://127.0.0.1:1/a/b" }, record: a.flv, schedule: ${NEW_YEAR} }\n`,
    );
    await using first = await startRunnel(["run", file], options);
    await first.says("next run");
    const second = await runnel(["run", file], options);
    expectExit(second, 8);
    const byHand = await runnel(["push", file, "--for", "1s"], options);
    expectExit(byHand, 3);
    first.signal("SIGINT");
    expectExit(await first.finished, 0);
  });
});

describe("already running", () => {
  test("run, and the verb: 8, and not after kill -9", async () => {
    const { folder, file, options } = recipe("  card: { from: 'testcard:', record: '{job}-{n}.flv' }\n");
    const first = await startRunnel(["run", file], options);
    await first.says("live");
    for (const args of [
      ["run", file],
      ["run", "./recipe.yaml", "--job", "card"],
      ["push", file],
    ]) {
      const second = await runnel(args, options);
      expectExit(second, 8);
      expectLastLine(second, new RegExp(`^already running: process ${first.pid} has this job$`));
    }
    await first.stop("SIGKILL");
    expect(readdirSync(join(folder, "runnel"))).toHaveLength(1);
    const third = await runnel(["push", file, "--for", "1s"], options);
    expectExit(third, 0);
    expect(readdirSync(join(folder, "runnel"))).toEqual([]);
  });
});

/** A block of the README behind `<!-- NAME -->`. */
async function block(name: string): Promise<string> {
  const readme = await Bun.file(join(ROOT, "README.md")).text();
  const text = new RegExp(`<!-- ${name} -->\\n\`\`\`\\w*\\n([^]*?)\\n\`\`\``).exec(readme)?.[1];
  if (text === undefined) throw new Error(`README.md has no block ${name}`);
  return text;
}

describe("as others start it", () => {
  /** The folders that the README names, here. */
  async function stage() {
    const folder = scratch("others");
    const [etc, video] = [join(folder, "etc"), join(folder, "video")];
    for (const one of [etc, video]) mkdirSync(one);
    const binary = await runnelBinary();
    const local = (text: string): string =>
      text
        .replaceAll("/usr/local/bin/runnel", binary)
        .replaceAll("/etc/runnel", etc)
        .replaceAll("/srv/video", video);
    return { folder, etc, video, local };
  }

  test("the crontab line", async () => {
    const { etc, video, local, folder } = await stage();
    const lines = (await block("crontab")).split("\n").filter((line) => !line.startsWith("#"));
    writeFileSync(join(etc, "cam.env"), "CAM_TOKEN=of-the-camera\n");
    writeFileSync(
      join(etc, "nightly.yaml"),
      "version: 1\njobs:\n  porch: { from: 'testcard:', to: { x: 'rtmp://127.0.0.1:1/a/b?${CAM_TOKEN}' }, record: '%Y/{job}.flv', for: 1s }\n",
    );
    for (const line of lines) {
      const command = cronCommand(local(line)).replace("runnel pull", "runnel push");
      expect(command).toContain("runnel");
      const result = await startAsCron(command, folder).finished;
      // The destination cannot be reached, and that is all that is wrong.
      expectExit(result, 3);
      expectLastLine(result, /^incomplete: 1s in 1 file/);
    }
    expect(readdirSync(join(video, String(new Date().getFullYear())))).toEqual(["porch.flv"]);
  });

  test("the systemd unit's ExecStart, with a credential", async () => {
    const { folder, etc, local } = await stage();
    const unit = local(await block("systemd-unit"));
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(unit)?.[1] ?? "";
    expect([value("Type"), value("Restart")]).toEqual(["exec", "on-failure"]);
    const [name, path] = value("LoadCredential").split(":");
    const key = "a-key-that-nobody-may-see";
    const credentials = join(folder, "credentials");
    mkdirSync(credentials);
    writeFileSync(join(credentials, name!), `${key}\n`);
    expect(path).toStartWith(etc);
    const recipeText = (await block("systemd-recipe"))
      .replace(/rtmps?:\/\/[^\s,}"]+/g, `rtmp://127.0.0.1:${await freePort()}/live`)
      .replace(/listen: "[^"]*"/, `listen: "127.0.0.1:${await freePort()}"`);
    expect(recipeText).toContain(`\${cred:${name}}`);
    const [binary, ...args] = value("ExecStart").split(/\s+/);
    writeFileSync(
      args.find((arg) => arg.endsWith(".yaml"))!,
      recipeText,
    );
    const environment = { CREDENTIALS_DIRECTORY: credentials, INVOCATION_ID: "0123", PATH: "/usr/bin:/bin" };
    const variables = Object.entries(environment).map(([k, v]) => `${k}=${v}`);
    await using child: Child = start(["env", "-i", ...variables, binary!, ...args], { cwd: folder });
    await child.says("<6>[show]");
    child.signal("SIGTERM");
    const result = await child.finished;
    expectExit(result, 0);
    expectNoSecret(result, key);
  });

  test.skipIf(Bun.which("systemd-analyze") === null)("the unit as systemd sees it", async () => {
    const { folder, local } = await stage();
    const file = join(folder, "runnel.service");
    writeFileSync(file, `${local(await block("systemd-unit"))}\n`);
    const result = await run(["systemd-analyze", "verify", "--man=no", file]);
    const about = result.stderr.split("\n").filter((line) => line.includes("runnel"));
    expect(about).toEqual([]);
  });

  test("a recipe that is wrong starts nothing: 2", async () => {
    const { file, options } = recipe(
      "  a: { from: 'testcard:', record: a.flv, schedule: { cron: nightly } }\n",
    );
    const result = await runnel(["run", file], options);
    expectExit(result, 2);
    expect(lastLine(result)).toContain("Nothing was started");
  });
});
