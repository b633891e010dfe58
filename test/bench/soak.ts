/**
 * Whether memory stays flat: a relay of one live stream to four servers whose source breaks off every 20 s (or so many
 * `seconds`, more than two), for as many minutes as asked. Prints the resident memory of each minute, how much of it is
 * the program itself, mapped from its file as far as it has run, and how much is its own (anonymous); then the slopes
 * behind the first quarter, how often the source broke off, and how many frames it had sent and each destination got.
 */
import { join } from "node:path";
import { until } from "../support/ports.ts";
import { type Child, start } from "../support/process.ts";
import { median, type Resident, residentMemory } from "./measure.ts";
import { makeMedia } from "./media.ts";
import { PREROLL_MS } from "./paced.ts";

const MIB = 2 ** 20;
const SINKS = 4;
const LOOK_MS = 1_000;
const MINUTE_MS = 60_000;

/** Least squares: how much `values` grow from one to the next. */
function slope(values: readonly number[]): number {
  const n = values.length;
  const meanX = (n - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / n;
  const spread = values.reduce((sum, _, x) => sum + (x - meanX) ** 2, 0);
  return values.reduce((sum, value, x) => sum + (x - meanX) * (value - meanY), 0) / spread;
}

type Minute = { all: number; file: number };

async function watch(pid: number, minutes: number): Promise<Minute[]> {
  const perMinute: Minute[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    const seen: Resident[] = [];
    for (const end = performance.now() + MINUTE_MS; performance.now() < end; await Bun.sleep(LOOK_MS)) {
      const memory = residentMemory(pid);
      if (memory === undefined) throw new Error("the relay has ended");
      seen.push(memory);
    }
    const [all, file] = [median(seen.map((one) => one.now)), median(seen.map((one) => one.file))];
    perMinute.push({ all, file });
    const most = Math.max(...seen.map((one) => one.now));
    const peak = residentMemory(pid)?.peak ?? Number.NaN;
    const cells = [all, all - file, file, most, peak].map((bytes) => (bytes / MIB).toFixed(1));
    console.log(`| ${minute} | ${cells.join(" | ")} |`);
  }
  return perMinute;
}

/** Runs the soak; see the head of this file. */
export async function soak(dir: string, binary: string, minutes: number, seconds: number): Promise<void> {
  const show = await makeMedia(join(dir, "soak.flv"), "6M");
  const timeout = (minutes + 2) * MINUTE_MS;
  const bench = (file: string, ...args: string[]): Child =>
    start([process.execPath, join(import.meta.dir, file), ...args], { timeout });
  const portOf = (child: Child): Promise<string> =>
    until("a server names its port", () => /^\d+$/m.exec(child.stdout)?.[0]);
  const source = bench("flood-server.ts", show, "broken", String(seconds - PREROLL_MS / 1_000));
  const sink = bench("sink-server.ts");
  const [from, to] = [await portOf(source), await portOf(sink)];
  const sinks = Array.from({ length: SINKS }, (_, i) => `rtmp://127.0.0.1:${to}/live/s${i}`);
  const flags = ["--retry-min", "100ms", "--retry-max", "1s", "-q"];
  const relay = start([binary, "relay", `rtmp://127.0.0.1:${from}/live/show`, ...sinks, ...flags], {
    timeout,
  });
  console.log(`relay 1 to ${SINKS}, 6 Mbit/s, the source breaks off every ${seconds} s, ${minutes} min\n`);
  console.log("| minute | resident, median MiB | its own | program text | most in it | peak so far |");
  console.log("|---:|---:|---:|---:|---:|---:|");
  const perMinute = await watch(relay.pid, minutes);
  relay.signal("SIGINT");
  const { code, stderr } = await relay.finished;
  const lines = (child: Child) => child.stdout.split("\n").filter((line) => line.startsWith("{"));
  await until("every sink counts", () => lines(sink).length >= SINKS);
  const later = perMinute.slice(Math.floor(perMinute.length / 4));
  const [growth, own] = [slope(later.map(({ all }) => all)), slope(later.map(({ all, file }) => all - file))];
  const counts = (child: Child): { marked: number; complete?: boolean }[] =>
    lines(child).map((line) => JSON.parse(line));
  const broken = counts(source).filter(({ complete }) => complete === true);
  const sent = broken.reduce((sum, { marked }) => sum + marked, 0);
  const came = counts(sink).map(({ marked }) => marked);
  const kib = (bytes: number): string => `${(bytes / 1_024).toFixed(1)} KiB a minute`;
  console.log(`\nslope behind the first quarter: ${kib(growth)}, of its own memory ${kib(own)}`);
  console.log(`sessions of the source that broke: ${broken.length}, with ${sent} marked frames`);
  console.log(`marked frames at the destinations: ${came.join(", ")} (those of the last session too)`);
  console.log(`exit code ${code}; ${stderr.trim().split("\n").at(-1)}\n`);
  await Promise.all([source.stop(), sink.stop()]);
}
