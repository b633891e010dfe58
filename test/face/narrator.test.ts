/** What is told of a job's events, how a failure that goes on is collapsed, and the events for programs. */
import { describe, expect, spyOn, test } from "bun:test";
import { createConsola } from "consola/core";
import { Narrator } from "../../src/face/narrator.ts";
import type { JobEvent } from "../../src/pipeline/report.ts";
import { FakeClock } from "../support/fake-clock.ts";

const MINUTE = 60_000;

function makeNarrator({ awaited = false } = {}) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const json: unknown[] = [];
  const log = createConsola({
    level: 5,
    throttle: 0,
    reporters: [{ log: ({ type, tag, args }) => void lines.push(`${type} [${tag}] ${args.join(" ")}`) }],
  });
  const options = {
    job: "show",
    json: (line: string) => json.push(JSON.parse(line)),
    awaited,
    now: clock.now,
  };
  return { clock, lines, json, narrator: new Narrator(log, options) };
}

describe("events", () => {
  test.each<[JobEvent, string]>([
    [
      { event: "start", source: "rtmp://h/live/cam", destinations: ["a", "b"] },
      "info [show] rtmp://h/live/cam -> a, b",
    ],
    [{ event: "live", name: "source" }, "info [show] live"],
    [{ event: "live", name: "twitch" }, "info [show/twitch] live"],
    [
      { event: "ended", name: "source", reason: "unpublished", attempts: 0 },
      "info [show] ended: unpublished",
    ],
    [
      { event: "retry", name: "twitch", error: "refused", attempts: 1, waitMs: 1000 },
      "warn [show/twitch] refused; trying again in 1s",
    ],
    [{ event: "failed", name: "twitch", error: "no" }, "error [show/twitch] given up: no"],
    [{ event: "gap", ms: 4200 }, "warn [show] the source was away for 4.2s"],
    [
      { event: "drop", name: "twitch", packets: 9, ms: 800 },
      "warn [show/twitch] too slow: skipped 9 packets (800ms)",
    ],
    [{ event: "segment", path: "a.flv", bytes: 1024, ms: 1000 }, "info [show] recorded a.flv (1s, 1.0 KiB)"],
    [
      { event: "deleted", path: "a.flv", bytes: 1024, why: "age", ofThisRun: true },
      "info [show] deleted a.flv (1.0 KiB): it is older than may be kept",
    ],
    [
      { event: "deleted", path: "a.flv", bytes: 1024, why: "size", ofThisRun: true },
      "info [show] deleted a.flv (1.0 KiB): the recordings are larger than may be kept",
    ],
    [
      { event: "deleted", path: "a.flv", bytes: 1024, why: "free", ofThisRun: false },
      "info [show] deleted a.flv (1.0 KiB): the disk has less room than is to be kept free",
    ],
    [
      { event: "waiting", name: "source", where: "rtmp://127.0.0.1:1935/live" },
      "info [show] waiting for a publisher on rtmp://127.0.0.1:1935/live",
    ],
    [{ event: "notice", name: "listener", text: "a stranger" }, "warn [show/listener] a stranger"],
    [{ event: "trace", name: "source", text: "status x" }, "debug [show] status x"],
  ])("%j", (event, line) => {
    const { narrator, lines, json } = makeNarrator();
    narrator.tell(event);
    expect(lines).toEqual([line]);
    expect(json).toEqual(
      event.event === "trace" ? [] : [{ time: "1970-01-01T00:00:00.000Z", job: "show", ...event }],
    );
  });

  test("a source that is waited for is no trouble before it was there", () => {
    const { narrator, lines } = makeNarrator({ awaited: true });
    const retry = (name: string, attempts: number, error: string, refused = false): void =>
      narrator.tell({ event: "retry", name, refused, error, attempts, waitMs: 1000 });
    const start = (): void => narrator.tell({ event: "start", source: "a", destinations: ["b"] });
    start();
    retry("source", 1, "not live");
    retry("source", 2, "not allowed", true);
    retry("twitch", 1, "refused");
    narrator.tell({ event: "live", name: "source" });
    retry("source", 1, "reset");
    start();
    retry("source", 1, "not live");
    expect(lines).toEqual([
      "info [show] a -> b",
      "info [show] not live; trying again in 1s",
      "warn [show] not allowed; trying again in 1s",
      "warn [show/twitch] refused; trying again in 1s",
      "info [show] live",
      "warn [show] reset; trying again in 1s",
      "info [show] a -> b",
      "info [show] not live; trying again in 1s",
    ]);
  });

  test("without --json nothing is written for programs", () => {
    const log = createConsola({ level: 0, reporters: [] });
    new Narrator(log, { job: "show", json: undefined }).tell({ event: "gap", ms: 1 });
  });
});

