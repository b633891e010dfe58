/**
 * Hub: what a newcomer gets, which headers pass, how a session begins, when the source is held back, and that no
 * sink feels another one.
 */
import { describe, expect, test } from "bun:test";
import type { MediaPacket } from "../../src/media/packet.ts";
import { Hub } from "../../src/pipeline/hub.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import { lineOf, packet, packets } from "../support/packets.ts";

const WIDE: QueueLimits = { bytes: Infinity, ms: Infinity, policy: "skip" };
const HOLD: QueueLimits = { bytes: 100, ms: Infinity, policy: "hold" };

function publish(hub: Hub, line: string): void {
  for (const one of packets(line)) hub.publish(one);
}

function takeAll(queue: PacketQueue): MediaPacket[] {
  const taken: MediaPacket[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return taken;
}

describe("a newcomer", () => {
  type Case = [name: string, before: string, after: string, given: string];
  const CASES: Case[] = [
    ["from the start gets everything", "", "M1 V1 A1 K0 a0 f40", "M1 V1 A1 K0 a0 f40"],
    [
      "gets metadata, headers and the GOP",
      "V1 A1 M1 K0 a0 K80 a90 f120",
      "f160",
      "M1 V1 A1 K80 a90 f120 f160",
    ],
    ["gets the latest headers", "M1 V1 A1 K0 M2 V2 A2 K80", "", "M2 V2 A2 K80"],
    ["gets a first header that came behind the keyframe", "V1 K0 A1 a10", "a30", "V1 A1 K0 a10 a30"],
    ["gets no GOP from before a change of headers", "V1 A1 K0 f40 V2", "f80 K120", "V2 A1 K120"],
    ["nor before a change of the audio header", "V1 A1 K0 a10 A2", "a30 K40 a50", "V1 A2 K40 a50"],
    ["gets the GOP when only metadata changed", "V1 K0 M2", "f40", "M2 V1 K0 f40"],
    ["gets headers alone before the first keyframe", "M1 V1 A1", "K0", "M1 V1 A1 K0"],
    ["gets audio that has no video", "A1 a0 a20", "a40", "A1 a40"],
    ["gets data with its GOP", "V1 K0 d10", "", "V1 K0 d10"],
  ];

  test.each(CASES)("%s", (_name, before, after, given) => {
    const hub = new Hub();
    publish(hub, before);
    const queue = hub.subscribe(WIDE);
    publish(hub, after);
    expect(lineOf(takeAll(queue))).toBe(given);
    expect(queue.lost.packets).toBe(0);
  });

  test("finds its headers at the time of its keyframe, even one that came later", () => {
    const hub = new Hub();
    publish(hub, "V1 K1000 A1@1020 a1020");
    const times = takeAll(hub.subscribe(WIDE)).map((one) => one.dts);
    expect(times).toEqual([1000, 1000, 1000, 1020]);
  });

  test("waits for a keyframe when the GOP is too long to be kept", () => {
    const hub = new Hub();
    publish(hub, "V1 K0*5000000 f40*5000000 a50");
    const queue = hub.subscribe(WIDE);
    publish(hub, "f80 a90 K120 f160");
    expect(lineOf(takeAll(queue))).toBe("V1 K120 f160");
    expect(queue.lost.packets).toBe(0);
  });

  test("waits for it as well when the codec has no header", () => {
    const hub = new Hub();
    publish(hub, "K0*5000000 f40*5000000");
    const queue = hub.subscribe(WIDE);
    publish(hub, "f80 K120");
    expect(lineOf(takeAll(queue))).toBe("K120");
  });

  test("that comes after the end is told that it is over", () => {
    const hub = new Hub();
    publish(hub, "V1 K0");
    hub.end();
    const queue = hub.subscribe(WIDE);
    expect(queue.ended).toBe(true);
    expect(lineOf(takeAll(queue))).toBe("V1 K0");
  });
});

describe("headers", () => {
  test("that only repeat are not passed on, changed ones are", () => {
    const hub = new Hub();
    const queue = hub.subscribe(WIDE);
    publish(hub, "M1 V1 A1 K0 M1 V1@40 A1@40 f40 V2 K80 V1 M2");
    expect(lineOf(takeAll(queue))).toBe("M1 V1 A1 K0 f40 V2 K80 V1 M2");
  });

  test("of several tracks do not replace each other", () => {
    const hub = new Hub();
    hub.publish({ ...packet("A1"), track: 1 });
    hub.publish({ ...packet("A2"), track: 2 });
    publish(hub, "A3");
    expect(lineOf(takeAll(hub.subscribe(WIDE)))).toBe("A1 A2 A3");
  });

  test("of more tracks than anybody has are passed on, but not kept", () => {
    const hub = new Hub();
    const queue = hub.subscribe(WIDE);
    for (let track = 0; track < 200; track++) hub.publish({ ...packet("A1"), track });
    expect(takeAll(queue)).toHaveLength(200);
    expect(takeAll(hub.subscribe(WIDE))).toHaveLength(32);
  });

  test("that are too large are passed on, but neither kept nor mistaken for their predecessor", () => {
    const hub = new Hub();
    const queue = hub.subscribe(WIDE);
    publish(hub, "A1 A2*2000000 A1");
    expect(lineOf(takeAll(queue))).toBe("A1 A2 A1");
    publish(hub, "A3*2000000");
    expect(lineOf(takeAll(hub.subscribe(WIDE)))).toBe("");
  });
});

describe("a session of the source", () => {
  test("begins with a keyframe, audio passes before", () => {
    const hub = new Hub();
    const queue = hub.subscribe(WIDE);
    publish(hub, "V1 A1 f0 a10 E20 f40 K80 f120");
    expect(lineOf(takeAll(queue))).toBe("V1 A1 a10 E20 K80 f120");
    expect(hub.counters.beforeKey).toBe(3);
  });

  test("begins so again after a reconnect, and the GOP of the old one is forgotten", () => {
    const hub = new Hub();
    const queue = hub.subscribe(WIDE);
    publish(hub, "V1 K0 f40");
    hub.newSession();
    const late = hub.subscribe(WIDE);
    publish(hub, "V1 f80 a90 K120 f160");
    expect(lineOf(takeAll(queue))).toBe("V1 K0 f40 a90 K120 f160");
    expect(lineOf(takeAll(late))).toBe("V1 K120 f160");
  });

  test("counts what passed", () => {
    const hub = new Hub();
    publish(hub, "M1 V1 A1 f0*50 K10*100 a10*20 f50*30 K60*100 d60*16 a55*20");
    expect(hub.counters).toEqual({
      packets: 6,
      bytes: 286,
      videoFrames: 3,
      keyframes: 2,
      lastKey: 60,
      gop: 50,
      position: 60,
      beforeKey: 1,
    });
  });
});

describe("flush", () => {
  test("wakes each queue that has something, once", () => {
    const hub = new Hub();
    const woken: string[] = [];
    const a = hub.subscribe(WIDE);
    const b = hub.subscribe(WIDE);
    a.onReady = () => {
      woken.push(`a ${a.length}`);
      takeAll(a);
    };
    b.onReady = () => woken.push(`b ${b.length}`);
    publish(hub, "K0 f40");
    expect(woken).toEqual([]);
    hub.flush(0);
    hub.flush(0);
    expect(woken).toEqual(["a 2", "b 2", "b 2"]);
  });

  test("lets a sink that throws fail alone", () => {
    const hub = new Hub();
    const broken = hub.subscribe(WIDE);
    const sound = hub.subscribe(WIDE);
    const failures: unknown[] = [];
    broken.onReady = () => {
      throw new Error("a sink's bug");
    };
    broken.onFailure = (error) => failures.push(error);
    let woken = 0;
    sound.onReady = () => woken++;
    publish(hub, "K0");
    hub.flush(0);
    publish(hub, "f40");
    hub.flush(0);
    hub.end();
    expect(failures).toHaveLength(1);
    expect(woken).toBe(3);
  });

  test("survives sinks that leave while it runs", () => {
    const hub = new Hub();
    const queues = [hub.subscribe(WIDE), hub.subscribe(WIDE), hub.subscribe(WIDE)];
    const woken: number[] = [];
    for (const [i, queue] of queues.entries()) {
      queue.onReady = () => {
        woken.push(i);
        for (const other of queues) hub.unsubscribe(other);
      };
    }
    publish(hub, "K0");
    hub.flush(0);
    expect(woken).toEqual([0]);
  });

  test("wakes a queue that overflowed, so that its sink can fail", () => {
    const hub = new Hub();
    const full = hub.subscribe({ bytes: 10, ms: Infinity, policy: "fail" });
    const other = hub.subscribe(WIDE);
    let overflowed = false;
    full.onReady = () => (overflowed = full.overflowed);
    publish(hub, "K0");
    expect(overflowed).toBe(true);
    expect(lineOf(takeAll(other))).toBe("K0");
  });
});

describe("congestion", () => {
  test("holds the source until the last congested sink has room", async () => {
    const hub = new Hub();
    const [a, b] = [hub.subscribe(HOLD), hub.subscribe(HOLD)];
    publish(hub, "K0*60 f40*60");
    expect(hub.congested).toBe(true);
    const relief = hub.relief();
    takeAll(a);
    await relief;
    expect(hub.congested).toBe(true);
    takeAll(b);
    expect(hub.congested).toBe(false);
  });

  test("comes after a crowd, which a sink that skips makes too", async () => {
    const hub = new Hub();
    const queue = hub.subscribe({ bytes: 100, ms: Infinity, policy: "skip" });
    publish(hub, "K0*60");
    expect([hub.congested, hub.crowded]).toEqual([false, true]);
    const relief = hub.relief();
    takeAll(queue);
    await relief;
    expect(hub.crowded).toBe(false);
  });

  test("ends when the congested sink leaves", async () => {
    const hub = new Hub();
    const queue = hub.subscribe(HOLD);
    publish(hub, "K0*101");
    const relief = hub.relief();
    hub.unsubscribe(queue);
    await relief;
    expect(hub.congested).toBe(false);
  });

  test("is one wait, however often it is asked for", async () => {
    const hub = new Hub();
    const queue = hub.subscribe(HOLD);
    publish(hub, "K0*101");
    const relief = hub.relief();
    expect(hub.relief()).toBe(relief);
    takeAll(queue);
    await relief;
    publish(hub, "f40*101");
    expect(hub.relief()).not.toBe(relief);
  });

  test("is no wait when there is none", async () => {
    await new Hub().relief();
  });

  test("of one sink is not felt by another", () => {
    const hub = new Hub();
    const slow = hub.subscribe({ bytes: Infinity, ms: 100, policy: "skip" });
    const fast = hub.subscribe(WIDE);
    const taken: MediaPacket[] = [];
    const line = "V1 K0 f40 f80 f120 K160 f200";
    for (const one of packets(line)) {
      hub.publish(one);
      taken.push(...takeAll(fast));
      hub.flush(one.dts);
    }
    expect(lineOf(taken)).toBe(line);
    expect(lineOf(takeAll(slow))).toBe("V1 K160 f200");
  });
});

test("a GOP of countless small packets is not kept", () => {
  const hub = new Hub();
  publish(hub, "V1 A1 K0");
  const one = packet("a0*1");
  for (let i = 0; i < 40_000; i++) hub.publish(one);
  expect(lineOf(takeAll(hub.subscribe(WIDE)))).toBe("V1 A1");
});
