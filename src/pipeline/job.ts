/**
 * runJob: one source, a hub, any number of sinks, each supervised alone. It decides when a source is worth
 * waiting for, when a destination is hopeless, and in which order things end: the source stops, queues empty,
 * sinks say goodbye.
 */

import { describe } from "../errors.ts";
import type { Plan } from "../recipe/plan.ts";
import { isNotLive, isPermanent, isRefusal, isStalled } from "./faults.ts";
import { Hub } from "./hub.ts";
import { Ingest } from "./ingest.ts";
import { Pacer } from "./pacer.ts";
import type { JobEvent, JobReport, JobStatus } from "./report.ts";
import { SinkRunner } from "./sink-runner.ts";
import type { Sink, Source } from "./source.ts";
import { realSupervision, supervise, type Failure } from "./supervise.ts";

/** What a job is made of; the registry builds it from the plan. */
export type JobParts = {
  readonly source: Source;
  readonly sinks: readonly Sink[];
};

/** Who hears of a job, and how it is stopped: `stop` in good order, `abort` at once. */
export type JobContext = {
  readonly report: (event: JobEvent) => void;
  readonly onStatus: (status: JobStatus) => void;
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
};

/** Failed attempts in a row after which something that was never there is given up. */
const PATIENCE_ATTEMPTS = 3;
/** How long a source that was live is looked for, if no time was planned, in ms. */
const LOST_PATIENCE_MS = 60_000;
/** What queues get to empty when the user stops the job, in ms. */
const STOP_DRAIN_MS = 2000;
/** The distance in media time that bridges a lost source, in ms. */
const BRIDGE_MS = 40;

/** Runs a job to its end and says what became of it. Never throws for what peers or disks do. */
export function runJob(plan: Plan, parts: JobParts, context: JobContext): Promise<JobReport> {
  return new Job(plan, parts, context).run();
}

class Job {
  readonly #plan: Plan;
  readonly #parts: JobParts;
  readonly #context: JobContext;
  readonly #hub = new Hub();
  readonly #ingest: Ingest;
  readonly #sinks: readonly SinkRunner[];
  readonly #status: JobStatus;
  readonly #stopSource = new AbortController();
  readonly #startedAt = performance.now();
  #lastLiveAt: number | undefined;
  #gaps = { count: 0, ms: 0 };
  #sourceError: unknown;
  #sessionLive = false;
  #endTimer: Timer | undefined;
  #planned = false;

