/**
 * Recordings that are cut: every packet is in one file, each file is a stream of its own, and what changes in the
 * stream starts a new one. Also names, the head that is renewed while a file is written, and files beyond 4 GiB.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, ftruncateSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { getProperty } from "../../../src/amf/amf0.ts";
import { realDisk, type Disk } from "../../../src/pipeline/sinks/disk.ts";
import { packets } from "../../support/packets.ts";
import { until } from "../../support/ports.ts";
import { claim, headOf, TestRecording } from "../../support/recordings.ts";
import { removeScratch } from "../../support/scratch.ts";
import { SinkHost } from "../../support/sink-host.ts";

afterAll(removeScratch);

const every = (ms: number) => ({ every: ms, align: "media" }) as const;

/** A show with a keyframe every two seconds and sound in between. */
function show(seconds: number): string {
  const line = ["M1 V1 A1"];
  for (let ms = 0; ms < seconds * 1000; ms += 100) {
    const size = 50 + ((ms * 7919) % 400);
    line.push(`${ms % 2000 === 0 ? "K" : "f"}${ms}*${size}`, `a${ms + 3}*${20 + (ms % 90)}`);
  }
  return line.join(" ");
}

describe("segments", () => {
  test("hold every packet once, and each begins with metadata, headers and a keyframe at 0", async () => {
    const recording = new TestRecording({ segment: every(3000) });
    const host = await recording.record(show(12));
    expect(recording.names).toEqual(["show-1.flv", "show-2.flv", "show-3.flv"]);
    const bodies = recording.names.flatMap((name) =>
      recording.tags(name).map((tag) => tag.payload.toString()),
    );
    const expected = packets(show(12)).filter((one) => one.role === "key" || one.role === "frame");
    const frames = bodies.filter((_, i) => ![0, 1].includes(i % (bodies.length / 3)));
    expect(frames).toEqual(expected.map((one) => Buffer.from(one.body).toString()));
    for (const name of recording.names) {
      expect(recording.text(name)).toStartWith("V0 A0 K0 a3 f100");
      expect(getProperty(recording.head(name), "version")).toBe(1);
      expect(getProperty(recording.head(name), "hasVideo")).toBe(true);
    }
    // The keyframe that begins the next one is where this one ends.
    expect(host.files.map((file) => file.ms)).toEqual([4000, 4000, 3903]);
    expect(recording.names.map((name) => getProperty(recording.head(name), "duration"))).toEqual([
      4, 4, 3.903,
    ]);
    expect(recording.names.map((name) => getProperty(recording.head(name), "lasttimestamp"))).toEqual([
      3.903, 3.903, 3.903,
    ]);
  });

  test("what is late but from before the cut goes before the cut", async () => {
    const recording = new TestRecording({ segment: every(1000) });
    await recording.record("V1 A1 K0 a0 f500 K1000 a700 d800 a900 f1040 a1010 a990 K2000 a2000");
    expect(recording.text("show-1.flv")).toBe("V0 A0 K0 a0 f500 a700 d800 a900");
    expect(recording.text("show-2.flv")).toBe("V0 A0 K0 f40 a10 a0");
    expect(recording.text("show-3.flv")).toBe("V0 A0 K0 a0");
  });

  test("of sound alone are cut on sound", async () => {
    const recording = new TestRecording({ segment: every(1000) });
    await recording.record("A1 a0 a400 a800 a1200 a1600 a2200 a2600");
    expect(recording.names.map((name) => recording.text(name))).toEqual([
      "A0 a0 a400 a800",
      "A0 a0 a400",
      "A0 a0 a400",
    ]);
  });

  test("a long GOP makes a long file, not a broken one", async () => {
    const recording = new TestRecording({ segment: every(1000) });
    await recording.record("V1 K0 f3000 f6000 K9000 f9040");
    expect(recording.names.map((name) => recording.text(name))).toEqual(["V0 K0 f3000 f6000", "V0 K0 f40"]);
  });

  test("without --segment there is one file", async () => {
    const recording = new TestRecording();
    await recording.record(show(12));
    expect(recording.names).toEqual(["show-1.flv"]);
  });
});

