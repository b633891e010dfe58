/**
 * PacketQueue: what its policies keep, drop and say.
 */
import { describe, expect, test } from "bun:test";
import type { MediaPacket } from "../../src/media/packet.ts";
import { PacketQueue, type QueueLimits } from "../../src/pipeline/queue.ts";
import { lineOf, packet, packets } from "../support/packets.ts";

const WIDE: QueueLimits = { bytes: Infinity, ms: Infinity, policy: "skip" };

function filled(limits: QueueLimits, line: string): PacketQueue {
  const queue = new PacketQueue(limits);
  live(queue, line);
  return queue;
}

/** What a live source brings: each packet at its time. */
function live(queue: PacketQueue, line: string): void {
  for (const one of packets(line)) {
    queue.offer(one);
    queue.settle(one.dts);
  }
}

function takeAll(queue: PacketQueue): MediaPacket[] {
  const taken: MediaPacket[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return taken;
}

describe("PacketQueue", () => {
  test("gives back what came, in order", () => {
    const queue = filled(WIDE, "M1 V1 A1 K0 a0 f40 a23");
    expect(queue.length).toBe(7);
    expect(lineOf(takeAll(queue))).toBe("M1 V1 A1 K0 a0 f40 a23");
    expect(queue.length).toBe(0);
    expect(queue.bytes).toBe(0);
    expect(queue.take()).toBeUndefined();
  });

  test("counts bytes and media time of what waits", () => {
    const queue = filled(WIDE, "K100*1000 f140*200 a150*50");
    expect([queue.bytes, queue.ms]).toEqual([1250, 50]);
    queue.take();
    expect([queue.bytes, queue.ms]).toEqual([250, 10]);
    queue.take();
    expect([queue.bytes, queue.ms]).toEqual([50, 0]);
  });

  test("media time is never negative when audio and video are out of step", () => {
    expect(filled(WIDE, "K100 a90").ms).toBe(0);
  });

  test("grows while it wraps around", () => {
    const queue = new PacketQueue(WIDE);
    const taken: number[] = [];
    let offered = 0;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 11; i++) queue.offer(packet(`f${offered++}`));
      for (let i = 0; i < 4; i++) taken.push(queue.take()!.dts);
    }
    taken.push(...takeAll(queue).map((one) => one.dts));
    expect(taken).toEqual(Array.from({ length: offered }, (_, i) => i));
    expect(queue.bytes).toBe(0);
  });

  test("takes nothing more after its end, and says that it ended", () => {
    const queue = filled(WIDE, "K0");
    let woken = 0;
    queue.onReady = () => woken++;
    queue.end();
    queue.offer(packet("f40"));
    expect([queue.ended, woken, lineOf(takeAll(queue))]).toEqual([true, 1, "K0"]);
  });

  test("what onReady throws is told, and it is not called again", () => {
    const queue = filled(WIDE, "K0");
    const failures: unknown[] = [];
    const fault = new Error("a sink's bug");
    queue.onReady = () => {
      throw fault;
    };
    queue.onFailure = (error) => failures.push(error);
    queue.wake();
    queue.wake();
    expect(failures).toEqual([fault]);
  });
});

