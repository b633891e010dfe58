/**
 * The FLV recording: names, what stands in a finished file (read back with a reader of the tests' own), what is
 * left after a failure, and that a slow disk is this recording's problem alone.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DiskError } from "../../../src/errors.ts";
import { readMetadata } from "../../../src/media/metadata.ts";
import { flvFileSink } from "../../../src/pipeline/sinks/flv-file.ts";
import type { QueueLimits } from "../../../src/pipeline/queue.ts";
import { readFlv, type FlvTag } from "../../support/flv-compare.ts";
import { packets } from "../../support/packets.ts";
import { until } from "../../support/ports.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

const FAIL: QueueLimits = { bytes: 1024 * 1024, ms: Infinity, policy: "fail" };

function makeSink(path: string, options: { force?: boolean; queue?: QueueLimits } = {}) {
  const { force = false, queue = FAIL } = options;
  const fields = { job: "job", app: "app", stream: "stream" };
  const files = { template: path, fields, force, segment: undefined, join: undefined, keep: undefined };
  return flvFileSink({ name: path, files, queue });
}

/** Records a line of packets to its end; returns the finished file's tags behind the metadata. */
async function record(line: string, path = join(scratch("flv"), "out.flv")) {
  const host = new SinkHost();
  const sink = makeSink(path);
  const run = host.run(sink);
  host.feed(line);
  host.end();
  await run;
  const bytes = readFileSync(path);
  const tags = readFlv(bytes);
  return { host, sink, path, bytes, tags, metadata: readMetadata(tags[0]!.payload) };
}

function numbers(entries: readonly (readonly [string, unknown])[] | undefined): Record<string, unknown> {
  return Object.fromEntries(entries ?? []);
}

const timesOf = (tags: readonly FlvTag[]): number[] => tags.map((tag) => tag.timestamp);

describe("a finished recording", () => {
  const LINE = "M7 V1 A1 K1000*500 a1000*50 f1040*300 a1023*50 K3000*700 a3010*60 f3040*200";

  test("holds every body as it came, from time 0, headers first", async () => {
    const { tags } = await record(LINE);
    const expected = packets(LINE).slice(1);
    expect(tags.slice(1).map((tag) => tag.payload.toString())).toEqual(
      expected.map((one) => Buffer.from(one.body).toString()),
    );
    expect(timesOf(tags)).toEqual([0, 0, 0, 0, 0, 40, 23, 2000, 2010, 2040]);
  });

  test("says how long and large it is and where its last keyframe stands", async () => {
    const { bytes, metadata, host, path, sink } = await record(LINE);
    const told = numbers(metadata?.entries);
    const key = bytes.indexOf(packets("K3000*700")[0]!.body) - 11;
    expect(told).toMatchObject({
      duration: 2.04,
      lasttimestamp: 2.04,
      filesize: bytes.length,
      lastkeyframetimestamp: 2,
      lastkeyframelocation: key,
      version: 7,
    });
    expect(bytes[key]).toBe(9);
    const video = 4 * 15 + 500 + 300 + 700 + 200 + 15 + 16;
    const audio = 4 * 15 + 50 + 50 + 60 + 16;
    expect(told["videosize"]).toBe(video);
    expect(told["audiosize"]).toBe(audio);
    expect(told["videodatarate"]).toBeCloseTo((video * 8) / 2040, 6);
    expect(host.files).toEqual([{ path, bytes: bytes.length, ms: 2040 }]);
    expect(sink.bytesOut).toBeGreaterThan(0);
  });

  test.each([
    ["V1 K0 f40", 1],
    ["A1 a0 a20", 4],
    ["V1 A1 K0 a0", 5],
  ])("of %p says in its header what it holds", async (line, flags) => {
    expect((await record(line)).bytes[4]).toBe(flags);
  });

  test("of one frame divides by nothing", async () => {
    const told = numbers((await record("V1 K5000")).metadata?.entries);
    expect(told).toMatchObject({ duration: 0, videodatarate: 0, framerate: 0 });
  });

  test("keeps data and later metadata in their place", async () => {
    const { tags } = await record("M1 V1 K0 d20 f40 M2@40 f80");
    expect(tags.map((tag) => `${tag.kind} ${tag.timestamp}`)).toEqual([
      ...["script 0", "video 0", "video 0", "script 20", "video 40", "script 40", "video 80"],
    ]);
  });

  test("goes beyond 2^24 and 2^32 ms", async () => {
    const { tags, metadata } = await record(`V1 K0 K${0x1000000} K${2 ** 32 + 40}`);
    expect(timesOf(tags).slice(2)).toEqual([0, 0x1000000, 40]);
    expect(numbers(metadata?.entries)["duration"]).toBe((2 ** 32 + 40) / 1000);
  });
});

