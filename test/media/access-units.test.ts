/**
 * Raw video to access units: every arrangement that x264 and x265 can be made to write, in every cut, damaged, and
 * without end. What ffmpeg makes of the same bytes is the measure.
 */
import { describe, expect, test } from "bun:test";
import { MediaError } from "../../src/errors.ts";
import { readAvcConfig, readH264Sps } from "../../src/media/h264.ts";
import { hevcSets, readHevcConfig } from "../../src/media/hevc.ts";
import { splitAnnexB } from "../support/annexb.ts";
import { hex } from "../support/bytes.ts";
import { readFlv } from "../support/flv-compare.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { run } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import {
  ffmpeg,
  makeRaw,
  nalsOf,
  readUnits,
  remux,
  unitReader,
  type RawCodec,
} from "../support/raw-video.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const x264 = (params: string, ...more: string[]): string[] => ["-x264-params", params, ...more];
const BASE = "keyint=15:scenecut=0";

/** What x264 can be told, one arrangement a row. */
const ARRANGEMENTS: readonly (readonly [string, readonly string[]])[] = [
  ["plain", x264(BASE)],
  ["four slices", x264(`${BASE}:slices=4`)],
  ["slices of 400 bytes", x264(`${BASE}:slice-max-size=400`)],
  ["AUD", x264(`${BASE}:aud=1`)],
  ["AUD and four slices", x264(`${BASE}:aud=1:slices=4`)],
  ["one keyframe, sets once", x264("keyint=300:scenecut=0")],
  ["no B-frames", x264(`${BASE}:bframes=0`)],
  ["two B-frames", x264(`${BASE}:bframes=2:b-adapt=0`)],
  ["a pyramid of B-frames", x264(`${BASE}:bframes=5:b-adapt=0:b-pyramid=normal`)],
  ["open GOPs", x264(`${BASE}:bframes=2:open-gop=1`)],
  ["intra refresh", x264("keyint=15:intra-refresh=1:bframes=0")],
  ["interlaced", x264(`${BASE}:interlaced=1`, "-flags", "+ildct+ilme")],
  ["fake interlaced", x264(`${BASE}:fake-interlaced=1`)],
  ["CBR with filler", x264(`${BASE}:nal-hrd=cbr:bitrate=900:vbv-maxrate=900:vbv-bufsize=900:filler=1`)],
  ["VBR with HRD", x264(`${BASE}:nal-hrd=vbr:bitrate=300:vbv-maxrate=400:vbv-bufsize=400`)],
  ["baseline", x264(`${BASE}:slices=2`, "-profile:v", "baseline")],
  ["scaling lists", x264(`${BASE}:cqm=jvt`)],
  ["picture structure SEI", x264(`${BASE}:pic-struct=1`)],
  ["sliced threads, zero latency", x264(`${BASE}:slices=3`, "-tune", "zerolatency")],
  ["another id of the sets", x264(`${BASE}:sps-id=5`)],
  ["lossless 4:4:4", x264(`${BASE}:qp=0`, "-pix_fmt", "yuv444p")],
  ["many references, no CABAC", x264(`${BASE}:ref=8:cabac=0`)],
];

const DROPPED: Readonly<Record<RawCodec, ReadonlySet<number>>> = {
  h264: new Set([9, 10, 11, 12]),
  hevc: new Set([35, 36, 37, 38]),
};
const typeOf = (codec: RawCodec, nal: string): number => {
  const first = Number.parseInt(nal.slice(0, 2), 16);
  return codec === "h264" ? first & 0x1f : (first >> 1) & 0x3f;
};

/** The units that ffmpeg makes of a stream, without what has no use in a tag. */
async function expectedUnits(codec: RawCodec, raw: Uint8Array): Promise<{ key: boolean; nals: string[] }[]> {
  const tags = readFlv(await remux(codec, raw)).filter((tag) => tag.kind === "video" && tag.role !== "end");
  return tags
    .filter((tag) => tag.role !== "header")
    .map((tag) => ({
      key: tag.role === "key",
      // ffmpeg leaves zeros behind a NAL unit; what is no unit at all has no bytes.
      nals: nalsOf(tag.payload, 5)
        .map((nal) => nal.replace(/(00)+$/, ""))
        .filter((nal) => nal !== "" && !DROPPED[codec].has(typeOf(codec, nal))),
    }));
}

/** Cut as no encoder would. */
function chopped(raw: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(raw.length / size) }, (_, i) => raw.slice(i * size, (i + 1) * size));
}

