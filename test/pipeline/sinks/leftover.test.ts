/** What a crash leaves behind: the next run finishes it, once, and leaves everything else alone. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { getProperty } from "../../../src/amf/amf0.ts";
import { finishLeftover } from "../../../src/pipeline/sinks/leftover.ts";
import { realDisk } from "../../../src/pipeline/sinks/disk.ts";
import { UsedNames } from "../../../src/pipeline/sinks/used-names.ts";
import { until } from "../../support/ports.ts";
import { TestRecording } from "../../support/recordings.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

const LINE = "M1 V1 A1 K0*500 a10 f40*300 K2000*400 a2010 f2040*200";

/** The bytes of a recording that was killed in the middle. */
async function wreck(line = LINE, cut = 0): Promise<Buffer> {
  const recording = new TestRecording({ name: "wreck.flv" });
  const host = new SinkHost();
  const run = host.run(recording.sink);
  host.feed(line);
  await until("it is open", () => host.lives === 1);
  const part = join(recording.folder, "wreck.flv.part");
  let size = 0;
  await until("it is written", () => {
    const grown = readFileSync(part).length;
    const rests = grown > 0 && grown === size;
    size = grown;
    return rests && host.queue?.length === 0;
  });
  const bytes = readFileSync(part);
  host.end();
  await run;
  return bytes.subarray(0, bytes.length - cut);
}

/** Where the head of such a recording ends. */
const headEnd = (bytes: Buffer): number => 24 + bytes.readUIntBE(14, 3) + 4;

/** A folder with these files, last written to `idle` ms ago, and a run of the same recording in it. */
async function nextRun(
  files: Record<string, Uint8Array | string>,
  { idle, ...rules }: { name?: string; force?: boolean; idle?: number } = {},
) {
  const recording = new TestRecording(rules);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(recording.folder, name)), { recursive: true });
    writeFileSync(join(recording.folder, name), bytes);
    const seconds = (recording.wall - (idle ?? 0)) / 1000;
    utimesSync(join(recording.folder, name), seconds, seconds);
  }
  const host = await recording.record("V1 K0 f40");
  return { recording, host };
}