describe("a change of the stream", () => {
  test.each([
    ["the picture's header", "V1 A1 K0 a10 f40 V2 K80 f120", ["V0 A0 K0 a10 f40", "V0 A0 K0 f40"]],
    ["with sound in between", "V1 A1 K0 f40 V2 a60 K80 f120", ["V0 A0 K0 f40 a60", "V0 A0 K0 f40"]],
    ["frames before the keyframe", "V1 K0 V2 f40 K80", ["V0 K0 V40 f40", "V0 K0"]],
    ["the sound's header", "V1 A1 K0 a10 A2 a30 f40 K80 a90", ["V0 A0 K0 a10 A30 a30 f40", "V0 A0 K0 a10"]],
    ["of sound alone", "A1 a0 a20 A2 a40 a60", ["A0 a0 a20", "A0 a0 a20"]],
    ["the same header again", "V1 K0 V1 K80 f120", ["V0 K0 K80 f120"]],
    ["a track that begins later", "V1 K0 A1 a20 K80", ["V0 K0 A20 a20 K80"]],
  ])("starts a new file at the next keyframe: %s", async (_name, line, expected) => {
    const recording = new TestRecording();
    const timed = line
      .replace("V2", `V2@40`)
      .replace(/A2|A1(?= a20 K)/g, (header) => `${header}@${header === "A2" ? 30 : 20}`);
    await recording.record(timed);
    expect(recording.names.map((name) => recording.text(name))).toEqual(expected);
  });

  test("metadata alone does not; the next file has the latest", async () => {
    const recording = new TestRecording({ segment: every(1000) });
    await recording.record("M1 V1 K0 M2@40 f80 K1000");
    expect(recording.text("show-1.flv")).toBe("V0 K0 d40 f80");
    expect(getProperty(recording.head("show-2.flv"), "version")).toBe(2);
  });
});

describe("names", () => {
  /** Two files with a step of the wall clock in between. */
  async function recordWithStep(rules: ConstructorParameters<typeof TestRecording>[0], step: number) {
    const recording = new TestRecording({ segment: every(1000), ...rules });
    const host = new SinkHost();
    const run = host.run(recording.sink);
    for (const [i, line] of ["K0 f40", "K1000 f1040", "K2000"].entries()) {
      host.feed(line);
      await until(
        "it is open",
        () => recording.names.some((name) => name.endsWith(".part")) && host.files.length >= i - 1,
      );
      recording.pass(1000);
      recording.wall += i === 1 ? step : 0;
    }
    await until("the last is open", () => recording.names.length === 3);
    host.end();
    await run;
    await recording.close();
    return recording;
  }

  test("are of the moment of the first packet", async () => {
    const recording = await recordWithStep({ name: "%H-%M-%S.flv" }, 0);
    expect(recording.names).toEqual(["07-08-09.flv", "07-08-10.flv", "07-08-11.flv"]);
  });

  test.each([false, true])(
    "a clock that is set back gives no two files one name (force: %p)",
    async (force) => {
      const recording = await recordWithStep({ name: "%H-%M-%S.flv", force }, -1000);
      expect(recording.names).toEqual(["07-08-09.flv", "07-08-10-2.flv", "07-08-10.flv"]);
      for (const name of recording.names) expect(recording.text(name)).toStartWith("K0");
    },
  );

  test("a clock that is set by years closes no file", async () => {
    const recording = new TestRecording({ segment: { every: 3_600_000, align: "clock" } });
    const host = new SinkHost();
    const run = host.run(recording.sink);
    host.feed("K0");
    await until("it is open", () => host.lives === 1);
    recording.wall += 56 * 365 * 86_400_000;
    host.feed("K1000 K2000");
    recording.now += 51 * 60_000;
    host.feed("K3000");
    recording.now += 60_000;
    host.feed("K4000");
    host.end();
    await run;
    await recording.close();
    expect(recording.names.map((name) => recording.text(name))).toEqual(["K0 K1000 K2000 K3000", "K0"]);
  });
});

