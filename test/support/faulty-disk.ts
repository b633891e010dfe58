/** The machine's disk with what may befall it: a test decides before each call whether it fails, hangs or goes on. */
import { realDisk, type Disk } from "../../src/pipeline/sinks/disk.ts";

/** A call that is about to be made. */
export type DiskCall = { readonly name: keyof Disk; readonly path: string };

/** Throws for a call that fails, returns a promise for one that hangs until it settles. */
export type Fault = (call: DiskCall) => void | Promise<void>;

/** The error of the system with this code. */
export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** A disk that asks `fault` first. */
export function faultyDisk(fault: Fault): Disk {
  const paths = new Map<number, string>();
  const guarded = async (name: keyof Disk, args: readonly unknown[]): Promise<unknown> => {
    const [first] = args;
    const path = typeof first === "number" ? (paths.get(first) ?? "") : String(first);
    await fault({ name, path });
    const call = realDisk[name] as (...args: readonly unknown[]) => Promise<unknown>;
    const result = await call(...args);
    if (name === "open") paths.set(result as number, path);
    return result;
  };
  const disk: Record<string, unknown> = {};
  for (const name of Object.keys(realDisk) as (keyof Disk)[]) {
    disk[name] = (...args: readonly unknown[]) => guarded(name, args);
  }
  disk["append"] = ((fd, pieces, done) => {
    void (async () => {
      try {
        await fault({ name: "append", path: paths.get(fd) ?? "" });
      } catch (error) {
        return done(error as NodeJS.ErrnoException, 0);
      }
      realDisk.append(fd, pieces, done);
    })();
  }) satisfies Disk["append"];
  return disk as Disk;
}

/** What befalls a disk that hangs from `stop` to `go`. */
export function brake() {
  let gate: PromiseWithResolvers<void> | undefined;
  const fault: Fault = async () => {
    if (gate !== undefined) await gate.promise;
  };
  return {
    fault,
    stop: () => (gate = Promise.withResolvers()),
    go: () => {
      gate?.resolve();
      gate = undefined;
    },
  };
}