describe.skipIf(!needs("ffmpeg"))("H.264 of x264", () => {
  test.each(ARRANGEMENTS)("%s: the access units of ffmpeg, bit for bit", async (_name, args) => {
    const raw = await makeRaw({ args });
    const units = readUnits("h264", [raw]);
    const expected = await expectedUnits("h264", raw);
    expect(units.map(({ key, nals }) => ({ key, nals }))).toEqual(expected);
    expect(units.length).toBe(40);
    expect(units[0]!.header).toMatch(/^170000000001/);
    expect(units.filter(({ header }) => header !== "").length).toBe(1);
    for (const size of [1, 7, 188, 4096]) expect(readUnits("h264", chopped(raw, size))).toEqual(units);
  });
});

describe.skipIf(!needs("ffmpeg"))("the order of showing", () => {
  /** How many frames after its decoding x264 or x265 says that each picture is shown. */
  async function distances(codec: RawCodec, args: readonly string[]): Promise<number[]> {
    const picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-pix_fmt", "yuv420p"];
    const encoder = codec === "h264" ? "libx264" : "libx265";
    const out = ["-frames:v", "40", "-f", "framecrc", "-"];
    const list = await ffmpeg([...picture, "-c:v", encoder, ...args, ...out]);
    const rows = Buffer.from(list)
      .toString()
      .split("\n")
      .filter((line) => /^0,/.test(line));
    return rows.map((row) => row.split(",").map(Number)).map(([, dts, pts]) => pts! - dts!);
  }

  const quiet = (params: string): string[] => ["-x265-params", `log-level=none:${params}`];

  test.each([
    ["H.264, in order", "h264", x264(`${BASE}:bframes=0`)],
    ["H.264, two B-frames", "h264", x264(`${BASE}:bframes=2:b-adapt=0`)],
    ["H.264, a pyramid", "h264", x264(`${BASE}:bframes=5:b-adapt=0:b-pyramid=normal`)],
    ["H.264, open GOPs", "h264", x264(`${BASE}:bframes=2:open-gop=1`)],
    ["H.264, interlaced", "h264", x264(`${BASE}:bframes=2:interlaced=1`, "-flags", "+ildct+ilme")],
    ["H.265, in order", "hevc", quiet("bframes=0")],
    ["H.265, B-frames", "hevc", quiet("bframes=3:b-adapt=0:keyint=15:open-gop=0")],
    ["H.265, open GOPs", "hevc", quiet("bframes=3:b-adapt=0:keyint=15:open-gop=1")],
  ] as const)("%s", async (_name, codec, args) => {
    const units = readUnits(codec, [await makeRaw({ codec, args })]);
    expect(units.map(({ distance }) => distance)).toEqual(await distances(codec, args));
  });

  test("a lost frame does not move the others where nothing is reordered", async () => {
    const raw = await makeRaw({ args: x264(`${BASE}:bframes=0`) });
    const units = readUnits("h264", [annexB(readUnits("h264", [raw]).filter((_, i) => i % 7 !== 5))]);
    expect(new Set(units.map(({ distance }) => distance))).toEqual(new Set([0]));
  });
});

/** Units as a raw stream, with start codes of three and four bytes in turn. */
function annexB(units: readonly { nals: string[] }[]): Uint8Array {
  const text = units.flatMap(({ nals }) => nals.map((nal, i) => (i % 2 === 0 ? "00000001" : "000001") + nal));
  return Buffer.from(text.join(""), "hex");
}

describe.skipIf(!needs("ffmpeg"))("H.265 of x265", () => {
  test.each([
    ["plain", []],
    ["slices and AUD", ["-x265-params", "log-level=none:slices=3:aud=1:keyint=15"]],
    [
      "repeated sets, SEI",
      ["-x265-params", "log-level=none:repeat-headers=1:hrd=1:vbv-maxrate=500:vbv-bufsize=500"],
    ],
    ["open GOPs", ["-x265-params", "log-level=none:keyint=10:open-gop=1"]],
    ["10 bit", ["-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"]],
  ])("%s: the same pictures, every NAL unit", async (_name, args) => {
    const raw = await makeRaw({ codec: "hevc", args });
    const units = readUnits("hevc", [raw]);
    const probe = [
      "ffprobe",
      "-v",
      "error",
      "-f",
      "hevc",
      "-show_entries",
      "packet=flags",
      "-of",
      "csv=p=0",
      "-",
    ];
    const flags = (await run(probe, { stdin: raw })).stdout;
    const keys = Buffer.from(flags)
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.startsWith("K"));
    expect(units.map(({ key }) => key)).toEqual(keys);
    const all = splitAnnexB(raw).map((nal) => Buffer.from(nal).toString("hex"));
    expect(units.flatMap(({ nals }) => nals)).toEqual(
      all.filter((nal) => !DROPPED.hevc.has(typeOf("hevc", nal))),
    );
    expect(units.filter(({ header }) => header !== "").length).toBe(1);
    // E-RTMP: a key frame, a sequence start, "hvc1", a record of version 1.
    expect(units[0]!.header).toMatch(/^90 ?6876633101/);
    for (const size of [1, 7, 4096]) expect(readUnits("hevc", chopped(raw, size))).toEqual(units);
  });

  test("the sequence header is what ffmpeg writes, but for the SEI", async () => {
    const raw = await makeRaw({ codec: "hevc" });
    const [unit] = readUnits("hevc", [raw]);
    const record = readHevcConfig(Buffer.from(unit!.header.slice(10), "hex"));
    expect(record).toMatchObject({ profileIdc: 1, lengthSize: 4, chromaFormat: 1, bitDepthLuma: 8 });
    const mkv = Buffer.from(
      await ffmpeg(
        ["-f", "hevc", "-i", "-", "-c", "copy", "-bsf:v", "setts=ts=N*40", "-f", "matroska", "-"],
        raw,
      ),
    );
    // The first 22 bytes say profile and level; frame rate and segmentation are not always said.
    const at = mkv.indexOf(Buffer.from(unit!.header.slice(10, 10 + 26), "hex"));
    expect(at).toBeGreaterThan(0);
    const theirs = readHevcConfig(mkv.subarray(at));
    for (const type of [32, 33, 34])
      expect(hevcSets(record, type)).toEqual(hevcSets(theirs, type).map((nal) => new Uint8Array(nal)));
  });
});

