/** The end of a job as exit code and last line: every code of the specification that a job can end with. */
import { describe, expect, test } from "bun:test";
import {
  DiskError,
  MediaError,
  ProtocolError,
  RemoteError,
  TransportError,
  UsageError,
  type Refusal,
  type TransportFault,
} from "../../src/errors.ts";
import { ExitCode, exitCodeOf, outcomeOf } from "../../src/face/exit.ts";
import type { JobReport, SinkStatus } from "../../src/pipeline/report.ts";
import { makeEmptyReport, makeReport, makeSinkStatus, makeStatus } from "../support/reports.ts";

const remote = (refusal: Refusal): RemoteError =>
  new RemoteError("the server says no", { code: "x", refusal });
const transport = (fault: TransportFault): TransportError => new TransportError(`trouble: ${fault}`, fault);
const FULL = new DiskError("the disk is full", { path: "x", code: "ENOSPC" });
const PIPE = new DiskError("the reader closed the pipe", { path: "stdout", code: "EPIPE" });
const FILE = { path: "a.flv", bytes: 1_572_864, ms: 120_000 };
const file = (changes: Partial<SinkStatus> = {}): SinkStatus =>
  makeSinkStatus({ name: "a.flv", kind: "file", ...changes });

describe("an error by itself", () => {
  test.each<[string, unknown, number]>([
    ["usage", new UsageError("wrong"), 2],
    ["not live", remote("not-live"), 4],
    ["stalled", transport("stalled"), 4],
    ["auth", remote("auth"), 5],
    ["name", remote("name"), 5],
    ["app", remote("app"), 5],
    ["trouble of the server", remote("failed"), 6],
    ["refused connection", transport("refused"), 6],
    ["name server", transport("name"), 6],
    ["TLS", transport("tls"), 6],
    ["time", transport("timeout"), 6],
    ["protocol", new ProtocolError("nonsense", { layer: "chunk" }), 6],
    ["media", new MediaError("no FLV"), 3],
    ["disk", FULL, 7],
    ["a reader that is gone", PIPE, 3],
    ["a bug", new Error("oops"), 1],
    ["anything", "oops", 1],
  ])("%s", (_name, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe("a job that did something", () => {
  type Case = [name: string, report: JobReport, code: number, text: string];
  const CASES: Case[] = [
    ["sent", makeReport(), 0, "done: 2m sent to twitch"],
    [
      "recorded",
      makeReport({ verb: "pull", files: [FILE] }, [file()]),
      0,
      "done: 2m in 1 file, 1.5 MiB: a.flv",
    ],
    [
      "a destination that is not required was away",
      makeReport({}, [
        makeSinkStatus(),
        makeSinkStatus({ name: "youtube", required: false, downMs: 14_000 }),
      ]),
      0,
      "done: 2m sent to twitch, youtube; not required: youtube down 14s",
    ],
    [
      "recorded and sent",
      makeReport({ files: [FILE] }, [file(), makeSinkStatus()]),
      0,
      "done: 2m in 1 file, 1.5 MiB: a.flv; sent to twitch",
    ],
    [
      "files that are only counted",
      makeReport({ files: [FILE], earlierFiles: { count: 86_399, bytes: 2 ** 40 } }, [file()]),
      ExitCode.done,
      "done: 2m in 86400 files, 1.0 TiB",
    ],
    [
      "many files are not named",
      makeReport({ files: [FILE, FILE, FILE] }, [file()]),
      0,
      "done: 2m in 3 files, 4.5 MiB",
    ],
    [
      "files of which some are gone",
      makeReport({ files: [FILE, FILE, FILE], deletedFiles: 2 }, [file()]),
      0,
      "done: 2m in 3 files, 4.5 MiB, 2 of them deleted since",
    ],
    [
      "a file that is gone",
      makeReport({ files: [FILE], deletedFiles: 1 }, [file()]),
      0,
      "done: 2m in 1 file, 1.5 MiB, deleted since: a.flv",
    ],
    ["stopped by the user", makeReport({ stopped: true }), 0, "stopped: 2m sent to twitch"],
    ["all that was wanted", makeReport({ wantedMs: 120_900 }), 0, "done: 2m sent to twitch"],
    [
      "less, because the user stopped it",
      makeReport({ wantedMs: 7_200_000, stopped: true }),
      0,
      "stopped: 2m of 2h sent to twitch",
    ],
    [
      "less, because the time was over",
      makeReport({ wantedMs: 7_200_000, planned: true }),
      0,
      "done: 2m of 2h sent to twitch",
    ],
    [
      "less, from a server that has words of ours for it",
      makeReport({ wantedMs: 7_200_000, reason: "the planned end" }),
      3,
      "incomplete: 2m of 2h sent to twitch; the source ended early (the planned end)",
    ],
    [
      "recorded to a name like a sentence of ours, and sent",
      makeReport({ files: [{ ...FILE, path: "once in sent.flv" }] }),
      0,
      "done: 2m in 1 file, 1.5 MiB: once in sent.flv; sent to twitch",
    ],
    [
      "recorded to a name like a sentence of ours",
      makeReport({ verb: "pull", files: [{ ...FILE, path: "once in sent.flv" }] }, [file()]),
      0,
      "done: 2m in 1 file, 1.5 MiB: once in sent.flv",
    ],
    [
      "less, because the file was shorter",
      makeReport({ wantedMs: 7_200_000, nature: "made" }),
      0,
      "done: 2m of 2h sent to twitch",
    ],
    [
      "less, because the source ended",
      makeReport({ wantedMs: 7_200_000 }),
      3,
      "incomplete: 2m of 2h sent to twitch; the source ended early (the end)",
    ],
    [
      "with gaps",
      makeReport({ gaps: { count: 2, ms: 108_000 } }),
      3,
      "incomplete: 2m sent to twitch; 2 gaps (1m48s)",
    ],
    [
      "until the source was lost",
      makeReport({ sourceError: transport("reset") }),
      3,
      "incomplete: 2m sent to twitch; trouble: reset",
    ],
    [
      "with a destination that was away",
      makeReport({}, [makeSinkStatus({ name: "youtube", downMs: 14_000 })]),
      3,
      "incomplete: 2m sent to youtube; youtube down 14s",
    ],
    [
      "with a destination that was lost",
      makeReport({}, [makeSinkStatus({ state: "failed", error: transport("reset") })]),
      3,
      "incomplete: 2m sent to twitch; twitch lost: trouble: reset",
    ],
    [
      "with a destination that never was",
      makeReport({}, [
        makeSinkStatus(),
        makeSinkStatus({ name: "b", everLive: false, error: remote("auth") }),
      ]),
      3,
      "incomplete: 2m sent to twitch; b: the server says no",
    ],
    [
      "with a destination that was too slow",
      makeReport({}, [makeSinkStatus({ lost: { packets: 9, bytes: 9, ms: 4200 } })]),
      3,
      "incomplete: 2m sent to twitch; twitch skipped 4.2s",
    ],
    [
      "with a destination that says itself that it was lost",
      makeReport({}, [makeSinkStatus({ error: new TransportError('Lost "rtmp://h": reset', "reset") })]),
      3,
      'incomplete: 2m sent to twitch; twitch: Lost "rtmp://h": reset',
    ],
    [
      "with a reader of stdout who left",
      makeReport({ verb: "pull" }, [file({ name: "stdout", error: PIPE })]),
      3,
      "incomplete: 2m; stdout lost: the reader closed the pipe",
    ],
    [
      "with a disk that became full: the files count",
      makeReport({ verb: "pull", wantedMs: 120_000, files: [{ ...FILE, ms: 11_500 }] }, [
        file({ error: FULL }),
      ]),
      7,
      "incomplete: 11.5s of 2m in 1 file, 1.5 MiB: a.flv; a.flv lost: the disk is full",
    ],
    [
      "with a disk that was full for a while",
      makeReport({ files: [11_500, 60_000].map((ms, i) => ({ ...FILE, path: `${i}.flv`, ms })) }, [
        file({ downMs: 48_000 }),
      ]),
      3,
      "incomplete: 1m12s of 2m in 2 files, 3.0 MiB: 0.flv, 1.flv; a.flv down 48s",
    ],
    [
      "with one of two disks that became full",
      makeReport({ files: [FILE, { ...FILE, path: "b.flv", ms: 11_500 }] }, [
        file(),
        file({ name: "b.flv", error: FULL }),
      ]),
      7,
      "incomplete: 2m in 2 files, 3.0 MiB: a.flv, b.flv; b.flv lost: the disk is full",
    ],
    [
      "with more files than are named, and one that failed",
      makeReport({ files: [FILE], earlierFiles: { count: 9, bytes: 0 }, mediaMs: 1_200_000 }, [
        file({ error: FULL }),
      ]),
      7,
      "incomplete: 20m in 10 files, 1.5 MiB; a.flv lost: the disk is full",
    ],
    [
      "that has no recording to show for it, because the disk was full",
      makeReport({}, [file({ error: FULL })]),
      7,
      "nothing recorded: a.flv: the disk is full",
    ],
    ["whose media was none that can be recorded", makeReport({}, [file()]), 0, "done: nothing recorded"],
    [
      "that could not finish its recording",
      makeReport({}, [
        file({ error: new DiskError('Cannot finish "a.flv": no', { path: "a.flv", code: "EIO" }) }),
      ]),
      7,
      'incomplete: 2m; a.flv lost: Cannot finish "a.flv": no',
    ],
    [
      "with a disk that was full beside a destination",
      makeReport({}, [file({ everLive: true, error: FULL }), makeSinkStatus()]),
      7,
      "incomplete: 2m sent to twitch; a.flv lost: the disk is full",
    ],
  ];

  test.each(CASES)("%s", (_name, report, code, text) => {
    expect(outcomeOf(report)).toEqual({ code, text });
  });
});

describe("a job from which nothing came", () => {
  type Case = [name: string, report: JobReport, code: number, text: string];
  const CASES: Case[] = [
    [
      "never live",
      makeEmptyReport({ verb: "pull", reason: "the planned end" }),
      4,
      'nothing recorded: "rtmp://h/live/cam" was never live (the planned end)',
    ],
    [
      "not live",
      makeEmptyReport({ sourceError: remote("not-live") }),
      4,
      "nothing sent: the server says no; the stream is not live",
    ],
    [
      "a listener that was to record only",
      makeEmptyReport({ stopped: true, status: makeStatus({ sinks: [file({ everLive: false })] }) }),
      0,
      "stopped: nothing recorded",
    ],
    ["stopped while waiting", makeEmptyReport({ stopped: true }), 0, "stopped: nothing sent"],
    [
      "a source that refused",
      makeEmptyReport({ sourceError: remote("auth") }),
      5,
      "nothing sent: the server says no",
    ],
    [
      "a source that was not reached",
      makeEmptyReport({ verb: "pull", sourceError: transport("refused") }),
      6,
      "nothing recorded: trouble: refused",
    ],
    [
      "a destination that refused",
      makeEmptyReport({}, { error: remote("name") }),
      5,
      "nothing sent: the server says no",
    ],
    [
      "a destination that was not reached",
      makeEmptyReport({}, { error: transport("name") }),
      6,
      "nothing sent: trouble: name",
    ],
    [
      "a disk",
      makeEmptyReport({ verb: "pull" }, { kind: "file", error: FULL }),
      7,
      "nothing recorded: the disk is full",
    ],
    [
      "a file that is none",
      makeEmptyReport({ sourceError: new MediaError("no FLV") }),
      3,
      "nothing sent: no FLV",
    ],
    ["a bug", makeEmptyReport({ sourceError: new Error("oops") }), 1, "nothing sent: Internal: oops"],
    [
      "the source's trouble comes first, the same words only once",
      makeEmptyReport(
        { sourceError: transport("refused") },
        { error: new DiskError("trouble: refused", FULL) },
      ),
      6,
      "nothing sent: trouble: refused",
    ],
  ];

  test.each(CASES)("%s", (_name, report, code, text) => {
    expect(outcomeOf(report)).toEqual({ code, text });
  });
});

test("the codes are those of the specification", () => {
  expect(ExitCode).toEqual({
    ...{ done: 0, internal: 1, usage: 2, incomplete: 3, neverLive: 4, refused: 5, unreachable: 6, disk: 7 },
    alreadyRunning: 8,
    ...{ interrupted: 130, terminated: 143 },
  });
});