describe("the next run", () => {
  test.each([
    ["whole", 0, "V0 A0 K0 a10 f40 K2000 a2010 f2040"],
    ["cut in its last tag", 1, "V0 A0 K0 a10 f40 K2000 a2010"],
    ["cut in its last header", 210, "V0 A0 K0 a10 f40 K2000 a2010"],
    ["cut before that", 216, "V0 A0 K0 a10 f40 K2000"],
  ])("finishes one that is %s", async (_name, cut, text) => {
    const { recording, host } = await nextRun({ "show-7.flv.part": await wreck(LINE, cut) });
    expect(recording.names).toEqual(["show-1.flv", "show-7.flv"]);
    expect(recording.text("show-7.flv")).toBe(text);
    const head = recording.head("show-7.flv");
    const bytes = readFileSync(join(recording.folder, "show-7.flv"));
    expect(getProperty(head, "filesize")).toBe(bytes.length);
    expect(getProperty(head, "duration")).toBe(Number(text.match(/\d+$/)) / 1000);
    const index = getProperty(head, "keyframes");
    expect(getProperty(index, "times")).toEqual([0, 0, 2]);
    for (const at of (getProperty(index, "filepositions") as number[]).slice(1))
      expect(bytes[at + 11]).toBe(0x17);
    expect(host.recovered.map((file) => file.path)).toEqual([join(recording.folder, "show-7.flv")]);
    expect(host.files.map((file) => file.path)).toEqual([join(recording.folder, "show-1.flv")]);
  });

  test("finishes all of them, in every folder of the template, under free names", async () => {
    const bytes = await wreck();
    const { recording, host } = await nextRun(
      {
        "2026-01-01/08-00-00.flv.part": bytes,
        "2026-01-02/09-00-00.flv.part": bytes,
        "2026-01-02/09-00-00.flv": "mine",
      },
      { name: "%Y-%m-%d/%H-%M-%S.flv" },
    );
    expect(host.recovered).toHaveLength(2);
    expect(recording.names.filter((name) => name.startsWith("2026-01"))).toEqual([
      "2026-01-01",
      "2026-01-01/08-00-00.flv",
      "2026-01-02",
      "2026-01-02/09-00-00-2.flv",
      "2026-01-02/09-00-00.flv",
    ]);
    expect(readFileSync(join(recording.folder, "2026-01-02/09-00-00.flv"), "utf8")).toBe("mine");
  });

  test("removes one in which nothing is, and says so", async () => {
    const bytes = await wreck("V1 K0");
    const head = bytes.subarray(0, headEnd(bytes));
    const { recording, host } = await nextRun({ "show-7.flv.part": "", "show-8.flv.part": head });
    expect(recording.names).toEqual(["show-1.flv"]);
    expect(host.recovered).toEqual([]);
    expect(host.notices.sort()).toEqual(
      ["show-7.flv.part", "show-8.flv.part"].map(
        (name) =>
          `"${join(recording.folder, name)}" was removed: it was left unfinished with no sound or picture in it`,
      ),
    );
  });

  test.each([1, 12, 13, 14, 20, 23, 24, 40, 80, 90, 128, 300, 900, -5, -4, -1])(
    "removes one that ends in its head, after %i bytes",
    async (cut) => {
      const bytes = await wreck("V1 K0");
      const torn = bytes.subarray(0, cut > 0 ? cut : headEnd(bytes) + cut);
      const { recording, host } = await nextRun({ "show-7.flv.part": torn }, { idle: 61_000 });
      expect(recording.names).toEqual(["show-1.flv"]);
      expect(host.notices.join()).toMatch(/show-7.flv.part" was removed: /);
    },
  );

  test("gives the first bytes a minute, and nothing that is behind a broken head", async () => {
    const bytes = await wreck("V1 K0");
    const zeros = new Uint8Array(headEnd(bytes));
    const rest = bytes.subarray(headEnd(bytes));
    const files = { "show-7.flv.part": bytes.subarray(0, 40), "show-8.flv.part": bytes.subarray(0, 200) };
    const fresh = await nextRun(files, { idle: 59_000 });
    expect(fresh.recording.names).toEqual(["show-1.flv", "show-7.flv.part"]);
    const broken = await nextRun(
      { "show-7.flv.part": zeros, "show-8.flv.part": Buffer.concat([bytes.subarray(0, 200), zeros, rest]) },
      { idle: 61_000 },
    );
    expect(broken.recording.names).toEqual(["show-1.flv", "show-7.flv.part", "show-8.flv.part"]);
    expect(broken.host.notices).toHaveLength(2);
    for (const notice of broken.host.notices) {
      expect(notice).toMatch(/stays as it is: ".*part" is not one of runnel's, or its beginning is lost$/);
    }
  });

  test("finishes one of the very name that it writes to", async () => {
    const { recording } = await nextRun({ "show.flv.part": await wreck() }, { name: "show.flv" });
    expect(recording.names).toEqual(["show-2.flv", "show.flv"]);
    expect(recording.text("show.flv")).toBe("V0 A0 K0 a10 f40 K2000 a2010 f2040");
  });

  test("with --force overwrites it instead", async () => {
    const { recording } = await nextRun(
      { "show.flv.part": await wreck() },
      { name: "show.flv", force: true },
    );
    expect(recording.names).toEqual(["show.flv"]);
    expect(recording.text("show.flv")).toBe("V0 K0 f40");
  });
});

describe("left alone is", () => {
  test("what is no recording, what has another name, and links", async () => {
    const bytes = await wreck();
    const elsewhere = join(scratch("elsewhere"), "show-9.flv.part");
    writeFileSync(elsewhere, bytes);
    const recording = new TestRecording();
    const strangers = {
      "show-7.flv.part": "half a download",
      "show-x.flv.part": bytes,
      "other-7.flv.part": bytes,
      "show-7.flv.part.part": bytes,
    };
    for (const [name, content] of Object.entries(strangers))
      writeFileSync(join(recording.folder, name), content);
    symlinkSync(elsewhere, join(recording.folder, "show-9.flv.part"));
    const before = recording.names;
    const host = await recording.record("V1 K0");
    expect(recording.names.filter((name) => name !== "show-1.flv")).toEqual(before);
    expect(readFileSync(elsewhere).equals(bytes)).toBe(true);
    expect(host.recovered).toEqual([]);
  });

  test("what another recording is still writing", async () => {
    const writer = new TestRecording({ name: "show-{n}.flv" });
    const host = new SinkHost();
    const run = host.run(writer.sink);
    host.feed("V1 K0 f40");
    await until("it is open", () => host.lives === 1);
    const other = new TestRecording({}, { folder: writer.folder });
    const second = await other.record("V1 K0");
    expect(second.recovered).toEqual([]);
    expect(writer.names).toEqual(["show-1-2.flv", "show-1.flv.part"]);
    host.feed("f80");
    host.end();
    await run;
    expect(writer.text("show-1.flv")).toBe("V0 K0 f40 f80");
  });
});

test("two runs at once finish one leftover once", async () => {
  const folder = scratch("both");
  const path = join(folder, "show-7.flv");
  writeFileSync(`${path}.part`, await wreck());
  const rules = {
    force: false,
    used: new UsedNames(),
    signal: new AbortController().signal,
    now: Date.now,
  };
  const finish = () => finishLeftover(realDisk, path, rules).catch(() => undefined);
  const reports = await Promise.all([finish(), finish(), finish()]);
  expect(reports.filter((report) => report !== undefined)).toHaveLength(1);
});

test("a leftover that was finished once is the same when it is finished again", async () => {
  const folder = scratch("again");
  const [path, copy] = [join(folder, "a.flv"), join(folder, "b.flv")];
  writeFileSync(`${path}.part`, await wreck());
  const rules = {
    force: false,
    used: new UsedNames(),
    signal: new AbortController().signal,
    now: Date.now,
  };
  await finishLeftover(realDisk, path, rules);
  copyFileSync(path, `${copy}.part`);
  await finishLeftover(realDisk, copy, rules);
  expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
  truncateSync(copy, 100);
});