describe("names", () => {
  test("a file carries .part while it is written", async () => {
    const folder = scratch("flv");
    const path = join(folder, "deep/er/out.flv");
    const host = new SinkHost();
    const run = host.run(makeSink(path));
    host.feed("V1");
    expect([existsSync(dirname(path)), host.lives]).toEqual([false, 0]);
    host.feed("K0");
    await until("it is open", () => host.lives === 1);
    expect(readdirSync(dirname(path))).toEqual(["out.flv.part"]);
    host.end();
    await run;
    expect(readdirSync(dirname(path))).toEqual(["out.flv"]);
  });

  test("an existing file, finished or not, is left alone", async () => {
    const folder = scratch("flv");
    writeFileSync(join(folder, "out.flv"), "mine");
    writeFileSync(join(folder, "out-2.flv.part"), "also mine");
    const { host } = await recordTo(join(folder, "out.flv"));
    expect(host.files[0]!.path).toBe(join(folder, "out-3.flv"));
    expect(readdirSync(folder).sort()).toEqual(["out-2.flv.part", "out-3.flv", "out.flv"]);
    expect(readFileSync(join(folder, "out.flv"), "utf8")).toBe("mine");
  });

  test("a name that was taken meanwhile is left alone too", async () => {
    const folder = scratch("flv");
    const path = join(folder, "out.flv");
    const host = new SinkHost();
    const run = host.run(makeSink(path));
    host.feed("K0");
    writeFileSync(path, "mine");
    host.end();
    await run;
    expect(host.files[0]!.path).toBe(join(folder, "out-2.flv"));
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  test("--force overwrites both", async () => {
    const folder = scratch("flv");
    const path = join(folder, "out.flv");
    writeFileSync(path, "old");
    writeFileSync(`${path}.part`, "older");
    const { host } = await recordTo(path, true);
    expect(host.files[0]!.path).toBe(path);
    expect(readdirSync(folder)).toEqual(["out.flv"]);
    expect(readFlv(readFileSync(path))).toHaveLength(2);
  });

  async function recordTo(path: string, force = false) {
    const host = new SinkHost();
    const run = host.run(makeSink(path, { force }));
    host.feed("K0");
    host.end();
    await run;
    return { host };
  }

  test("without media there is no file", async () => {
    const folder = scratch("flv");
    const host = new SinkHost();
    const run = host.run(makeSink(join(folder, "out.flv")));
    host.feed("M1 V1 A1");
    host.end();
    await run;
    expect([readdirSync(folder), host.files, host.lives]).toEqual([[], [], 0]);
  });

  test("only the latest headers from before the media are written", async () => {
    const { tags } = await record("V1 A1 V2 M1 V3 K0");
    expect(tags.map((tag) => `${tag.kind} ${tag.role}`)).toEqual([
      ...["script data", "video header", "audio header", "video key"],
    ]);
    expect(tags[1]!.payload.toString()).toBe(Buffer.from(packets("V3")[0]!.body).toString());
  });
});

describe("failures", () => {
  test("a file where a folder should be is said so", async () => {
    const root = scratch("flv");
    writeFileSync(join(root, "file"), "");
    const host = new SinkHost();
    const run = host.run(makeSink(join(root, "file/out.flv")));
    host.feed("K0");
    const error = await run.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DiskError);
    expect((error as DiskError).message).toBe(
      `Cannot write "${join(root, "file/out.flv")}": a part of its path is no folder`,
    );
  });

  test("a folder of the same name is left alone", async () => {
    const root = scratch("flv");
    mkdirSync(join(root, "out.flv"));
    const { host } = await record("K0", join(root, "out.flv")).catch(() => ({ host: undefined }));
    expect(host).toBeUndefined();
    expect(readdirSync(root).sort()).toEqual(["out-2.flv", "out.flv"]);
  });

  test("a disk that is too slow fails this recording, closes its file and keeps what there is", async () => {
    const folder = scratch("flv");
    const path = join(folder, "out.flv");
    const host = new SinkHost();
    const queue: QueueLimits = { bytes: 100_000, ms: Infinity, policy: "fail" };
    const run = host.run(makeSink(path, { queue }));
    host.feed("V1 K0*90000");
    await until("it is open", () => host.lives === 1);
    // More than may be gathered for the disk in one piece, without a moment for the disk in between.
    const line = Array.from({ length: 60 }, (_, i) => `f${i * 40 + 40}*90000`);
    for (const one of line) host.feed(one);
    host.feed(line.map((one) => one.replace("f", "f9")).join(" "));
    const error = await run.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DiskError);
    expect((error as DiskError).message).toMatch(/too slow/);
    expect(host.queue).toBeUndefined();
    await until("what the disk was given is a finished file", () => host.files.length === 1);
    expect(readdirSync(folder)).toEqual(["out.flv"]);
    expect(timesOf(readFlv(readFileSync(path))).slice(0, 5)).toEqual([0, 0, 0, 40, 80]);
  });

  test("whoever reads stdout too slowly is told so, and not that it is the disk", async () => {
    const host = new SinkHost();
    const queue: QueueLimits = { bytes: 100_000, ms: Infinity, policy: "fail" };
    const run = host.run(flvFileSink({ name: "stdout", files: undefined, queue }));
    host.feed(`V1 K0*90000 ${Array.from({ length: 9 }, (_, i) => `f${i * 40 + 40}*90000`).join(" ")}`);
    const error = (await run.catch((reason: unknown) => reason)) as DiskError;
    expect([error.message, error.code, error.passing]).toEqual([
      'Cannot write "stdout": its reader is too slow, 0 MiB wait for it',
      "EPIPE",
      false,
    ]);
  });

  test("another recording beside it goes on", async () => {
    const folder = scratch("flv");
    writeFileSync(join(folder, "file"), "");
    const host = new SinkHost();
    const broken = host.run(makeSink(join(folder, "file/a.flv")));
    const sound = host.run(makeSink(join(folder, "b.flv")));
    host.feed("V1 K0 f40");
    host.end();
    expect(broken).rejects.toBeInstanceOf(DiskError);
    await broken.catch(() => {});
    await sound;
    expect(host.files.map((file) => file.path)).toEqual([join(folder, "b.flv")]);
  });
});

describe("the end", () => {
  test("an abort finishes the file with what was written", async () => {
    const path = join(scratch("flv"), "out.flv");
    const host = new SinkHost();
    const run = host.run(makeSink(path));
    host.feed("V1 K0 f40");
    await until("it is open", () => host.lives === 1);
    host.abort();
    host.feed("f80");
    await run;
    expect(timesOf(readFlv(readFileSync(path)))).toEqual([0, 0, 0, 40]);
  });

  test("an abort before any media leaves nothing", async () => {
    const folder = scratch("flv");
    const host = new SinkHost();
    host.abort();
    await host.run(makeSink(join(folder, "out.flv")));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a second session of the same sink makes a second file", async () => {
    const path = join(scratch("flv"), "out.flv");
    const sink = makeSink(path);
    for (const time of [0, 5000]) {
      const host = new SinkHost();
      const run = host.run(sink);
      host.feed(`V1 K${time} f${time + 40}`);
      host.end();
      await run;
    }
    expect(readdirSync(dirname(path)).sort()).toEqual(["out-2.flv", "out.flv"]);
    expect(timesOf(readFlv(readFileSync(join(dirname(path), "out-2.flv"))))).toEqual([0, 0, 0, 40]);
  });
});