describe.skipIf(!needs("ffmpeg"))("parameter sets", () => {
  test("that change give a new sequence header before their key frame, and only there", async () => {
    const [small, large] = await Promise.all([
      makeRaw({ args: x264(`${BASE}:aud=1`), frames: 30 }),
      makeRaw({ args: x264(`${BASE}:aud=1`), frames: 30, size: "640x360" }),
    ]);
    const units = readUnits("h264", [small, large, small]);
    const headers = units.map(({ header }, i) => (header === "" ? -1 : i)).filter((i) => i >= 0);
    expect(headers).toEqual([0, 30, 60]);
    expect(units[60]!.header).toBe(units[0]!.header);
    expect(headers.every((i) => units[i]!.key)).toBe(true);
    const nal = readAvcConfig(Buffer.from(units[30]!.header.slice(10), "hex")).sps[0]!;
    expect(readH264Sps(nal)).toMatchObject({ width: 640, height: 360, fps: 25 });
  });

  test("of two ids: both are in the header, the one in use first", async () => {
    const [one, other] = await Promise.all([
      makeRaw({ args: x264(`${BASE}:sps-id=0`), frames: 15 }),
      makeRaw({ args: x264(`${BASE}:sps-id=3`), frames: 15, size: "640x360" }),
    ]);
    const units = readUnits("h264", [one, other]);
    const config = readAvcConfig(Buffer.from(units[15]!.header.slice(10), "hex"));
    expect(config.sps.map((nal) => readH264Sps(nal).width)).toEqual([640, 320]);
    expect(config.pps.length).toBe(2);
  });

  test("that are not there yet: nothing comes out before the first key frame that has them", async () => {
    const raw = await makeRaw({ args: x264(BASE), frames: 40 });
    const units = readUnits("h264", [raw]);
    const bare = units[0]!.nals.filter((nal) => typeOf("h264", nal) === 5);
    const { reader, units: got } = unitReader("h264");
    reader.feed(annexB([{ nals: bare }, ...units.slice(1)]), 0, Infinity);
    reader.end();
    expect(got.map(({ nals }) => nals)).toEqual(units.slice(15).map(({ nals }) => nals));
    expect(reader.losses.beforeKey).toBe(15);
  });
});

