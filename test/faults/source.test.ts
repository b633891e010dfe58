/**
 * A source that fails in each phase of the protocol, in every way a network or a server can: the next connection is a
 * good one, and nothing of it is lost on the way to the recording and to a destination.
 */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "../support/mutate.ts";
import type { Peer } from "../support/rtmp-server.ts";
import { controlBytes } from "../support/rtmp-wire.ts";
import { tidy } from "../support/tidy.ts";
import {
  Destination,
  LiveSource,
  PHASES,
  type PeerLine,
  type SessionRun,
  type SourceOptions,
} from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { wholeProblems } from "./stream.ts";

tidy();

const ENOUGH = 60;

/** Relays a source to a good destination and a recording until its last session has brought enough. */
async function survives(
  options: SourceOptions,
  sessions = 1,
  code = "0 ",
  flags: string[] = [],
): Promise<void> {
  using source = new LiveSource(options);
  using good = new Destination();
  const url = `rtmp://127.0.0.1:${source.port}/live/show`;
  await using run = await Run.start([
    "relay",
    url,
    good.url(),
    "-o",
    "rec.flv",
    "--wait",
    "30s",
    ...QUICK,
    ...flags,
  ]);
  await run.until("the last session of the source", () => source.sessions.length >= sessions);
  await run.until("enough of it", () => source.current!.sent >= ENOUGH);
  source.end();
  const result = await run.child.finished;
  expect(ending(result)).toStartWith(code);
  expect(wholeProblems(await run.recorded(), source.sessions)).toEqual([]);
  expect(good.sessions).toHaveLength(1);
  expect(wholeProblems(good.got, source.sessions)).toEqual([]);
  expect(await run.memory).toBeLessThan(MOST_MEMORY);
}

type Faults = Readonly<Record<string, (peer: Peer) => void>>;

const FAULTS: Faults = {
  "is reset": (peer) => void peer.socket.terminate(),
  "is closed": (peer) => peer.leave(),
  "falls silent": () => {},
  "brings garbage": (peer) => void peer.send(randomBytes(6000, 7)),
};

/** A server that is alive and has nothing to say. */
function pingsOnly(peer: Peer): void {
  const ping = controlBytes(4, Buffer.from([0, 6, 0, 0, 0, 1]));
  const timer = setInterval(() => (peer.gone ? clearInterval(timer) : peer.send(ping)), 50);
}

describe.concurrent("a source whose first connection", () => {
  const cases = PHASES.flatMap((phase) => Object.keys(FAULTS).map((fault) => [phase, fault] as const));

  // A server that closes when asked for its application has refused: that is said, not tried again.
  const refusals = new Set(["connect is closed"]);

  test.each(cases.filter((one) => !refusals.has(one.join(" "))))("in %s %s", async (phase, fault) => {
    await survives({
      act: (at, peer, connection) => {
        if (connection > 0 || at !== phase) return;
        FAULTS[fault]!(peer);
        return "mine";
      },
    });
  });

  const later: Faults = { ...FAULTS, "only pings": pingsOnly };

  test.each(Object.keys(later))("in the middle of the stream %s", async (fault) => {
    const act = (run: SessionRun<PeerLine>): void => {
      if (run.session.number > 0) return;
      const timer = setInterval(() => {
        if (run.sent < 40) return;
        clearInterval(timer);
        run.hush();
        if (fault === "is reset") run.session.sureUntil = performance.now() - 200;
        later[fault]!(run.line.peer);
      }, 5);
    };
    await survives({ live: act }, 2, "3 ");
  });
});
