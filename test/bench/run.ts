/**
 * The benchmark of the compiled binary beside other programs that do the same with the same stream on the loopback.
 * Runs alternate (A B C A B C ...), medians are shown, servers run apart so that only the contestant is counted. The
 * source waits when its client does not read, and every destination is asked how much came: a contestant that lost
 * something gets no ratio. Nothing here passes or fails: people compare columns of one run only.
 *
 *   bun run bench [WORK...] [--rounds N] [--quick] [--mib N] [--seconds N]
 *   bun run bench soak [--minutes N] [--session N]
 *
 * Works: pull pull-short relay-1 relay-4 relay-16 paced rtmps push many chunks; all of them unless some are named.
 * --mib is how much media an unpaced stream has, --seconds how long live streams last, --session after how many seconds
 * the source of the soak breaks off. The table is Markdown.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runnelBinary } from "../support/binary.ts";
import { stopAll } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { removeScratch, scratch } from "../support/scratch.ts";
import { makeAuthority } from "../support/tls.ts";
import { countChunks } from "./chunk-count.ts";
import { makeBareLoop, type Name, NAMES, present, versions } from "./contestants.ts";
import { makeLongFile, makeMedia } from "./media.ts";
import { once, type Setting } from "./one-run.ts";
import { soak } from "./soak.ts";
import { type Line, makeWorks, type Result, type Work } from "./works.ts";

const MIB = 2 ** 20;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    mib: { type: "string" },
    seconds: { type: "string" },
    minutes: { type: "string", default: "60" },
    session: { type: "string", default: "20" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
/** What arrives may differ by an end marker or a repeated header, not by a frame. */
const ALL = 0.9995;

const started = new Date();
const binary = await runnelBinary();
const dir = scratch("bench");
const longFile = join(dir, "long.flv");
const sizes = values.quick
  ? { flood: 64 * MIB, seconds: 3, streams: 20 }
  : { flood: 1024 * MIB, seconds: 10, streams: 50 };
if (values.mib !== undefined) sizes.flood = Number(values.mib) * MIB;
if (values.seconds !== undefined) sizes.seconds = Number(values.seconds);
const works = makeWorks(sizes, dir, longFile);
const known = [...works.map(({ id }) => id), "chunks", "soak"];
const wanted = positionals.length > 0 ? positionals : known.filter((id) => id !== "soak");
const unknown = wanted.filter((id) => !known.includes(id));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; works are ${known.join(", ")}`);
  process.exit(2);
}

/** All runs of one work, the contestants in turn. */
async function play(setting: Setting, work: Work): Promise<Map<Name, Result[]>> {
  const results = new Map<Name, Result[]>();
  for (let round = 0; round < rounds; round++) {
    for (const contestant of work.contestants.filter(({ name }) => present(name))) {
      const list = results.get(contestant.name) ?? [];
      results.set(contestant.name, list);
      const result = await once(setting, work, contestant);
      list.push(result);
      const { cpu, wall, peak, arrived } = result;
      const told = `cpu ${cpu.toFixed(0)} ms, wall ${wall.toFixed(0)} ms, ${(peak / MIB).toFixed(1)} MiB`;
      console.error(`${work.id} ${round + 1}: ${contestant.name}: ${told}, ${percent(arrived)} arrived`);
    }
  }
  return results;
}

const percent = (arrived: number) => `${(arrived * 100).toFixed(1)} %`;

/** One cell: the value, the part that arrived if that is not all, else how runnel compares to it. */
function cell(line: Line, name: Name, results: Map<Name, Result[]>): string {
  const own = results.get(name);
  if (own === undefined) return "–";
  const value = line.value(own);
  const text = Number.isFinite(value) ? value.toFixed(line.digits) : "–";
  const least = Math.min(...own.map(({ arrived }) => arrived));
  if (!(least >= ALL)) return `${text} (only ${percent(least)} arrived)`;
  const runnel = results.get("runnel");
  if (name === "runnel" || runnel === undefined || text === "–") return text;
  if (!(Math.min(...runnel.map(({ arrived }) => arrived)) >= ALL)) return text;
  return `${text} (${(line.value(runnel) / value).toFixed(2)} ×)`;
}

function row(work: Work, line: Line, results: Map<Name, Result[]>): string {
  const missing = (name: Name) => work.contestants.some((one) => one.name === name) && !present(name);
  const cells = NAMES.map((name) => (missing(name) ? "missing" : cell(line, name, results)));
  return `| ${work.title} | ${line.title}, ${line.unit} | ${cells.join(" | ")} |`;
}

const heading = [
  `| work | measured | ${NAMES.join(" | ")} |`,
  `|---|---|${NAMES.map(() => "---:").join("|")}|`,
];
const note = `Medians of ${rounds} alternating runs; in parentheses runnel's value divided by that one's.`;

try {
  if (wanted.includes("soak")) {
    await soak(dir, binary, Number(values.minutes), Number(values.session));
  }
  const chosen = works.filter(({ id }) => wanted.includes(id));
  const rows: string[] = [];
  if (chosen.length > 0) {
    await makeBareLoop(dir);
    const show = await makeMedia(join(dir, "show.flv"), "6M");
    const light = chosen.some((work) => work.light) ? await makeMedia(join(dir, "light.flv"), "2M") : "";
    const pushes = chosen.some(({ id }) => id === "push");
    const setting: Setting = {
      ...{ dir, binary, show, lightShow: light },
      longPayload: pushes ? await makeLongFile(show, longFile, sizes.flood) : 0,
      authority: needs("openssl") ? await makeAuthority() : undefined,
    };
    for (const work of chosen) {
      if (work.tls && setting.authority === undefined) {
        rows.push(`| ${work.title} | openssl is missing, not measured |${" – |".repeat(NAMES.length)}`);
        continue;
      }
      const results = await play(setting, work);
      rows.push(...work.lines.map((line) => row(work, line, results)));
    }
  }
  if (wanted.includes("chunks")) rows.push(...(await countChunks(NAMES.length)));
  if (rows.length > 0) {
    console.log([...heading, ...rows].join("\n"));
    const minutes = (Date.now() - started.getTime()) / 60_000;
    console.log(`\n${note} ${started.toISOString().slice(0, 10)}, ${minutes.toFixed(1)} min.\n`);
    for (const line of await versions(binary)) console.log(`- ${line}`);
  }
} finally {
  await stopAll();
  removeScratch();
}
