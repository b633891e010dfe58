/**
 * Who takes part in the benchmark, and how each is told to do a piece of work. A contestant that is not installed is
 * named in the table, never guessed.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { QUIET_FFMPEG } from "../support/media.ts";
import { run } from "../support/process.ts";
import { needs, NGINX_RTMP_MODULE, type ProgramName, which } from "../support/programs.ts";

/** The columns of the table. */
export const NAMES = [
  "runnel",
  "runnel, recipe",
  "rtmpdump",
  "ffmpeg -c copy",
  "GStreamer",
  "nginx-rtmp",
  "bare loop in C",
  "bare loop in Bun",
] as const;
export type Name = (typeof NAMES)[number];

/** What a run has: where its streams come from, where they go, a folder for files. */
export type Place = {
  dir: string;
  binary: string;
  sources: string[];
  sinks: string[];
  sourcePort: number;
  sinkPort: number;
  nginxPort: number;
};

/** One contestant in one work: `commands` run at the same time; `file` is what it recorded. */
export type Contestant = {
  name: Name;
  commands(place: Place): string[][];
  file?: string;
  /** A server: the stream is published to it (feed.ts), and it is told to end. */
  fed?: boolean;
};

const NEEDS: Partial<Record<Name, ProgramName>> = {
  rtmpdump: "rtmpdump",
  "ffmpeg -c copy": "ffmpeg",
  GStreamer: "gstreamer",
  "nginx-rtmp": "nginx-rtmp",
};

let bareLoop: string | undefined;

/** Compiles the bare loop, if there is a C compiler that works. */
export async function makeBareLoop(dir: string): Promise<void> {
  const cc = which("cc");
  if (cc === undefined) return;
  const made = join(dir, "bare-loop");
  const source = join(import.meta.dir, "bare-loop.c");
  const { code, stderr } = await run([cc, "-O2", "-o", made, source], { timeout: 60_000 });
  if (code === 0) bareLoop = made;
  else console.error(`the bare loop in C cannot be made: ${stderr}`);
}

/** Whether a contestant can take part here. */
export function present(name: Name): boolean {
  if (name === "bare loop in C") return bareLoop !== undefined;
  const program = NEEDS[name];
  return program === undefined || needs(program);
}

async function firstLine(argv: string[]): Promise<string> {
  const { stdout, stderr } = await run(argv, { timeout: 30_000 });
  const line = (Buffer.from(stdout).toString() + stderr).trim().split("\n")[0] ?? "";
  return line.replace(/ Copyright.*/, "");
}

/** A line for each program: its version, or that it is missing. */
export async function versions(binary: string): Promise<string[]> {
  const asked: [string, boolean, string[]][] = [
    ["runnel", true, [binary, "--version"]],
    ["Bun", true, [process.execPath, "--version"]],
    ["rtmpdump", present("rtmpdump"), ["rtmpdump", "--help"]],
    ["ffmpeg", present("ffmpeg -c copy"), ["ffmpeg", "-version"]],
    ["GStreamer", present("GStreamer"), ["gst-launch-1.0", "--version"]],
    ["nginx", present("nginx-rtmp"), [which("nginx") ?? "nginx", "-v"]],
    ["cc (bare loop)", present("bare loop in C"), [which("cc") ?? "cc", "--version"]],
    ["valgrind", which("valgrind") !== undefined, ["valgrind", "--version"]],
  ];
  const lines = asked.map(async ([name, here, argv]) => {
    return here ? `${name}: ${await firstLine(argv)}` : `${name}: missing, not measured`;
  });
  return Promise.all(lines);
}

const ffmpeg = (...args: string[]) => ["ffmpeg", ...QUIET_FFMPEG, "-y", ...args];

function ffmpegRelay(source: string, sinks: string[]): string[] {
  if (sinks.length === 1) return ffmpeg("-i", source, "-c", "copy", "-f", "flv", ...sinks);
  const tee = sinks.map((sink) => `[f=flv]${sink}`).join("|");
  return ffmpeg("-i", source, "-map", "0", "-c", "copy", "-flags", "+global_header", "-f", "tee", tee);
}

/** nginx pushes on what is published to it, under the name that it has there unless the URL says another. */
function nginx({ dir, nginxPort }: Place, push: string[]): string[] {
  const config = join(dir, "nginx.conf");
  const pushes = push.map((sink) => `push ${sink};`).join(" ");
  writeFileSync(
    config,
    `load_module ${NGINX_RTMP_MODULE}; daemon off; master_process off; pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log error; events { worker_connections 512; }
rtmp { access_log off; server { listen 127.0.0.1:${nginxPort}; chunk_size 4096;
  application live { live on; ${pushes} } } }
`,
  );
  return [which("nginx") ?? "nginx", "-e", `${dir}/nginx.log`, "-p", dir, "-c", config];
}

