/**
 * Ctrl-C in every state: the end comes soon whatever a peer does or does not do, files are finished, good destinations
 * hear of it; a second Ctrl-C ends at once.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { freePort } from "../support/ports.ts";
import type { Finished } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { tidy } from "../support/tidy.ts";
import { type Act, Destination, type DestinationOptions, LiveSource, type SourceOptions } from "./peers.ts";
import { ending, Run } from "./relay.ts";
import { type Look, wholeProblems } from "./stream.ts";

tidy();

/** Two seconds for the queues, half a second for a goodbye, and room for a busy machine. */
const SOON_MS = 5000;
const BIG: Look = { videoBytes: 150_000, audioBytes: 300, codec: "avc" };
/** Times that no test waits for. */
const SLOW = ["--retry-min", "50s", "--stall", "50s", "--stats", "250ms"];

const silentAt =
  (phase: string): Act =>
  (at) =>
    at === phase ? "mine" : undefined;

/** Interrupts once, or impatiently, and says how it ended; it must not take long. */
async function stops(run: Run, impatient = false): Promise<Finished> {
  const from = performance.now();
  run.child.signal("SIGINT");
  const more = impatient ? setInterval(() => run.child.signal("SIGINT"), 20) : undefined;
  const result = await run.child.finished;
  clearInterval(more);
  expect(performance.now() - from).toBeLessThan(SOON_MS);
  expect(readdirSync(run.folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  return result;
}

describe.concurrent("Ctrl-C while the source", () => {
  test.each(["handshake", "connect", "createStream", "start"])("is asked in vain at %s", async (phase) => {
    using source = new LiveSource({ act: silentAt(phase) });
    await using run = await Run.start([
      "pull",
      `rtmp://127.0.0.1:${source.port}/live/show`,
      "rec.flv",
      "--wait",
      "9m",
      ...SLOW,
    ]);
    await run.until("a connection", () => source.connections > 0);
    expect(ending(await stops(run))).toMatch(/^0 stopped: nothing recorded/);
    expect(run.recordings()).toEqual([]);
  });

  test("is waited for", async () => {
    const url = `rtmp://127.0.0.1:${await freePort()}/live/show`;
    await using run = await Run.start(["pull", url, "rec.flv", "--wait", "9m", ...SLOW]);
    await run.child.says("trying again in");
    expect(ending(await stops(run))).toMatch(/^0 stopped: nothing recorded/);
  });

  test("is lost and waited for", async () => {
    using source = new LiveSource();
    await using run = await Run.start([
      "pull",
      `rtmp://127.0.0.1:${source.port}/live/show`,
      "rec.flv",
      ...SLOW,
    ]);
    await run.until("frames", () => source.sent > 60);
    source.vanish();
    await run.child.says("trying again in");
    expect(ending(await stops(run))).toMatch(/^0 stopped:.* in 1 file/);
    expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  });

  test("is live and its line is dead", async () => {
    using source = new LiveSource();
    using proxy = await Proxy.start(source.port);
    await using run = await Run.start([
      "pull",
      `rtmp://127.0.0.1:${proxy.port}/live/show`,
      "rec.flv",
      ...SLOW,
    ]);
    await run.until("frames", () => source.sent > 60);
    source.current!.session.sureUntil = performance.now() - 200;
    proxy.weather({ frozen: true });
    expect(ending(await stops(run))).toMatch(/^0 stopped:.* in 1 file/);
    expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  });
});

type Trial = { source: LiveSource; good: Destination; bad: Destination; line: Proxy; run: Run };

/** A relay to a good destination, a bad one behind a proxy and a file, which is stopped when `act` has prepared it. */
async function stopping(
  options: DestinationOptions & { source?: SourceOptions },
  act: (trial: Trial) => Promise<void>,
  impatient = false,
): Promise<string> {
  using source = new LiveSource(options.source ?? {});
  using good = new Destination();
  using bad = new Destination(options);
  using line = await Proxy.start(bad.port);
  const to = ["-t", `bad=rtmp://127.0.0.1:${line.port}/live/show`, "-t", `good=${good.url()}`];
  const url = `rtmp://127.0.0.1:${source.port}/live/show`;
  await using run = await Run.start(["relay", url, ...to, "-o", "rec.flv", ...SLOW]);
  await run.until("frames", () => good.frames > 20);
  await act({ source, good, bad, line, run });
  const session = source.current!.session;
  session.sureUntil = Math.min(session.sureUntil, performance.now() - 400);
  const result = await stops(run, impatient);
  expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  if (!impatient) expect(wholeProblems(good.got, source.sessions)).toEqual([]);
  expect(good.sessions).toHaveLength(1);
  return ending(result);
}

/** Waits until the bad destination's line is so full that packets wait for it. */
const clogged = async ({ bad, line, run }: Trial): Promise<void> => {
  await run.until("frames at the bad destination", () => bad.frames > 10);
  line.weather({ frozen: true });
  await run.until("a lag", () => /bad lag/.test(run.child.stderr), 40_000);
};

describe.concurrent("Ctrl-C while a destination", () => {
  test.each(["handshake", "connect", "createStream", "start"])("does not answer %s", async (phase) => {
    const end = await stopping({ act: silentAt(phase) }, ({ run, bad }) =>
      run.until("a call", () => bad.connections > 0),
    );
    expect(end).toMatch(/^[03] /);
  });

  test("is waited for", async () => {
    const refuse: Act = (at, peer) => {
      if (at !== "connect") return;
      peer.socket.terminate();
      return "mine";
    };
    expect(await stopping({ act: refuse }, ({ run }) => run.child.says("trying again in"))).toMatch(
      /^3 incomplete/,
    );
  });

  test("takes nothing, and much waits for it", async () => {
    expect(await stopping({ source: { look: BIG } }, clogged)).toMatch(/^[03] /);
  });

  test("takes a little now and then", async () => {
    const act = async (trial: Trial): Promise<void> => {
      await clogged(trial);
      trial.line.weather({ rate: 20_000 });
    };
    expect(await stopping({ source: { look: BIG } }, act)).toMatch(/^[03] /);
  });

  test("is being emptied after the end of the source", async () => {
    const act = async (trial: Trial): Promise<void> => {
      await clogged(trial);
      trial.source.end();
      await trial.run.child.says("recorded");
    };
    expect(await stopping({ source: { look: BIG } }, act)).toMatch(/^[03] /);
  });
});

describe.concurrent("Ctrl-C twice", () => {
  test("ends at once, and the file is finished all the same", async () => {
    expect(await stopping({ source: { look: BIG } }, clogged, true)).toMatch(/^130 /);
  });
});
