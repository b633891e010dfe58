/**
 * Players and the keyframe index: mpv, VLC and mpegts.js in Chromium go to the middle of a finished recording by it,
 * and mpv follows one that is still being written.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { getProperty } from "../../src/amf/amf0.ts";
import { QUIET_FFMPEG, show } from "../support/media.ts";
import { playerPage, startChromium, type Sought } from "../support/player-page.ts";
import { until } from "../support/ports.ts";
import { run, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { serveRanges } from "../support/range-server.ts";
import { claim } from "../support/recordings.ts";
import { expectExit, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** Where players go; the keyframe before it is at 14 s. */
const MIDDLE = 15;
const KEY = 14;
const SECONDS = 30;
const FPS = 25;
const PIXELS = 320 * 180;

/** What a browser gets at once: some seconds of it, so that the middle is not in its buffer before it is sought. */
const PORTION = 200_000;

let folder: string;
let path: string;
/** Where the index says that keyframe is. */
let keyAt: number;

beforeAll(async () => {
  if (!needs("ffmpeg")) return;
  folder = scratch("players");
  path = join(folder, "show.flv");
  const source = await show({ seconds: SECONDS });
  expectExit(await runnel(["push", source, "-o", path, "--no-realtime"]), 0);
  const index = claim(path, "keyframes");
  const [times, places] = ["times", "filepositions"].map((key) => getProperty(index, key) as number[]);
  keyAt = places![times!.indexOf(KEY)]!;
  expect(keyAt).toBeGreaterThan(statSync(path).size / 3);
});

/** mpv without a window; it tells where it is for every picture. */
const MPV = ["mpv", "--no-config", "--vo=null", "--ao=null", "--no-input-terminal"];
const POSITION = "--term-status-msg=at ${=time-pos};";

/** The times in seconds that mpv has told. */
function positions(said: string): number[] {
  return [...said.matchAll(/at (\d+\.\d+);/g)].map((match) => Number(match[1]));
}

describe.skipIf(!needs("ffmpeg", "mpv"))("mpv", () => {
  const first = async (...args: string[]): Promise<number> => {
    const result = await run([...MPV, POSITION, "--frames=3", ...args]);
    expect(result.code).toBe(0);
    return positions(Buffer.from(result.stdout).toString() + result.stderr)[0]!;
  };

  test("goes to the keyframe before the middle, and to the middle", async () => {
    expect(await first("--start=50%", "--hr-seek=no", path)).toBeWithin(KEY, KEY + 0.2);
    expect(await first(`--start=${MIDDLE}`, path)).toBeWithin(MIDDLE - 0.04, MIDDLE + 0.1);
  });

  test("asks a server for the byte that the index names", async () => {
    using server = serveRanges(folder);
    expect(await first("--start=50%", `${server.origin}/show.flv`)).toBeGreaterThan(KEY);
    expect(server.requests.map(({ from }) => from)).toEqual([0, keyAt]);
  });

  test("follows a recording that is being written", async () => {
    const live = scratch("live");
    await using recorder = await startRunnel(["push", path, "-o", join(live, "live.flv")]);
    const part = await until("there is a picture", () => {
      const name = readdirSync(live)[0];
      return name !== undefined && statSync(join(live, name)).size > 100_000 ? join(live, name) : undefined;
    });
    expect(part).toEndWith(".part");
    const size = statSync(part).size;
    const copy = join(scratch(), "now.flv");
    copyFileSync(part, copy);
    // As a plain file it is what there is at the moment.
    const plain = await run([...MPV, "--untimed", POSITION, copy]);
    expect(plain.code).toBe(0);
    const had = Math.max(...positions(Buffer.from(plain.stdout).toString() + plain.stderr));
    await using player = start([...MPV, POSITION, `appending://${part}`]);
    await until(
      "it plays what was not there when it began",
      () => Math.max(0, ...positions(player.stdout + player.stderr)) > had + 2,
      30_000,
    );
    expect(statSync(part).size).toBeGreaterThan(size);
    expect(player.stderr).not.toMatch(/error|invalid|corrupt/i);
    await player.stop("SIGTERM");
    await recorder.stop("SIGTERM");
  });
});

/** VLC without a window, which takes commands from stdin and answers line by line; as root it would not start. */
const VLC = [
  ...(process.getuid?.() === 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups".split(" ") : []),
  ..."stdbuf -oL cvlc -I oldrc --rc-fake-tty --vout dummy --aout dummy --no-video-title-show".split(" "),
];

describe.skipIf(!needs("ffmpeg", "vlc"))("VLC", () => {
  test("starts in the middle", async () => {
    // It runs as somebody else.
    chmodSync(folder, 0o755);
    const home = scratch("vlc");
    chmodSync(home, 0o777);
    const argv = [...VLC, `--start-time=${MIDDLE}`, path];
    await using player = start(argv, { stdin: "pipe", env: { HOME: home }, timeout: 60_000 });
    // The time is 0 until there is a picture.
    const time = await until(
      "it plays",
      async () => {
        await player.write("get_time\n");
        await Bun.sleep(50);
        const times = [...player.stdout.matchAll(/^(?:> )*(\d+)\s*$/gm)].map((match) => Number(match[1]));
        return times.find((at) => at > 0);
      },
      30_000,
    );
    expect(time).toBeWithin(KEY, SECONDS);
    await player.write("quit\n");
  });
});

/** All pictures of a file in grey, as ffmpeg decodes them. */
async function pictures(file: string): Promise<Uint8Array[]> {
  const { stdout } = await run([
    "ffmpeg",
    ...QUIET_FFMPEG,
    "-i",
    file,
    ..."-pix_fmt gray -f rawvideo -".split(" "),
  ]);
  return Array.from({ length: stdout.length / PIXELS }, (_, i) =>
    stdout.subarray(i * PIXELS, (i + 1) * PIXELS),
  );
}

/** How much two pictures differ, from 0 to 255. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe.skipIf(!needs("ffmpeg", "chromium"))("mpegts.js in Chromium", () => {
  test("asks for the byte that the index names, and shows the picture that is there", async () => {
    const library = join(dirname(createRequire(import.meta.url).resolve("mpegts.js")), "mpegts.js");
    copyFileSync(library, join(folder, "mpegts.js"));
    using server = serveRanges(folder, { pages: { "/": playerPage("/mpegts.js") }, portion: PORTION });
    await using browser = await startChromium();
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(`${server.origin}/`);
    const sought = await page.evaluate<Sought>(`seek("/show.flv", ${MIDDLE})`);
    expect(said).toEqual([]);
    expect(sought).toMatchObject({ width: 320, height: 180, indexed: true });
    expect(sought.duration).toBeWithin(30, 30.2);
    expect(sought.time).toBeWithin(KEY, KEY + 0.2);
    const asked = server.requests.filter((request) => request.path === "/show.flv").map(({ from }) => from);
    expect(asked[0]).toBe(0);
    expect(asked).toContain(keyAt);
    // Both make grey of colours in ways of their own; of all pictures it must be nearest to that one.
    const differences = (await pictures(path)).map((one) => difference(one, sought.picture));
    const nearest = differences.indexOf(Math.min(...differences));
    expect(Math.abs(nearest - KEY * FPS)).toBeLessThanOrEqual(1);
  });
});
