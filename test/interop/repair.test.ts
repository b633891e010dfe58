/** `runnel repair` as a user has it: exit codes, lines, files, memory, and ffmpeg as the judge of what comes out. */
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { backwards, lengthOf, mediaOf, readFlv, readFlvFile } from "../support/flv-compare.ts";
import { decodingErrors, show } from "../support/media.ts";
import { peakMemory } from "../support/memory.ts";
import { pick, randomBytes, seededRandom } from "../support/mutate.ts";
import { run, runWell } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { events, expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const MIB = 1024 * 1024;
const SECONDS = 20;

/** A show of 20 s with a keyframe every two, repaired once: a sound file with an index. */
async function soundShow(): Promise<Uint8Array> {
  const out = join(scratch("sound"), "show.flv");
  expectExit(await runnel(["repair", await show({ seconds: SECONDS }), "-o", out]), 0);
  return readFileSync(out);
}

/** Puts bytes into a file of a folder of its own. */
function place(bytes: Uint8Array, name = "show.flv"): string {
  const path = join(scratch("repair"), name);
  writeFileSync(path, bytes);
  return path;
}

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const lines = (stdout: Uint8Array): string[] => Buffer.from(stdout).toString().trimEnd().split("\n");

/** Packets by kind that ffmpeg reads, those left out that it calls corrupt. */
async function packets(file: string): Promise<Record<string, number>> {
  const entries = ["-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0"];
  const probe = ["ffprobe", "-v", "quiet", "-fflags", "+discardcorrupt", "-count_packets", ...entries, file];
  const counts: Record<string, number> = { audio: 0, video: 0 };
  for (const line of lines((await run(probe)).stdout)) {
    const [kind = "", count] = line.split(",");
    counts[kind] = Math.max(counts[kind] ?? 0, Number(count) || 0);
  }
  return counts;
}

/** Decodes one second from the middle, which ffmpeg finds by the index. */
async function seekingErrors(file: string, second: number): Promise<string> {
  const seek = ["-ss", String(second), "-i", file, "-t", "1", "-f", "null", "-"];
  return (await run(["ffmpeg", "-nostdin", "-v", "error", ...seek])).stderr;
}

type Wreck = { name: string; damage: (bytes: Uint8Array) => Uint8Array; line: RegExp };

/** Where a tag in the middle begins. */
function middleTag(bytes: Uint8Array): number {
  let at = 13;
  while (at < bytes.length / 2) at += 15 + (bytes[at + 1]! << 16) + (bytes[at + 2]! << 8) + bytes[at + 3]!;
  return at;
}

function shifted(bytes: Uint8Array, from: number, ms: number): Uint8Array {
  const copy = Buffer.from(bytes);
  for (let at = from; at < copy.length; at += 15 + copy.readUIntBE(at + 1, 3)) {
    const time = copy.readUIntBE(at + 4, 3) + ms;
    copy.writeUIntBE(time & 0xffffff, at + 4, 3);
    copy[at + 7] = (time >> 24) & 0xff;
  }
  return copy;
}

const WRECKS: readonly Wreck[] = [
  {
    name: "a torn last tag",
    damage: (b) => b.subarray(0, -30),
    line: /the last tag is cut after \d+ bytes$/,
  },
  {
    name: "a tail of zeros",
    damage: (b) => concat(b, new Uint8Array(70_000)),
    line: /70000 zeros at the end$/,
  },
  {
    name: "garbage in the middle",
    damage: (b) => concat(b.subarray(0, middleTag(b)), randomBytes(300, 1), b.subarray(middleTag(b))),
    line: /300 bytes that are no FLV$/,
  },
  {
    name: "a jump ahead",
    damage: (b) => shifted(b, middleTag(b), 3_600_000),
    line: /jump ahead by 36\d+ ms/,
  },
  {
    name: "a clock that starts over",
    damage: (b) => shifted(b, middleTag(b), -9900),
    line: /the clock starts over/,
  },
  { name: "two recordings", damage: (b) => concat(b, b), line: /a second FLV header/ },
  {
    name: "no file header",
    damage: (b) => concat(new Uint8Array(13), b.subarray(13)),
    line: /offset 0: 13 zeros$/,
  },
];

describe.skipIf(!needs("ffmpeg"))("repair", () => {
  test.each(WRECKS)("$name", async ({ damage, line }) => {
    const input = place(damage(await soundShow()));
    const before = readFileSync(input);
    const check = await runnel(["repair", "--check", input]);
    expectExit(check, 3);
    expect(lines(check.stdout).some((text) => line.test(text))).toBe(true);
    for (const text of lines(check.stdout)) expect(text).toMatch(/^.*show\.flv: offset \d+: \S/);
    expectLastLine(check, /\d+ findings?: /);

    const result = await runnel(["repair", input]);
    expectExit(result, 0);
    expectLastLine(result, /show\.repaired\.flv: .*; mended: /);
    expect(Buffer.compare(readFileSync(input), before)).toBe(0);
    const output = input.replace(".flv", ".repaired.flv");
    expect(readdirSync(join(input, "..")).toSorted()).toEqual(["show.flv", "show.repaired.flv"]);
    expect(await decodingErrors(output)).toBe("");
    const tags = await readFlvFile(output);
    expect(backwards(tags)).toEqual([]);
    expect(await seekingErrors(output, Math.round(lengthOf(tags) / 2000))).toBe("");
    const [had, has] = [await packets(input), await packets(output)];
    for (const kind of ["audio", "video"]) expect(has[kind]).toBeGreaterThanOrEqual(had[kind]!);
    const again = await runnel(["repair", "--check", output]);
    expectExit(again, 0);
    expect(Buffer.from(again.stdout).toString()).toBe("");
    expectLastLine(again, /is sound: /);
  });

  test("never fewer frames than ffmpeg reads, wherever the file is cut or damaged", async () => {
    const bytes = await soundShow();
    const random = seededRandom(11);
    const tail = bytes.length - 4096;
    const cuts = Array.from({ length: 12 }, () => bytes.subarray(0, tail + pick(random, 4096)));
    const holes = Array.from({ length: 12 }, () => {
      const copy = bytes.slice();
      for (let count = 1 + pick(random, 5); count > 0; count--) {
        const at = 4096 + pick(random, copy.length - 8192);
        copy.set(randomBytes(1 + pick(random, 4096), at), at);
      }
      return copy;
    });
    for (const [i, wreck] of [...cuts, ...holes].entries()) {
      const input = place(wreck);
      const output = `${input}.out.flv`;
      expectExit(await runnel(["repair", input, "-o", output]), 0);
      const [had, has] = [await packets(input), await packets(output)];
      for (const kind of ["audio", "video"]) {
        expect([i, kind, has[kind]! >= had[kind]!, had, has]).toEqual([i, kind, true, had, has]);
      }
    }
  }, 60_000);

  test("ffmpeg believes the index", async () => {
    const input = place(await soundShow());
    const seek = ["-v", "debug", "-ss", "11", "-i", input, "-frames:v", "1", "-c", "copy", "-f", "null", "-"];
    const { stderr } = await run(["ffmpeg", "-nostdin", ...seek]);
    expect(stderr).not.toMatch(/Found invalid index|Invalid keyframes/);
    const entries = ["-show_entries", "packet=pts_time,flags", "-read_intervals", "11%+#1", "-of", "csv=p=0"];
    const first = await runWell(["ffprobe", "-v", "error", "-select_streams", "v", ...entries, input]);
    expect(first).toMatch(/^10\.\d+,K/);
  });
});

describe.skipIf(!needs("ffmpeg"))("repair and files", () => {
  test("a sound file is left alone, and written again only where a name is given", async () => {
    const input = place(await soundShow());
    const result = await runnel(["repair", input]);
    expectExit(result, 0);
    expectLastLine(result, /is sound: .*nothing to mend, no file written/);
    expect(readdirSync(join(input, ".."))).toEqual(["show.flv"]);
    const named = join(input, "../new/folder/copy.flv");
    expectExit(await runnel(["repair", input, "-o", named]), 0);
    expect(mediaOf(readFlv(readFileSync(named)))).toEqual(mediaOf(readFlv(readFileSync(input))));
  });

  test("writes over nothing unless told", async () => {
    const bytes = (await soundShow()).subarray(0, -30);
    const input = place(bytes);
    const output = join(input, "../show.repaired.flv");
    writeFileSync(output, "mine");
    const refused = await runnel(["repair", input]);
    expectExit(refused, 2);
    expectLastLine(refused, /exists already; --force/);
    expect(readFileSync(output, "utf8")).toBe("mine");
    const own = await runnel(["repair", input, "-o", `${dirname(input)}/./show.flv`]);
    expectExit(own, 2);
    expectLastLine(own, /is the file to be repaired; --force/);
    const below = await runnel(["repair", input, "-o", join(input, "out.flv")]);
    expectExit(below, 2);
    expectLastLine(below, /a part of its path is no folder/);
    expect(Buffer.compare(readFileSync(input), bytes)).toBe(0);
    expectExit(await runnel(["repair", input, "--force"]), 0);
    expect(await decodingErrors(output)).toBe("");
  });

  test("mends a file in its place when told, and through a link the file behind it", async () => {
    const input = place((await soundShow()).subarray(0, -30));
    chmodSync(input, 0o640);
    const link = join(input, "../link.flv");
    symlinkSync(input, link);
    expectExit(await runnel(["repair", link, "-o", link, "--force"]), 0);
    expect(statSync(input).mode & 0o777).toBe(0o640);
    expectExit(await runnel(["repair", "--check", input]), 0);
    expect(readdirSync(join(input, "..")).toSorted()).toEqual(["link.flv", "show.flv"]);
  });

  test("a tag that says it is encrypted still says so in the mended file", async () => {
    const bytes = (await soundShow()).slice(0, -30);
    bytes[middleTag(bytes)]! |= 0x20;
    const output = join(scratch("repair"), "out.flv");
    expectExit(await runnel(["repair", place(bytes), "-o", output]), 0);
    const types = (file: Uint8Array): number[] => {
      const found: number[] = [];
      const data = Buffer.from(file);
      for (let at = 13; at + 15 <= data.length; at += 15 + data.readUIntBE(at + 1, 3)) found.push(data[at]!);
      return found;
    };
    expect(types(readFileSync(output)).filter((type) => type > 0x1f)).toEqual([bytes[middleTag(bytes)]!]);
  });

  test("--json says the same in objects", async () => {
    const input = place(concat(await soundShow(), new Uint8Array(99)));
    const found = events(await runnel(["repair", "--check", "--json", input]));
    expect(found[0]).toMatchObject({ event: "finding", kind: "zeros", text: "99 zeros at the end" });
    expect(found[0]!["offset"]).toBe(statSync(input).size - 99);
    expect(found.at(-1)).toMatchObject({ event: "summary", sound: false, exitCode: 3 });
  });

  test.each([
    ["no file", [], 2],
    ["two files", ["a.flv", "b.flv"], 2],
    ["a file that is not there", ["nowhere.flv"], 2],
    ["a pipe", ["-"], 2],
    ["a folder", ["/"], 2],
  ])("refuses %s", async (_name, args, code) => {
    const result = await runnel(["repair", ...args]);
    expectExit(result, code);
    expectLastLine(result);
  });

  test("refuses what is no FLV, and writes nothing", async () => {
    const input = place(randomBytes(5000, 3), "noise.flv");
    const result = await runnel(["repair", input]);
    expectExit(result, 3);
    expectLastLine(result, /there is no audio or video in it/);
    expect(existsSync(input.replace(".flv", ".repaired.flv"))).toBe(false);
  });

  test.each([0, 5, 13, 20, 300])("says of a file of %i bytes that there is nothing in it", async (size) => {
    const input = place((await soundShow()).subarray(0, size), "torn.flv.part");
    for (const args of [["--check"], []]) {
      const result = await runnel(["repair", ...args, input]);
      expectExit(result, 3);
      expectLastLine(
        result,
        /^runnel: Cannot repair ".*torn\.flv\.part": (the input (is empty|ends)|there is no)/,
      );
    }
    expect(readdirSync(dirname(input))).toEqual(["torn.flv.part"]);
  });

  test("a folder that cannot be written is a matter of the disk", async () => {
    const input = place((await soundShow()).subarray(0, -30));
    const result = await runnel(["repair", input, "-o", "/proc/nowhere/out.flv"]);
    expectExit(result, 7);
    expectLastLine(result, /Cannot write/);
  });
});

describe.skipIf(!needs("ffmpeg"))("repair of a large file", () => {
  test("200 MiB take less than 100 MiB of memory", async () => {
    const part = readFileSync(await show({ seconds: SECONDS }));
    // A size of 16 MiB: what a reader must not wait for.
    part[middleTag(part) + 1] = 0xff;
    const input = place(part, "large.flv");
    const batch = Buffer.concat(Array.from({ length: 20 }, () => part));
    while (statSync(input).size < 200 * MIB) appendFileSync(input, batch);
    appendFileSync(input, new Uint8Array(8 * MIB));
    const child = await startRunnel(["repair", input, "-q"], { timeout: 60_000 });
    const peak = await peakMemory(child.pid);
    expectExit(await child.finished, 0);
    expect(peak).toBeLessThan(100 * MIB);
    const output = input.replace(".flv", ".repaired.flv");
    expectExit(await runnel(["repair", "--check", output]), 0);
    const seconds = (statSync(input).size / part.length) * SECONDS;
    expect(await seekingErrors(output, Math.round(seconds / 2))).toBe("");
  }, 90_000);
});
