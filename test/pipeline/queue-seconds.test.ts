/**
 * PacketQueue and the clock: how long packets may wait, and how long a source waits for who takes them.
 */
import { describe, expect, test } from "bun:test";
import type { MediaPacket } from "../../src/media/packet.ts";
import { PacketQueue, type QueueLimits } from "../../src/pipeline/queue.ts";
import { lineOf, packets } from "../support/packets.ts";

function takeAll(queue: PacketQueue): MediaPacket[] {
  const taken: MediaPacket[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return taken;
}

describe("the seconds", () => {
  /** Offers a line at each of these times, in ms. */
  function arriving(policy: QueueLimits["policy"], ...arrivals: [at: number, line: string][]): PacketQueue {
    const queue = new PacketQueue({ bytes: Infinity, ms: 100, policy });
    for (const [at, line] of arrivals) {
      for (const one of packets(line)) queue.offer(one);
      queue.settle(at);
    }
    return queue;
  }

  type Case = [name: string, arrivals: [at: number, line: string][], given: string, lost: number[]];
  const CASES: Case[] = [
    ["more media than that may come at once", [[0, "V1 K0 f40 K80 f5000"]], "V1 K0 f40 K80 f5000", [0, 0]],
    [
      "and may stay as long",
      [
        [0, "V1 K0 f40 K80 f5000"],
        [100, ""],
      ],
      "V1 K0 f40 K80 f5000",
      [0, 0],
    ],
    [
      "but no longer",
      [
        [0, "V1 K0 f40 K80 f120 f140"],
        [101, ""],
      ],
      "V1 K80 f120 f140",
      [2, 80],
    ],
    [
      "GOP after GOP goes until the rest is short enough",
      [
        [0, "V1 K0 f40 K80 f120 K160 f200 f240"],
        [101, ""],
      ],
      "V1 K160 f200 f240",
      [4, 160],
    ],
    [
      "or has not waited so long",
      [
        [0, "V1 K0 f40"],
        [90, "K80 f5000"],
        [101, "f5040"],
      ],
      "V1 K80 f5000 f5040",
      [2, 80],
    ],
    [
      "little media may wait for a source that is silent",
      [
        [0, "V1 K0 f40"],
        [9000, "f80"],
      ],
      "V1 K0 f40 f80",
      [0, 0],
    ],
  ];

  test.each(CASES)("%s", (_name, arrivals, given, [count, ms]) => {
    const queue = arriving("skip", ...arrivals);
    expect(lineOf(takeAll(queue))).toBe(given);
    expect(queue.lost).toMatchObject({ packets: count!, ms: ms! });
  });

  test("a queue that fails does so then", () => {
    expect(arriving("fail", [0, "K0 f200"], [100, ""]).overflowed).toBe(false);
    expect(arriving("fail", [0, "K0 f200"], [101, ""]).overflowed).toBe(true);
  });

  test("count from when each packet came, in a ring that has grown and wrapped around", () => {
    const queue = new PacketQueue({ bytes: Infinity, ms: 1000, policy: "skip" });
    let at = 0;
    // Half as much leaves as comes: at 2030 ms the oldest came at 1020 ms.
    while (queue.lost.packets === 0) {
      at += 10;
      for (const one of packets(`K${at} f${at + 5}`)) queue.offer(one);
      queue.take();
      queue.settle(at);
    }
    expect(at).toBe(2030);
    expect(queue.lost).toMatchObject({ packets: 1, ms: 5 });
  });
});

describe("a source with a backlog waits", () => {
  const CROWD = "V1 K0*600 f40";
  const LIMITS: QueueLimits = { bytes: 1000, ms: Infinity, policy: "skip" };

  function crowded(limits = LIMITS): PacketQueue {
    const queue = new PacketQueue(limits);
    for (const one of packets(CROWD)) queue.offer(one);
    queue.settle(0);
    return queue;
  }

  test("while the sink takes something, and two seconds longer", () => {
    const queue = crowded();
    expect([queue.patience(0), queue.patience(500)]).toEqual([2000, 1500]);
    queue.take();
    expect([queue.patience(1900), queue.patience(3899), queue.patience(3900)]).toEqual([2000, 1, 0]);
    expect(queue.patience(60_000)).toBe(0);
  });

  test("from when something waits, not from when nothing did", () => {
    const queue = new PacketQueue(LIMITS);
    queue.settle(0);
    for (const one of packets(CROWD)) queue.offer(one);
    queue.settle(60_000);
    expect(queue.patience(60_000)).toBe(2000);
  });

  test("not for a queue that has room, nor for one that nobody waits for", () => {
    const queue = crowded();
    takeAll(queue);
    expect(queue.patience(0)).toBe(0);
    expect(crowded({ ...LIMITS, unawaited: true }).patience(0)).toBe(0);
  });

  test("not for one that has skipped, until it has caught up", () => {
    const queue = crowded();
    for (const one of packets("K80*500 f120*100")) queue.offer(one);
    queue.settle(10);
    expect([queue.lost.packets, queue.crowded, queue.patience(10)]).toEqual([2, true, 0]);
    takeAll(queue);
    queue.settle(20);
    for (const one of packets("K160*600")) queue.offer(one);
    queue.settle(30);
    expect(queue.patience(30)).toBe(2000);
  });
});