describe.skipIf(!needs("ffmpeg"))("a pipe", () => {
  const FRAME = 40;

  test("that writes a frame at a time: no frame waits for the next, once that is known", async () => {
    const frames = readUnits("h264", [await makeRaw({ args: x264(`${BASE}:slices=3:bframes=0`) })]);
    const { reader, units } = unitReader("h264");
    const lags = frames.map((frame, i) => {
      reader.feed(annexB([frame]), i * FRAME, FRAME / 2);
      reader.flushIfIdle(i * FRAME + FRAME / 2 - 1, FRAME / 2);
      const early = units.length;
      reader.flushIfIdle(i * FRAME + FRAME / 2, FRAME / 2);
      expect(units.length - early).toBeLessThanOrEqual(1);
      return i + 1 - units.length;
    });
    expect(new Set(lags.slice(0, 24))).toEqual(new Set([1]));
    expect(new Set(lags.slice(25))).toEqual(new Set([0]));
    expect(units.map(({ nals }) => nals)).toEqual(frames.map(({ nals }) => nals));
    expect(units.map(({ at }) => at)).toEqual(frames.map((_, i) => i * FRAME));
    expect(reader.splitter.losses.torn).toBe(0);
  });

  test("that pauses within frames is never taken for one that does not", async () => {
    const raw = await makeRaw({ args: x264(`${BASE}:slices=2`) });
    const { reader, units } = unitReader("h264");
    chopped(raw, 3000).forEach((part, i) => {
      reader.feed(part, i * FRAME, FRAME / 2);
      reader.flushIfIdle(i * FRAME + 30, FRAME / 2);
    });
    reader.end();
    expect(units.map(({ nals }) => nals)).toEqual(readUnits("h264", [raw]).map(({ nals }) => nals));
  });

  test("that stops in the middle of a frame after all: one picture is torn, then nothing is taken for granted", async () => {
    const frames = readUnits("h264", [await makeRaw({ args: x264(`${BASE}:bframes=0`) })]);
    const { reader, units } = unitReader("h264");
    frames.forEach((frame, i) => {
      const bytes = annexB([frame]);
      const cut = i === 30 || i === 32 ? bytes.length - 100 : bytes.length;
      reader.feed(bytes.slice(0, cut), i * FRAME, FRAME / 2);
      reader.flushIfIdle(i * FRAME + 30, FRAME / 2);
      if (cut < bytes.length) reader.feed(bytes.slice(cut), i * FRAME + 31, FRAME / 2);
    });
    reader.end();
    expect(reader.splitter.losses).toMatchObject({ torn: 1, strayBytes: 100 });
    expect(units.length).toBe(frames.length);
    const wrong = units.filter(({ nals }, i) => nals.join() !== frames[i]!.nals.join());
    expect(wrong.length).toBe(1);
  });
});

describe.skipIf(!needs("ffmpeg"))("damage", () => {
  test.each(["h264", "hevc"] as const)("%s: every cut gives the same", async (codec) => {
    const raw = await makeRaw({ codec, frames: 3, size: "64x64" });
    expect(
      everySplit(raw.subarray(0, 6000), (segments) => readUnits(codec, segments)).length,
    ).toBeGreaterThan(0);
  });

  test.each(["h264", "hevc"] as const)(
    "%s: nothing but units that fit comes out of damaged bytes",
    async (codec) => {
      const params =
        codec === "h264" ? x264("keyint=4:slices=2:aud=1") : ["-x265-params", "log-level=none:keyint=4"];
      const raw = await makeRaw({ codec, frames: 8, size: "64x64", args: params });
      for (const bytes of mutations(raw, 1500, 505)) {
        const whole = readUnits(codec, [bytes]);
        const size = whole.reduce((sum, { nals }) => sum + nals.join("").length / 2, 0);
        expect(size).toBeLessThanOrEqual(bytes.length);
        expect(readUnits(codec, chopped(bytes, 97))).toEqual(whole);
      }
    },
  );
});

describe("what is no video", () => {
  test("is refused after 4 MiB", () => {
    const { reader } = unitReader("h264");
    const noise = randomBytes(65_536, 1).map((byte) => byte | 2);
    expect(() => {
      for (let i = 0; i < 100; i++) reader.feed(noise, 0, Infinity);
    }).toThrow(MediaError);
    expect(reader.splitter.heldBytes).toBe(0);
  });

  test("an endless NAL unit is left out and counted, and holds no more than 16 MiB", () => {
    const { reader } = unitReader("h264");
    reader.feed(hex`00000001 67 42c01f8c8d40f028900f08846a 00000001 68ce3c80 00000001 65b0`, 0, Infinity);
    const part = new Uint8Array(65_536).fill(0xaa);
    let most = 0;
    expect(() => {
      for (let i = 0; i < 2000; i++) {
        reader.feed(part, 0, Infinity);
        most = Math.max(most, reader.splitter.heldBytes);
      }
    }).toThrow("no raw H.264");
    expect(most).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(reader.splitter.losses.oversized).toBe(1);
  });

  test("a picture of too many NAL units is left out", () => {
    const { reader, units } = unitReader("h264");
    reader.feed(hex`00000001 6742c01f8c8d40f028900f08846a 00000001 68ce3c80`, 0, Infinity);
    // The first slice of a picture, and then more of it than any level allows.
    reader.feed(hex`00000001 6588`, 0, Infinity);
    for (let i = 0; i < 10_000; i++) reader.feed(hex`00000001 6544`, 0, Infinity);
    reader.end();
    expect(reader.losses).toEqual({ beforeKey: 0, damaged: 1 });
    expect(units).toEqual([]);
  });

  test("endless zeros hold nothing", () => {
    const { reader } = unitReader("h264");
    reader.feed(hex`00000001 65b0`, 0, Infinity);
    for (let i = 0; i < 1000; i++) reader.feed(new Uint8Array(65_536), 0, Infinity);
    reader.feed(hex`01 41`, 0, Infinity);
    expect(reader.splitter.losses).toMatchObject({ strayBytes: 0, oversized: 0 });
  });
});
