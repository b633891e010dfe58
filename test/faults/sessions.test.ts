/**
 * A source whose sessions come and go, and whose clock does as it likes: what is recorded and relayed is one timeline,
 * or one file for each session where that was asked for.
 */
import { describe, expect, test } from "bun:test";
import { tidy } from "../support/tidy.ts";
import { Destination, LiveSource, type SourceOptions } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { type Got, HEADERS, type Look, metadata, SMALL, wholeProblems } from "./stream.ts";

tidy();

type Bench = { source: LiveSource; good: Destination; run: Run };

/** Runs a relay with one destination and a recording while `act` does something to the source. */
async function bench(
  options: SourceOptions,
  flags: readonly string[],
  act: (bench: Bench) => Promise<void>,
): Promise<void> {
  using source = new LiveSource(options);
  using good = new Destination();
  const url = `rtmp://127.0.0.1:${source.port}/live/show`;
  await using run = await Run.start(["relay", url, good.url(), "-o", "rec.flv", ...QUICK, ...flags], 80_000);
  await act({ source, good, run });
  expect(await run.memory).toBeLessThan(MOST_MEMORY);
}

/** Waits for so many more frames of the source at the destination. */
async function flows({ good, run }: Bench, count: number): Promise<void> {
  const from = good.frames;
  await run.until(`${count} more frames`, () => good.frames >= from + count);
}

/** Breaks the source so many times, each time after so many frames. */
async function dies(one: Bench, times: number, frames: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await one.run.until(
      "the next session",
      () => one.source.sessions.length > n && one.source.current!.sent > frames,
    );
    one.source.break();
  }
  await one.run.until("the last session", () => one.source.sessions.length > times);
  await flows(one, 30);
}

/** Ends the stream; one session of the destination and one file must hold all of it. */
async function endsWhole({ source, good, run }: Bench, code: string): Promise<void> {
  source.end();
  expect(ending(await run.child.finished)).toStartWith(code);
  expect(run.recordings()).toHaveLength(1);
  expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  expect(good.sessions).toHaveLength(1);
  expect(wholeProblems(good.got, source.sessions)).toEqual([]);
}

const lastTime = (got: readonly Got[]): number =>
  Math.max(...got.map((one) => (one.what === "frame" ? one.timestamp : 0)));

describe.concurrent("a source", () => {
  test("that dies every 3 s for 30 s leaves gaps, and nothing else", async () => {
    await bench({}, [], async (one) => {
      await dies(one, 10, 225);
      const { sessions } = one.source;
      await endsWhole(one, "3 incomplete:");
      expect(one.run.child.stderr).toMatch(/10 gaps/);
      // The same failure again and again is not told each time.
      expect(one.run.child.stderr.split("\n").length).toBeLessThan(4 * sessions.length);
    });
  });

  test.each<[string, (session: number) => number]>([
    ["begins anew at 0 each time", () => 0],
    ["goes on with its own clock", (session) => session * 10_000],
    ["rolls back", (session) => 100_000 - session * 30_000],
    ["jumps by days", (session) => session * 200_000_000],
    ["comes to 2^32", (session) => 0xffffffff - 700 - session],
    ["comes to 2^31", (session) => 0x7fffffff - 700 - session],
    ["comes to 2^24", (session) => 0xffffff - 700 - session],
  ])("that is lost and %s is one timeline", async (_name, begin) => {
    await bench({ begin: (session) => begin(session) % 2 ** 32 }, [], async (one) => {
      await dies(one, 2, 80);
      await endsWhole(one, "3 incomplete:");
      const length = one.source.sessions.reduce(
        (sum, { frames }) => sum + (frames.at(-1)?.timestamp ?? 0) - (frames[0]?.timestamp ?? 0),
        0,
      );
      expect(lastTime(one.good.got)).toBeLessThan((((length % 2 ** 32) + 2 ** 32) % 2 ** 32) + 1000);
    });
  });

  test("that is away for longer than --grace begins another session and another file", async () => {
    await bench({}, ["--grace", "300ms"], async (one) => {
      await flows(one, 30);
      one.source.vanish();
      await one.run.until("the end of the first session", () => /recorded/.test(one.run.child.stderr));
      one.source.again();
      await one.run.until("the second session", () => one.good.sessions.length > 1);
      await flows(one, 30);
      one.source.end();
      expect(ending(await one.run.child.finished)).toMatch(/^3 incomplete:.* 2 files/);
      const [first, second] = one.run.recordings();
      const { sessions } = one.source;
      for (const [i, got] of [await one.run.recorded(first), await one.run.recorded(second)].entries()) {
        expect(wholeProblems(got, [sessions[i]!])).toEqual([]);
        expect(wholeProblems(one.good.sessions[i]!.got, [sessions[i]!])).toEqual([]);
      }
    });
  });
});

