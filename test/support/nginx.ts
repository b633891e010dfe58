/**
 * nginx with its RTMP module, one process in the foreground, its files in a scratch folder. Its applications:
 *   live    passes on what is published, and records it (the recording is what a pull is compared with)
 *   vod     plays files out of `vod`
 *   closed  refuses publishers;  hidden  refuses players
 * Any other application is unknown, which nginx answers by closing the connection.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, until, untilListening } from "./ports.ts";
import { type Child, start } from "./process.ts";
import { NGINX_RTMP_MODULE, which } from "./programs.ts";
import { scratch } from "./scratch.ts";

/** A running nginx. */
export type Nginx = {
  port: number;
  /** The folder whose files the application `vod` plays. */
  vod: string;
  process: Child;
  url(application: string, stream: string): string;
  /** Waits until the log says that a client publishes or plays `stream`. */
  sees(action: "publish" | "play", stream: string): Promise<void>;
  /** Waits until the recording of `stream` is finished (its publisher has left) and returns its path. */
  recording(stream: string): Promise<string>;
  /** The paths of all recordings of `stream`, finished or not, oldest first. */
  recordings(stream: string): string[];
  stop(): Promise<void>;
  /** Stops it, leaves its log and recordings behind, and starts another at the same port. */
  restart(): Promise<Nginx>;
};

/** `push` are rtmp URLs to which the application `live` passes everything on (nginx as a peer of the benchmark). */
export type NginxOptions = { push?: readonly string[]; timeout?: number; record?: boolean };

function configuration(port: number, dir: string, options: NginxOptions): string {
  const push = (options.push ?? []).map((url) => `push ${url};`).join(" ");
  const record =
    options.record === false ? "" : `record all; record_path ${dir}/recordings; record_unique on;`;
  return `
load_module ${NGINX_RTMP_MODULE};
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log info;
events { worker_connections 256; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    ping 1h;
    application live { live on; ${record} ${push} }
    application vod { play ${dir}/vod; }
    application closed { live on; deny publish all; }
    application hidden { live on; deny play all; }
  }
}
`;
}

/** Tells whether a process has a file open. */
function holdsOpen(pid: number, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
      } catch {
        return false; // closed between the two calls
      }
    });
  } catch {
    return false; // the process has ended
  }
}

/** Starts nginx and waits until it listens. */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  return startAt(await freePort(), options);
}

async function startAt(port: number, options: NginxOptions): Promise<Nginx> {
  const dir = scratch("nginx");
  const recordings = join(dir, "recordings");
  const vod = join(dir, "vod");
  mkdirSync(recordings);
  mkdirSync(vod);
  const config = join(dir, "nginx.conf");
  writeFileSync(config, configuration(port, dir, options));
  const program = which("nginx") ?? "nginx";
  const child = start([program, "-e", join(dir, "error.log"), "-p", dir, "-c", config], {
    timeout: options.timeout ?? 180_000,
  });
  await untilListening(port);
  const log = () => (existsSync(join(dir, "error.log")) ? readFileSync(join(dir, "error.log"), "utf8") : "");
  const recordingsOf = (stream: string) =>
    readdirSync(recordings)
      .filter((file) => file.startsWith(`${stream}-`))
      .toSorted()
      .map((file) => join(recordings, file));
  return {
    port,
    vod,
    process: child,
    url: (application, stream) => `rtmp://127.0.0.1:${port}/${application}/${stream}`,
    sees: async (action, stream) => {
      await until(`nginx saw no ${action} of ${stream}`, () =>
        log().includes(` ${action}: name='${stream}'`),
      );
    },
    recording: (stream) =>
      until(`nginx finished no recording of ${stream}`, () => {
        const path = recordingsOf(stream)[0];
        return path === undefined || holdsOpen(child.pid, path) ? undefined : path;
      }),
    recordings: recordingsOf,
    stop: () => child.stop(),
    restart: async () => {
      await child.stop();
      return startAt(port, options);
    },
  };
}
