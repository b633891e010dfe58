/** Clocks of raw video: what arrivals, counters and lists of times become. Time is simulated, so days pass quickly. */
import { describe, expect, test } from "bun:test";
import { ArrivalClock, FrameClock, parsePtsList, PtsClock } from "../../src/media/capture-clock.ts";
import { seededRandom } from "../support/mutate.ts";

const SETTLED = 250;
/** Times are kept even while they are this near to the true ones, in ms: a quarter of a frame. */
const LOOSE = 11;

/** Stamps arrivals; a pipe keeps their order. */
function stampAll(hint: number, arrivals: readonly number[]) {
  const clock = new ArrivalClock(hint);
  let latest = 0;
  const times = arrivals.map((at) => clock.stamp((latest = Math.max(latest, at))));
  const steps = times.slice(1).map((time, i) => time - times[i]!);
  return { clock, times, steps, settled: steps.slice(SETTLED) };
}

const frames = (count: number, at: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => at(i));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]): number =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

describe("ArrivalClock", () => {
  test.each([
    ["25 fps as announced", 25, 25],
    ["25 fps, 30 announced", 25, 30],
    ["10 fps, 30 announced", 10, 30],
    ["120 fps, 25 announced", 120, 25],
    ["5 fps, 25 announced", 5, 25],
    ["29.97 fps, 30 announced", 29.97, 30],
  ])("%s", (_name, fps, hint) => {
    const { clock, settled } = stampAll(
      hint,
      frames(1500, (i) => (i * 1000) / fps),
    );
    expect(1000 / clock.frameMs).toBeCloseTo(fps, 2);
    expect(mean(settled)).toBeCloseTo(1000 / fps, 1);
    expect(deviation(settled)).toBeLessThan(0.1);
  });

  test.each([
    ["30 ms", 30, 0.1],
    ["40 ms, a frame", 40, 0.1],
    ["150 ms", 150, 5],
  ])("jitter of the pipe of %s is not jitter of the stream", (_name, jitter, most) => {
    const random = seededRandom(7);
    const { settled, times } = stampAll(
      25,
      frames(5000, (i) => i * 40 + random() * jitter),
    );
    expect(deviation(settled)).toBeLessThan(most);
    expect(Math.min(...settled)).toBeGreaterThan(0);
    expect(Math.abs(times.at(-1)! - 4999 * 40)).toBeLessThan(jitter);
  });

  test("does not drift in five days, with a crystal that is off and jitter", () => {
    const clock = new ArrivalClock(30);
    const random = seededRandom(9);
    const fps = 29.9873;
    let worst = 0;
    const count = Math.round(5 * 86_400 * fps);
    let latest = 0;
    for (let i = 0; i < count; i++) {
      latest = Math.max(latest, (i * 1000) / fps + random() * 20);
      const time = clock.stamp(latest);
      if (i > SETTLED) worst = Math.max(worst, Math.abs(time - (i * 1000) / fps));
    }
    expect(worst).toBeLessThan(25);
  });

  test("never goes back", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 50; round++) {
      let at = 0;
      const arrivals = frames(
        400,
        () => (at += random() < 0.03 ? random() * 8000 : random() < 0.3 ? 0 : random() * 90),
      );
      const { steps } = stampAll(1 + random() * 120, arrivals);
      expect(Math.min(...steps)).toBeGreaterThan(0);
    }
  });

  test("a pause of 5 s whose pictures come all at once afterwards leaves no trace", () => {
    const { steps, times } = stampAll(
      25,
      frames(1500, (i) => (i * 40 < 20_000 || i * 40 > 25_000 ? i * 40 : 25_000)),
    );
    expect(Math.min(...steps)).toBeGreaterThan(35);
    expect(Math.max(...steps)).toBeLessThan(50);
    expect(Math.abs(times.at(-1)! - 1499 * 40)).toBeLessThan(LOOSE);
  });

  test("pictures that were lost in a pause of 5 s are missing: one step, soon, and no other", () => {
    const { steps, times } = stampAll(
      25,
      frames(1500, (i) => (i < 500 ? i * 40 : i * 40 + 5000)),
    );
    const jumps = steps.map((step, i) => [i, step] as const).filter(([, step]) => step > 50);
    expect(jumps.length).toBe(1);
    expect(jumps[0]![0]).toBeLessThan(515);
    expect(Math.abs(times.at(-1)! - (1499 * 40 + 5000))).toBeLessThan(LOOSE);
  });

  test("a camera that halves its rate in the dark is followed within two seconds", () => {
    const { clock, steps, times } = stampAll(
      30,
      frames(900, (i) => (i < 300 ? i * (1000 / 30) : 10_000 + (i - 300) * (1000 / 15))),
    );
    expect(1000 / clock.frameMs).toBeCloseTo(15, 1);
    const after = steps.slice(330);
    expect(Math.max(...after)).toBeLessThan(80);
    expect(Math.min(...after)).toBeGreaterThan(55);
    expect(Math.abs(times.at(-1)! - (10_000 + 599 * (1000 / 15)))).toBeLessThan(2 * LOOSE);
  });

  test("a backlog at the start is stretched", () => {
    const { steps, settled } = stampAll(
      25,
      frames(1000, (i) => Math.max(i * 40, 400)),
    );
    expect(Math.min(...steps)).toBeGreaterThan(1);
    expect(mean(settled)).toBeCloseTo(40, 1);
  });
});

describe("FrameClock", () => {
  test("counts frames, exactly", () => {
    const clock = new FrameClock(29.97);
    for (let i = 0; i < 1_000_000; i++) expect(clock.stamp()).toBeCloseTo((i * 1000) / 29.97, 6);
  });
});

describe("PtsClock", () => {
  const text = "# timecode format v2\n1000.000\n1033.366\n1066.700\n1066.000\n\n1133.4\n";

  test("reads what rpicam-vid --save-pts writes", () => {
    const times = parsePtsList(text)!;
    expect(times).toEqual([1000, 1033.366, 1066.7, 1066.7, 1133.4]);
    const clock = new PtsClock(times);
    expect(times.map(() => Math.round(clock.stamp()!))).toEqual([0, 33, 67, 67, 133]);
    expect(clock.stamp()).toBeUndefined();
    expect(clock.frameMs).toBeCloseTo(33.35, 2);
  });

  test.each([
    ["nothing", ""],
    ["comments alone", "# x\n"],
    ["words", "a frame\n"],
    ["an FLV file", "FLV\x01"],
  ])("%s is no list", (_name, bad) => {
    expect(parsePtsList(bad)).toBeUndefined();
  });
});
