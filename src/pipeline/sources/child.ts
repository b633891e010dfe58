/**
 * A program whose standard output is a source: started, watched, stopped, and never left behind. Out come the bytes it
 * writes; what it says on stderr is kept for the moment when it fails.
 *
 * runnel may be killed with a signal that nobody can catch, and the program would go on and hold the camera. Linux can
 * tell a child of its parent's death (prctl), but not from here, and not its children's children. So the program is
 * started by a shell in a session of its own, beside a watchdog that reads a pipe from us and does nothing else:
 *
 *     runnel ──pipe──> sh: read; kill group     the pipe ends with us, whatever ends us
 *        └─────────────> program (+ children)   `exec` makes it our direct child: same pid, its own exit code
 *
 * Then TERM goes to the whole group, and KILL two seconds later. While we live we do the same by ourselves, and the
 * group is killed when the program is gone, watchdog and stragglers included.
 */

import { TransportError } from "../../errors.ts";

/** How to run a program. */
export type ChildOptions = {
  readonly argv: readonly string[];
  /** Silence on stdout that counts as failure, in ms. */
  readonly stall: number;
  /** Whether an end with exit code 0 is one, too: cameras have no end. */
  readonly endless: boolean;
  /** Takes what it says on stderr. */
  readonly trace: (line: string) => void;
};

/** Descriptor 3 is the pipe. The outer subshell ends at once, so the watchdog is nobody's child to wait for. */
const WATCHDOG = [
  "exec 3<&0 </dev/null",
  '( ( exec >/dev/null 2>&1; trap "" HUP INT TERM; read -r _ <&3; kill -TERM 0; sleep 2; kill -KILL 0 ) & )',
  'exec "$@" 3<&-',
].join("\n");

/** What a program gets to end by itself after TERM, in ms. */
const PATIENCE_MS = 2000;
/** What left its group may hold the pipes of a program that is gone for ever: they are read on for this long, in ms. */
const STRAGGLER_MS = 500;
const STDERR_LINES = 3;
const STDERR_BYTES = 4096;
const TIMER_STEPS = 4;

/** The path of a program in the PATH; undefined if it is not there. */
export function findProgram(name: string): string | undefined {
  return Bun.which(name) ?? undefined;
}

/** How long a program may take to answer, and after what time it is said that it is waited for; in ms. */
const ANSWER_MS = 10_000;
const SLOW_ANSWER_MS = 2000;

/**
 * What a program writes to stdout, to the end: for questions that it answers at once. "" if it cannot be run. `onSlow`
 * takes a line for people when it does not answer at once.
 */
export async function outputOf(argv: readonly string[], onSlow: (line: string) => void): Promise<string> {
  const seconds = (ANSWER_MS - SLOW_ANSWER_MS) / 1000;
  const say = (): void => onSlow(`waiting for "${argv.join(" ")}" to answer, ${seconds}s more at most`);
  const slow = setTimeout(say, SLOW_ANSWER_MS);
  try {
    const child = Bun.spawn([...argv], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: ANSWER_MS,
    });
    return await new Response(child.stdout).text();
  } catch {
    return "";
  } finally {
    clearTimeout(slow);
  }
}

/** Runs the program and yields what it writes. Ends with it, or with `signal`; throws TransportError on failure. */
export async function* childSegments(options: ChildOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const child = new WatchedChild(options);
  const stop = (): void => void child.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for (;;) {
      const segment = await child.read();
      if (segment === undefined) break;
      yield segment;
    }
    await child.ended();
    const failure = signal.aborted ? undefined : child.failure();
    if (failure !== undefined) throw failure;
  } finally {
    signal.removeEventListener("abort", stop);
    await child.stop();
  }
}

class WatchedChild {
  readonly #options: ChildOptions;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #gone: Promise<unknown>;
  #said = "";
  #stalled = false;
  #over = false;
  /** Ends a read under way. */
  #release = (): void => {};
  /** Since when it is waited for; undefined while nobody reads: that is not the program's fault. */
  #waitingSince: number | undefined;
  readonly #watch: Timer;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#child = Bun.spawn(["sh", "-c", WATCHDOG, "runnel", ...options.argv], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      // A session of its own: Ctrl-C in a terminal is for runnel, which then stops the program in order.
      detached: true,
    });
    this.#reader = this.#child.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.#gone = this.#leave(this.#listen());
    this.#watch = setInterval(() => this.#checkStall(), Math.max(10, options.stall / TIMER_STEPS));
  }

  /** The next bytes; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
    this.#release = () => resolve(undefined);
    this.#waitingSince = performance.now();
    this.#reader.read().then(({ value }) => resolve(value), reject);
    const segment = await promise;
    this.#waitingSince = undefined;
    return segment;
  }

  /** Resolves when the program is gone and everything it said is here. */
  async ended(): Promise<void> {
    clearInterval(this.#watch);
    await this.#gone;
    this.#over = true;
  }

  /** Ends the program: TERM, and KILL when it does not listen. */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.#signal("SIGTERM");
    const kill = setTimeout(() => this.#signal("SIGKILL"), PATIENCE_MS);
    await this.ended();
    clearTimeout(kill);
    this.#release();
  }

  /** Why the program is not what was wanted; undefined if it ended as it should. */
  failure(): TransportError | undefined {
    const { argv, stall, endless } = this.#options;
    const name = `"${argv[0]!}"`;
    if (this.#stalled) return this.#error(`${name} gave nothing for ${Math.round(stall / 100) / 10}s`);
    const { exitCode, signalCode } = this.#child;
    if (exitCode === 0) return endless ? this.#error(`${name} ended by itself`) : undefined;
    const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
    return this.#error(`${name} ended ${how}`);
  }

  #error(text: string): TransportError {
    const lines = this.#said.split(/[\r\n]+/).filter((line) => line.trim() !== "");
    const last = lines.slice(-STDERR_LINES).map((line) => line.trim().replace(/[\x00-\x1f\x7f]/g, "?"));
    return new TransportError(last.length === 0 ? text : `${text}: ${last.join("; ")}`, "closed");
  }

  /** A program may hang without ending. */
  #checkStall(): void {
    const since = this.#waitingSince;
    if (since === undefined || performance.now() - since < this.#options.stall) return;
    this.#stalled = true;
    void this.stop();
  }

  async #leave(listened: Promise<void>): Promise<void> {
    await this.#child.exited;
    // A straggler that holds stdout open would keep the stream from ending.
    this.#signal("SIGKILL");
    const patience = Bun.sleep(STRAGGLER_MS);
    // What was written before the end is still to be read, so not at once.
    void patience.then(() => this.#release());
    await Promise.race([listened, patience]);
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of this.#child.stderr) {
      const text = decoder.decode(part, { stream: true });
      this.#said = (this.#said + text).slice(-STDERR_BYTES);
      for (const line of text.split(/[\r\n]+/)) if (line.trim() !== "") this.#options.trace(line.trim());
    }
  }

  /** To the whole group: its leader's number is not used again while anybody of it is left. */
  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left.
    }
  }
}
