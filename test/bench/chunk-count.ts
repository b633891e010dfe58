/**
 * Instructions of the chunk reader and the chunk writer alone, per GB that goes through: counted by valgrind's callgrind
 * for a short and a longer work, of which the difference is taken, so that Bun's start does not count.
 */
import { join } from "node:path";
import { run } from "../support/process.ts";
import { which } from "../support/programs.ts";

const SHORT = 64 * 2 ** 20;
const LONG = SHORT + 512 * 2 ** 20;
const KINDS = [
  ["reader", 4_096],
  ["writer", 4_096],
  ["writer", 65_536],
] as const;

async function instructions(kind: string, bytes: number, chunkSize: number): Promise<number> {
  const work = [process.execPath, join(import.meta.dir, "chunk-work.ts"), kind, `${bytes}`, `${chunkSize}`];
  const tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
  // Bun makes machine code while it runs.
  const { stderr } = await run([...tool, "--smc-check=all-non-file", ...work], { timeout: 240_000 });
  const counted = /I\s+refs:\s+([\d,]+)/.exec(stderr)?.[1];
  return Number(counted?.replaceAll(",", "") ?? Number.NaN);
}

/** Lines of the table; `columns` is how many it has for contestants, of which runnel is the first. */
export async function countChunks(columns: number): Promise<string[]> {
  const others = " – |".repeat(columns - 1);
  const rows: string[] = [];
  for (const [kind, chunkSize] of KINDS) {
    const work = `chunk ${kind} alone, chunks of ${chunkSize}`;
    if (which("valgrind") === undefined) {
      rows.push(`| ${work} | instructions per GB, 10⁹ | valgrind is missing |${others}`);
      continue;
    }
    const short = await instructions(kind, SHORT, chunkSize);
    const long = await instructions(kind, LONG, chunkSize);
    const perGb = ((long - short) / (LONG - SHORT)).toFixed(2);
    console.error(`chunks: ${work}: ${short} and ${long} instructions`);
    rows.push(`| ${work} | instructions per GB, 10⁹ | ${perGb} |${others}`);
  }
  return rows;
}
