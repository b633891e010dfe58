/**
 * A destination that fails, in each phase and in every way: it is tried again, and neither the source, the recording
 * nor the other destination feel it. When it is back it begins with metadata, headers and a keyframe.
 */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "../support/mutate.ts";
import { until } from "../support/ports.ts";
import type { Peer } from "../support/rtmp-server.ts";
import { commandBytes, controlBytes, frame, statusBytes, u32 } from "../support/rtmp-wire.ts";
import { tidy } from "../support/tidy.ts";
import { Destination, type DestinationOptions, LiveSource, PHASES, type TakenSession } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { type Look, partProblems, wholeProblems } from "./stream.ts";

tidy();

/** Video frames that a destination has to take once it is good. */
const ENOUGH = 25;

type Trial = { bad: Destination; good: Destination; source: LiveSource; run: Run };
type Wish = { look?: Look; done?: (trial: Trial) => boolean | undefined };

/** Whether that many connections have come, and all of them have gone again. */
const allGone = (bad: Destination, count: number): boolean =>
  bad.sessions.length >= count && bad.sessions.length === bad.connections && bad.sessions.at(-1)!.peer.gone;

const recovered = ({ bad }: Trial): boolean =>
  bad.got.filter((one) => one.what === "frame" && one.kind === "video").length >= ENOUGH;

/** Relays to a bad and a good destination and a recording until `done`; returns exit code and last line. */
async function isolated(options: DestinationOptions, wish: Wish = {}): Promise<string> {
  using source = new LiveSource(wish.look === undefined ? {} : { look: wish.look });
  using good = new Destination();
  using bad = new Destination(options);
  const to = ["-t", `bad=${bad.url()}`, "-t", `good=${good.url()}`];
  const url = `rtmp://127.0.0.1:${source.port}/live/show`;
  await using run = await Run.start(["relay", url, ...to, "-o", "rec.flv", ...QUICK]);
  const trial = { bad, good, source, run };
  await run.until("what the bad destination is to do", () => (wish.done ?? recovered)(trial));
  source.end();
  const result = await run.child.finished;
  expect(source.sessions).toHaveLength(1);
  expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  expect(good.sessions).toHaveLength(1);
  expect(wholeProblems(good.got, source.sessions)).toEqual([]);
  for (const { got } of bad.sessions) expect(partProblems(got, source.sessions)).toEqual([]);
  expect(await run.memory).toBeLessThan(MOST_MEMORY);
  return ending(result);
}

const FAULTS: Readonly<Record<string, (peer: Peer) => void>> = {
  "is reset": (peer) => void peer.socket.terminate(),
  "is closed": (peer) => peer.leave(),
  "falls silent": () => {},
  "brings garbage": (peer) => void peer.send(randomBytes(6000, 11)),
};

/** The first chunk of a message that never goes on. */
const BEGUN = frame(6, { type: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(5000) }).subarray(0, 140);

/** Does something on the first connection only, at one phase. */
const firstAt =
  (phase: string, act: (peer: Peer) => void): NonNullable<DestinationOptions["act"]> =>
  (at, peer, connection) => {
    if (connection > 0 || at !== phase) return;
    act(peer);
    return "mine";
  };

describe.concurrent("a destination whose first connection", () => {
  const cases = PHASES.flatMap((phase) => Object.keys(FAULTS).map((fault) => [phase, fault] as const));

  // It had never been live, and from its first frame on nothing is missing: the job is complete.
  test.each(cases)("in %s %s", async (phase, fault) => {
    expect(await isolated({ act: firstAt(phase, FAULTS[fault]!) })).toStartWith("0 done:");
  });

  // A server that hangs up within three seconds has refused; later the stream is lost.
  test.each([
    ["is reset", FAULTS["is reset"]!],
    ["is closed", FAULTS["is closed"]!],
    [
      "breaks the rules",
      (peer: Peer) => void peer.send(Buffer.concat(Array.from({ length: 20 }, () => BEGUN))),
    ],
  ])("in the middle of the stream %s", async (_name, act) => {
    const live = (session: TakenSession): void => {
      if (session.connection > 0) return;
      const seconds = (): number => session.got.filter((one) => one.what === "frame" && one.key).length * 0.4;
      void until("6 s of the stream", () => seconds() > 6).then(() => act(session.peer));
    };
    const done = (trial: Trial): boolean => trial.bad.sessions.length > 1 && recovered(trial);
    expect(await isolated({ live }, { done })).toMatch(/^3 incomplete:.* bad down/);
  });
});

const BIG: Look = { videoBytes: 60_000, audioBytes: 300, codec: "avc" };
/** Redirects to a URL, as Adobe's servers do. */
const redirect = (peer: Peer, url: string): void => {
  const information = {
    level: "error",
    code: "NetConnection.Connect.Rejected",
    description: "moved",
    ex: { code: 302, redirect: url },
  };
  peer.send(commandBytes(0, "_error", 1, null, information));
  peer.leave();
};

