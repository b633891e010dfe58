/**
 * A source whose line was slow and comes back brings what it is late with at once. Source, line, pipeline and sinks on
 * one simulated clock: who can take it gets all of it, who cannot skips as ever, and nobody holds the source for long.
 */
import { describe, expect, test } from "bun:test";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import { packet, packets, textOf } from "../support/packets.ts";

const TYPE = { audio: 8, video: 9, data: 18 };
const STEP_MS = 5;
const FRAME_MS = 40;
const GOP_FRAMES = 25;
/** A frame's bytes, a thousandth of 20 Mbit/s; so are the limits a thousandth of the defaults. */
const FRAME_BYTES = 100;
const REAL_TIME = FRAME_BYTES / FRAME_MS;
const LIMITS: QueueLimits = { bytes: 16_000, ms: 8000, policy: "skip" };
/** What the kernel takes off a queue at once. */
const KERNEL_BYTES = 500;
/** What a read brings at most, in frames. */
const SEGMENT_FRAMES = 5;

/** Bytes per ms that pass at a time in ms. */
type Rate = (at: number) => number;

/** A destination behind a line of its own. */
class Far {
  readonly given: string[] = [];
  readonly queue;
  readonly #rate: Rate;
  #kernel = 0;

  constructor(hub: Hub, rate: Rate, limits: QueueLimits) {
    this.#rate = rate;
    this.queue = hub.subscribe(limits);
    this.queue.onReady = () => this.#drain();
  }

  step(at: number): void {
    this.#kernel = Math.max(0, this.#kernel - this.#rate(at) * STEP_MS);
    this.#drain();
  }

  #drain(): void {
    while (this.#kernel < KERNEL_BYTES) {
      const one = this.queue.take();
      if (one === undefined) return;
      this.#kernel += one.body.length;
      if (one.role !== "header") this.given.push(textOf(one));
    }
  }
}

/** What is simulated; `line` is the source's. */
type World = {
  readonly line: Rate;
  readonly sinks: readonly { readonly rate: Rate; readonly limits?: QueueLimits }[];
  readonly ms: number;
  readonly sound?: boolean;
};

function simulate({ line, sinks, ms, sound = false }: World) {
  let now = 1_000_000;
  const hub = new Hub();
  const ingest = new Ingest(hub, () => {}, { now: () => now });
  const fars = sinks.map(({ rate, limits = LIMITS }) => new Far(hub, rate, limits));
  for (const one of packets(sound ? "A1" : "V1")) ingest.push(TYPE[one.kind], 0, one.body);
  const sent: string[] = [];
  let credit = 0;
  let held = 0;
  let caughtUpAt = 0;
  for (let at = 0; at < ms; at += STEP_MS, now += STEP_MS) {
    for (const far of fars) far.step(at);
    const made = Math.floor(at / FRAME_MS);
    credit = Math.min(credit + line(at) * STEP_MS, (made + 1 - sent.length) * FRAME_BYTES);
    if (ingest.mustWait) held += STEP_MS;
    while (!ingest.mustWait && sent.length <= made && credit >= FRAME_BYTES) {
      for (let n = 0; n < SEGMENT_FRAMES && sent.length <= made && credit >= FRAME_BYTES; n++) {
        const text = frameText(sent.length, sound);
        const { kind, dts, body } = packet(`${text}*${FRAME_BYTES}`);
        ingest.push(TYPE[kind], dts, body);
        sent.push(text);
        credit -= FRAME_BYTES;
      }
      ingest.flush();
    }
    if (sent.length < made - SEGMENT_FRAMES) caughtUpAt = at;
  }
  return { sent, fars, held, caughtUpAt };
}

/** How many frames wait; takes them. */
function waiting(queue: PacketQueue): number {
  let count = 0;
  for (let one = queue.take(); one !== undefined; one = queue.take()) if (one.role !== "header") count += 1;
  return count;
}

function frameText(n: number, sound: boolean): string {
  const letter = sound ? "a" : n % GOP_FRAMES === 0 ? "K" : "f";
  return `${letter}${n * FRAME_MS}`;
}

const FREE: Rate = () => 1000;
const DIP = { from: 2000, until: 22_000 };
/** A line that falls to a tenth of the stream for 20 s. */
const dipping: Rate = (at) => (at >= DIP.from && at < DIP.until ? REAL_TIME / 10 : 1000);
const times =
  (factor: number): Rate =>
  () =>
    factor * REAL_TIME;
/** A line that is good until the source's comes back, and carries no more than this then. */
const goodUntilBack =
  (factor: number): Rate =>
  (at) =>
    at < DIP.until + 500 ? 1000 : factor * REAL_TIME;
/** No longer than a sink that takes nothing is waited for, and a step. */
const PATIENCE_MS = 2000 + STEP_MS;