describe.concurrent("--follow", () => {
  test("records session after session, each in a file of its own, until it is stopped", async () => {
    await bench({}, ["--follow"], async (one) => {
      for (let n = 0; n < 3; n++) {
        if (n > 0) one.source.again();
        await one.run.until("a session", () => one.good.sessions.length > n && one.source.current!.sent > 60);
        one.source.end();
        await one.run.until("its file", () => one.run.child.stderr.split("recorded").length > n + 1);
      }
      expect(ending(await one.run.interrupt())).toMatch(/^0 stopped:.* in 3 files/);
      const files = one.run.recordings();
      for (const [i, session] of one.source.sessions.entries()) {
        expect(wholeProblems(await one.run.recorded(files[i]), [session])).toEqual([]);
        expect(wholeProblems(one.good.sessions[i]!.got, [session])).toEqual([]);
      }
      expect([files.length, one.good.sessions.length]).toEqual([3, 3]);
    });
  });

  test("waits for the first session too, and ends with --for", async () => {
    const options: SourceOptions = {
      act: (phase, peer, connection) => {
        if (phase !== "start" || connection > 4) return;
        peer.leave();
        return "mine";
      },
    };
    await bench(options, ["--follow", "--for", "2s"], async (one) => {
      expect(ending(await one.run.child.finished)).toMatch(/^0 done: /);
      expect(one.source.connections).toBeGreaterThan(5);
    });
  });
});

test("headers that come again and again are handed on once", async () => {
  await bench({}, [], async (one) => {
    for (let n = 0; n < 5; n++) {
      await flows(one, 8);
      one.source.current!.say(9, HEADERS.avc);
      one.source.current!.say(8, HEADERS.aac);
      one.source.current!.say(18, metadata());
    }
    await flows(one, 20);
    const { got } = one.good;
    await endsWhole(one, "0 done:");
    for (const kept of [got, await one.run.recorded()])
      expect(kept.filter((each) => each.what !== "frame").map((each) => each.what)).toEqual([
        "metadata",
        "header",
        "header",
      ]);
  });
});

describe.concurrent("a codec that changes in the middle", () => {
  const HEVC: Look = { ...SMALL, codec: "hevc" };

  /** What stands between the last frame before the first header of this kind and the next keyframe. */
  function aroundHeader(got: readonly Got[], body: Uint8Array): string[] {
    const hash = Bun.hash(body).toString(16);
    const at = got.findIndex((one) => one.what === "header" && one.hash === hash);
    return got
      .slice(at, at + 4)
      .map((one) => (one.what === "frame" ? `${one.kind}${one.key ? " key" : ""}` : one.what));
  }

  test.each([
    ["another H.264 header", SMALL, HEADERS.avcChanged],
    ["enhanced HEVC", HEVC, HEADERS.hevc],
  ])(
    "to %s: its header comes before the next keyframe, for all and for latecomers",
    async (_name, look, header) => {
      using late = new Destination();
      const url = `late=${late.url()}`;
      const options: SourceOptions = {};
      await bench(options, ["-t", url, "-t", `later=${late.url("later")}`], async (one) => {
        await flows(one, 30);
        one.source.current!.change(look, header);
        await flows(one, 30);
        // One that comes back afterwards knows only the new one.
        late.sessions[0]!.peer.socket.terminate();
        await one.run.until("its return", () => late.sessions.length > 2 && late.got.length > 60);
        one.source.end();
        await one.run.child.finished;
        expect(wholeProblems(one.good.got, one.source.sessions)).toEqual([]);
        expect(aroundHeader(one.good.got, header).slice(0, 2)).toEqual(["header", "video key"]);
        const known = late.got.flatMap((g) => (g.what === "header" && g.kind === "video" ? [g.hash] : []));
        expect(known).toEqual([Bun.hash(header).toString(16)]);
      });
    },
  );
});
