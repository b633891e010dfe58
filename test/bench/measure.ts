/** Runs one client of the benchmark and measures it: processor time of the whole process, wall time, peak memory. */
import { peakMemory } from "../support/memory.ts";

/** `cpu` is user and system time in ms. */
export type Measurement = { cpu: number; wall: number; peak: number };

/** How to run a client: what it is called, its command, and whether a signal has to end it (a server). */
export type Client = { name: string; argv: string[]; endless?: boolean };

const TIME_LIMIT = 120_000;

/** Runs a client to its end; an endless one is told to end when `until` settles. */
export async function measure(client: Client, until: Promise<unknown>): Promise<Measurement> {
  const begun = performance.now();
  const child = Bun.spawn(client.argv, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: TIME_LIMIT,
    killSignal: "SIGKILL",
  });
  const peak = peakMemory(child.pid);
  const said = new Response(child.stderr).text();
  if (client.endless === true) {
    await Promise.race([until.catch(() => {}), child.exited]);
    child.kill("SIGTERM");
  }
  await child.exited;
  const wall = performance.now() - begun;
  if (child.signalCode === "SIGKILL")
    throw new Error(`${client.name} did not end:\n${(await said).slice(-1_000)}`);
  const usage = child.resourceUsage();
  if (usage === undefined) throw new Error(`nothing is known of ${client.name}`);
  return { cpu: Number(usage.cpuTime.total) / 1_000, wall, peak: await peak };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