describe("a backlog that comes at once", () => {
  test.each([
    ["video", 20, false],
    ["video", 4, false],
    ["video", 2.2, false],
    ["sound alone", 20, true],
    ["sound alone", 2.2, true],
  ])("%s: a destination that takes %p times the stream gets every frame of it", (_name, factor, sound) => {
    const world = { line: dipping, sinks: [{ rate: times(factor) }, { rate: FREE }], ms: 60_000, sound };
    const { sent, fars, caughtUpAt } = simulate(world);
    expect(sent).toHaveLength(60_000 / FRAME_MS);
    for (const { given, queue } of fars) {
      expect(queue.lost.packets).toBe(0);
      expect(given).toEqual(sent);
    }
    expect(caughtUpAt).toBeGreaterThan(DIP.until);
  });

  test("one that takes it slowly keeps no more than its queue may", () => {
    const world = { line: dipping, sinks: [{ rate: times(1.2) }, { rate: FREE }], ms: 60_000 };
    const { sent, fars, caughtUpAt } = simulate(world);
    const [slow, good] = fars;
    expect(slow!.queue.lost.packets).toBeGreaterThan(0);
    expect(good!.given).toEqual(sent);
    // Read at twice the pace or faster: as long again as the line was slow.
    expect(caughtUpAt).toBeLessThanOrEqual(DIP.until + (DIP.until - DIP.from));
  });

  test.each([
    ["takes nothing any more", goodUntilBack(0)],
    ["took nothing before", (at: number) => (at < DIP.from ? 1000 : 0)],
  ])("one that %s does not hold the source longer than its patience", (_name, rate) => {
    const { sent, fars, held } = simulate({ line: dipping, sinks: [{ rate }, { rate: FREE }], ms: 60_000 });
    expect(held).toBeLessThanOrEqual(PATIENCE_MS);
    expect(fars[1]!.given).toEqual(sent);
    expect(fars[0]!.queue.bytes).toBeLessThanOrEqual(LIMITS.bytes);
  });

  test("one that hardly takes anything holds it until it skips", () => {
    const world = { line: dipping, sinks: [{ rate: goodUntilBack(0.1) }, { rate: FREE }], ms: 60_000 };
    const { sent, fars, held } = simulate(world);
    expect(fars[0]!.queue.lost.packets).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(LIMITS.ms + PATIENCE_MS);
    expect(fars[1]!.given).toEqual(sent);
  });

  /** Slower than the source's line ever is, so that it has begun to skip long before the backlog. */
  const hopeless: Rate = (at) => (at < DIP.from ? 1000 : 0.05 * REAL_TIME);
  test.each([
    ["too slow for the stream anyhow", hopeless, LIMITS],
    ["a player's", times(1.2), { ...LIMITS, unawaited: true } as const],
  ])("is not held for a line that is %s", (_name, rate, limits) => {
    const good = { rate: FREE };
    // The dip comes when the queue is full already.
    const line: Rate = (at) => (at < 22_000 ? 1000 : dipping(at - 20_000));
    const { sent, fars, held } = simulate({ line, sinks: [good, { rate, limits }], ms: 120_000 });
    expect(held).toBe(simulate({ line, sinks: [good], ms: 120_000 }).held);
    expect(fars[0]!.given).toEqual(sent);
    expect(fars[1]!.queue.lost.packets).toBeGreaterThan(0);
  });
});

test("a source whose clock is fast is not ahead of its time after a day, and waits for nobody", () => {
  let now = 0;
  const hub = new Hub();
  const ingest = new Ingest(hub, () => {}, { now: () => now });
  hub.subscribe(LIMITS);
  // 0.3 s in an hour, 7 s in a day.
  const drift = 1.00008;
  for (let at = 0; at < 86_400_000; at += 1000) {
    now = at;
    const { kind, dts, body } = packet(`K${Math.round(at * drift)}*1000`);
    ingest.push(TYPE[kind], dts, body);
    ingest.flush();
    if (ingest.mustWait) throw new Error(`it waits after ${at} ms`);
  }
  expect(hub.counters.position).toBeGreaterThan(now + 6000);
});

describe("without a backlog a destination never holds the source", () => {
  const stopping: Rate = (at) => (at < 5000 ? 1000 : 0);
  /** Nothing for 800 ms, then all of it. */
  const restless: Rate = (at) => (at > DIP.from && at % 900 < 800 ? 0 : 1000);
  test.each([
    ["slow", FREE, times(0.5)],
    ["stuck", FREE, stopping],
    ["slow, and the source's line is restless", restless, times(0.5)],
    ["stuck, and the source's line is restless", restless, stopping],
  ])("%s", (_name, line, rate) => {
    const { sent, fars, held } = simulate({ line, sinks: [{ rate }, { rate: FREE }], ms: 60_000 });
    expect(held).toBe(0);
    expect(fars[1]!.given).toEqual(sent);
    const { queue, given } = fars[0]!;
    expect(queue.lost.packets).toBeGreaterThan(0);
    expect(queue.ms).toBeLessThanOrEqual(LIMITS.ms + 1000);
    expect(queue.lost.packets + given.length + waiting(queue)).toBe(sent.length);
  });
});
