/** The status line, as a text. */
import { describe, expect, test } from "bun:test";
import { StatusFace, statusLine, StatusRow } from "../../src/face/status.ts";
import { Terminal } from "../../src/face/terminal.ts";
import type { JobStatus, SinkStatus } from "../../src/pipeline/report.ts";
import { makeCounters, makeSinkStatus, makeStatus } from "../support/reports.ts";

const RATES = { bits: 4_980_000, fps: 29.97 };
const NOW = 4_360_000;

const line = (changes: Partial<JobStatus>): string =>
  statusLine(makeStatus({ sinks: [], ...changes }), RATES, NOW);
const sinkPart = (changes: Partial<SinkStatus>): string | undefined =>
  line({ sinks: [makeSinkStatus({ state: "live", ...changes })] }).split(" | ")[1];

test("a job that runs well", () => {
  const sinks = [
    makeSinkStatus({ name: "rec", kind: "file", state: "live", bytesOut: 2.7 * 1024 ** 3 }),
    makeSinkStatus({ state: "live" }),
    makeSinkStatus({ name: "youtube", state: "live", lagMs: 1200 }),
    makeSinkStatus({ name: "own", state: "waiting", retry: { number: 3, at: NOW + 8000 } }),
  ];
  expect(line({ sinks })).toBe(
    "● show 01:12:40 4.98 Mb/s 30 fps gop 2.0s | rec 2.7 GiB | twitch ok | youtube lag 1.2s | own retry 3 in 8s",
  );
});

describe("the source", () => {
  test.each<[string, Partial<JobStatus>, string]>([
    ["was never live", { firstMediaAt: undefined, sourceState: "waiting" }, "○ show waiting"],
    ["is away", { sourceState: "waiting" }, "○ show 01:12:40 waiting 4.98 Mb/s 30 fps gop 2.0s"],
    ["has no video", { counters: makeCounters({ videoFrames: 0, gop: 0 }) }, "● show 01:12:40 4.98 Mb/s"],
    [
      "has a GOP of minutes",
      { counters: makeCounters({ gop: 90_000 }) },
      "● show 01:12:40 4.98 Mb/s 30 fps gop 1m30s",
    ],
    ["has one keyframe", { counters: makeCounters({ gop: 0 }) }, "● show 01:12:40 4.98 Mb/s 30 fps"],
  ])("%s", (_name, changes, text) => {
    expect(line(changes)).toBe(text);
  });
});

describe("a sink", () => {
  test.each<[Partial<SinkStatus>, string]>([
    [{ lagMs: 499 }, "twitch ok"],
    [{ lagMs: 500 }, "twitch lag 500ms"],
    [{ state: "waiting", retry: { number: 1, at: NOW - 10 } }, "twitch retry 1 in 0ms"],
    [{ state: "waiting", retry: undefined }, "twitch waiting"],
    [{ state: "connecting" }, "twitch connecting"],
    [{ state: "failed" }, "twitch failed"],
    [{ kind: "file", bytesOut: 512 }, "rec 512 B"],
    [{ kind: "file", state: "failed", name: "a.flv" }, "a.flv failed"],
  ])("%j", (changes, text) => {
    expect(sinkPart(changes)).toBe(text);
  });
});

describe("a job's line", () => {
  test("says what it is at, before, in and after runs", () => {
    const row = new StatusRow("show");
    expect(row.line()).toBe("○ show nothing runs yet");
    row.rest("next run tomorrow");
    expect([row.runs, row.line()]).toEqual([false, "○ show next run tomorrow"]);
    row.show(makeStatus({ sinks: [], firstMediaAt: undefined, sourceState: "connecting" }));
    expect([row.runs, row.line()]).toEqual([true, "○ show connecting"]);
    row.rest("is over: done");
    expect(row.line()).toBe("○ show is over: done");
  });
});

test("where nobody watches, jobs that run say how they are doing, and jobs at rest nothing", async () => {
  const said = Promise.withResolvers<string>();
  const all: string[] = [];
  const face = new StatusFace(new Terminal({}, false), 1, (line) => {
    all.push(line);
    said.resolve(line);
  });
  face.row("idle").rest("waits");
  face.row("show").show(makeStatus({ sinks: [], firstMediaAt: undefined, sourceState: "connecting" }));
  expect(await said.promise).toBe("○ show connecting");
  face.stop();
  expect(new Set(all).size).toBe(1);
  expect(face.lines()).toEqual(["○ idle waits", "○ show connecting"]);
});
