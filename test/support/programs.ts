/**
 * The other programs that the end-to-end tests need. `needs("ffmpeg", "nginx-rtmp")` tells whether all are here; a
 * missing one is named once and its tests are skipped, but where CI=true it is a failure: a green run there must
 * mean that everything ran.
 */
import { existsSync } from "node:fs";

/** Where Debian's libnginx-mod-rtmp puts the module. */
export const NGINX_RTMP_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
/** Where Debian's *-arm64-cross packages put the libraries that an arm64 program loads. */
export const ARM64_ROOT = "/usr/aarch64-linux-gnu";

/** Sbin is not on every user's PATH, but nginx is there. */
const SEARCH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/local/sbin`;

const PROGRAMS = {
  ffmpeg: { commands: ["ffmpeg", "ffprobe"], files: [] },
  "nginx-rtmp": { commands: ["nginx"], files: [NGINX_RTMP_MODULE] },
  rtmpdump: { commands: ["rtmpdump"], files: [] },
  gstreamer: { commands: ["gst-launch-1.0", "gst-inspect-1.0"], files: [] },
  stunnel: { commands: ["stunnel4"], files: [] },
  openssl: { commands: ["openssl"], files: [] },
  tmux: { commands: ["tmux"], files: [] },
  mpv: { commands: ["mpv"], files: [] },
  vlc: { commands: ["cvlc", "setpriv"], files: [] },
  unshare: { commands: ["unshare"], files: [] },
  chromium: { commands: ["chromium"], files: [] },
  qemu: { commands: ["qemu-aarch64-static"], files: [`${ARM64_ROOT}/lib/ld-linux-aarch64.so.1`] },
} as const;

/** A program the tests know. */
export type ProgramName = keyof typeof PROGRAMS;

const named = new Set<ProgramName>();

/** Returns the path of a command, or undefined. */
export function which(command: string): string | undefined {
  return Bun.which(command, { PATH: SEARCH }) ?? undefined;
}

function installed(name: ProgramName): boolean {
  const { commands, files } = PROGRAMS[name];
  return commands.every((command) => which(command) !== undefined) && files.every((file) => existsSync(file));
}

/** Tells whether all these programs are installed; throws instead where CI=true. */
export function needs(...names: ProgramName[]): boolean {
  const missing = names.filter((name) => !installed(name));
  if (missing.length === 0) return true;
  if (process.env["CI"] === "true") throw new Error(`not installed: ${missing.join(", ")}`);
  for (const name of missing) {
    if (named.has(name)) continue;
    named.add(name);
    console.log(`skipped: ${name} is not installed`);
  }
  return false;
}
