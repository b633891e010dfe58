/**
 * The README's commands, as they are printed: each block behind a `<!-- job: NAME -->` runs in a shell, with runnel
 * in the PATH and a server where the block names one. Only the ports differ, because this machine may be in use.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { freePort, until, untilListening } from "../support/ports.ts";
import { type Child, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { makeRpicam } from "../support/rpicam.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const README = await Bun.file(join(import.meta.dir, "../../README.md")).text();

/** The commands of a job, one a line. */
function commands(job: string): string[] {
  const block = new RegExp(`<!-- job: ${job} -->\\n\`\`\`sh\\n([^]*?)\n\`\`\``).exec(README)?.[1];
  if (block === undefined) throw new Error(`README.md has no job ${job}`);
  return block.split("\n");
}

/** A folder with runnel in a PATH of its own, and a server whose port stands for the default one. */
type Stage = {
  nginx: Nginx;
  folder: string;
  listen: number;
  sh(command: string, env?: Record<string, string>): Child;
};

async function stage(): Promise<Stage> {
  const [nginx, listen] = [await startNginx(), await freePort()];
  const folder = scratch("readme");
  symlinkSync(await runnelBinary(), join(folder, "runnel"));
  const sh = (command: string, env: Record<string, string> = {}): Child => {
    const local = command
      .replaceAll("rtmp://127.0.0.1/", `rtmp://127.0.0.1:${nginx.port}/`)
      .replaceAll(":1936", `:${listen}`);
    const variables = Object.entries({ PATH: `${folder}:/usr/bin:/bin`, ...env }).map(
      ([k, v]) => `${k}=${v}`,
    );
    // As cron would: nothing in the environment but what is said here.
    return start(["env", "-i", ...variables, "sh", "-c", local], { cwd: folder, timeout: 60_000 });
  };
  return { nginx, folder, listen, sh };
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
  test("pull, push, probe and the test card", async () => {
    const { nginx, folder, sh } = await stage();
    await using _air = await onAir(nginx);
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
  });

  test("relay, and cron", async () => {
    const { nginx, folder, sh } = await stage();
    await using _air = await onAir(nginx);
    const both = [sh(commands("relay")[0]!), sh(commands("cron")[0]!)];
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
    expect(await decodingErrors(await nginx.recording("cam"))).toBe("");
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

test("what needs a microphone, or other people's servers, is understood as it is printed", async () => {
  const camera = makeRpicam();
  const folder = scratch("readme");
  symlinkSync(await runnelBinary(), join(folder, "runnel"));
  const recipe = /<!-- recipe -->\n```yaml\n([^]*?)```/.exec(README)![1]!;
  writeFileSync(join(folder, "youtube"), "of-youtube\n");
  writeFileSync(join(folder, "ffmpeg"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "show.yaml"), recipe.replace("/run/secrets/youtube", "youtube"));
  const names = ["CAM_TOKEN", "OBS_KEY", "TWITCH_KEY", "STREAM_KEY"];
  const env = [`PATH=${folder}:${camera.folder}:/usr/bin:/bin`, ...names.map((name) => `${name}=of-${name}`)];
  const [next, resolved, _probe, _run, once, print] = commands("recipes");
  for (const command of [
    next!,
    resolved!,
    once!.replace(/(?=\s+#)/, " --dry-run"),
    print!,
    `${commands("microphone")[0]!} --dry-run`,
  ]) {
    const said = await well(
      start(["env", "-i", ...env, "sh", "-c", command], { cwd: folder, timeout: 60_000 }),
    );
    expect(said).not.toContain("of-");
  }
});
