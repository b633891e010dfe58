import { describe, expect, test } from "bun:test";
import { KeyframeIndex } from "../../src/media/keyframe-index.ts";

function filled(count: number, capacity?: number): KeyframeIndex {
  const index = new KeyframeIndex(capacity);
  for (let i = 0; i < count; i++) index.add(i * 2000, 1000 + i * 50);
  return index;
}

describe("KeyframeIndex", () => {
  test("keeps times in seconds and positions in bytes", () => {
    expect(filled(3).take()).toEqual({ times: [0, 2, 4], filepositions: [1000, 1050, 1100] });
    expect(filled(0).take()).toEqual({ times: [], filepositions: [] });
  });

  test.each([4, 5, 8, 9, 100, 1000, 4097])("stays bounded and even with %d key frames", (count) => {
    const index = filled(count, 4);
    expect(index.length).toBeLessThanOrEqual(4);
    expect(index.length).toBeGreaterThan(1);
    const { times, filepositions } = index.take();
    const steps = new Set(times.slice(1).map((time, i) => time - times[i]!));
    expect(times[0]).toBe(0);
    expect(steps.size).toBe(1);
    expect(filepositions).toEqual(times.map((time) => 1000 + time * 25));
    // Half of the file at most lies behind the last entry.
    expect(times.at(-1)! * 2).toBeGreaterThanOrEqual(count - 1);
  });

  test("is thinned evenly to what is asked for", () => {
    expect(filled(10).take(5).times).toEqual([0, 4, 8, 12, 16]);
    expect(filled(10).take(3).times).toEqual([0, 6, 12]);
    expect(filled(10).take(1).times).toEqual([0]);
    expect(filled(10).take(0).times).toEqual([]);
  });
});
