/**
 * A stand-in for programs that write a live stream to a pipe: it writes pieces of bytes at the pace that is asked for,
 * and notes when each was written. Started as a program it is the stand-in itself.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch } from "./scratch.ts";

/** What it writes, and what goes wrong with it. */
export type Pace = {
  /** One after the other, from the beginning again in each start. */
  readonly pieces: readonly Uint8Array[];
  /** From one piece to the next. */
  readonly everyMs: number;
  /** Begins so much later. */
  readonly delayMs?: number;
  /** `crash`: ends with an error in the middle, the first time; `stubborn`: writes nothing and ignores TERM. */
  readonly mood?: "crash" | "stubborn";
};

/** A program at a pace. */
export type Paced = {
  /** Its words, for exec:. */
  readonly argv: readonly string[];
  /** When each piece was written, in ms of the wall clock, over all starts. */
  written(): number[];
  /** Of all starts. */
  pids(): number[];
};

type Settings = {
  readonly sizes: number[];
  readonly everyMs: number;
  readonly delayMs: number;
  readonly mood: Pace["mood"] | undefined;
};

/** Makes one. */
export function makePaced({ pieces, everyMs, delayMs = 0, mood }: Pace): Paced {
  const folder = scratch("paced");
  const settings: Settings = { sizes: pieces.map(({ length }) => length), everyMs, delayMs, mood };
  writeFileSync(join(folder, "bytes"), Buffer.concat(pieces));
  writeFileSync(join(folder, "settings"), JSON.stringify(settings));
  const lines = (name: string): number[] => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
  };
  return {
    argv: [process.execPath, import.meta.path, folder],
    written: () => lines("written"),
    pids: () => lines("pids"),
  };
}

async function main(folder: string): Promise<void> {
  const settings = JSON.parse(readFileSync(join(folder, "settings"), "utf8")) as Settings;
  const { sizes, everyMs, delayMs, mood } = settings;
  const bytes = readFileSync(join(folder, "bytes"));
  const first = !existsSync(join(folder, "pids"));
  appendFileSync(join(folder, "pids"), `${process.pid}\n`);
  if (mood === "stubborn") {
    process.on("SIGTERM", () => {});
    await Bun.sleep(60_000);
  }
  await Bun.sleep(delayMs);
  const begun = performance.now();
  let at = 0;
  for (const [i, size] of sizes.entries()) {
    await Bun.sleep(Math.max(0, begun + i * everyMs - performance.now()));
    if (mood === "crash" && first && i === Math.floor(sizes.length / 4)) {
      process.stderr.write("the device is gone\n");
      process.exit(5);
    }
    appendFileSync(join(folder, "written"), `${performance.timeOrigin + performance.now()}\n`);
    await Bun.write(Bun.stdout, bytes.subarray(at, at + size));
    at += size;
  }
  await Bun.sleep(60_000);
}

if (import.meta.main) await main(process.argv[2]!);
