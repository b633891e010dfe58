/**
 * Hooks: commands of the user that run when a job begins, when a recording is finished, when the source was away and
 * when the job is over. They are argv lists, run without a shell; what they do is bounded in time and number, and
 * changes nothing for the job: a failure is a line in the log.
 */

import type { JobEvent } from "./report.ts";
import { sleepUntil } from "./sleep.ts";

/** When a command runs. */
export type HookEvent = "start" | "segment" | "gap" | "end";

/** Commands by their events; {path} {job} {duration} in them are filled in, the duration in seconds. */
export type HookCommands = Readonly<Partial<Record<HookEvent, readonly string[]>>>;

/** What hooks are told, and who hears of their failures. Times in ms. */
export type HookOptions = {
  readonly job: string;
  readonly notice: (text: string) => void;
  /** A command that runs longer is ended, and killed if it does not end. */
  readonly timeout?: number;
  readonly killAfter?: number;
};

type Fields = { readonly path: string; readonly ms: number };
type Run = { readonly event: HookEvent; readonly argv: readonly string[] };

const MAX_RUNNING = 4;
const MAX_WAITING = 100;
const TIMEOUT_MS = 60_000;
const KILL_AFTER_MS = 5000;
/** What is kept of a command's complaints, and how long they are waited for when it has ended, in ms. */
const TAIL_CHARS = 2000;
const TAIL_PATIENCE_MS = 200;

/** Runs the hooks of one job; see the head of this file. */
export class Hooks {
  readonly #commands: HookCommands;
  readonly #options: HookOptions;
  readonly #waiting: Run[] = [];
  readonly #abort = new AbortController();
  #running = 0;
  #lastPath = "";
  #onQuiet: () => void = () => {};

  constructor(commands: HookCommands, options: HookOptions) {
    this.#commands = commands;
    this.#options = options;
  }

  /** Hears what happens in the job. */
  hear(event: JobEvent): void {
    switch (event.event) {
      case "start":
        return this.#add("start", { path: "", ms: 0 });
      case "segment":
      case "recovered":
        this.#lastPath = event.path;
        return this.#add("segment", event);
      case "gap":
        return this.#add("gap", { path: this.#lastPath, ms: event.ms });
      default:
    }
  }

  /**
   * The job is over after `ms` of media: waits for the commands before, each with its own limit, because the last one
   * may use what they make; runs that, and waits for it too.
   */
  async end(ms: number): Promise<void> {
    await this.#quiet();
    this.#add("end", { path: this.#lastPath, ms });
    await this.#quiet();
  }

  /** Resolves when no command runs or waits. */
  async #quiet(): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => (this.#onQuiet = resolve));
  }

  /** Ends those that run; those that wait will not. */
  abort(): void {
    this.#waiting.length = 0;
    this.#abort.abort();
  }

  #add(event: HookEvent, fields: Fields): void {
    const command = this.#commands[event];
    if (command === undefined || command.length === 0 || this.#abort.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#options.notice(`the ${event} command is left out: ${MAX_WAITING} others wait`);
      return;
    }
    this.#waiting.push({ event, argv: command.map((text) => fill(text, this.#options.job, fields)) });
    this.#next();
  }

  #next(): void {
    while (this.#running < MAX_RUNNING) {
      const run = this.#waiting.shift();
      if (run === undefined) break;
      this.#running += 1;
      void this.#run(run).then(() => {
        this.#running -= 1;
        this.#next();
      });
    }
    if (this.#running === 0) this.#onQuiet();
  }

  /** Runs one command to its end. Never rejects. */
  async #run({ event, argv }: Run): Promise<void> {
    const failure = await this.#failureOf(argv);
    if (failure !== undefined) this.#options.notice(`the ${event} command ${argv[0]} ${failure}`);
  }

  async #failureOf(argv: readonly string[]): Promise<string | undefined> {
    const { timeout = TIMEOUT_MS } = this.#options;
    let child: Bun.Subprocess<"ignore", "ignore", "pipe">;
    try {
      // A group of its own: ^C on the terminal is for the job, and whatever the command starts ends with it.
      child = Bun.spawn([...argv], { stdin: "ignore", stdout: "ignore", stderr: "pipe", detached: true });
    } catch (error) {
      return `cannot be run: ${error instanceof Error ? error.message : String(error)}`;
    }
    const tail = new Tail(child.stderr);
    await sleepUntil(child.exited, timeout, this.#abort.signal);
    const late = child.exitCode === null && child.signalCode === null;
    if (late) await this.#stop(child);
    const last = await tail.lastLine();
    if (this.#abort.signal.aborted) return undefined;
    if (late) return `was stopped after ${timeout / 1000}s${last}`;
    if (child.exitCode === 0) return undefined;
    return `ended with ${child.signalCode ?? child.exitCode}${last}`;
  }

  async #stop(child: Bun.Subprocess): Promise<void> {
    const { killAfter = KILL_AFTER_MS } = this.#options;
    signalGroup(child.pid, "SIGTERM");
    await sleepUntil(child.exited, killAfter, new AbortController().signal);
    signalGroup(child.pid, "SIGKILL");
  }
}

/** Keeps the end of what a command says on stderr. */
class Tail {
  #text = "";
  readonly #read: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#read = this.#follow(stream);
  }

  /** Its last line behind a colon. A child of the command may hold the pipe open for ever. */
  async lastLine(): Promise<string> {
    await sleepUntil(this.#read, TAIL_PATIENCE_MS, new AbortController().signal);
    const line = this.#text.trimEnd().split("\n").at(-1)?.trim() ?? "";
    return line === "" ? "" : `: ${line}`;
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#text = (this.#text + decoder.decode(bytes, { stream: true })).slice(-TAIL_CHARS);
    }
  }
}

/** Fills in what stands in braces, each once: a path may hold braces itself. */
function fill(text: string, job: string, { path, ms }: Fields): string {
  return text.replace(/\{(path|job|duration)\}/g, (_, field: string) => {
    if (field === "path") return path;
    return field === "job" ? job : String(ms / 1000);
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
