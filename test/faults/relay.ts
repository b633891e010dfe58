/**
 * One run of the program in a fault test: a relay (or a pull) with short times, a recording, and what is expected of
 * everything that came out of it.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { readFlvFile } from "../support/flv-compare.ts";
import { peakMemory } from "../support/memory.ts";
import { until } from "../support/ports.ts";
import { Child, type Finished } from "../support/process.ts";
import { scratch } from "../support/scratch.ts";
import { type Got, gotOf } from "./stream.ts";

/** Waits are short, so that a test sees several of them. */
export const QUICK = ["--retry-min", "50ms", "--retry-max", "200ms", "--stall", "2s"];

/** What no run may exceed, in bytes: the runtime itself takes some 35 MiB. */
export const MOST_MEMORY = 110 * 1024 * 1024;

/** A program under test with its recordings. */
export class Run implements AsyncDisposable {
  readonly child: Child;
  readonly folder: string;
  readonly #memory: Promise<number>;

  private constructor(child: Child, folder: string) {
    this.child = child;
    this.folder = folder;
    this.#memory = peakMemory(child.pid);
  }

  /**
   * Starts the program in a folder of its own, where `files` are; `before` is what starts it, if not we. `-o rec.flv`
   * among the arguments makes a recording there.
   */
  static async start(
    args: readonly string[],
    timeout = 60_000,
    {
      files = {},
      before = [],
    }: { files?: Readonly<Record<string, string>>; before?: readonly string[] } = {},
  ): Promise<Run> {
    const folder = scratch("faults");
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const child = new Child([...before, await runnelBinary(), ...args], { cwd: folder, timeout });
    return new Run(child, folder);
  }

  /** Waits for something, and shows what the program said when it does not come. */
  async until(what: string, probe: () => unknown, timeout = 20_000): Promise<void> {
    const looked = (): boolean => {
      if (probe()) return true;
      if (this.child.ended) throw new Error(`it ended before ${what}:\n${this.child.stderr.slice(-2000)}`);
      return false;
    };
    await until(what, looked, timeout).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.child.stderr.slice(-2000)}`);
    });
  }

  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<Finished> {
    this.child.signal("SIGINT");
    return this.child.finished;
  }

  /** The recordings, in the order of their names. */
  recordings(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".flv"))
      .toSorted((a, b) => order(a) - order(b))
      .map((name) => join(this.folder, name));
  }

  /** What a recording holds; the first one without a name. */
  async recorded(path = this.recordings()[0]): Promise<Got[]> {
    if (path === undefined) throw new Error(`there is no recording:\n${this.child.stderr.slice(-2000)}`);
    return (await readFlvFile(path)).flatMap((tag) => gotOf(tag) ?? []);
  }

  /** Its peak memory in bytes, once it has ended. */
  get memory(): Promise<number> {
    return this.#memory;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}

/** `rec.flv` is the first, `rec-2.flv` the second. */
function order(name: string): number {
  return Number(/-(\d+)\.flv$/.exec(name)?.[1] ?? 1);
}

/** The last line of a run, and its exit code: `3 incomplete: ...`. */
export function ending(result: Finished): string {
  const line = result.stderr.trimEnd().split("\n").at(-1) ?? "";
  return `${result.code ?? result.signal} ${line}`;
}
