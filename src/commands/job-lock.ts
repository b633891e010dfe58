/**
 * Locks on jobs of recipes, so that a job that is still running is not begun a second time by the next cron line. A
 * lock is a file with the owner's process id, held through flock: the kernel lets go of it however the process ends, so
 * nothing is stale after kill -9, and a process id that is used again blocks nobody.
 */

import { closeSync, fstatSync, ftruncateSync, lstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { realpathSync, statSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canLock, lockFile } from "../pipeline/sinks/lock.ts";

/** A job of a recipe; `part` tells the run from the process that waits for its schedule. */
export type JobIdentity = {
  readonly recipe: string;
  readonly job: string;
  readonly part: "run" | "schedule";
};

/** What became of the attempt: ours until released, another process's, or no locks here, and why. */
export type LockResult =
  | { readonly kind: "held"; release(): void }
  | { readonly kind: "busy"; readonly pid: number | undefined }
  | { readonly kind: "none"; readonly why: string };

type Environment = Readonly<Record<string, string | undefined>>;

const NO_GROUP = 0o700;
/** A lock file that vanishes again and again is somebody's joke. */
const ATTEMPTS = 5;

/** Takes the lock of a job. Never throws: a folder that cannot be had must not cost a recording. */
export async function lockJob(identity: JobIdentity, environment: Environment): Promise<LockResult> {
  try {
    if (!(await canLock())) return { kind: "none", why: "this system has no flock" };
    const path = join(lockFolder(environment), lockName(identity));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await tryLock(path);
      if (result !== undefined) return result;
    }
    return { kind: "none", why: `${path} vanishes` };
  } catch (error) {
    return { kind: "none", why: error instanceof Error ? error.message : String(error) };
  }
}

/** The user's own folder, as cron sees it too: it sets no XDG_RUNTIME_DIR. */
function lockFolder(environment: Environment): string {
  const uid = process.getuid?.() ?? 0;
  const given = environment["XDG_RUNTIME_DIR"];
  const usual = `/run/user/${uid}`;
  const runtime = given !== undefined && given !== "" ? given : isOwnFolder(usual, uid) ? usual : undefined;
  const folder = runtime === undefined ? join(tmpdir(), `runnel-${uid}`) : join(runtime, "runnel");
  mkdirSync(folder, { recursive: true, mode: NO_GROUP });
  if (!isOwnFolder(folder, uid)) throw new Error(`${folder} belongs to another user`);
  return folder;
}

/** In a folder that others can write, a link or a folder of theirs may stand where ours should. */
function isOwnFolder(path: string, uid: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.uid === uid;
}

function lockName({ recipe, job, part }: JobIdentity): string {
  const readable = job.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 40);
  const hash = new Bun.CryptoHasher("sha256")
    .update(`${realpathSync(recipe)}\0${job}\0${part}`)
    .digest("hex");
  return `${readable}-${part}-${hash.slice(0, 16)}.lock`;
}

/** undefined: the file was taken away meanwhile. */
async function tryLock(path: string): Promise<LockResult | undefined> {
  // Not O_TRUNC: the owner's process id stands in it.
  const fd = openSync(path, "a+", 0o600);
  let isOurs = false;
  try {
    const said = readFileSync(path, "utf8");
    if (!(await lockFile(fd))) return { kind: "busy", pid: pidOf(said) };
    const now = statSync(path, { throwIfNoEntry: false });
    // Its last owner removed it between our opening and locking it: what we hold is nobody's name any more.
    if (now === undefined || now.ino !== fstatSync(fd).ino) return undefined;
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`);
    isOurs = true;
    return { kind: "held", release: () => release(path, fd) };
  } finally {
    if (!isOurs) closeSync(fd);
  }
}

/** Removed while it is still held, so that nobody can lock what is about to go. */
function release(path: string, fd: number): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody tidied up; the lock itself is in the descriptor.
  }
  closeSync(fd);
}

function pidOf(said: string): number | undefined {
  const pid = Number(said.trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