  constructor(plan: Plan, parts: JobParts, context: JobContext) {
    this.#plan = plan;
    this.#parts = parts;
    this.#context = context;
    this.#ingest = new Ingest(this.#hub, () => this.#onFirstMedia());
    const hold = parts.source.finite && (!plan.realtime || plan.source.kind === "stdin");
    this.#sinks = parts.sinks.map((sink) => {
      const onHopeless = (): void => this.#onHopeless();
      return new SinkRunner(sink, {
        hub: this.#hub,
        retry: plan.retry,
        report: context.report,
        hold,
        onHopeless,
      });
    });
    this.#status = {
      job: plan.job,
      sourceState: "idle",
      counters: this.#hub.counters,
      sinks: this.#sinks.map((sink) => sink.status),
      firstMediaAt: undefined,
    };
  }

  async run(): Promise<JobReport> {
    const { report, stop, abort, onStatus } = this.#context;
    report({
      event: "start",
      source: this.#parts.source.name,
      destinations: this.#parts.sinks.map((sink) => sink.name),
    });
    onStatus(this.#status);
    const stopSource = (): void => this.#stopSource.abort();
    stop.addEventListener("abort", stopSource, { once: true });
    abort.addEventListener("abort", stopSource, { once: true });
    if (stop.aborted || abort.aborted) stopSource();
    this.#planEnd(this.#plan.until === undefined ? undefined : this.#plan.until - Date.now());
    await this.#startSinks();
    const reason = await this.#runSource();
    clearTimeout(this.#endTimer);
    await this.#endSinks();
    stop.removeEventListener("abort", stopSource);
    abort.removeEventListener("abort", stopSource);
    return this.#makeReport(reason);
  }

  /** Ends the job in `ms`, unless it is planned to end earlier. Timers hold at most 2^31 ms. */
  #planEnd(ms: number | undefined): void {
    if (ms === undefined) return;
    const step = Math.min(Math.max(0, ms), 0x7fffffff);
    const end = (): void => {
      if (step < ms) return this.#planEnd(ms - step);
      this.#planned = true;
      this.#stopSource.abort();
    };
    this.#endTimer = setTimeout(end, step);
  }

  /** Files open with the first packet. Destinations of a live source are dialled when it is live. */
  async #startSinks(): Promise<void> {
    const finite = this.#parts.source.finite;
    for (const sink of this.#sinks) if (finite || sink.status.kind === "file") sink.start();
    if (!finite) return;
    await Promise.race([Promise.all(this.#sinks.map((sink) => sink.settled)), this.#stopped()]);
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stopSource;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  async #runSource(): Promise<string> {
    const { signal } = this.#stopSource;
    for (;;) {
      const reason = await this.#superviseSource(signal);
      if (signal.aborted) return this.#planned ? "the planned end" : "stopped";
      if (this.#sourceError !== undefined || this.#parts.source.finite || !this.#hasWindow()) return reason;
      // The stream ended but the planned time is not over: it may come back.
      this.#context.report({ event: "ended", name: "source", reason });
      await Pacer.sleep(this.#plan.retry.min, signal);
    }
  }

  async #superviseSource(signal: AbortSignal): Promise<string> {
    const supervision = realSupervision(this.#plan.retry, (failure) => this.#onSourceFailure(failure));
    try {
      const reason = await supervise((live) => this.#attemptSource(live, signal), supervision, signal);
      return reason ?? "stopped";
    } catch (error) {
      this.#sourceError = error;
      this.#status.sourceState = "failed";
      return describe(error);
    }
  }

  async #attemptSource(live: () => void, signal: AbortSignal): Promise<string> {
    this.#status.sourceState = "connecting";
    this.#sessionLive = false;
    this.#onSessionLive = live;
    if (this.#status.firstMediaAt !== undefined) this.#ingest.newSession(BRIDGE_MS);
    try {
      const reason = await this.#parts.source.run(this.#ingest, signal);
      this.#status.sourceState = "done";
      return reason;
    } catch (error) {
      // Servers that announce no end just fall silent: for a recorder that is the end.
      if (isStalled(error) && this.#sessionLive && !this.#hasWindow()) return describe(error);
      throw error;
    } finally {
      if (this.#sessionLive) this.#lastLiveAt = performance.now();
    }
  }

  #onSessionLive: () => void = () => {};

  /** The first media of a session of the source. */
  #onFirstMedia(): void {
    const now = performance.now();
    this.#status.sourceState = "live";
    this.#sessionLive = true;
    this.#onSessionLive();
    if (this.#status.firstMediaAt === undefined) {
      this.#status.firstMediaAt = now;
      this.#context.report({ event: "live", name: "source" });
      this.#planForDuration();
      for (const sink of this.#sinks) sink.start();
    } else if (this.#lastLiveAt !== undefined && !this.#parts.source.finite) {
      const ms = Math.round(now - this.#lastLiveAt);
      this.#gaps = { count: this.#gaps.count + 1, ms: this.#gaps.ms + ms };
      this.#context.report({ event: "gap", ms });
    }
  }

  #planForDuration(): void {
    const { for: duration, until } = this.#plan;
    if (duration === undefined) return;
    const rest = until === undefined ? Infinity : until - Date.now();
    clearTimeout(this.#endTimer);
    this.#planEnd(Math.min(duration, rest));
  }

  /** Whether the user named a time until which the source is wanted. */
  #hasWindow(): boolean {
    return this.#plan.for !== undefined || this.#plan.until !== undefined;
  }

  #onSourceFailure(failure: Failure): "retry" | "give-up" {
    const decision = this.#judgeSource(failure);
    if (decision === "retry") {
      this.#status.sourceState = "waiting";
      const { attempts, wait } = failure;
      const error = describe(failure.error);
      this.#context.report({ event: "retry", name: "source", error, attempts, waitMs: wait });
    }
    return decision;
  }

  #judgeSource({ error, attempts, wait }: Failure): "retry" | "give-up" {
    if (isPermanent(error)) return "give-up";
    const now = performance.now();
    const patience = this.#plan.wait;
    if (this.#status.firstMediaAt !== undefined) {
      const lost = now - (this.#lastLiveAt ?? now);
      return this.#hasWindow() || lost + wait < (patience ?? LOST_PATIENCE_MS) ? "retry" : "give-up";
    }
    if (isRefusal(error)) return "give-up";
    if (patience !== undefined) return now - this.#startedAt + wait < patience ? "retry" : "give-up";
    if (isNotLive(error)) return "give-up";
    return attempts < PATIENCE_ATTEMPTS ? "retry" : "give-up";
  }

  /** A sink lost hope: without any other there is nothing to do. */
  #onHopeless(): void {
    if (this.#sinks.every((sink) => sink.status.hopeless)) this.#stopSource.abort();
  }

  async #endSinks(): Promise<void> {
    const { stop, abort } = this.#context;
    this.#hub.end();
    const done = Promise.all(this.#sinks.map((sink) => sink.finish()));
    const giveUp = (): void => {
      for (const sink of this.#sinks) sink.abort();
    };
    abort.addEventListener("abort", giveUp, { once: true });
    if (abort.aborted) giveUp();
    let timer: Timer | undefined;
    const hurry = (): void => {
      timer ??= setTimeout(giveUp, STOP_DRAIN_MS);
    };
    stop.addEventListener("abort", hurry, { once: true });
    if (stop.aborted) hurry();
    await done;
    clearTimeout(timer);
    stop.removeEventListener("abort", hurry);
    abort.removeEventListener("abort", giveUp);
  }

  #makeReport(reason: string): JobReport {
    const { counters, firstMediaAt } = this.#status;
    return {
      verb: this.#plan.verb,
      status: this.#status,
      reason,
      sourceName: this.#parts.source.name,
      finite: this.#parts.source.finite,
      sourceError: this.#sourceError,
      stopped: this.#context.stop.aborted,
      wantedMs: this.#wantedMs(),
      mediaMs: firstMediaAt === undefined ? 0 : counters.position,
      gaps: this.#gaps,
      files: this.#sinks.flatMap((sink) => sink.files),
    };
  }

  #wantedMs(): number | undefined {
    const { for: duration, until } = this.#plan;
    if (duration !== undefined || until === undefined || this.#status.firstMediaAt === undefined)
      return duration;
    return Math.round(until - Date.now() + performance.now() - this.#status.firstMediaAt);
  }
}
