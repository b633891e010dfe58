/**
 * What runs for each message is left out by the runtime's last compiler: a program that lets messages flow (support/
 * hot-run.ts) has the runtime report what it compiles, and none of it may be ours. Whoever adds a function to the way of
 * a packet through a relay or out of a file, and forgets skipLastTier, is told its name here.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "./support/process.ts";
import { scratch } from "./support/scratch.ts";
import { tidy } from "./support/tidy.ts";

tidy();

const SRC = join(import.meta.dir, "../src");
/** Where packets go by. AMF is read once in a session, and once more when a file is finished. */
const FOLDERS = ["bytes/slab-pool.ts", "rtmp/", "media/", "net/", "pipeline/"];
/** What the program itself runs on is reported, too; names are all that tells it from ours. */
const DRIVERS = ["framed", "frame"];
/**
 * A closure of a source that hands on a message: a millisecond. And what a connection is asked once for each run of
 * messages, which is so near to the threshold that one time in a hundred it is above.
 */
const ALLOWED = ["onMedia", "writable"];
/** How hot a function is before the last compiler has it; a third of what is usual, so that a short run is enough. */
const THRESHOLD = 20_000;

/** A declaration of a function or method at the beginning of a line, and a member or constant that is a closure. */
const DECLARATIONS = [
  /^ *(?:export )?(?:async )?(?:function\*? |static |get |set )?(#?\w+)\((?:.*\{)?$/gm,
  /^ *(?:export )?(?:readonly |const )?(#?\w+) = (?:async )?\(/gm,
];

function declared(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return DECLARATIONS.flatMap((one) => [...text.matchAll(one)].map(([, name]) => name!));
}

/** The functions that the last compiler took on, by name. */
async function compiledLast(): Promise<string[]> {
  const child = start(
    [process.execPath, join(import.meta.dir, "support/hot-run.ts"), join(scratch("hot"), "out.flv")],
    {
      timeout: 50_000,
      env: {
        BUN_JSC_reportFTLCompileTimes: "1",
        BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: String(THRESHOLD),
      },
    },
  );
  const { code, stderr } = await child.finished;
  expect({ code, stdout: child.stdout.trim() }).toEqual({ code: 0, stdout: "read 12000 of 12000 tags" });
  return [...stderr.matchAll(/^Optimized (#?\w+)#\w+:.* using FTL/gm)].map(([, name]) => name!);
}

test("what runs for each message is not compiled a third time", async () => {
  const compiled = await compiledLast();
  // The program's own functions are: the report is there, and they ran often enough.
  expect(compiled).toContain("framed");
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && FOLDERS.some((folder) => name.startsWith(folder)),
  );
  const ours = new Set(files.flatMap((name) => declared(join(SRC, name))));
  for (const known of ["#readPayload", "writeHeader", "#onFree", "feed"]) expect(ours).toContain(known);
  const left = [...DRIVERS, ...ALLOWED];
  expect(compiled.filter((name) => ours.has(name) && !left.includes(name))).toEqual([]);
}, 60_000);