/** A recipe of jobs that relay each source to `perJob` sinks. */
function recipe({ dir, sources, sinks }: Place): string {
  const file = join(dir, "jobs.yaml");
  const perJob = sinks.length / sources.length;
  const jobs = sources.map((source, i) => {
    const to = sinks.slice(i * perJob, (i + 1) * perJob).map((sink, n) => `d${n}: "${sink}"`);
    return `  cam${i}: { from: "${source}", to: { ${to.join(", ")} } }\n`;
  });
  writeFileSync(file, `version: 1\ndefaults: { retry: { max: 1s } }\njobs:\n${jobs.join("")}`);
  return file;
}

const FLAGS = ["--retry-max", "1s", "-q"];

/** Records a stream. */
export function pullers(dir: string): Contestant[] {
  const own = join(dir, "own.flv");
  const file = join(dir, "other.flv");
  return [
    {
      name: "runnel",
      commands: ({ binary, sources }) => [[binary, "pull", sources[0]!, own, "--force", "-q"]],
      file: own,
    },
    {
      name: "rtmpdump",
      commands: ({ sources }) => [["rtmpdump", "-q", "-r", sources[0]!, "-o", file]],
      file,
    },
    {
      name: "ffmpeg -c copy",
      commands: ({ sources }) => [ffmpeg("-i", sources[0]!, "-c", "copy", file)],
      file,
    },
    {
      name: "GStreamer",
      commands: ({ sources }) => [
        [
          ...["gst-launch-1.0", "-q", "rtmp2src", `location=${sources[0]}`, "!"],
          ...["filesink", `location=${file}`],
        ],
      ],
      file,
    },
  ];
}

const relayer: Contestant = {
  name: "runnel",
  commands: ({ binary, sources, sinks }) => [[binary, "relay", sources[0]!, ...sinks, ...FLAGS]],
};
const copier: Contestant = {
  name: "ffmpeg -c copy",
  commands: ({ sources, sinks }) => [ffmpegRelay(sources[0]!, sinks)],
};
const floors: Contestant[] = [
  {
    name: "bare loop in C",
    commands: ({ sourcePort, sinkPort, sinks }) => [
      [bareLoop!, `${sourcePort}`, `${sinkPort}`, `${sinks.length}`],
    ],
  },
  {
    name: "bare loop in Bun",
    commands: ({ sourcePort, sinkPort, sinks }) => {
      const file = join(import.meta.dir, "bare-loop.ts");
      return [[process.execPath, file, `${sourcePort}`, `${sinkPort}`, `${sinks.length}`]];
    },
  },
];

/** Relays a stream that comes as fast as it is taken. */
export const relayers: Contestant[] = [relayer, copier, ...floors];

/** Relays a live stream. */
export const liveRelayers: Contestant[] = [
  relayer,
  {
    name: "runnel, recipe",
    commands: (place) => [[place.binary, "relay", recipe(place), "-q"]],
  },
  copier,
  { name: "nginx-rtmp", commands: (place) => [nginx(place, place.sinks)], fed: true },
  ...floors,
];

/** Relays to servers that want TLS. */
export const tlsRelayers: Contestant[] = [
  {
    name: "runnel",
    commands: ({ binary, sources, sinks }) => [
      [binary, "relay", sources[0]!, ...sinks, ...FLAGS, "--insecure"],
    ],
  },
  copier,
];

/** Sends a file as fast as the server takes it. */
export function pushers(file: string): Contestant[] {
  return [
    {
      name: "runnel",
      commands: ({ binary, sinks }) => [[binary, "push", file, ...sinks, "--no-realtime", "-q"]],
    },
    {
      name: "ffmpeg -c copy",
      commands: ({ sinks }) => [ffmpeg("-i", file, "-c", "copy", "-f", "flv", ...sinks)],
    },
  ];
}

/** Relays many streams, each to one server. */
export const crowds: Contestant[] = [
  { name: "runnel", commands: (place) => [[place.binary, "run", recipe(place), "-q"]] },
  {
    name: "ffmpeg -c copy",
    commands: ({ sources, sinks }) => sources.map((source, i) => ffmpegRelay(source, [sinks[i]!])),
  },
  {
    name: "nginx-rtmp",
    commands: (place) => [nginx(place, [`rtmp://127.0.0.1:${place.sinkPort}/live`])],
    fed: true,
  },
];