describe("a failure that goes on", () => {
  const retry = (error: string, attempts: number, name = "twitch"): JobEvent => ({
    ...{ event: "retry" as const, name, error, attempts, waitMs: 1000 },
  });

  /** Fails once a minute for this long; returns the minutes in which something was told. */
  function tellFor(minutes: number): number[] {
    const { clock, lines, narrator } = makeNarrator();
    const told: number[] = [];
    for (let minute = 0; minute <= minutes; minute++) {
      clock.time = minute * MINUTE;
      const before = lines.length;
      narrator.tell(retry("refused", minute + 1));
      if (lines.length > before) told.push(minute);
    }
    return told;
  }

  test("is told once, after 1, 5 and 15 minutes, and then every 15", () => {
    expect(tellFor(61)).toEqual([0, 1, 5, 15, 30, 45, 60]);
  });

  test("says how long and how often", () => {
    const { clock, lines, narrator } = makeNarrator();
    narrator.tell(retry("refused", 1));
    narrator.tell(retry("refused", 2));
    clock.time = 5 * MINUTE;
    narrator.tell(retry("refused", 7));
    expect(lines).toEqual([
      "warn [show/twitch] refused; trying again in 1s",
      "warn [show/twitch] refused; still so after 5m, 7 attempts",
    ]);
  });

  test("is told to programs every time", () => {
    const { json, narrator } = makeNarrator();
    for (let i = 1; i <= 5; i++) narrator.tell(retry("refused", i));
    expect(json).toHaveLength(5);
  });

  test("of another kind is told at once", () => {
    const { lines, narrator } = makeNarrator();
    for (const error of ["refused", "timeout", "refused"]) narrator.tell(retry(error, 1));
    expect(lines).toHaveLength(3);
  });

  test("alternating with another one is told no more often", () => {
    const { lines, narrator } = makeNarrator();
    for (let attempt = 1; attempt <= 20; attempt++)
      narrator.tell(retry(attempt % 2 ? "reset" : "refused", attempt));
    expect(lines).toHaveLength(2);
  });

  test("of the source: its gaps are told as rarely as its return", () => {
    const { lines, narrator } = makeNarrator();
    for (let attempt = 1; attempt <= 10; attempt++) {
      narrator.tell(retry("reset", attempt, "source"));
      narrator.tell({ event: "live", name: "source" });
      narrator.tell({ event: "gap", ms: 1000 });
    }
    expect(lines).toEqual([
      "warn [show] reset; trying again in 1s",
      "info [show] live",
      "warn [show] the source was away for 1s",
    ]);
  });

  test("sessions that end after a moment are told as rarely, and one that lasted at once", () => {
    const { clock, lines, narrator } = makeNarrator();
    const session = (attempts: number): void => {
      narrator.tell({ event: "live", name: "source" });
      narrator.tell({ event: "gap", ms: 1000 });
      narrator.tell({ event: "ended", name: "source", reason: "unpublished", attempts });
    };
    for (let n = 1; n <= 10; n++) {
      clock.time = n * 7000;
      session(n);
    }
    session(0);
    session(0);
    const began = ["info [show] live", "warn [show] the source was away for 1s"];
    expect(lines).toEqual([
      ...began,
      "info [show] ended: unpublished",
      ...began,
      "info [show] ended: unpublished; still so after 1m3s, 10 attempts",
      ...began,
      "info [show] ended: unpublished",
      ...began,
      "info [show] ended: unpublished",
    ]);
  });

  test("of another destination is told at once", () => {
    const { lines, narrator } = makeNarrator();
    narrator.tell(retry("refused", 1, "a"));
    narrator.tell(retry("refused", 1, "b"));
    expect(lines).toHaveLength(2);
  });

  test("that was over meanwhile is told at once", () => {
    const { lines, narrator } = makeNarrator();
    narrator.tell(retry("refused", 1));
    narrator.tell({ event: "live", name: "twitch" });
    narrator.tell(retry("refused", 1));
    expect(lines).toHaveLength(3);
  });

  test("with moments of being live in between is the same one, and they are told as rarely", () => {
    const { clock, lines, narrator } = makeNarrator();
    for (let attempt = 1; attempt <= 40; attempt++) {
      clock.time = attempt * 3000;
      narrator.tell(retry("reset", attempt));
      narrator.tell({ event: "live", name: "twitch" });
    }
    expect(lines).toEqual([
      "warn [show/twitch] reset; trying again in 1s",
      "info [show/twitch] live",
      "warn [show/twitch] reset; still so after 1m, 21 attempts",
      "info [show/twitch] live",
    ]);
  });
});

test("a trace that nobody wants costs no log of its own", () => {
  const log = createConsola({ level: 3, reporters: [] });
  using tags = spyOn(log, "withTag");
  const narrator = new Narrator(log, { job: "show", json: undefined });
  narrator.tell({ event: "trace", name: "source", text: "ignored a message" });
  expect(tags).toHaveBeenCalledTimes(0);
  narrator.tell({ event: "live", name: "source" });
  expect(tags).toHaveBeenCalledTimes(1);
});

test("failures that begin with the same five hundred letters are one: no more is remembered", () => {
  const { lines, narrator } = makeNarrator();
  const long = "x".repeat(500);
  for (const [i, error] of [`${long}a`, `${long}b`, `y${long}`].entries())
    narrator.tell({ event: "retry", name: "twitch", error, attempts: i + 1, waitMs: 1000 });
  expect(lines.map((line) => line.includes(`${long}a;`))).toEqual([true, false]);
});
