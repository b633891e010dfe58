/**
 * Child processes with captured output and a hard time limit. Everything that is started here is ended here, by its
 * own process id and those of its descendants, never by name. `tidy()` of tidy.ts calls `stopAll`.
 */
import { readFileSync } from "node:fs";
import { until } from "./ports.ts";

/** What is left of a process that has ended. */
export type Finished = { code: number | null; signal: string | null; stdout: Uint8Array; stderr: string };

/** How to start a process. `timeout` is when it is killed; `stdin` is given whole and then closed. */
export type StartOptions = {
  timeout?: number;
  cwd?: string;
  env?: Record<string, string | undefined>;
  stdin?: Uint8Array | "ignore" | "pipe";
};

const running = new Set<Child>();

/** The environment of the tests without what would change the program under test. */
function cleanEnvironment(extra: Record<string, string | undefined>): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("RUNNEL_")) env[name] = value;
  }
  return { ...env, ...extra };
}

function descendants(pid: number): number[] {
  let children: number[];
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    children = text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return []; // it has ended
  }
  return children.flatMap((child) => [...descendants(child), child]);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended meanwhile
  }
}

/** A running process. Its output is gathered from the first byte on. */
export class Child implements AsyncDisposable {
  readonly argv: readonly string[];
  readonly finished: Promise<Finished>;
  #child: Bun.Subprocess;
  #stdout: Uint8Array[] = [];
  #stderr = "";
  #ended = false;
  #timedOut = false;

  constructor(argv: string[], options: StartOptions = {}) {
    this.argv = argv;
    const child = Bun.spawn(argv, {
      stdin: options.stdin ?? "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: cleanEnvironment(options.env ?? {}),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#child = child;
    running.add(this);
    const limit = options.timeout ?? 30_000;
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.#killTree();
    }, limit);
    this.finished = this.#gather(child.stdout, child.stderr, timer, limit);
    this.finished.catch(() => {}); // whoever awaits it sees the failure; nobody has to
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  /** Writes to the standard input of a child that was started with `stdin: "pipe"`. */
  async write(bytes: Uint8Array | string): Promise<void> {
    const sink = this.#child.stdin;
    if (sink === undefined || typeof sink === "number") throw new Error("started without a pipe");
    sink.write(bytes);
    await sink.flush();
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) signalOne(this.pid, signal);
  }

  /** Waits for a text or pattern in what the process has written to stdout and stderr so far. */
  async says(pattern: string | RegExp, timeout = 10_000): Promise<void> {
    const found = () => {
      const text = this.stdout + this.#stderr;
      return typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
    };
    await until(
      `${this.#name()} did not say ${pattern}`,
      () => {
        if (found()) return true;
        if (this.#ended) throw new Error(`${this.#name()} ended without saying ${pattern}:\n${this.#tail()}`);
        return false;
      },
      timeout,
    );
  }

  /** Ends the process, gently first when `signal` says so, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!this.#ended) {
      if (signal === "SIGKILL") this.#killTree();
      else signalOne(this.pid, signal);
    }
    await this.finished.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #gather(
    stdout: ReadableStream<Uint8Array>,
    stderr: ReadableStream<Uint8Array>,
    timer: Timer,
    limit: number,
  ): Promise<Finished> {
    const decoder = new TextDecoder();
    const readOut = async () => {
      for await (const part of stdout) this.#stdout.push(part);
    };
    const readErr = async () => {
      for await (const part of stderr) this.#stderr += decoder.decode(part, { stream: true });
    };
    await Promise.all([this.#child.exited, readOut(), readErr()]);
    clearTimeout(timer);
    this.#ended = true;
    running.delete(this);
    if (this.#timedOut) throw new Error(`${this.#name()} did not end within ${limit} ms:\n${this.#tail()}`);
    const signal = this.#child.signalCode === null ? null : String(this.#child.signalCode);
    const code = signal === null ? this.#child.exitCode : null;
    return { code, signal, stdout: Buffer.concat(this.#stdout), stderr: this.#stderr };
  }

  #killTree(): void {
    for (const pid of [...descendants(this.pid), this.pid]) signalOne(pid, "SIGKILL");
  }

  #name(): string {
    return this.argv.join(" ");
  }

  #tail(): string {
    return this.#stderr.slice(-2_000);
  }
}

/** Starts a program and returns at once. */
export function start(argv: string[], options?: StartOptions): Child {
  return new Child(argv, options);
}

/** Runs a program to its end. */
export function run(argv: string[], options?: StartOptions): Promise<Finished> {
  return new Child(argv, options).finished;
}

/** Runs a program that must succeed and returns what it wrote to stdout. */
export async function runWell(argv: string[], options?: StartOptions): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0)
    throw new Error(`${argv.join(" ")} ended with ${result.code}:\n${result.stderr.slice(-2_000)}`);
  return Buffer.from(result.stdout).toString();
}

/** Kills whatever is still running and waits until it is gone. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}