describe("skip", () => {
  type Case = [name: string, limits: Partial<QueueLimits>, offered: string, given: string, lost: number[]];
  const CASES: Case[] = [
    ["nothing is lost below the limit", { ms: 100 }, "V1 K0 f40 f80 f100", "V1 K0 f40 f80 f100", [0, 0, 0]],
    [
      "over the time: up to the next keyframe, headers again",
      { ms: 100 },
      "M1 V1 A1 K0 a0 f40 K80 a90 f120",
      "M1 V1 A1 K80 a90 f120",
      [3, 48, 80],
    ],
    ["over the bytes", { bytes: 1000 }, "V1 K0*500 f40*100 K80*500 f120*100", "V1 K80 f120", [2, 600, 80]],
    [
      "with many GOPs only the oldest goes",
      { ms: 100 },
      "K0 f20 K40 f60 K80 f100 f120",
      "K40 f60 K80 f100 f120",
      [2, 32, 40],
    ],
    [
      "audio between the keyframes goes with its GOP, audio behind the keyframe stays",
      { ms: 100 },
      "K0 a10 a30 f40 a50 K60 a70 a101",
      "K60 a70 a101",
      [5, 80, 60],
    ],
    [
      "no later keyframe: all goes, and nothing comes until one does",
      { ms: 100 },
      "V1 A1 K0 f40 a50 f120 f160 a170",
      "V1 A1",
      [6, 96, 170],
    ],
    [
      "then it begins with headers and that keyframe",
      { ms: 100 },
      "M1 V1 A1 K0 f40 f120 f160 a170 K200 f240",
      "M1 V1 A1 K200 f240",
      [5, 80, 200],
    ],
    [
      "a header that changed in what was dropped: the latest one",
      { ms: 100 },
      "V1 A1 K0 f40 V2@80 A2@80 K80 f120",
      "V2 A2 K80 f120",
      [2, 32, 80],
    ],
    [
      "a header that changes while the keyframe is awaited",
      { ms: 100 },
      "V1 K0 f120 f160 V2@160 f180 K200",
      "V1 V2 K200",
      [4, 64, 200],
    ],
    [
      "a header that changes in what stays",
      { ms: 100 },
      "V1 K0 K80 V2@80 f120",
      "V1 K80 V2 f120",
      [1, 16, 80],
    ],
    [
      "audio alone: the newer half stays",
      { ms: 100 },
      "A1 a0 a20 a40 a60 a80 a101",
      "A1 a40 a60 a80 a101",
      [2, 32, 40],
    ],
    ["data goes with its GOP", { ms: 100 }, "K0 d10 K50 d60 f101", "K50 d60 f101", [2, 32, 50]],
    ["an end mark does not begin a picture", { ms: 100 }, "K0 f40 E60 a120 a130", "", [5, 80, 130]],
  ];

  test.each(CASES)("%s", (_name, limits, offered, given, [count, bytes, ms]) => {
    const queue = filled({ ...WIDE, ...limits }, offered);
    expect(lineOf(takeAll(queue))).toBe(given);
    expect(queue.lost).toEqual({ packets: count!, bytes: bytes!, ms: ms! });
    expect(queue.bytes).toBe(0);
  });

  test("headers that the sink has been given come again at the time of the keyframe", () => {
    const queue = filled({ ...WIDE, ms: 100 }, "M1 V1 K0");
    expect(lineOf(takeAll(queue))).toBe("M1 V1 K0");
    live(queue, "f40 K80 f150");
    const again = takeAll(queue);
    expect(lineOf(again)).toBe("M1 V1 K80 f150");
    expect(again.map((one) => one.dts)).toEqual([80, 80, 80, 150]);
  });

  test("every loss is told", () => {
    const queue = new PacketQueue({ ...WIDE, ms: 100 });
    let told = 0;
    queue.onLoss = () => told++;
    live(queue, "V1 K0 f40 f120 f160 K200");
    expect([told, queue.lost.packets]).toEqual([4, 4]);
  });

  test("a loss that goes on is counted while it does", () => {
    const queue = filled({ ...WIDE, ms: 100 }, "K0 f40 f120");
    expect(queue.lost.ms).toBe(120);
    queue.offer(packet("f1000"));
    expect(queue.lost.ms).toBe(1000);
    queue.offer(packet("K1040"));
    queue.offer(packet("f1080"));
    expect(queue.lost.ms).toBe(1040);
  });

  test("two losses add up without what was given between them", () => {
    const queue = filled({ ...WIDE, ms: 100 }, "K0 f90 K110");
    expect(lineOf(takeAll(queue))).toBe("K110");
    live(queue, "K500 f560 K610");
    expect(lineOf(takeAll(queue))).toBe("K610");
    expect(queue.lost).toEqual({ packets: 4, bytes: 64, ms: 220 });
  });

  test("a policy is not broken by one packet larger than the limit", () => {
    const queue = filled({ ...WIDE, bytes: 100 }, "K0*500");
    expect(lineOf(takeAll(queue))).toBe("");
    expect(queue.lost).toEqual({ packets: 1, bytes: 500, ms: 0 });
  });
});

describe("hold", () => {
  const HOLD: QueueLimits = { bytes: 100, ms: Infinity, policy: "hold" };

  test("loses nothing, is congested above the limit and relieved at half of it", () => {
    const queue = new PacketQueue(HOLD);
    const relieved: string[] = [];
    queue.onRelief = () => relieved.push(`${queue.congested} ${queue.crowded}`);
    for (const one of packets("K0*40 f1*40")) queue.offer(one);
    expect(queue.congested).toBe(false);
    queue.offer(packet("f2*40"));
    expect(queue.congested).toBe(true);
    queue.take();
    expect([queue.congested, relieved]).toEqual([true, []]);
    queue.take();
    expect([queue.congested, relieved]).toEqual([false, ["false true"]]);
    queue.take();
    expect(relieved).toEqual(["false true", "false false"]);
    expect(queue.lost.packets).toBe(0);
  });

  test("time is no reason to wait", () => {
    expect(filled({ ...HOLD, ms: 10 }, "K0 f1000").congested).toBe(false);
  });

  test("a restart that drops everything relieves the source", () => {
    const queue = filled(HOLD, "V1 K0*60 f40*60");
    let relieved = 0;
    queue.onRelief = () => relieved++;
    queue.take();
    queue.take();
    queue.offer(packet("f80*60"));
    expect(queue.congested).toBe(true);
    queue.restart();
    expect([queue.congested, relieved]).toEqual([false, 1]);
    expect(lineOf(takeAll(queue))).toBe("V1");
  });
});

