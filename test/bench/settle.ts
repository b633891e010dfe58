/**
 * Brings disk and memory to rest between two recordings, so that none pays for the one before: what that left for the
 * disk is written, and the memory of its deleted file is fetched back. (A virtual machine hands free memory to its host;
 * the next recording would get it back page by page, in its own time: it was seen to take twice as long.)
 *
 *   bun test/bench/settle.ts     touches memory, and ends
 */
import { freemem } from "node:os";
import { runWell } from "../support/process.ts";

const MOST = 2 * 2 ** 30;
const PAGE = 4096;

/** Waits until disk and memory are at rest. */
export async function settle(): Promise<void> {
  await runWell(["sync"]);
  await runWell([process.execPath, import.meta.path]);
}

if (import.meta.main) {
  const memory = new Uint8Array(Math.min(MOST, Math.floor(freemem() / 2)));
  for (let at = 0; at < memory.length; at += PAGE) memory[at] = 1;
}
