/**
 * The long part of the fault suite, `bun run soak`: a source that dies every 3 s for two minutes, then everything at
 * once for five. MINUTES=... makes the storm longer or shorter, SEED=... runs that of a seed again.
 */
import { stopAll } from "../support/process.ts";
import { removeScratch } from "../support/scratch.ts";
import { Destination, LiveSource } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { formatSchedule, runStorm, scheduleOf, type StormReport } from "./storm.ts";
import { wholeProblems } from "./stream.ts";

const SEED = Number(process.env["SEED"] ?? Date.now() % 100_000);
const SECONDS = Number(process.env["MINUTES"] ?? 5) * 60;
const DEATHS = 40;
const LIFE_MS = 3000;

/** A source that dies every 3 s: the recording and the destination hold all of its sessions. */
async function dying(): Promise<StormReport> {
  using source = new LiveSource();
  using good = new Destination();
  const url = `rtmp://127.0.0.1:${source.port}/live/show`;
  await using run = await Run.start(["relay", url, good.url(), "-o", "rec.flv", ...QUICK], 300_000);
  for (let n = 0; n < DEATHS; n++) {
    await run.until("the next session", () => source.sessions.length > n);
    const from = performance.now();
    await run.until("its death", () => performance.now() - from >= LIFE_MS);
    source.break();
  }
  await run.until("the last session", () => source.sessions.length > DEATHS && source.current!.sent > 75);
  source.end();
  const result = await run.child.finished;
  const memory = await run.memory;
  const problems = [
    ...wholeProblems(await run.recorded(), source.sessions),
    ...wholeProblems(good.got, source.sessions),
  ];
  if (good.sessions.length !== 1) problems.push(`the destination had ${good.sessions.length} sessions`);
  if (memory > MOST_MEMORY) problems.push(`${Math.round(memory / 2 ** 20)} MiB`);
  if (!ending(result).includes(`${DEATHS} gaps`)) problems.push(`ended: ${ending(result)}`);
  const told = [
    `${source.sent} frames in ${source.sessions.length} sessions`,
    `peak memory ${Math.round(memory / 2 ** 20)} MiB`,
  ];
  return { problems, told: [...told, ending(result)] };
}

/** Runs one part, tells of it and says whether all was well. */
async function part(title: string, work: () => Promise<StormReport>): Promise<boolean> {
  process.stdout.write(`${title}\n`);
  const { problems, told } = await work().catch((error: unknown) => ({
    problems: [String(error)],
    told: [],
  }));
  for (const line of told) process.stdout.write(`  ${line}\n`);
  for (const line of problems) process.stdout.write(`  WRONG ${line}\n`);
  return problems.length === 0;
}

const well = [
  await part(`a source that dies every ${LIFE_MS / 1000} s, ${DEATHS} times`, dying),
  await part(`everything at once for ${SECONDS} s, SEED=${SEED}`, () => runStorm(SEED, SECONDS)),
];
if (well[1] !== true) process.stdout.write(`${formatSchedule(scheduleOf(SEED, SECONDS))}\n`);
await stopAll();
removeScratch();
process.exit(well.every(Boolean) ? 0 : 1);