describe("while a file is written", () => {
  test("its head is renewed every few seconds and tells what is there", async () => {
    const recording = new TestRecording({ name: "show.flv" });
    const part = join(recording.folder, "show.flv.part");
    const host = new SinkHost();
    const run = host.run(recording.sink);
    host.feed("V1 K0*5000 f1000 K2000*5000 f2040");
    await until("it is open", () => host.lives === 1);
    expect(claim(part, "duration")).toBe(0);
    for (const [i, line] of ["K4000*300 f4040", "K6000 f6040"].entries()) {
      recording.pass(3000);
      host.feed(line);
      const expected = 4.04 + 2 * i;
      await until("the head is renewed", () => claim(part, "duration") === expected);
      expect(claim(part, "filesize")).toBe(statSync(part).size);
      const index = getProperty(headOf(part), "keyframes");
      const places = getProperty(index, "filepositions") as number[];
      expect(getProperty(index, "times")).toEqual([0, 0, 2, 4, 6].slice(0, 4 + i));
      const bytes = readFileSync(part);
      for (const at of places.slice(1)) expect([bytes[at], bytes[at + 11]]).toEqual([9, 0x17]);
    }
    host.end();
    await run;
  });

  test("and somebody deletes it, the next one follows at once", async () => {
    const recording = new TestRecording({ name: "deep/show.flv" });
    const host = new SinkHost();
    const run = host.run(recording.sink);
    host.feed("V1 K0 f40");
    await until("it is open", () => host.lives === 1);
    rmSync(join(recording.folder, "deep"), { recursive: true });
    recording.pass(3000);
    host.feed("f80");
    await until("it is seen", () => host.notices.length === 1);
    expect(host.notices[0]).toMatch(/deep\/show\.flv" was deleted while it was written/);
    host.feed("f120 K160 f200");
    await until("the next", () => existsSync(join(recording.folder, "deep")));
    host.end();
    await run;
    await recording.close().catch(() => {});
    expect(recording.names.filter((name) => name.endsWith(".flv"))).toHaveLength(1);
    expect(recording.text(recording.names.at(-1)!)).toBe("V0 K0 f40");
  });
});

test("a file goes beyond 4 GiB", async () => {
  const recording = new TestRecording({ name: "big.flv" }, { disk: sparseDisk() });
  const host = new SinkHost();
  const run = host.run(recording.sink);
  host.feed("V1 K0*100");
  await until("it is open", () => host.lives === 1);
  const frame = packets("K0*16000000")[0]!;
  for (let i = 1; i <= 280; i++) {
    host.hub.publish({ ...frame, dts: i * 2000 });
    if (i % 4 !== 0) continue;
    host.hub.flush(0);
    await until("it is written", () => host.queue?.length === 0);
  }
  host.end();
  await run;
  const path = join(recording.folder, "big.flv");
  expect(statSync(path).size).toBeGreaterThan(2 ** 32);
  expect(claim(path, "filesize")).toBe(statSync(path).size);
  const last = claim(path, "lastkeyframelocation") as number;
  expect(last).toBeGreaterThan(2 ** 32);
  const places = getProperty(claim(path, "keyframes"), "filepositions") as number[];
  expect(places).toHaveLength(282);
  const file = Bun.file(path);
  for (const at of [places[1]!, places[150]!, last]) {
    const tag = new Uint8Array(await file.slice(at, at + 13).arrayBuffer());
    expect([tag[0], tag[11], tag[12]]).toEqual([9, 0x17, 1]);
  }
  rmSync(path);
});

/** Writes only the beginning of large pieces: the rest is a hole. */
function sparseDisk(): Disk {
  let position = 0;
  return {
    ...realDisk,
    append(fd, pieces, done) {
      let count = 0;
      for (const piece of pieces) {
        writeSync(fd, piece, 0, Math.min(piece.length, 100_000), position + count);
        count += piece.length;
      }
      position += count;
      ftruncateSync(fd, position);
      setImmediate(() => done(null, count));
    },
  };
}