describe("crowded", () => {
  test.each([
    ["bytes", { bytes: 100, ms: Infinity }, "K0*30 f1*21", true],
    ["bytes, just not", { bytes: 100, ms: Infinity }, "K0*30 f1*20", false],
    ["time", { bytes: Infinity, ms: 100 }, "K0 f51", true],
    ["time, just not", { bytes: Infinity, ms: 100 }, "K0 f50", false],
    ["unbounded", { bytes: Infinity, ms: Infinity }, "K0 f9999999*100000", false],
  ] as const)("at half the limit: %s", (_name, limits, offered, crowded) => {
    for (const policy of ["skip", "hold", "fail"] as const) {
      expect(filled({ ...limits, policy }, offered).crowded).toBe(crowded);
    }
  });

  test("until a quarter is left", () => {
    const queue = filled({ bytes: 100, ms: Infinity, policy: "skip" }, "K0*26 f1*20 f2*25");
    let relieved = 0;
    queue.onRelief = () => relieved++;
    queue.take();
    expect([queue.crowded, relieved]).toEqual([true, 0]);
    queue.take();
    expect([queue.crowded, relieved]).toEqual([false, 1]);
  });

  test("no more when a skip makes room", () => {
    const queue = filled({ bytes: 1000, ms: 100, policy: "skip" }, "K0 f40 K80");
    let relieved = 0;
    queue.onRelief = () => relieved++;
    live(queue, "K101");
    expect([lineOf(takeAll(queue)), relieved]).toEqual(["K80 K101", 1]);
  });
});

describe("fail", () => {
  test("overflows once, lets go of everything and says so at once", () => {
    const queue = filled({ bytes: 100, ms: Infinity, policy: "fail" }, "V1 K0*40 f1*40");
    let woken = 0;
    queue.onReady = () => woken++;
    expect(queue.overflowed).toBe(false);
    queue.offer(packet("f2*40"));
    queue.offer(packet("K3"));
    expect([queue.overflowed, woken, queue.length, queue.bytes]).toEqual([true, 1, 0, 0]);
  });
});

describe("restart", () => {
  type Case = [name: string, taken: number, offered: string, later: string, given: string];
  const CASES: Case[] = [
    ["goes on with the next keyframe that waits", 2, "V1 K0 f40 K80 f120", "", "V1 K80 f120"],
    ["a keyframe at the head stays", 1, "V1 K0 f40", "", "V1 K0 f40"],
    ["waits for a keyframe when none waits", 2, "V1 K0 f40", "f80 K120 f160", "V1 K120 f160"],
    ["waits for one when nothing waits at all", 3, "V1 K0 f40", "f80 a90 K120", "V1 K120"],
    ["video that waits for the next frame", 3, "V1 K0 f40 a40 a60", "f80 K120", "V1 K120"],
    ["audio alone goes on where it was", 2, "A1 a0 a20 a40", "a60", "A1 a20 a40 a60"],
    ["before anything came", 0, "", "V1 K0", "V1 K0"],
  ];

  test.each(CASES)("%s", (_name, taken, offered, later, given) => {
    const queue = filled(WIDE, offered);
    for (let i = 0; i < taken; i++) queue.take();
    queue.restart();
    for (const one of packets(later)) queue.offer(one);
    expect(lineOf(takeAll(queue))).toBe(given);
  });
});

test("a sink that has not begun loses nothing while it waits for a keyframe", () => {
  const queue = new PacketQueue(WIDE);
  queue.awaitKey();
  for (const one of packets("V1 f40 a50 V2 K80 f120")) queue.offer(one);
  expect(lineOf(takeAll(queue))).toBe("V1 V2 K80 f120");
  expect(queue.lost).toEqual({ packets: 0, bytes: 0, ms: 0 });
});

test("sound goes on when the picture is gone for ten seconds; a picture comes back with a keyframe", () => {
  const queue = filled({ bytes: 1000, ms: Infinity, policy: "skip" }, "V1 A1 K0*600 f40*600");
  for (const one of packets("a60 a10040 a10041 a10060 f10080 a10100 K10120 a10140")) queue.offer(one);
  expect(lineOf(takeAll(queue))).toBe("V1 A1 a10041 a10060 K10120 a10140");
});

test.each(["skip", "hold", "fail"] as const)("%s: packets of a byte are bounded too", (policy) => {
  const queue = new PacketQueue({ bytes: 64 * 1024 * 1024, ms: Infinity, policy });
  const one = packet("a0*1");
  let offered = 0;
  for (; offered < 200_000 && !queue.congested && !queue.overflowed; offered++) queue.offer(one);
  expect(queue.length).toBeLessThan(140_000);
  expect([queue.congested, queue.overflowed]).toEqual([policy === "hold", policy === "fail"]);
});
