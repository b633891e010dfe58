/**
 * The benchmark of the compiled binary: processor time and peak memory side by side with other programs that do the
 * same with the same stream on the loopback. Runs alternate and medians are shown; servers run apart, so that only the
 * client is counted. Nothing here passes or fails: the table is for people, who compare columns of one run only.
 *
 *   bun run bench [--runs N] [--quick] [--only TEXT]
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runnelBinary } from "../support/binary.ts";
import { makeShow } from "../support/media.ts";
import { freePort, until, untilListening } from "../support/ports.ts";
import { type Child, start, stopAll } from "../support/process.ts";
import { NGINX_RTMP_MODULE, needs, type ProgramName, which } from "../support/programs.ts";
import { removeScratch, scratch } from "../support/scratch.ts";
import { type Client, type Measurement, measure, median } from "./measure.ts";

const MIB = 2 ** 20;
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const runs = values.quick ? 1 : Number(values.runs);
const flood = (values.quick ? 40 : 250) * MIB;
/**
 * A relay drops what a destination takes too late, measured in the stream's own time, so that a source without any
 * pace would be a measurement of dropping. This is 60 times real time.
 */
const fastRate = 400;
const pacedRate = 6;
const paced = ((pacedRate * 1_000_000) / 8) * (values.quick ? 3 : 10);

/** Who does it. A recorder says to which file; a server that cannot fetch the source itself says who publishes to it. */
type Worker = Client & { needs?: ProgramName; file?: string; feed?: string[] };

/** A piece of work, and who does it. `sinks` is how many copies must arrive. */
type Work = {
  name: string;
  bytes: number;
  rate: number;
  sinks: number;
  clients(source: string, sinks: string[]): Worker[];
};

const binary = await runnelBinary();
const dir = scratch("bench");
const show = await makeShow(join(dir, "show.flv"), { seconds: 2, bitrate: "6M" });

async function server(file: string, ...args: string[]): Promise<{ port: number; child: Child }> {
  const child = start([process.execPath, join(import.meta.dir, file), ...args], { timeout: 150_000 });
  const port = await until(`${file} names its port`, () => /^\d+$/m.exec(child.stdout)?.[0]);
  return { port: Number(port), child };
}

const ffmpeg = (...args: string[]) => ["ffmpeg", "-nostdin", "-v", "error", "-y", ...args];
const output = (name: string) => join(dir, name);

function ffmpegRelay(source: string, sinks: string[]): string[] {
  if (sinks.length === 1) return ffmpeg("-i", source, "-c", "copy", "-f", "flv", ...sinks);
  const tee = sinks.map((sink) => `[f=flv]${sink}`).join("|");
  return ffmpeg("-i", source, "-map", "0", "-c", "copy", "-flags", "+global_header", "-f", "tee", tee);
}

/** nginx pushes on what is published to it; what it pulls itself it does not push. */
function nginxRelay(sinks: string[]): string[] {
  const config = output("nginx.conf");
  const push = sinks.map((sink) => `push ${sink};`).join(" ");
  writeFileSync(
    config,
    `load_module ${NGINX_RTMP_MODULE}; daemon off; master_process off; pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log error; events { worker_connections 64; }
rtmp { access_log off; server { listen 127.0.0.1:${nginxPort}; application live { live on; ${push} } } }
`,
  );
  return [which("nginx") ?? "nginx", "-e", `${dir}/nginx.log`, "-p", dir, "-c", config];
}

const relayFlags = ["--retry-max", "1s", "-q"];
const relayClients = (source: string, sinks: string[]): Worker[] => [
  { name: "runnel", argv: [binary, "relay", source, ...sinks, ...relayFlags] },
  { name: "ffmpeg -c copy", argv: ffmpegRelay(source, sinks), needs: "ffmpeg" },
];
const nginxPort = await freePort();
const seconds = String((paced * 8) / (pacedRate * 1_000_000));
const loop = ["-re", "-stream_loop", "-1", "-i", show, "-t", seconds, "-c", "copy", "-f", "flv"];

