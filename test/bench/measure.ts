/**
 * Runs one contestant of the benchmark, which may be several processes, and measures it: processor time of all of its
 * threads from the operating system (wait4), wall time, resident memory.
 */
import { readdirSync, readFileSync } from "node:fs";
import { now } from "./clock.ts";

/**
 * `cpu` is user and system time in ms, `rate` ms of it per second in the second half of the process's life; memory is
 * in bytes, `peak` the most and `settled` that of the last third of its life.
 */
export type Measurement = {
  begun: number;
  cpu: number;
  rate: number;
  wall: number;
  peak: number;
  settled: number;
};

/** How to run a client: what it is called, its command, and whether a signal has to end it (a server). */
export type Client = { name: string; argv: string[]; endless?: boolean };

const TIME_LIMIT = 180_000;
const LOOK_MS = 20;
/** Times are looked at more rarely than memory. */
const LOOKS_PER_TIME = 10;

/** Runs a client to its end; an endless one is told to end when `until` settles. */
export async function measure(client: Client, until: Promise<unknown>): Promise<Measurement> {
  const begun = now();
  const child = Bun.spawn(client.argv, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: TIME_LIMIT,
    killSignal: "SIGKILL",
  });
  const watched = watch(child.pid);
  const said = new Response(child.stderr).text();
  if (client.endless === true) {
    await Promise.race([until.catch(() => {}), child.exited]);
    child.kill("SIGTERM");
  }
  await child.exited;
  const wall = now() - begun;
  if (child.signalCode === "SIGKILL")
    throw new Error(`${client.name} did not end:\n${(await said).slice(-1_000)}`);
  const usage = child.resourceUsage();
  if (usage === undefined) throw new Error(`nothing is known of ${client.name}`);
  return { begun, cpu: Number(usage.cpuTime.total) / 1_000, wall, ...(await watched) };
}

/** Several processes that do one work together: their sums. */
export function together(parts: readonly Measurement[]): Measurement {
  const sum = (key: keyof Measurement) => parts.reduce((total, part) => total + part[key], 0);
  return {
    begun: Math.min(...parts.map((part) => part.begun)),
    cpu: sum("cpu"),
    rate: sum("rate"),
    wall: Math.max(...parts.map((part) => part.wall)),
    peak: sum("peak"),
    settled: sum("settled"),
  };
}

/** Resident memory in bytes. `file` is the part of `now` that is mapped from files, the program itself above all. */
export type Resident = { now: number; file: number; peak: number };

/** Resident memory of a process now, and the most it ever was; undefined when it has ended. */
export function residentMemory(pid: number): Resident | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = (name: string) => new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
    const [now, file, peak] = [kib("VmRSS"), kib("RssFile"), kib("VmHWM")];
    if (now === undefined || peak === undefined) return undefined; // ended, not yet waited for
    return { now: Number(now) * 1_024, file: Number(file) * 1_024, peak: Number(peak) * 1_024 };
  } catch {
    return undefined;
  }
}

/** Processor time of all threads that a process has now, in ms; undefined when it has ended. */
function processorTime(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const ns = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"));
    return ns.reduce((sum, text) => sum + Number.parseInt(text, 10), 0) / 1e6;
  } catch {
    return undefined;
  }
}

/** Looks at a process until it ends. ru_maxrss is of no use for memory: a child inherits its parent's. */
async function watch(pid: number): Promise<{ peak: number; settled: number; rate: number }> {
  const seen: number[] = [];
  const spent: { at: number; cpu: number }[] = [];
  let peak = 0;
  for (let look = 0; ; look++) {
    const memory = residentMemory(pid);
    if (memory === undefined) break;
    peak = memory.peak;
    seen.push(memory.now);
    const cpu = look % LOOKS_PER_TIME === 0 ? processorTime(pid) : undefined;
    if (cpu !== undefined) spent.push({ at: now(), cpu });
    await Bun.sleep(LOOK_MS);
  }
  const [from, to] = [spent[spent.length >> 1], spent.at(-2)];
  const rate = from && to && to.at > from.at ? ((to.cpu - from.cpu) / (to.at - from.at)) * 1_000 : Number.NaN;
  return { peak, settled: median(seen.slice(Math.floor((seen.length * 2) / 3))), rate };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which this share of all values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
