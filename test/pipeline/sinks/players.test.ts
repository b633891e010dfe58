/**
 * The sink that serves players, with connections in memory: what each is sent, and that those of an episode that is over
 * hold up neither its end nor the players of the next.
 */
import { expect, test } from "bun:test";
import type { ServerLink, StreamHandler } from "../../../src/net/rtmp-listen.ts";
import { playersSink, type PlayersOptions } from "../../../src/pipeline/sinks/players.ts";
import type { PlayRequest } from "../../../src/rtmp/server-events.ts";
import { SinkHost } from "../../support/sink-host.ts";

const NEVER = new AbortController().signal;
const REQUEST: PlayRequest = {
  type: "play-request",
  id: 1,
  app: "live",
  streamName: "live",
  query: "",
  vhost: undefined,
  start: -2,
};

/** A connection that takes everything, and leaves when the test lets it. */
class FakeLink {
  readonly address = "a player";
  readonly chunkSize = 4096;
  readonly messageStreamId = 1;
  readonly sent: number[] = [];
  writable = true;
  stream: StreamHandler | undefined;
  asked = false;
  closed = "";
  stuck = (): void => {};
  readonly gone = Promise.withResolvers<void>();

  accept(_id: number, stream: StreamHandler): boolean {
    this.stream = stream;
    return true;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes.length);
  }
  watchSending(_stall: number, onStuck: () => void): void {
    this.stuck = onStuck;
  }
  finish(): Promise<void> {
    this.asked = true;
    return this.gone.promise;
  }
  close(why: string): void {
    this.closed = why;
  }
}

function makeSink() {
  const port: PlayersOptions["port"] = { open: () => 1935, onPlayer: undefined };
  const queue = { bytes: 1e6, ms: 5000, policy: "skip" } as const;
  const sink = playersSink({ name: "players", port, queue, stall: 1000 });
  /** A player knocks; undefined if nobody serves it. */
  const come = (): FakeLink | undefined => {
    const link = new FakeLink();
    if (port.onPlayer === undefined) return undefined;
    port.onPlayer(link as unknown as ServerLink, REQUEST);
    return link;
  };
  return { sink, come };
}

test("a player gets headers and the current GOP, and then what comes", async () => {
  const { sink, come } = makeSink();
  const host = new SinkHost();
  const over = host.run(sink);
  host.feed("V1 K0 f40");
  const player = come()!;
  expect(player.sent).toHaveLength(1);
  host.feed("f80");
  expect(player.sent).toHaveLength(2);
  expect(sink.bytesOut).toBe(player.sent[0]! + player.sent[1]!);
  player.stream!.onEnd("it left");
  host.feed("f120");
  expect(player.sent).toHaveLength(2);
  host.end();
  await over;
  expect(player.asked).toBe(false);
});

test("a player that takes nothing is closed, and nobody else", async () => {
  const { sink, come } = makeSink();
  const host = new SinkHost();
  const over = host.run(sink);
  const [stuck, good] = [come()!, come()!];
  stuck.writable = false;
  host.feed("V1 K0");
  stuck.stuck();
  host.feed("f40");
  expect([stuck.closed, stuck.sent.length]).toEqual(["a player takes no data, closed", 0]);
  expect([good.closed, good.sent.length]).toEqual(["", 2]);
  host.end();
  await over;
});

test("players that are slow to leave hold up neither the end of an episode nor the players of the next", async () => {
  const { sink, come } = makeSink();
  const first = new SinkHost();
  const over = first.run(sink);
  const slow = come()!;
  first.end();
  await over;
  expect([slow.asked, come()]).toEqual([true, undefined]);
  const second = new SinkHost();
  const over2 = second.run(sink);
  const next = come()!;
  second.feed("V1 K0");
  expect([next.sent.length, slow.sent.length]).toEqual([1, 0]);
  second.end();
  await over2;
  next.gone.resolve();
  let closed = false;
  const closing = sink.close!({ hurry: NEVER, abort: NEVER }).then(() => (closed = true));
  await Bun.sleep(1);
  expect(closed).toBe(false);
  slow.gone.resolve();
  await closing;
});

test("the end of the job does not wait for them when it is in a hurry", async () => {
  const { sink, come } = makeSink();
  const host = new SinkHost();
  const over = host.run(sink);
  come();
  host.end();
  await over;
  await sink.close!({ hurry: AbortSignal.abort(), abort: NEVER });
});