const works: Work[] = [
  {
    name: `pull ${flood / MIB} MiB to FLV, as fast as it goes`,
    bytes: flood,
    rate: 0,
    sinks: 0,
    clients: (source) => {
      const [own, dump, copy] = [output("runnel.flv"), output("dump.flv"), output("ffmpeg.flv")];
      return [
        { name: "runnel", argv: [binary, "pull", source, own, "--force", "-q"], file: own },
        {
          name: "rtmpdump",
          argv: ["rtmpdump", "-q", "-r", source, "-o", dump],
          file: dump,
          needs: "rtmpdump",
        },
        {
          name: "ffmpeg -c copy",
          argv: ffmpeg("-i", source, "-c", "copy", copy),
          file: copy,
          needs: "ffmpeg",
        },
      ];
    },
  },
  { name: `relay 1 to 1, ${fastRate} Mbit/s`, bytes: flood, rate: fastRate, sinks: 1, clients: relayClients },
  { name: `relay 1 to 4, ${fastRate} Mbit/s`, bytes: flood, rate: fastRate, sinks: 4, clients: relayClients },
  {
    name: `relay 1 to 4, ${pacedRate} Mbit/s`,
    bytes: paced,
    rate: pacedRate,
    sinks: 4,
    clients: (source, sinks) => [
      ...relayClients(source, sinks),
      {
        name: "nginx-rtmp push",
        argv: nginxRelay(sinks),
        feed: ["ffmpeg", "-nostdin", "-v", "error", ...loop, `rtmp://127.0.0.1:${nginxPort}/live/show`],
        endless: true,
        needs: "nginx-rtmp",
      },
    ],
  },
];

/** One run of one client with fresh servers; also tells how much of the stream arrived in its file or at the sinks. */
async function once(work: Work, pick: number): Promise<Measurement & { arrived: number }> {
  const source = await server("flood-server.ts", show, String(work.bytes), String(work.rate));
  const sink = work.sinks === 0 ? undefined : await server("sink-server.ts");
  const sinks = Array.from({ length: work.sinks }, (_, i) => `rtmp://127.0.0.1:${sink?.port}/live/s${i}`);
  const client = work.clients(`rtmp://127.0.0.1:${source.port}/live/show`, sinks)[pick]!;
  const gone = () => sink?.child.stdout.split("\n").filter((line) => line.startsWith("{")) ?? [];
  const ended = until("the sinks lose their publishers", () => gone().length >= work.sinks, 110_000);
  ended.catch(() => {});
  const measured = measure(client, ended);
  if (client.feed !== undefined) {
    await untilListening(nginxPort);
    start(client.feed, { timeout: 60_000 });
  }
  const result = await measured;
  if (sink !== undefined)
    await until("the sinks count", () => gone().length >= work.sinks, 5_000).catch(() => {});
  await Promise.all([source.child.stop(), sink?.child.stop()]);
  const sent = gone().reduce((sum, line) => sum + Number(JSON.parse(line).bytes), 0);
  const bytes = client.file === undefined ? sent / work.sinks : Bun.file(client.file).size;
  if (client.file !== undefined) rmSync(client.file, { force: true });
  return { ...result, arrived: bytes / work.bytes };
}

const column = (text: string, width: number) => text.padStart(width);

async function table(work: Work): Promise<void> {
  console.log(`\n${work.name}`);
  const all = work.clients("rtmp://127.0.0.1/live/show", []);
  const usable = all
    .map((client, i) => ({ client, i }))
    .filter(({ client }) => !client.needs || needs(client.needs));
  const results = new Map<string, (Measurement & { arrived: number })[]>();
  for (let run = 0; run < runs; run++) {
    for (const { client, i } of usable) {
      const list = results.get(client.name) ?? [];
      list.push(await once(work, i));
      results.set(client.name, list);
    }
  }
  const of = (name: string, key: keyof (Measurement & { arrived: number })) =>
    median((results.get(name) ?? []).map((result) => result[key]));
  // What a client lost or sent beyond the others' end must not count for or against it.
  const cost = (name: string) => of(name, "cpu") / of(name, "arrived");
  const titles = ["cpu ms", "wall ms", "peak MiB", "runnel's cpu", "runnel's memory", "arrived"];
  console.log(`  ${"".padEnd(16)}${titles.map((title) => column(title, 17)).join("")}`);
  for (const { client } of usable) {
    const { name } = client;
    const cells = [
      of(name, "cpu").toFixed(0),
      of(name, "wall").toFixed(0),
      (of(name, "peak") / MIB).toFixed(1),
      `${(cost("runnel") / cost(name)).toFixed(2)} x`,
      `${(of("runnel", "peak") / of(name, "peak")).toFixed(2)} x`,
      `${(of(name, "arrived") * 100).toFixed(0)} %`,
    ];
    console.log(`  ${name.padEnd(16)}${cells.map((cell) => column(cell, 17)).join("")}`);
  }
}

console.log(
  `medians of ${runs}; "runnel's cpu" is its processor time per byte that arrived, divided by that row's`,
);
try {
  for (const work of works.filter(({ name }) => name.includes(values.only))) await table(work);
} finally {
  await stopAll();
  removeScratch();
}
