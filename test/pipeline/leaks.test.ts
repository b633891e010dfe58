/**
 * What comes and goes leaves nothing behind: hundreds of sessions of a source, of destinations, of publishers and of
 * players, and as many files, each through a whole job; then the objects on the heap are counted. A listener, a timer or
 * an entry that stays is one object for each of them at least. What scheduled runs leave is in job-memory.test.ts.
 */
import { afterAll, expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { runJob } from "../../src/pipeline/job.ts";
import { makeParts } from "../../src/pipeline/registry.ts";
import type { JobEvent } from "../../src/pipeline/report.ts";
import { planOf } from "../support/command-line.ts";
import { makePlan, scriptedSource } from "../support/fake-job.ts";
import { MemoryNet } from "../support/memory-net.ts";
import { packets } from "../support/packets.ts";
import { freePort, until } from "../support/ports.ts";
import { TestRecording } from "../support/recordings.ts";
import { WireClient } from "../support/rtmp-client.ts";
import type { Peer } from "../support/rtmp-server.ts";
import { frame } from "../support/rtmp-wire.ts";
import { removeScratch } from "../support/scratch.ts";

afterAll(removeScratch);

/**
 * How often something comes and goes before objects are counted, and between the two counts; and how many objects of
 * each are kept on purpose.
 */
type Measure = { readonly warmUp: number; readonly rounds: number; readonly kept: number };
const USUAL: Measure = { warmUp: 100, rounds: 400, kept: 0 };
/** More objects of each round than those are a leak: what a round leaves is a whole number. */
const TOLERANCE = 0.5;
const PATIENCE_MS = 60_000;

/** What a leak is made of; code, shapes and texts come and go as the engine likes. */
const KINDS = [
  ...["Function", "Object", "Array", "Promise", "Map", "Set", "WeakRef", "JSLexicalEnvironment", "Timeout"],
  ...["AbortSignal", "AbortController", "Uint8Array", "ArrayBuffer", "Error", "TCPSocket", "SocketHandlers"],
];

function objects(): number {
  Bun.gc(true);
  const counts = heapStats().objectTypeCounts;
  return KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
}

type Rounds = { readonly count: number };

/** Fails if each round leaves an object; the collector takes its time, and takes what is on the stack for a reference. */
async function leavesNothing(rounds: Rounds, { warmUp, rounds: many, kept }: Measure = USUAL): Promise<void> {
  await until("it is warm", () => rounds.count >= warmUp, PATIENCE_MS);
  const [before, from] = [objects(), rounds.count];
  await until("it has come and gone often", () => rounds.count - from >= many, PATIENCE_MS);
  let left = Infinity;
  const isLittle = (): boolean => {
    left = (objects() - before) / (rounds.count - from) - kept;
    return left < TOLERANCE;
  };
  await until("little is left", isLittle).catch(() => {});
  expect(left).toBeLessThan(TOLERANCE);
}

/** A job that runs until the callback is done. */
async function during(line: string, act: () => Promise<void>): Promise<void> {
  const plan = { ...planOf(line), retry: { min: 1, max: 1 } };
  const parts = await makeParts(plan, { video: [], audio: [] }, () => {});
  const [stop, abort] = [new AbortController(), new AbortController()];
  const context = { report: () => {}, onStatus: () => {}, stop: stop.signal, abort: abort.signal };
  const done = runJob(plan, parts, context);
  try {
    await act();
  } finally {
    stop.abort();
    abort.abort();
    await done;
  }
}

const wire = (line: string): Buffer =>
  Buffer.concat(
    packets(line).map(({ kind, dts, body }) => {
      const video = kind === "video";
      const message = { type: video ? 9 : 8, streamId: 1, timestamp: dts, payload: body };
      return frame(video ? 6 : 4, message, 128);
    }),
  );

const SHOW = wire("V1 A1 K0 a0 f40");
const LIMIT_MS = 120_000;
const [PLAYED, STEADY, BROKEN] = [1000, 2000, 3000];

/** Closes the connection of a peer, of which then nothing is kept here either. */
function hangUp(net: MemoryNet, peer: Peer): void {
  const at = net.connections.findIndex((one) => one.peer === peer);
  const [connection] = net.connections.splice(at, 1);
  connection!.close();
}

test(
  "a source that breaks off",
  async () => {
    const rounds = { count: 0 };
    using net = new MemoryNet({
      publish: (peer) => void (peer.discard = true),
      play: (peer) => {
        peer.send(SHOW);
        // Behind the answers, which come later too.
        setTimeout(() => {
          rounds.count += 1;
          hangUp(net, peer);
        });
      },
    });
    await during(`relay rtmp://127.0.0.1:${PLAYED}/live/show rtmp://127.0.0.1:${STEADY}/live/d`, () =>
      leavesNothing(rounds),
    );
  },
  LIMIT_MS,
);

test(
  "a destination that breaks off",
  async () => {
    const rounds = { count: 0 };
    using net = new MemoryNet({
      play: (peer) => void peer.send(SHOW),
      publish: (peer) => {
        peer.discard = true;
        const isSteady = net.to(STEADY).some((one) => one.peer === peer);
        if (!isSteady)
          setTimeout(() => {
            rounds.count += 1;
            hangUp(net, peer);
          });
      },
    });
    const destinations = [STEADY, BROKEN].map((port) => `rtmp://127.0.0.1:${port}/live/d`);
    await during(`relay rtmp://127.0.0.1:${PLAYED}/live/show ${destinations.join(" ")}`, () =>
      leavesNothing(rounds),
    );
  },
  LIMIT_MS,
);

test(
  "publishers and players",
  async () => {
    const port = await freePort();
    const rounds = { count: 0 };
    let over = false;
    using net = new MemoryNet({ publish: (peer) => void (peer.discard = true) });
    const come = async (): Promise<void> => {
      while (!over) {
        using publisher = await WireClient.publishing(port, "live", "key");
        await publisher.sendAll(SHOW);
        using player = await WireClient.playing(port, "live", "live");
        await player.hears("NetStream.Play.Start");
        rounds.count += 1;
      }
    };
    const line = `relay listen:127.0.0.1:${port}/live/key rtmp://127.0.0.1:${STEADY}/live/d --serve`;
    await during(line, async () => {
      const coming = come();
      try {
        await Promise.race([leavesNothing(rounds, { ...USUAL, warmUp: 20, rounds: 60 }), coming]);
      } finally {
        over = true;
        await coming;
      }
    });
    expect(net.connections.length).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test(
  "files",
  async () => {
    const rounds = { count: 0 };
    const recording = new TestRecording({ segment: { every: 100, align: "media" } });
    const source = scriptedSource("played", async ({ push, signal }) => {
      push("V1 A1");
      for (let n = 0; !signal.aborted; n++) {
        push(`K${n * 100} a${n * 100}`);
        // Files that are not finished yet would be counted.
        await until("the file before is finished", () => rounds.count >= n - 1 || signal.aborted);
      }
      return "the end";
    });
    const [stop, abort] = [new AbortController(), new AbortController()];
    const report = ({ event }: JobEvent): void => void (rounds.count += event === "segment" ? 1 : 0);
    const context = { report, onStatus: () => {}, stop: stop.signal, abort: abort.signal };
    const parts = { source, sinks: [recording.sink], close: () => {} };
    const done = runJob(makePlan(), parts, context);
    try {
      // What is reported at the end: the latest thousand.
      await leavesNothing(rounds, { ...USUAL, kept: 1 });
    } finally {
      stop.abort();
      await done;
    }
  },
  LIMIT_MS,
);
