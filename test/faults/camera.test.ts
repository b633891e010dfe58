/**
 * Commands that stand for a camera and fail: with garbage between their pictures, with silence, with an end that comes
 * too early, again and again. Good pictures are recorded bit for bit, and nothing of a command stays behind.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readFlvFile } from "../support/flv-compare.ts";
import { randomBytes } from "../support/mutate.ts";
import { needs } from "../support/programs.ts";
import { makeRaw, nalsOf, readUnits } from "../support/raw-video.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { ending, QUICK, Run } from "./relay.ts";

tidy();

/** Behind the start code of a sequence parameter set begins a group of pictures. */
const GROUP = Buffer.from("0000000167", "hex");

/** A stream of pictures in two parts, each of which can be decoded by itself, in a folder. */
async function pictures() {
  const folder = scratch("pictures");
  const raw = Buffer.from(await makeRaw({ frames: 50, args: ["-x264-params", "keyint=10:bframes=0"] }));
  const middle = raw.indexOf(GROUP, raw.length / 2);
  const parts = [raw.subarray(0, middle), raw.subarray(middle)];
  parts.forEach((part, i) => writeFileSync(join(folder, `part-${i}.h264`), part));
  writeFileSync(join(folder, "garbage"), randomBytes(20_000, 4));
  const [first, second] = parts.map((part) => readUnits("h264", [part]).map(({ nals }) => nals.join(" ")));
  return { folder, first: first!, second: second! };
}

/** Records what a shell script writes, which is run in `folder`; its lines say nothing to the shell of ours. */
async function record(folder: string, script: string, flags: readonly string[] = []) {
  writeFileSync(join(folder, "camera.sh"), `cd ${folder}\n${script}\n`);
  const argv = ["push", `exec:sh ${join(folder, "camera.sh")}`, "--format", "h264", "-o", "rec.flv"];
  await using run = await Run.start([...argv, ...QUICK, ...flags]);
  const result = await run.child.finished;
  const units: string[] = [];
  for (const file of run.recordings())
    for (const { kind, role, payload } of await readFlvFile(file))
      if (kind === "video" && role !== "header") units.push(nalsOf(payload, 5).join(" "));
  expect(result.stderr).not.toContain("Internal");
  return { end: ending(result), units };
}

describe.skipIf(!needs("ffmpeg"))("a camera", () => {
  test("that puts garbage between its pictures: those before and after are there", async () => {
    const { folder, first, second } = await pictures();
    const { end, units } = await record(folder, "cat part-0.h264 garbage part-1.h264");
    expect(end).toMatch(/^0 done:/);
    // The garbage has no start of its own: it hangs on the last picture before it.
    expect(units.slice(0, first.length - 1)).toEqual(first.slice(0, -1));
    expect(units.slice(-second.length)).toEqual(second);
  });

  test("that falls silent is started again after --stall, its children with it", async () => {
    const { folder, first, second } = await pictures();
    const script = `if mkdir once; then cat part-0.h264; sleep 300.75; else cat part-1.h264; fi 2>/dev/null`;
    const { end, units } = await record(folder, script);
    expect(end).toMatch(/^[03] /);
    // Where a picture ends shows with the next one: the last ones before the silence are not whole.
    expect(units.slice(0, first.length - 2)).toEqual(first.slice(0, -2));
    expect(units.slice(-second.length)).toEqual(second);
  });

  test("that crashes again and again is started again each time", async () => {
    const { folder, second } = await pictures();
    const script = `for n in 1 2 3; do mkdir try$n && cat part-0.h264 && exit 7; done 2>/dev/null\ncat part-1.h264`;
    const { end, units } = await record(folder, script);
    expect(end).toMatch(/^[03] /);
    expect(units.slice(-second.length)).toEqual(second);
    // Three beginnings and the good end.
    expect(units.filter((unit) => unit === units[0])).toHaveLength(3);
  });

  test("that gives nothing but garbage is given up, and it is said why", async () => {
    const { folder } = await pictures();
    const { end, units } = await record(folder, "cat garbage; exit 3");
    expect(end).toMatch(/^6 nothing recorded: .*exit code 3|^6 nothing sent: .*exit code 3/);
    expect(units).toEqual([]);
  });
});
