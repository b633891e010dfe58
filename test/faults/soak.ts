/**
 * The long part of the fault suite, `bun run soak`: lines that fall to a tenth for 20 s and come back, a source that dies
 * every 3 s for two minutes, then everything at once for five. MINUTES=... makes the storm longer or shorter, SEED=... runs that of a seed again.
 */
import { Proxy } from "../support/proxy.ts";
import { stopAll } from "../support/process.ts";
import { removeScratch } from "../support/scratch.ts";
import { Destination, LiveSource } from "./peers.ts";
import { ending, MOST_MEMORY, QUICK, Run } from "./relay.ts";
import { formatSchedule, runStorm, scheduleOf, type StormReport } from "./storm.ts";
import { partProblems, wholeProblems } from "./stream.ts";

const SEED = Number(process.env["SEED"] ?? Date.now() % 100_000);
const SECONDS = Number(process.env["MINUTES"] ?? 5) * 60;
const DEATHS = 40;
const LIFE_MS = 3000;
/** A tenth of 20 Mbit/s, in bytes a second. What the kernels hold meanwhile decides whether anything is skipped. */
const DIP_RATE = 250_000;
const DIP_MS = 20_000;
/** What a destination that is slow may keep waiting, in bytes. */
const FULL_QUEUE = 16 * 1024 * 1024;
/** A slow line takes nothing for seconds before it takes a lot again. */
const PATIENT = [...QUICK.slice(0, -1), "8s"];

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

/** A source's and a destination's line at a tenth of the stream's rate for 20 s: nothing is lost but by the slow ones. */
async function dipping(): Promise<StormReport> {
  using source = new LiveSource({ look: { videoBytes: 100_000, audioBytes: 300, codec: "avc" } });
  using good = new Destination();
  using slow = new Destination();
  using late = new Destination();
  using down = await Proxy.start(slow.port);
  using up = await Proxy.start(source.port);
  const url = ({ port }: { port: number }): string => `rtmp://127.0.0.1:${port}/live/show`;
  const to = ["-t", `slow=${url(down)}`, "-t", `good=${url(good)}`];
  await using near = await Run.start(["relay", url(source), ...to, "-o", "rec.flv", ...PATIENT], 120_000);
  await near.until("its session", () => source.sessions.length === 1);
  await using far = await Run.start(["relay", url(up), url(late), "-o", "rec.flv", ...PATIENT], 120_000);
  const second = (): number => Math.min(good.frames, slow.frames, late.frames);
  await near.until("everybody to be there", () => second() > 25);
  for (const line of [down, up]) line.weather({ rate: DIP_RATE });
  const from = performance.now();
  await near.until("the end of the dip", () => performance.now() - from >= DIP_MS, 2 * DIP_MS);
  for (const line of [down, up]) line.weather();
  const before = { good: good.frames, slow: slow.frames };
  await near.until("its recovery", () => slow.frames > before.slow + 150, 60_000);
  await far.until("what had waited", () => late.frames > before.good + 150, 60_000);
  source.end();
  const ends = [ending(await near.child.finished), ending(await far.child.finished)];
  const problems = [
    ...wholeProblems(await near.recorded(), [source.sessions[0]!]),
    ...wholeProblems(good.got, [source.sessions[0]!]),
    ...partProblems(slow.got, source.sessions),
    ...wholeProblems(await far.recorded(), [source.sessions[1]!]),
    ...wholeProblems(late.got, [source.sessions[1]!]),
  ];
  if (source.sessions.length !== 2) problems.push(`the source had ${source.sessions.length} sessions`);
  if (slow.sessions.length !== 1) problems.push(`the slow line had ${slow.sessions.length} sessions`);
  if (late.sessions.length !== 1) problems.push(`the late one had ${late.sessions.length} sessions`);
  const memory = Math.max(await near.memory, await far.memory);
  if (memory > MOST_MEMORY + FULL_QUEUE) problems.push(`${Math.round(memory / 2 ** 20)} MiB`);
  return { problems, told: [...ends, `peak memory ${Math.round(memory / 2 ** 20)} MiB`] };
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
  await part(`lines that fall to a tenth for ${DIP_MS / 1000} s`, dipping),
  await part(`a source that dies every ${LIFE_MS / 1000} s, ${DEATHS} times`, dying),
  await part(`everything at once for ${SECONDS} s, SEED=${SEED}`, () => runStorm(SEED, SECONDS)),
];
if (well[2] !== true) process.stdout.write(`${formatSchedule(scheduleOf(SEED, SECONDS))}\n`);
await stopAll();
removeScratch();
process.exit(well.every(Boolean) ? 0 : 1);
