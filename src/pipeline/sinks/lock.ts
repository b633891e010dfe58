/**
 * Locks on files that are being written, so that a later run can tell a `.part` that a crash left behind from one
 * that another process is still writing. flock is the only lock that the kernel takes back however a process ends,
 * and no module of the runtime has it: it is called in the C library.
 */

/** LOCK_EX | LOCK_NB: alone, and without waiting. */
const EXCLUSIVE_NOW = 2 | 4;
const LIBRARIES: Readonly<Record<string, string>> = { linux: "libc.so.6", darwin: "libSystem.dylib" };

type Flock = (fd: number, operation: number) => number;

let loaded: Promise<Flock | undefined> | undefined;

/** Whether this machine can lock files at all. */
export async function canLock(): Promise<boolean> {
  return (await (loaded ??= load())) !== undefined;
}

/** Claims an open file until it is closed; false if another process has it. True where there are no locks. */
export async function lockFile(fd: number): Promise<boolean> {
  const flock = await (loaded ??= load());
  return flock === undefined || flock(fd, EXCLUSIVE_NOW) === 0;
}

/** Loaded with the first recording to a file: it costs two MiB that nobody else shall pay. */
async function load(): Promise<Flock | undefined> {
  const library = LIBRARIES[process.platform];
  if (library === undefined) return undefined;
  try {
    const { dlopen } = await import("bun:ffi");
    return dlopen(library, { flock: { args: ["i32", "i32"], returns: "i32" } }).symbols.flock;
  } catch {
    // A C library of another name, as on Alpine.
    return undefined;
  }
}
