/**
 * What runs for each message is left out by the runtime's last compiler: a program that lets messages flow (support/
 * hot-run.ts) has the runtime report what it compiles, and none of it may be ours. Whoever adds a function to the way of
 * a packet and forgets skipLastTier is told its name here.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "./support/process.ts";
import { scratch } from "./support/scratch.ts";

const SRC = join(import.meta.dir, "../src");
const SUPPORT = join(import.meta.dir, "support");
/** What the program itself runs on. */
const DRIVER = ["hot-run", "memory-relay", "memory-net", "rtmp-server", "rtmp-wire", "packets"];
/** A closure of a source that hands on a message: a millisecond. */
const ALLOWED = ["onMedia"];
/** How hot a function is before the last compiler has it; a third of what is usual, so that a short run is enough. */
const THRESHOLD = 20_000;

/** The names of all functions and methods that a file declares. */
function declared(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const heads = text.matchAll(
    /^\s*(?:export )?(?:async )?(?:function\*? |static |get |set )?(#?\w+)\(.*\{$/gm,
  );
  return [...heads].map(([, name]) => name!);
}

/** The functions that the last compiler took on, by name. */
async function compiledLast(): Promise<string[]> {
  const child = start([process.execPath, join(SUPPORT, "hot-run.ts"), join(scratch("hot-run"), "out.flv")], {
    env: {
      BUN_JSC_reportFTLCompileTimes: "1",
      BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: String(THRESHOLD),
    },
  });
  const { code, stderr } = await child.finished;
  expect({ code, stdout: child.stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^read \d+ tags$/m),
  });
  return [...stderr.matchAll(/^Optimized (#?\w+)#\w+:.* using FTL /gm)].map(([, name]) => name!);
}

test("what runs for each message is not compiled a third time", async () => {
  const compiled = await compiledLast();
  // The program's own functions are: the report is there, and they ran often enough.
  expect(compiled).toContain("framed");
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const ours = new Set(files.flatMap((name) => declared(join(SRC, name))));
  const driver = new Set(DRIVER.flatMap((name) => declared(join(SUPPORT, `${name}.ts`))));
  // Names are all that is reported: a method of ours is not seen behind one of the driver's that is called alike.
  const forgotten = compiled.filter((name) => ours.has(name) && !driver.has(name) && !ALLOWED.includes(name));
  expect(forgotten).toEqual([]);
}, 60_000);