describe.concurrent("a destination that", () => {
  test("rejects is asked again at the longest wait, and says why", async () => {
    const act: NonNullable<DestinationOptions["act"]> = (at, peer) => {
      if (at !== "start") return;
      peer.send(statusBytes("error", "NetStream.Publish.BadName"));
      peer.leave();
      return "mine";
    };
    const done = ({ good, bad }: Trial): boolean => good.frames > 60 && bad.connections >= 2;
    const end = await isolated({ act }, { done });
    expect(end).toMatch(/^3 incomplete:.*BadName/);
  });

  test("closes right after it accepted is tried again, and refused in the end", async () => {
    const live = ({ peer }: TakenSession): void => peer.leave();
    // The end must not come while it is accepted: that would be a good end.
    const done = ({ bad }: Trial): boolean => allGone(bad, 4);
    expect(await isolated({ live }, { done })).toMatch(/^3 incomplete:.*hung up at once; is the stream key/);
  });

  test("was live and then hangs up at once each time is only lost, however often", async () => {
    const live = ({ peer, connection, got }: TakenSession): void => {
      const keyframes = (): number => got.filter((one) => one.what === "frame" && one.key).length;
      if (connection === 0)
        void until("6 s of it", () => keyframes() > 15).then(() => peer.socket.terminate());
      // Every other time as nginx does it, which leaves bytes unread.
      else if (connection < 7) connection % 2 === 0 ? peer.leave() : void peer.socket.terminate();
    };
    let said = "";
    const done = (trial: Trial): boolean => {
      said = trial.run.child.stderr;
      return trial.bad.sessions.length > 7 && recovered(trial);
    };
    expect(await isolated({ live }, { done })).toMatch(/^3 incomplete:.* bad down/);
    expect(said).toContain("hung up at once");
    expect(said).not.toContain("is the stream key right");
  });

  test("is not required changes nothing of how the job ends", async () => {
    using source = new LiveSource();
    using good = new Destination();
    using bad = new Destination({ live: ({ peer }) => void peer.socket.terminate() });
    const recipe = `version: 1
jobs:
  show:
    from: rtmp://127.0.0.1:${source.port}/live/show
    record: rec.flv
    to:
      good: ${good.url()}
      bad: { url: "${bad.url()}", required: false }
`;
    const files = { "job.yaml": recipe };
    await using run = await Run.start(["relay", "job.yaml", ...QUICK], 60_000, { files });
    await run.until("what the bad destination is to do", () => good.frames > 30 && allGone(bad, 4));
    source.end();
    expect(ending(await run.child.finished)).toMatch(/^0 done:.*not required: .*hung up/);
    expect(wholeProblems(good.got, source.sessions)).toEqual([]);
    expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  });

  test("redirects is followed", async () => {
    using other = new Destination();
    const act = firstAt("connect", (peer) => redirect(peer, other.url("show").replace(/\/show$/, "")));
    const done = (): boolean => other.frames >= ENOUGH;
    expect(await isolated({ act }, { done })).toStartWith("0 done:");
    expect(partProblems(other.got, [])).toEqual([]);
  });

  test("redirects to itself without end is given up each time", async () => {
    let port = 0;
    const act: NonNullable<DestinationOptions["act"]> = (at, peer) => {
      if (at !== "connect") return;
      redirect(peer, `rtmp://127.0.0.1:${port}/live`);
      return "mine";
    };
    const done = ({ bad, good }: Trial): boolean => {
      port = bad.port;
      return bad.connections >= 12 && good.frames > 40;
    };
    expect(await isolated({ act }, { done })).toMatch(/^3 incomplete:.*redirect/);
  });

  test("answers late gets the stream from its first frame on", async () => {
    const act = (at: string, peer: Peer): "mine" | void => {
      if (at !== "start") return;
      setTimeout(() => peer.send(statusBytes("status", "NetStream.Publish.Start")), 700);
      return "mine";
    };
    // Nobody counts what such a server takes: what is asked here is that it holds nobody up.
    const done = ({ good }: Trial): boolean => good.frames > 50;
    expect(await isolated({ act }, { done })).toStartWith("0 done:");
  });

  test("never reads is dropped after --stall, dialled anew, and holds no memory", async () => {
    const live = ({ peer, connection }: TakenSession): void => {
      if (connection === 0) (peer.socket as unknown as { pause(): void }).pause();
    };
    const done = (trial: Trial): boolean => trial.bad.sessions.length > 1 && recovered(trial);
    expect(await isolated({ live }, { done, look: BIG })).toMatch(/^3 incomplete:.* bad down/);
  });

  // 300 kbit/s: the kernel alone would hide for two minutes that nobody reads.
  test("never reads a small stream is dropped after --stall all the same", async () => {
    const live = ({ peer, connection }: TakenSession): void => {
      if (connection === 0) (peer.socket as unknown as { pause(): void }).pause();
    };
    const done = (trial: Trial): boolean => trial.bad.sessions.length > 1 && recovered(trial);
    expect(await isolated({ live }, { done })).toMatch(/^3 incomplete:.* bad down/);
  });

  test("pings without end and reads nothing costs nothing", async () => {
    const live = ({ peer }: TakenSession): void => {
      (peer.socket as unknown as { pause(): void }).pause();
      const ping = Buffer.concat(
        Array.from({ length: 2000 }, (_, i) => controlBytes(4, Buffer.concat([Buffer.from([0, 6]), u32(i)]))),
      );
      const timer = setInterval(() => (peer.gone ? clearInterval(timer) : peer.send(ping) > 0), 10);
    };
    const done = ({ bad, good }: Trial): boolean => bad.sessions.length > 1 && good.frames > 60;
    expect(await isolated({ live }, { done, look: BIG })).toMatch(/^3 incomplete:.* bad /);
  });

  test("talks without end, and says nothing that means anything", async () => {
    const live = ({ peer }: TakenSession): void => {
      const noise = Buffer.concat([
        frame(3, { type: 99, streamId: 0, timestamp: 0, payload: randomBytes(300, 3) }),
        commandBytes(0, "onNothing", 0, null, "x"),
        controlBytes(3, u32(0xffffffff)),
        controlBytes(6, Buffer.concat([u32(1), Buffer.from([2])])),
      ]);
      const timer = setInterval(() => (peer.gone ? clearInterval(timer) : peer.send(noise)), 2);
    };
    expect(await isolated({ live })).toStartWith("0 done:");
  });
});
