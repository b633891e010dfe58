/**
 * The benchmark of raw video: processor time and peak memory of `runnel push h264:-` beside `ffmpeg -c copy` with the
 * same bytes, as fast as they go and at the speed of a camera, to the same kind of server; at that speed also what the
 * runtime costs by itself. Nothing here passes or fails: people compare columns of one run only.
 *
 *   bun test/bench/camera.ts [--runs N] [--seconds N]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runnelBinary } from "../support/binary.ts";
import { until } from "../support/ports.ts";
import { type Child, run, runWell, start, stopAll } from "../support/process.ts";
import { removeScratch, scratch } from "../support/scratch.ts";
import { type Measurement, measure, median } from "./measure.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "5" }, seconds: { type: "string", default: "20" } },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const MIB = 2 ** 20;

const binary = await runnelBinary();
const dir = scratch("bench-camera");
const raw = join(dir, "camera.h264");
const fifo = join(dir, "pipe");

/** A picture with noise, so that a camera's bit rate is used up; no B-frames, sets before every keyframe. */
async function makeCamera(length: number): Promise<void> {
  const picture = "testsrc2=size=1280x720:rate=25,noise=alls=20:allf=t";
  const rate = ["-b:v", "3M", "-maxrate", "3M", "-bufsize", "3M"];
  const encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "50"];
  const input = ["-f", "lavfi", "-i", picture, "-t", String(length), "-pix_fmt", "yuv420p"];
  await runWell(["ffmpeg", "-v", "error", ...input, ...encoder, ...rate, "-f", "h264", "-y", raw], {
    timeout: 300_000,
  });
}

/** A server that takes one publisher, apart from what is measured. */
async function server(): Promise<{ port: number; child: Child }> {
  const child = start([process.execPath, join(import.meta.dir, "sink-server.ts")], { timeout: 300_000 });
  const port = await until("the server names its port", () => /^\d+$/m.exec(child.stdout)?.[0]);
  return { port: Number(port), child };
}

type Work = { name: string; feed: string[] | undefined; clock: string };

const works: Work[] = [
  { name: "as fast as it goes", feed: undefined, clock: "fps" },
  {
    name: "at the speed of a camera, 3 Mbit/s",
    feed: ["ffmpeg", "-v", "error", "-re", "-f", "h264", "-i", raw, "-c", "copy", "-f", "h264", "-y", fifo],
    clock: "arrival",
  },
];

const CLIENTS = ["runnel", "runnel, with silence", "ffmpeg -c copy", "the runtime alone"] as const;
/** Takes what the last of them writes. */
const drain = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });

function command(client: (typeof CLIENTS)[number], url: string, clock: string): string[] {
  const pace = clock === "fps" ? ["--no-realtime"] : [];
  const push = [binary, "push", "h264:-", url, "--clock", clock, ...pace, "-q"];
  switch (client) {
    case "runnel":
      return push;
    case "runnel, with silence":
      return [...push, "--silent-audio"];
    case "the runtime alone":
      return [process.execPath, join(import.meta.dir, "idle-loop.ts"), String(drain.port)];
    default:
      return [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-f",
        "h264",
        "-i",
        "/dev/stdin",
        "-c",
        "copy",
        "-f",
        "flv",
        url,
      ];
  }
}

async function once(client: (typeof CLIENTS)[number], work: Work): Promise<Measurement> {
  const { port, child } = await server();
  const argv = command(client, `rtmp://127.0.0.1:${port}/live/cam`, work.clock);
  const input = work.feed === undefined ? raw : fifo;
  if (work.feed !== undefined) {
    await run(["sh", "-c", `rm -f ${fifo}; mkfifo ${fifo}`]);
    start(work.feed, { timeout: 120_000 });
  }
  // exec: what is measured is the client alone.
  const quoted = argv.map((word) => `'${word}'`).join(" ");
  const measured = await measure(
    { name: client, argv: ["sh", "-c", `exec ${quoted} < ${input}`] },
    Promise.resolve(),
  );
  await child.stop();
  return measured;
}

/** A program that wakes for each piece says nothing where there is no pace. */
function clientsOf(work: Work): readonly (typeof CLIENTS)[number][] {
  return work.feed === undefined ? CLIENTS.slice(0, 3) : CLIENTS;
}

async function table(work: Work): Promise<void> {
  const length = Number((await runWell(["sh", "-c", `wc -c < ${raw}`])).trim());
  console.log(`\n${work.name}: ${(length / MIB).toFixed(1)} MiB, ${seconds} s of 720p25`);
  const results = new Map<string, Measurement[]>();
  for (let i = 0; i < runs; i++) {
    for (const client of clientsOf(work)) {
      results.set(client, [...(results.get(client) ?? []), await once(client, work)]);
    }
  }
  const of = (client: string, key: keyof Measurement): number =>
    median((results.get(client) ?? []).map((result) => result[key]));
  for (const client of clientsOf(work)) {
    const cells = [
      `cpu ${of(client, "cpu").toFixed(0)} ms`,
      `wall ${of(client, "wall").toFixed(0)} ms`,
      `peak ${(of(client, "peak") / MIB).toFixed(1)} MiB`,
      `cpu of ffmpeg's: ${(of(client, "cpu") / of("ffmpeg -c copy", "cpu")).toFixed(2)} x`,
    ];
    console.log(`  ${client.padEnd(22)}${cells.map((cell) => cell.padStart(20)).join("")}`);
  }
}

try {
  await makeCamera(seconds);
  for (const work of works) await table(work);
} finally {
  drain.stop(true);
  await stopAll();
  removeScratch();
}
