/**
 * The peak resident memory of a process, read from /proc while it runs. The kernel's ru_maxrss is of no use here: a
 * child inherits the peak of the process that started it.
 */
import { readFileSync } from "node:fs";

/** Resolves with the peak in bytes once the process has ended. */
export async function peakMemory(pid: number): Promise<number> {
  let peak = 0;
  for (;;) {
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, "utf8");
    } catch {
      return peak;
    }
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kib === undefined) return peak; // it has ended and waits to be buried
    peak = Number(kib) * 1_024;
    await Bun.sleep(10);
  }
}
