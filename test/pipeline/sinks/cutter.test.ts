/** Where recordings are cut: lengths, the clock and its steps, keyframes, audio alone, changes of the stream. */
import { afterEach, describe, expect, test } from "bun:test";
import { Cutter, nextBoundary } from "../../../src/pipeline/sinks/cutter.ts";
import { packet } from "../../support/packets.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ZONE = process.env["TZ"];

afterEach(() => setZone(ZONE));

function setZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
}

const at = (text: string): number => new Date(text).getTime();
const text = (ms: number): string => new Date(ms).toISOString();

describe("the next time on the clock", () => {
  test.each([
    ["UTC", "2026-03-05T07:08:09Z", 30 * MINUTE, "2026-03-05T07:30:00Z"],
    ["UTC", "2026-03-05T07:30:00Z", 30 * MINUTE, "2026-03-05T08:00:00Z"],
    ["UTC", "2026-03-05T07:29:59.999Z", 30 * MINUTE, "2026-03-05T07:30:00Z"],
    ["UTC", "2026-12-31T23:59:00Z", HOUR, "2027-01-01T00:00:00Z"],
    ["UTC", "2026-03-05T07:08:09Z", 6 * HOUR, "2026-03-05T12:00:00Z"],
    ["Europe/Berlin", "2026-01-05T07:08:09Z", 6 * HOUR, "2026-01-05T11:00:00Z"],
    ["Asia/Kolkata", "2026-01-05T07:08:09Z", HOUR, "2026-01-05T07:30:00Z"],
    ["Europe/Berlin", "2026-01-05T07:08:09Z", 24 * HOUR, "2026-01-05T23:00:00Z"],
    // The clock goes from 2:00 to 3:00 at 1:00Z, and back from 3:00 to 2:00 at 1:00Z.
    ["Europe/Berlin", "2026-03-28T23:00:00Z", 6 * HOUR, "2026-03-29T04:00:00Z"],
    ["Europe/Berlin", "2026-10-24T22:00:00Z", 6 * HOUR, "2026-10-25T05:00:00Z"],
    ["Europe/Berlin", "2026-10-25T00:40:00Z", 30 * MINUTE, "2026-10-25T01:00:00Z"],
    ["Europe/Berlin", "2026-03-29T00:40:00Z", 30 * MINUTE, "2026-03-29T01:00:00Z"],
  ])("%s: %s + %p", (zone, wall, every, expected) => {
    setZone(zone);
    expect(text(nextBoundary(at(wall), every))).toBe(text(at(expected)));
  });

  test("is always later, and never further than the length and a change of the clock", () => {
    setZone("Europe/Berlin");
    for (let wall = at("2026-10-24T00:00:00Z"); wall < at("2026-10-26T00:00:00Z"); wall += 7 * MINUTE + 13) {
      for (const every of [1000, 7 * MINUTE, 30 * MINUTE, 2 * HOUR, 24 * HOUR, 48 * HOUR]) {
        const wait = nextBoundary(wall, every) - wall;
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(every + HOUR);
      }
    }
  });
});

describe("a length", () => {
  test("is cut at the first keyframe that is not too early", () => {
    const cutter = new Cutter({ every: 3000, align: "media" });
    cutter.begin(0, 0);
    const cut = (line: string) => cutter.cutsAt(packet(line), packet(line).dts, 1e9);
    cutter.note(packet("K0"), 0);
    expect(["K2000", "f3000", "a3000", "d3000", "E3000"].map(cut)).toEqual(Array(5).fill(false));
    expect(["K3000", "K3001", "K9000"].map(cut)).toEqual(Array(3).fill(true));
  });

  test("is cut on audio where there is no picture, or none any more", () => {
    const cutter = new Cutter({ every: 3000, align: "media" });
    cutter.begin(0, 0);
    expect(cutter.cutsAt(packet("a2999"), 2999, 0)).toBe(false);
    expect(cutter.cutsAt(packet("a3000"), 3000, 0)).toBe(true);
    cutter.note(packet("f2000"), 2000);
    expect(cutter.cutsAt(packet("a12000"), 12_000, 0)).toBe(false);
    expect(cutter.cutsAt(packet("a12001"), 12_001, 0)).toBe(true);
  });

  test("without one nothing is cut", () => {
    const cutter = new Cutter(undefined);
    cutter.begin(0, 0);
    expect(cutter.cutsAt(packet("K99999999"), 99_999_999, 1e12)).toBe(false);
  });
});

describe("on the clock", () => {
  const key = packet("K0");
  const NOON = at("2026-03-05T12:00:00Z");

  function makeCutter(wall: number, now: number): Cutter {
    setZone("UTC");
    const cutter = new Cutter({ every: HOUR, align: "clock" });
    cutter.begin(wall, now);
    return cutter;
  }

  test("the moment counts, not the media's time", () => {
    const cutter = makeCutter(NOON - 1000, 500);
    expect(cutter.cutsAt(key, 9 * HOUR, 1499)).toBe(false);
    expect(cutter.cutsAt(key, 1, 1500)).toBe(true);
  });

  test("a clock that is set does not close a file", () => {
    const cutter = makeCutter(NOON - HOUR, 0);
    // Nobody asks the wall clock until the next file begins.
    expect(cutter.cutsAt(key, 0, HOUR - 1)).toBe(false);
    expect(cutter.cutsAt(key, 0, HOUR)).toBe(true);
    cutter.begin(NOON + 5 * HOUR + 20 * MINUTE, HOUR);
    expect(cutter.cutsAt(key, 0, HOUR + 40 * MINUTE - 1)).toBe(false);
    expect(cutter.cutsAt(key, 0, HOUR + 40 * MINUTE)).toBe(true);
  });

  test("one that runs slow makes no file of a moment", () => {
    const cutter = makeCutter(NOON - HOUR, 0);
    cutter.begin(NOON - 200, HOUR);
    expect(cutter.cutsAt(key, 0, HOUR + 200)).toBe(false);
    expect(cutter.cutsAt(key, 0, 2 * HOUR + 200)).toBe(true);
  });
});

describe("the stream", () => {
  test("changes its codec", () => {
    const cutter = new Cutter(undefined);
    const other = { ...packet("K80"), codec: "VP6F" };
    cutter.note(packet("K0"), 0);
    cutter.note(packet("a0"), 0);
    expect(cutter.cutsAt(packet("K80"), 80, 0)).toBe(false);
    expect(cutter.cutsAt(other, 80, 0)).toBe(true);
    expect(cutter.cutsAt({ ...other, role: "frame" }, 80, 0)).toBe(false);
    expect(cutter.cutsAt({ ...other, track: 1 }, 80, 0)).toBe(false);
    expect(cutter.cutsAt({ ...packet("a80"), codec: ".mp3" }, 80, 0)).toBe(false);
    cutter.forget();
    expect(cutter.cutsAt(other, 80, 0)).toBe(false);
  });

  test("is to be cut soon, or where an outage was", () => {
    const cutter = new Cutter(undefined);
    cutter.note(packet("K0"), 0);
    expect([cutter.cutSoon(), cutter.cutSoon()]).toEqual([true, false]);
    expect(cutter.cutsAt(packet("f40"), 40, 0)).toBe(false);
    expect(cutter.cutsAt(packet("K40"), 40, 0)).toBe(true);
    cutter.forget();
    cutter.note(packet("K0"), 0);
    cutter.cutFrom(500);
    expect(["a499", "d500", "a500", "f501"].map((one) => cutter.cutsAt(packet(one), 0, 0))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
