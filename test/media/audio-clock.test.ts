/** Times of sound from a pipe: sample for sample, beside the arrivals over days, through bursts, pauses and losses. */
import { describe, expect, test } from "bun:test";
import { AudioClock } from "../../src/media/audio-clock.ts";
import { seededRandom } from "../support/mutate.ts";

/** A piece of sound: how many frames came, and when. */
type Piece = { readonly frames: number; readonly at: number };
type Format = { readonly samples: number; readonly rate: number };

const AAC: Format = { samples: 1024, rate: 44_100 };
const OPUS: Format = { samples: 960, rate: 48_000 };

/** Stamps frames as the source does: when nothing is held. Returns times and gaps. */
function run(pieces: Iterable<Piece>, { samples, rate }: Format) {
  const clock = new AudioClock();
  const times: number[] = [];
  let queued = 0;
  const release = (now: number): void => {
    clock.settle(now);
    if (clock.heldUntil !== undefined) return;
    for (; queued > 0; queued--) times.push(clock.stamp(samples, rate));
  };
  for (const { frames, at } of pieces) {
    // The timer of the source.
    if (clock.heldUntil !== undefined && clock.heldUntil <= at) release(clock.heldUntil);
    queued += frames;
    clock.arrive((frames * samples * 1000) / rate, at);
    release(at);
  }
  release(Infinity);
  const ms = frameMs({ samples, rate });
  const steps = times.slice(1).map((time, i) => time - times[i]!);
  return { times, gaps: steps.filter((step) => step > ms * 1.5).map((step) => step - ms) };
}

/** A frame, in ms. */
function frameMs({ samples, rate }: Format): number {
  return (samples * 1000) / rate;
}

/** `count` frames, each complete when its last sample was played, on a card that is `ppm` fast, and late by `delay`. */
function* frames(
  count: number,
  format: Format,
  ppm = 0,
  delay: (index: number) => number = () => 0,
): Generator<Piece> {
  const ms = frameMs(format) / (1 + ppm / 1e6);
  for (let i = 0; i < count; i++) yield { frames: 1, at: 1000 + (i + 1) * ms + delay(i) };
}

/** The same in bursts of `size` frames. */
function* bursts(count: number, size: number, format: Format): Generator<Piece> {
  for (let i = size; i <= count; i += size) yield { frames: size, at: 1000 + i * frameMs(format) };
}

describe("AudioClock", () => {
  test.each([
    ["AAC", AAC],
    ["Opus", OPUS],
  ])("%s that comes as it was played: samples are counted, nothing else", (_name, format) => {
    const { times, gaps } = run(frames(20_000, format), format);
    expect(times.length).toBe(20_000);
    expect(gaps).toEqual([]);
    for (const [i, time] of times.entries()) expect(time).toBeCloseTo(1000 + i * frameMs(format), 4);
  });

  test.each([
    ["bursts of 10 frames", 10],
    ["bursts of 2 s", 87],
  ])("%s: the same times", (_name, size) => {
    const { times, gaps } = run(bursts(8700, size, AAC), AAC);
    expect(gaps).toEqual([]);
    for (const [i, time] of times.entries()) expect(time).toBeCloseTo(1000 + i * frameMs(AAC), 4);
  });

  test("jitter does not show, and does not make it late", () => {
    const random = seededRandom(5);
    const { times } = run(
      frames(20_000, AAC, 0, () => random() ** 2 * 120),
      AAC,
    );
    for (const [i, time] of times.entries()) {
      expect(Math.abs(time - 1000 - i * frameMs(AAC))).toBeLessThan(6);
      if (i > 0) expect(Math.abs(time - times[i - 1]! - frameMs(AAC))).toBeLessThan(0.2);
    }
  });

  test.each([300, -300])("a sound card that is %d ppm off stays beside the arrivals for two days", (ppm) => {
    const count = Math.round((2 * 86_400_000) / frameMs(AAC));
    const { times, gaps } = run(frames(count, AAC, ppm), AAC);
    expect(gaps).toEqual([]);
    const ms = frameMs(AAC) / (1 + ppm / 1e6);
    let [worst, least] = [0, Infinity];
    for (const [i, time] of times.entries()) {
      worst = Math.max(worst, Math.abs(time - 1000 - i * ms));
      if (i > 0) least = Math.min(least, time - times[i - 1]!);
    }
    expect(worst).toBeLessThan(10);
    expect(least).toBeGreaterThan(frameMs(AAC) * 0.99);
  });

  test("a backlog at the start: what was played last is now", () => {
    // Five seconds of sound wait in the program and come within a moment.
    const backlog = Array.from({ length: 5 }, (_, i) => ({ frames: 43, at: 1000 + i * 20 }));
    const late = 1080 - 215 * frameMs(AAC);
    const rest = Array.from({ length: 400 }, (_, i) => ({ frames: 1, at: 1080 + (i + 1) * frameMs(AAC) }));
    const { times, gaps } = run([...backlog, ...rest], AAC);
    expect(gaps).toEqual([]);
    for (const [i, time] of times.entries())
      expect(Math.abs(time - late - i * frameMs(AAC))).toBeLessThan(0.01);
  });

  test("a pause whose sound comes at once afterwards is no gap", () => {
    const whole = [...frames(2000, AAC)];
    const stalled = whole.map(({ at }) => ({
      frames: 1,
      at: at > 10_000 && at < 15_000 ? 15_000 + at / 1e6 : at,
    }));
    const { times, gaps } = run(stalled, AAC);
    expect(gaps).toEqual([]);
    for (const [i, time] of times.entries()) expect(time).toBeCloseTo(1000 + i * frameMs(AAC), 3);
  });

  test("samples that never come are a gap, and it goes on where it is", () => {
    const whole = [...frames(2000, AAC)];
    const lost = whole.filter(({ at }) => at < 10_000 || at > 13_000);
    const { times, gaps } = run(lost, AAC);
    expect(gaps.length).toBe(1);
    expect(gaps[0]!).toBeWithin(2950, 3050);
    const first = lost.findIndex(({ at }) => at > 13_000);
    for (const [i, { at }] of lost.entries()) {
      // Those that were held to see whether more comes are of the time before.
      if (i >= first && i < first + 20) continue;
      expect(Math.abs(times[i]! + frameMs(AAC) - at)).toBeLessThan(1);
    }
  });

  test("sound that comes earlier than ever: it was late all the time, and catches up without going back", () => {
    const late = [...frames(3000, AAC, 0, (i) => (i < 600 ? 180 : 0))];
    const { times } = run(late, AAC);
    for (let i = 1; i < times.length; i++) expect(times[i]!).toBeGreaterThan(times[i - 1]!);
    expect(Math.abs(times[2999]! + frameMs(AAC) - late[2999]!.at)).toBeLessThan(10);
  });

  test("the rate changes on the way", () => {
    const clock = new AudioClock();
    clock.arrive(100, 1100);
    clock.settle(1600);
    expect([clock.stamp(441, 44_100), clock.stamp(480, 48_000), clock.stamp(480, 48_000)]).toEqual([
      1000, 1010, 1020,
    ]);
  });
});
