/**
 * The recipes at work: each is run as it is but for its hosts, which are this machine. The demo is in run.test.ts. The
 * sources are test cards of the compiled program, the platforms a small server of the tests.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFlvFile } from "../support/flv-compare.ts";
import { freePort, until } from "../support/ports.ts";
import type { Child } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { makeRpicam } from "../support/rpicam.ts";
import { serveRtmp, type Peer } from "../support/rtmp-server.ts";
import { expectExit, expectLastLine, expectNoSecret, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const KEYS = {
  CAM_TOKEN: "camera-secret",
  OBS_KEY: "obs-secret",
  TWITCH_KEY: "twitch-secret",
  YOUTUBE_KEY: "youtube-secret",
  BACKUP_KEY: "backup-secret",
};

/** A recipe with its hosts replaced, in a folder of its own. */
function localRecipe(
  name: string,
  replacements: readonly (readonly [text: string, local: string])[],
): string {
  const folder = scratch("recipe");
  let text = readFileSync(join(import.meta.dir, "../../recipes", name), "utf8");
  for (const [from, to] of replacements) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  writeFileSync(join(folder, name), text);
  return folder;
}

const inFolder = (cwd: string) => ({ cwd, env: { ...KEYS, XDG_RUNTIME_DIR: cwd } });

/** A test card that players may watch. */
function card(port: number, name: string, cwd: string): Promise<Child> {
  const line = ["push", "testcard:", `--serve=127.0.0.1:${port}/live/${name}`];
  return startRunnel(line, { cwd, env: { XDG_RUNTIME_DIR: cwd } });
}

async function videoFrames(file: string): Promise<number> {
  return (await readFlvFile(file)).filter((tag) => tag.kind === "video" && tag.role !== "header").length;
}

test("nightly.yaml records, as cron would start it", async () => {
  const port = await freePort();
  const cwd = localRecipe("nightly.yaml", [["cam.lan", `127.0.0.1:${port}`]]);
  await using camera = await card(port, "porch", cwd);
  await camera.says("players");
  await using pull = await startRunnel(["pull", "nightly.yaml", "--for", "2s", "-q"], inFolder(cwd));
  const result = await pull.finished;
  expectExit(result, 0);
  expectLastLine(result, /^done: 2s in \d file/);
  expectNoSecret(result, ...Object.values(KEYS));
  const days = readdirSync(join(cwd, "recordings/porch"));
  expect(days).toEqual([expect.stringMatching(/^\d{4}-\d\d-\d\d$/)]);
  const files = readdirSync(join(cwd, "recordings/porch", days[0]!));
  let frames = 0;
  for (const file of files) frames += await videoFrames(join(cwd, "recordings/porch", days[0]!, file));
  expect(frames).toBeGreaterThan(30);
});

test("obs-to-three.yaml sends to three and records", async () => {
  const port = await freePort();
  const peers: Peer[] = [];
  using platforms = serveRtmp({ publish: (peer) => void peers.push(peer) });
  const platform = `127.0.0.1:${platforms.port}`;
  const cwd = localRecipe("obs-to-three.yaml", [
    ["0.0.0.0:1935", `127.0.0.1:${port}`],
    ["nginx.lan", platform],
    ["rtmps://live.twitch.tv", `rtmp://${platform}`],
    ["rtmps://a.rtmps.youtube.com", `rtmp://${platform}`],
  ]);
  await using relay = await startRunnel(["relay", "obs-to-three.yaml"], inFolder(cwd));
  await relay.says(`rtmp://127.0.0.1:${port}/live`);
  const obs = ["push", "testcard:", `rtmp://127.0.0.1:${port}/live`, "-k", "env:OBS_KEY", "--for", "3s"];
  await using push = await startRunnel(obs, inFolder(cwd));
  await until(
    "all three get media",
    () => peers.length === 3 && peers.every((peer) => peer.received > 20_000),
  );
  expect(peers.map((peer) => peer.stream).sort()).toEqual(["show", "twitch-secret", "youtube-secret"]);
  expectExit(await push.finished, 0);
  relay.signal("SIGTERM");
  const result = await relay.finished;
  expectExit(result, 0);
  expectLastLine(result, /sent to own, twitch, youtube$/);
  expectNoSecret(result, ...Object.values(KEYS));
  const [file = ""] = readdirSync(join(cwd, "recordings/show"));
  expect(await videoFrames(join(cwd, "recordings/show", file))).toBeGreaterThan(40);
});

test("mirror.yaml takes every stream to the other server", async () => {
  const [hall, foyer] = [await freePort(), await freePort()];
  const peers: Peer[] = [];
  using backup = serveRtmp({ publish: (peer) => void peers.push(peer) });
  const cwd = localRecipe("mirror.yaml", [
    ["origin.lan/live/hall", `127.0.0.1:${hall}/live/hall`],
    ["origin.lan/live/foyer", `127.0.0.1:${foyer}/live/foyer`],
    ["backup.lan", `127.0.0.1:${backup.port}`],
  ]);
  await using first = await card(hall, "hall", cwd);
  // The second stream is not live yet when the mirror begins: it is waited for.
  await first.says("players");
  await using run = await startRunnel(["run", "mirror.yaml"], inFolder(cwd));
  await until("the first stream is mirrored", () => peers.some((peer) => peer.received > 20_000));
  await using second = await card(foyer, "foyer", scratch("second"));
  await second.says("players");
  const names = (): string[] => peers.map((peer) => peer.stream).sort();
  await until("both streams are mirrored", () => names().length === 2);
  expect(names()).toEqual(["foyer?key=backup-secret", "hall?key=backup-secret"]);
  run.signal("SIGTERM");
  const result = await run.finished;
  expectExit(result, 0);
  expectLastLine(result, /jobs$/);
  expectNoSecret(result, ...Object.values(KEYS));
});

test.skipIf(!needs("ffmpeg"))("pi-camera.yaml shows the camera, from a stand-in for rpicam-vid", async () => {
  const peers: Peer[] = [];
  using youtube = serveRtmp({ publish: (peer) => void peers.push(peer) });
  const cwd = localRecipe("pi-camera.yaml", [
    ["rtmps://a.rtmps.youtube.com", `rtmp://127.0.0.1:${youtube.port}`],
  ]);
  const camera = makeRpicam();
  const env = { ...KEYS, ...camera.env, XDG_RUNTIME_DIR: cwd };
  await using push = await startRunnel(["push", "pi-camera.yaml", "--for", "3s"], { cwd, env });
  const result = await push.finished;
  expectExit(result, 0);
  expectLastLine(result, /^done: [\d.]+s sent to youtube$/);
  expectNoSecret(result, ...Object.values(KEYS));
  expect(camera.commands().join(" ")).toContain("--width 1280 --height 720");
  expect(peers.map((peer) => peer.stream)).toEqual(["youtube-secret"]);
  expect(peers[0]!.received).toBeGreaterThan(20_000);
});
