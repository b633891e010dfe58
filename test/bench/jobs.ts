/**
 * What many jobs in one process cost: relays whose source cannot be reached, and idle ones that wait for their schedule,
 * 1 against 50. Prints the time from start until every job was tried or waits, the memory of each further job after a
 * while of trying again, the processor time of that while, and the time that a stop takes. Nothing passes or fails.
 *
 *   bun test/bench/jobs.ts [--jobs 50] [--seconds 10]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runnelBinary } from "../support/binary.ts";
import { freePort, until } from "../support/ports.ts";
import { removeScratch, scratch } from "../support/scratch.ts";
import { stopAll } from "../support/process.ts";
import { startRunnel } from "../support/runnel.ts";

const { values } = parseArgs({
  options: { jobs: { type: "string", default: "50" }, seconds: { type: "string", default: "10" } },
});
const many = Number(values.jobs);
const seconds = Number(values.seconds);
const port = await freePort();
// Built, if it has to be, before a clock runs.
await runnelBinary();

const KINDS = {
  unreachable: `from: { url: "rtmp://127.0.0.1:${port}/live/c", wait: 1h }, retry: { max: 2s }`,
  scheduled: `from: "rtmp://127.0.0.1:${port}/live/c", schedule: { cron: "0 0 1 1 *", for: 1h }`,
} as const;

type Result = { ready: number; memory: number; cpu: number; status: number; stop: number };

/** Resident memory in bytes, and processor time in ms. */
function usage(pid: number): { memory: number; cpu: number } {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return { memory: Number(kib) * 1_024, cpu: (Number(fields[11]) + Number(fields[12])) * 10 };
}

async function measure(kind: keyof typeof KINDS, count: number): Promise<Result> {
  const folder = scratch("jobs");
  const file = join(folder, "jobs.yaml");
  const lines = Array.from({ length: count }, (_, i) => {
    return `  cam${i}: { ${KINDS[kind]}, to: { own: "rtmp://127.0.0.1:${port}/live/d" } }\n`;
  });
  writeFileSync(file, `version: 1\njobs:\n${lines.join("")}`);
  const begun = performance.now();
  const child = await startRunnel(["run", file], {
    cwd: folder,
    env: { XDG_RUNTIME_DIR: folder },
    timeout: 120_000,
  });
  const word = kind === "scheduled" ? /next run/g : /connection refused.*trying/g;
  await until("all have begun", () => (child.stderr.match(word) ?? []).length >= count, 60_000);
  const ready = performance.now() - begun;
  const before = usage(child.pid);
  await Bun.sleep(seconds * 1_000);
  const after = usage(child.pid);
  const asked = performance.now();
  child.signal("SIGUSR1");
  await until("all are shown", () => (child.stderr.match(/^○ cam/gm) ?? []).length >= count);
  const status = performance.now() - asked;
  const told = performance.now();
  child.signal("SIGTERM");
  await child.finished;
  const stop = performance.now() - told;
  return { ready, memory: after.memory, cpu: (after.cpu - before.cpu) / seconds, status, stop };
}

try {
  for (const kind of ["unreachable", "scheduled"] as const) {
    const one = await measure(kind, 1);
    const all = await measure(kind, many);
    console.log(`\n${kind}: 1 job, and ${many}`);
    const show = (name: string, key: keyof Result, unit: string, scale = 1): void =>
      console.log(
        `  ${name.padEnd(34)} ${(one[key] / scale).toFixed(1).padStart(8)} ${(all[key] / scale).toFixed(1).padStart(8)} ${unit}`,
      );
    show("start until each was tried or waits", "ready", "ms");
    show("resident memory", "memory", "MiB", 2 ** 20);
    show("processor time per second", "cpu", "ms");
    show("status of all jobs", "status", "ms");
    show("stop", "stop", "ms");
    const each = (all.memory - one.memory) / (many - 1) / 1_024;
    console.log(`  memory of each further job: ${each.toFixed(0)} KiB`);
  }
} finally {
  await stopAll();
  removeScratch();
}
