/**
 * The program under test: the compiled binary. RUNNEL_BINARY names one; otherwise `dist/runnel` is used, and built
 * first when it is missing or older than the sources, so that a test never judges yesterday's program.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { runWell } from "./process.ts";

const ROOT = join(import.meta.dir, "../..");

function newest(folder: string): number {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

async function built(file: string, script: string): Promise<string> {
  const path = join(ROOT, "dist", file);
  const stale = !existsSync(path) || statSync(path).mtimeMs < newest(join(ROOT, "src"));
  if (stale) await runWell([process.execPath, "run", script], { cwd: ROOT, timeout: 240_000 });
  return path;
}

let host: Promise<string> | undefined;
let arm64: Promise<string> | undefined;

/** The path of the binary for this machine. */
export function runnelBinary(): Promise<string> {
  const given = process.env["RUNNEL_BINARY"];
  host ??= given === undefined || given === "" ? built("runnel", "build") : Promise.resolve(given);
  return host;
}

/** The path of the binary for a Raspberry Pi. */
export function arm64Binary(): Promise<string> {
  arm64 ??= built("runnel-linux-arm64", "build:pi");
  return arm64;
}
