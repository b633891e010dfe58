/**
 * A peer that makes us answer and never reads: what is kept for it has a limit, and its stream goes on. The clock of
 * the limit of answers per second is moved by hand.
 */
import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { ControlOutput } from "../../src/net/control-output.ts";
import { Outbox } from "../../src/net/outbox.ts";
import { dialRtmp, type RtmpLink } from "../../src/net/rtmp-dial.ts";
import { ServerLink } from "../../src/net/rtmp-listen.ts";
import type { ByteTransport } from "../../src/net/transport.ts";
import { NO_FOURCCS } from "../../src/rtmp/connect.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { audio, join, publishing } from "../rtmp/server-driver.ts";
import { MemoryNet } from "../support/memory-net.ts";
import { controlBytes } from "../support/rtmp-wire.ts";

/** What the limit is, and what one answer may add to it. */
const LIMIT = 256 * 1024;

/** Keeps everything until `room` says what the peer takes. */
class StuckTransport implements ByteTransport {
  room = 0;
  readonly sent: number[] = [];
  readonly #outbox = new Outbox((bytes) => {
    const count = Math.min(bytes.length, this.room);
    this.room -= count;
    return count;
  });
  get writable(): boolean {
    return this.#outbox.size === 0;
  }
  get bufferedBytes(): number {
    return this.#outbox.size;
  }
  get takenBytes(): number {
    return this.#outbox.taken;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes.length);
    this.#outbox.send(bytes);
  }
  drain(): void {
    this.#outbox.drain();
  }
  unacknowledgedBytes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  pause(): void {}
  resume(): void {}
  finish(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {}
}

/** A hundred pings: as many as are answered in a second. */
const pings = join(...Array.from({ length: 100 }, () => controlBytes(4, Buffer.from("000600000001", "hex"))));

let now = 0;
const clock = (): { mockRestore(): void } => spyOn(performance, "now").mockImplementation(() => now);
let restore: (() => void) | undefined;
afterEach(() => restore?.());

function moveClockByHand(): void {
  now = performance.now();
  const spy = clock();
  restore = () => spy.mockRestore();
}

describe("ControlOutput", () => {
  const parts = (count: number, size: number): Uint8Array[] =>
    Array.from({ length: count }, () => new Uint8Array(size));

  test("drops what comes after the limit, and nothing before", () => {
    const transport = new StuckTransport();
    const output = new ControlOutput();
    output.send(parts(256, 1024), transport);
    expect(transport.bufferedBytes).toBe(LIMIT);
    output.send(parts(3, 1), transport);
    expect(transport.bufferedBytes).toBe(LIMIT);
  });

  test("drops whole messages only", () => {
    const transport = new StuckTransport();
    const output = new ControlOutput();
    output.send(parts(100, 10_000), transport);
    expect(transport.sent).toEqual(Array(26).fill(10_000));
  });

  test("goes on when the peer has read all, whoever saw it", () => {
    const transport = new StuckTransport();
    const output = new ControlOutput();
    output.send(parts(300, 1024), transport);
    transport.room = Infinity;
    transport.drain();
    transport.room = 0;
    output.send(parts(1, 1024), transport);
    expect(transport.bufferedBytes).toBe(1024);
    // Media may fill the way again before the session has something to say.
    output.send(parts(300, 1024), transport);
    transport.room = Infinity;
    transport.drain();
    output.drained();
    transport.room = 0;
    transport.send(new Uint8Array(5000));
    output.send(parts(1, 1024), transport);
    expect(transport.bufferedBytes).toBe(6024);
  });

  test("counts nothing that the peer takes at once", () => {
    const transport = new StuckTransport();
    transport.room = Infinity;
    new ControlOutput().send(parts(1000, 1024), transport);
    expect(transport.takenBytes).toBe(1000 * 1024);
  });
});

test("a publisher that pings and never reads is recorded on, and little is kept for it", () => {
  moveClockByHand();
  const heard: number[] = [];
  let ended = "";
  const owner = {
    onConnect: () => undefined,
    onPublish: (link: ServerLink, request: { readonly id: number }) => {
      link.accept(request.id, {
        onMedia: ({ timestamp }) => heard.push(timestamp),
        onSegmentEnd: () => {},
        onDrain: () => {},
        onEnd: (reason) => (ended = reason),
      });
    },
    onPlay: () => {},
    onNotice: () => {},
  };
  const transport = new StuckTransport();
  const link = new ServerLink(transport, "a publisher", 60_000, { owner, onGone: () => {} });
  const handler = link.begin();
  handler.onData(publishing());
  for (let second = 0; second < 400; second++) {
    now += 1000;
    handler.onData(pings);
    handler.onData(audio);
  }
  expect([heard.length, ended]).toEqual([400, ""]);
  expect(transport.bufferedBytes).toBeLessThanOrEqual(LIMIT);
  // It was worth dropping something: 400 seconds of answers are more than the limit.
  expect(transport.bufferedBytes).toBeGreaterThan(LIMIT - 100);
  link.close();
});

test("a server that pings and never reads is played on, and little is kept for it", async () => {
  using net = new MemoryNet({});
  const heard: number[] = [];
  let lost: unknown;
  const nothing = (): void => {};
  const link: RtmpLink = await dialRtmp(
    {
      ...{ url: parseRtmpUrl("rtmp://127.0.0.1:1935/live/show"), intent: "play" },
      ...{ tls: { ca: undefined, insecure: false }, bind: undefined, fourCcs: NO_FOURCCS },
      ...{ connectTimeout: 60_000, stepTimeout: 60_000, startTimeout: 60_000, stall: 60_000 },
    },
    {
      ...{ onSegmentEnd: nothing, onEnded: nothing, onReturned: nothing, onDrain: nothing, onTrace: nothing },
      onMedia: ({ timestamp }) => heard.push(timestamp),
      onClose: (error) => (lost = error),
    },
    new AbortController().signal,
  );
  const connection = net.connections[0]!;
  connection.deaf = true;
  moveClockByHand();
  for (let second = 0; second < 400; second++) {
    now += 1000;
    connection.give(pings);
    connection.give(audio);
  }
  expect([heard.length, lost]).toEqual([400, undefined]);
  expect(link.bufferedBytes).toBeLessThanOrEqual(LIMIT);
  expect(link.bufferedBytes).toBeGreaterThan(LIMIT - 100);
  link.close();
});
