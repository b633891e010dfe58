/**
 * A job without sockets and files: a source that plays scripted sessions, sinks that keep what they are given, and a
 * plan with short times. What the job reports is kept too.
 */
import type { Ingest } from "../../src/pipeline/ingest.ts";
import { runJob, type JobContext } from "../../src/pipeline/job.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import type { JobEvent, JobReport, JobStatus } from "../../src/pipeline/report.ts";
import type { Sink, SinkContext, Source } from "../../src/pipeline/source.ts";
import { PLAIN_RECORDING, type Plan } from "../../src/recipe/plan.ts";
import { packets, textOf } from "./packets.ts";

const TYPE = { audio: 8, video: 9, data: 18 };

/** What a session of a source can do. */
export type Play = {
  readonly ingest: Ingest;
  readonly signal: AbortSignal;
  /** Pushes packets in text (see packets.ts) with their own times, and wakes the sinks. */
  push(line: string): void;
  /** The same packet after packet, waiting for sinks that need it, as sources do. */
  pushWaiting(line: string): Promise<void>;
  /** Waits until the job stops the source. */
  stopped(): Promise<void>;
};

/** One session: resolves with the reason of its end, rejects when it is lost. */
export type Session = (play: Play) => Promise<string> | string;

/** A source that plays these sessions, the last one again and again. */
export function scriptedSource(nature: Source["nature"], ...sessions: readonly Session[]) {
  const source = {
    name: "a source",
    nature,
    runs: 0,
    async run(ingest: Ingest, signal: AbortSignal): Promise<string> {
      const session = sessions[Math.min(source.runs, sessions.length - 1)]!;
      source.runs += 1;
      return session(makePlay(ingest, signal));
    },
  };
  return source satisfies Source;
}

function makePlay(ingest: Ingest, signal: AbortSignal): Play {
  const pushOne = (text: string): void => {
    for (const one of packets(text)) ingest.push(TYPE[one.kind], one.dts, one.body);
  };
  return {
    ingest,
    signal,
    push(line) {
      pushOne(line);
      ingest.flush();
    },
    async pushWaiting(line) {
      for (const text of line.split(/\s+/)) {
        pushOne(text);
        ingest.flush();
        if (ingest.mustWait) await ingest.room(signal);
        if (signal.aborted) return;
      }
    },
    stopped() {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
}

/** How a fake sink behaves. */
export type SinkScript = {
  readonly kind?: Sink["kind"];
  readonly limits?: QueueLimits;
  /** What each attempt ends with before it is live; none from the end of the list on. */
  readonly failures?: readonly unknown[];
  /** Takes nothing by itself: the test calls `take`. */
  readonly manual?: boolean;
  /** Runs whenever the sink is woken. */
  readonly onReady?: () => void;
};

/** A sink that keeps what it is given, as a line of text for each session. */
export class FakeSink implements Sink {
  readonly name: string;
  readonly kind: Sink["kind"];
  readonly limits: QueueLimits;
  readonly bytesOut = 0;
  readonly sessions: string[][] = [];
  attempts = 0;
  readonly #script: SinkScript;
  #queue: PacketQueue | undefined;
  #over = Promise.withResolvers<void>();

  constructor(name: string, script: SinkScript = {}) {
    this.name = name;
    this.kind = script.kind ?? "rtmp";
    this.limits = script.limits ?? { bytes: Infinity, ms: Infinity, policy: "skip" };
    this.#script = script;
  }

  /** Whether a session is going on, or has been told to end. */
  get state(): "idle" | "live" | "ending" {
    if (this.#queue === undefined) return "idle";
    return this.#queue.ended ? "ending" : "live";
  }

  /** What each session was given. */
  get lines(): string[] {
    return this.sessions.map((session) => session.join(" "));
  }

  async run(context: SinkContext, signal: AbortSignal): Promise<void> {
    const failure = this.#script.failures?.[this.attempts++];
    if (failure !== undefined) throw failure;
    this.#over = Promise.withResolvers();
    const queue = context.subscribe();
    this.#queue = queue;
    this.sessions.push([]);
    const stop = (): void => this.#over.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    queue.onReady = () => {
      this.#script.onReady?.();
      if (this.#script.manual !== true) this.take(Infinity);
    };
    context.onLive();
    queue.wake();
    try {
      await this.#over.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      context.unsubscribe(queue);
      this.#queue = undefined;
    }
  }

  /** Takes up to this many packets; returns how many there were. */
  take(count: number): number {
    let taken = 0;
    for (; taken < count; taken++) {
      const one = this.#queue?.take();
      if (one === undefined) break;
      this.sessions.at(-1)!.push(textOf(one));
      one.slab?.release();
    }
    if (this.#queue?.ended === true && this.#queue.length === 0) this.#over.resolve();
    return taken;
  }

  /** Breaks the session. */
  lose(error: unknown): void {
    this.#over.reject(error);
  }
}

/** A plan with everything at rest and short waits. */
export function makePlan(changes: Partial<Plan> = {}): Plan {
  return {
    job: "test",
    verb: "relay",
    source: { kind: "testcard" },
    sinks: [],
    listen: undefined,
    for: undefined,
    until: undefined,
    wait: undefined,
    follow: false,
    grace: 10_000,
    retry: { min: 1, max: 4 },
    net: {
      ca: undefined,
      insecure: false,
      bind: undefined,
      connectTimeout: 100,
      stepTimeout: 100,
      startTimeout: 100,
      stall: 100,
    },
    realtime: true,
    loop: false,
    force: false,
    record: PLAIN_RECORDING,
    hooks: {},
    secrets: [],
    ...changes,
  };
}

/** A job that runs. */
export class FakeJob {
  readonly events: JobEvent[] = [];
  status: JobStatus | undefined;
  closed = 0;
  readonly done: Promise<JobReport>;
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();

  constructor(plan: Plan, source: Source, sinks: readonly Sink[]) {
    const context: JobContext = {
      report: (event) => this.events.push(event),
      onStatus: (status) => (this.status = status),
      stop: this.#stop.signal,
      abort: this.#abort.signal,
    };
    this.done = runJob(plan, { source, sinks, close: () => void this.closed++ }, context);
  }

  stop(): void {
    this.#stop.abort();
  }

  abort(): void {
    this.#abort.abort();
  }

  /** The events of one kind. */
  of<K extends JobEvent["event"]>(kind: K): Extract<JobEvent, { event: K }>[] {
    return this.events.filter((event): event is Extract<JobEvent, { event: K }> => event.event === kind);
  }
}

/** Runs a job to its end. */
export async function runFakeJob(plan: Plan, source: Source, sinks: readonly Sink[]) {
  const job = new FakeJob(plan, source, sinks);
  const report = await job.done;
  return { job, report };
}
