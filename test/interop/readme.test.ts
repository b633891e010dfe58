/**
 * The README's commands, as they are printed: each block behind a `<!-- job: NAME -->` runs in a shell, with runnel
 * in the PATH and a server where the block names one. Only the ports differ, because this machine may be in use. Lines
 * of crontabs, here and in the recipes, run as cron runs them; the folders that they name are elsewhere.
 */
import { describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { cronCommand, startAsCron } from "../support/crontab.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { freePort, until, untilListening } from "../support/ports.ts";
import { type Child, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { makeRpicam } from "../support/rpicam.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** What `npm run demo` runs. */
const DEMO = join(import.meta.dir, "../demo/run.ts");
const README = await Bun.file(join(import.meta.dir, "../../README.md")).text();

/** The commands of a job, one a line. */
function commands(job: string): string[] {
  const block = new RegExp(`<!-- job: ${job} -->\\n\`\`\`\\w+\\n([^]*?)\n\`\`\``).exec(README)?.[1];
  if (block === undefined) throw new Error(`README.md has no job ${job}`);
  return block.split("\n");
}

/** A folder with runnel in a PATH of its own, and a server whose port stands for the default one. */
type Stage = {
  nginx: Nginx;
  folder: string;
  listen: number;
  /** A command with the ports of this stage. */
  local(command: string): string;
  sh(command: string, env?: Record<string, string>): Child;
};

async function stage(): Promise<Stage> {
  const [nginx, listen] = [await startNginx(), await freePort()];
  const folder = scratch("readme");
  symlinkSync(await runnelBinary(), join(folder, "runnel"));
  const local = (command: string): string =>
    command
      .replaceAll("rtmp://127.0.0.1/", `rtmp://127.0.0.1:${nginx.port}/`)
      .replaceAll(":1936", `:${listen}`);
  const sh = (command: string, env: Record<string, string> = {}): Child => {
    const variables = Object.entries({ PATH: `${folder}:/usr/bin:/bin`, ...env }).map(
      ([k, v]) => `${k}=${v}`,
    );
    // Nothing in the environment but what is said here.
    return start(["env", "-i", ...variables, "sh", "-c", local(command)], { cwd: folder, timeout: 60_000 });
  };
  return { nginx, folder, listen, local, sh };
}

/** The lines of a crontab, each as the command that cron runs, with the binary and the folders of this test. */
function cronCommands(lines: readonly string[], folder: string, binary: string): string[] {
  return lines.map((line) =>
    cronCommand(line)
      .replaceAll("/usr/local/bin/runnel", binary)
      .replaceAll("/srv/video", folder)
      .replaceAll("/etc/runnel", folder),
  );
}

/** Waits for a command and expects that it did what was asked; returns what it said. */
async function well(child: Child): Promise<string> {
  const { code, stdout, stderr } = await child.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  return new TextDecoder().decode(stdout) + stderr;
}

/** Somebody publishes live/show for as long as the test needs it. */
async function onAir(nginx: Nginx): Promise<Child> {
  const child = publish(await show({ seconds: 25 }), nginx.url("live", "show"));
  await nginx.sees("publish", "show");
  return child;
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("README", () => {
  test("pull, push, probe and the test card, and meanwhile the demo", async () => {
    const { nginx, folder, sh } = await stage();
    await using _air = await onAir(nginx);
    await using demo = start([process.execPath, DEMO], { cwd: folder, timeout: 60_000 });
    expect(await well(sh(commands("pull")[0]!))).toContain("show.flv");
    expect(await decodingErrors(join(folder, "show.flv"))).toBe("");
    const [probe, card] = commands("probe");
    expect(await well(sh(probe!))).toContain("H.264");
    expect(await well(sh(commands("repair")[0]!))).toContain("mended.flv");
    expect(await decodingErrors(join(folder, "mended.flv"))).toBe("");
    const both = [sh(commands("push")[0]!, { STREAM_KEY: "pushed" }), sh(card!, { STREAM_KEY: "card" })];
    for (const child of both) await well(child);
    for (const name of ["pushed", "card"]) {
      expect(await decodingErrors(await nginx.recording(name))).toBe("");
    }
    expect(await well(demo)).toContain("demo.flv");
    expect(await decodingErrors(join(folder, "demo.flv"))).toBe("");
  });

  test("relay, and cron", async () => {
    const { nginx, folder, local, sh } = await stage();
    await using _air = await onAir(nginx);
    const [nightly] = cronCommands(commands("cron").slice(1), folder, await runnelBinary());
    const both = [sh(commands("relay")[0]!), startAsCron(local(nightly!), scratch("home"))];
    for (const child of both) await well(child);
    for (const name of ["own", "other"]) {
      expect(await decodingErrors(await nginx.recording(name))).toBe("");
    }
    const files = readdirSync(folder).filter((name) => name.endsWith(".flv"));
    expect(files).toHaveLength(2);
    expect(files.find((name) => name !== "show.flv")).toMatch(/^show_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.flv$/);
    for (const name of files) expect(await decodingErrors(join(folder, name))).toBe("");
  });

  test("a Pi camera", async () => {
    const { nginx, folder, sh } = await stage();
    const camera = makeRpicam();
    const env = { ...camera.env, STREAM_KEY: "cam", PATH: `${camera.folder}:${folder}:/usr/bin:/bin` };
    const push = sh(`exec ${commands("camera")[0]!}`, env);
    await nginx.sees("publish", "cam");
    await until("there is some of it", () => Bun.file(nginx.recordings("cam")[0]!).size > 300_000);
    push.signal("SIGINT");
    await well(push);
    await well(sh(`${commands("pipe")[0]!} --for 2s`, { ...env, STREAM_KEY: "piped" }));
    for (const name of ["cam", "piped"]) {
      expect(await decodingErrors(await nginx.recording(name))).toBe("");
    }
  });

  test("listen for OBS", async () => {
    const { nginx, listen, sh } = await stage();
    const relay = sh(`exec ${commands("listen")[0]!}`, { OBS_KEY: "of-obs" });
    await untilListening(listen);
    await well(sh(`runnel push testcard: rtmp://127.0.0.1:${listen}/live/of-obs --for 3s`));
    relay.signal("SIGINT");
    await well(relay);
    expect(await decodingErrors(await nginx.recording("from-obs"))).toBe("");
  });
});

/** The recipe of the README in a folder of its own, and a way to run a command there that knows its keys. */
async function withRecipe(changes: (text: string) => string) {
  const [folder, camera] = [scratch("readme"), makeRpicam()];
  symlinkSync(await runnelBinary(), join(folder, "runnel"));
  const recipe = /<!-- recipe -->\n```yaml\n([^]*?)```/.exec(README)![1]!;
  writeFileSync(join(folder, "youtube"), "of-youtube\n");
  writeFileSync(join(folder, "ffmpeg"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "show.yaml"), changes(recipe.replace("/run/secrets/youtube", "youtube")));
  const names = ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "STREAM_KEY"];
  const env = [`PATH=${folder}:${camera.folder}:/usr/bin:/bin`, ...names.map((name) => `${name}=of-${name}`)];
  return (command: string): Child =>
    start(["env", "-i", ...env, "sh", "-c", command], { cwd: folder, timeout: 60_000 });
}

test("what needs a microphone, or other people's servers, is understood as it is printed", async () => {
  const sh = await withRecipe((text) => text);
  const [next, resolved, _probe, _run, once, print] = commands("recipes");
  for (const command of [
    next!,
    resolved!,
    once!.replace(/(?=\s+#)/, " --dry-run"),
    print!,
    `${commands("microphone")[0]!} --dry-run`,
  ]) {
    expect(await well(sh(command))).not.toContain("of-");
  }
});

test("a recipe is probed and run as it is printed; its servers are ports that nobody listens on", async () => {
  const [nobody, here] = [await freePort(), await freePort()];
  const sh = await withRecipe((text) =>
    text
      .replace(/rtmps?:\/\/[a-z0-9.]+/g, `rtmp://127.0.0.1:${nobody}`)
      .replace("0.0.0.0:1935", `127.0.0.1:${here}`),
  );
  const [, , probe, run] = commands("recipes");
  const probed = await sh(probe!).finished;
  expect(probed.code).toBe(6);
  const said = new TextDecoder().decode(probed.stdout);
  expect(said.match(/^ {2}(FAIL|fail|ok) .*$/gm)).toHaveLength(7);
  const running = sh(`exec ${run!}`);
  await running.says("[show] waiting for a publisher");
  await running.says("[porch] next run");
  running.signal("SIGINT");
  expect(`${said}${probed.stderr}${await well(running)}`).not.toContain("of-");
});

const RECIPES = join(import.meta.dir, "../../recipes");
const KEYS = ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "YOUTUBE_KEY", "BACKUP_KEY"];

test("what the recipes say for a crontab is understood as it is printed", async () => {
  const [folder, camera, binary] = [scratch("readme"), makeRpicam(), await runnelBinary()];
  let lines = 0;
  for (const name of readdirSync(RECIPES).filter((file) => file.endsWith(".yaml"))) {
    copyFileSync(join(RECIPES, name), join(folder, name));
    const text = readFileSync(join(RECIPES, name), "utf8");
    const crontab = [...text.matchAll(/^# +((?:@|[\d*]).*runnel .*)$/gm)].map((match) => match[1]!);
    for (const command of cronCommands(crontab, folder, binary)) {
      lines += 1;
      const [, file] = /\. (\S+\.env)/.exec(command)!;
      writeFileSync(file!, KEYS.map((key) => `${key}=of-${key}\n`).join(""));
      const path = `${camera.folder}:/usr/bin:/bin`;
      const said = await well(
        startAsCron(`${command} --dry-run`, scratch("home"), { ...camera.env, PATH: path }),
      );
      expect(said).toMatch(/^(pull|push|relay) /);
      expect(said).not.toContain("of-");
    }
  }
  expect(lines).toBe(4);
});
