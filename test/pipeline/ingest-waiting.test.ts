/** When a source is asked to wait: for a sink that must lose nothing always, for others only ahead of the clock. */
import { afterEach, describe, expect, jest, test } from "bun:test";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import { settle } from "../support/fake-clock.ts";
import { packets } from "../support/packets.ts";

afterEach(() => {
  jest.useRealTimers();
});

const SKIP: QueueLimits = { bytes: Infinity, ms: 1000, policy: "skip" };
const HOLD: QueueLimits = { bytes: 100, ms: Infinity, policy: "hold" };
const NEVER = new AbortController().signal;
const TYPE = { audio: 8, video: 9, data: 18 };

function makeIngest(limits?: QueueLimits, now = () => performance.now()) {
  const hub = new Hub();
  const ingest = new Ingest(hub, () => {}, { now });
  const queue = limits === undefined ? undefined : hub.subscribe(limits);
  const push = (line: string): void => {
    for (const one of packets(line)) ingest.push(TYPE[one.kind], one.dts, one.body);
  };
  return { ingest, queue, push };
}

function empty(queue: PacketQueue | undefined): void {
  while (queue?.take() !== undefined);
}

describe("a source waits", () => {
  test("for a queue that must lose nothing, ahead of the clock or not", async () => {
    const { ingest, queue, push } = makeIngest(HOLD);
    push("K0*60 f1*60");
    expect(ingest.mustWait).toBe(true);
    const room = ingest.room(NEVER);
    empty(queue);
    await room;
    expect(ingest.mustWait).toBe(false);
  });

  test("for one that would skip, when it is ahead of the clock", async () => {
    const { ingest, queue, push } = makeIngest(SKIP);
    push("K5000 f5400 f5800");
    expect(ingest.mustWait).toBe(true);
    const room = ingest.room(NEVER);
    empty(queue);
    await room;
    expect(ingest.mustWait).toBe(false);
  });

  test("no longer than it is ahead, even if nobody takes anything", async () => {
    jest.useFakeTimers();
    let [now, waits] = [0, true];
    const pass = async (ms: number): Promise<void> => {
      now += ms;
      jest.advanceTimersByTime(ms);
      await settle();
    };
    const { ingest, push } = makeIngest(SKIP, () => now);
    push("K0 f550");
    void ingest.room(NEVER).then(() => (waits = false));
    await pass(49);
    expect(waits).toBe(true);
    await pass(1);
    expect(waits).toBe(false);
  });

  test("for one that would skip, when it brings what it is late with", async () => {
    let now = 0;
    const { ingest, queue, push } = makeIngest({ ...SKIP, ms: 8000 }, () => now);
    push("K0");
    empty(queue);
    ingest.flush();
    now = 20_000;
    for (let at = 2000; at <= 10_000; at += 2000) {
      push(`K${at}`);
      ingest.flush();
    }
    expect(ingest.mustWait).toBe(true);
    const room = ingest.room(NEVER);
    empty(queue);
    await room;
    expect([ingest.mustWait, queue?.lost.packets]).toEqual([false, 0]);
  });

  test("for sinks that are being connected, when it is ahead", async () => {
    const { ingest, push } = makeIngest();
    const { promise, resolve } = Promise.withResolvers<void>();
    push("K0 f400");
    ingest.waitFor(promise);
    expect(ingest.mustWait).toBe(false);
    push("f9000");
    expect(ingest.mustWait).toBe(true);
    const room = ingest.room(NEVER);
    resolve();
    await room;
    expect(ingest.mustWait).toBe(false);
  });

  test("no more when one of them has failed", async () => {
    const { ingest, push } = makeIngest();
    push("K0 f9000");
    ingest.waitFor(Promise.reject(new Error("no")));
    await ingest.room(NEVER);
    expect(ingest.mustWait).toBe(false);
  });

  test("no more when the job stops", async () => {
    const { ingest, push } = makeIngest(HOLD);
    push("K0*60 f1*60");
    const controller = new AbortController();
    const room = ingest.room(controller.signal);
    controller.abort();
    await room;
  });
});

describe("a source does not wait", () => {
  test.each([
    ["for a queue that would skip, when it comes at its own pace", SKIP, "K0 f10 f20"],
    ["before there is any media", SKIP, "V1 A1"],
    ["for a queue that has room", SKIP, "K0 f490"],
  ])("%s", (_name, limits, line) => {
    const { ingest, push } = makeIngest(limits);
    push(line);
    expect(ingest.mustWait).toBe(false);
  });
});

test("an episode that starts over begins at 0 on another hub", () => {
  const { ingest, push } = makeIngest();
  push("V1 K5000 f5040");
  const hub = new Hub();
  ingest.startOver(hub);
  const queue = hub.subscribe({ ...SKIP, ms: Infinity });
  push("V1 K9000 f9040");
  expect([queue.take()?.dts, queue.take()?.dts, queue.take()?.dts]).toEqual([0, 0, 40]);
});
