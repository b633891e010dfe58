/**
 * runJob: one source under supervision, and the episodes of its sinks. The job decides when the source is wanted, when
 * an outage of it ends an episode, and in which order things end: the source stops, queues empty, sinks say goodbye.
 */

import { RemoteError, TransportError, describe } from "../errors.ts";
import type { Plan } from "../recipe/plan.ts";
import { Episodes } from "./episodes.ts";
import { isHangUp, isNotLive, isRefusal, isStalled, isUnsaid } from "./faults.ts";
import { Hooks } from "./hooks.ts";
import { Ingest } from "./ingest.ts";
import type { JobEvent, JobReport, JobStatus } from "./report.ts";
import { SilenceStage } from "./silence.ts";
import { LONGEST_TIMER_MS } from "./sleep.ts";
import { judgeSource } from "./source-patience.ts";
import type { Sink, Source } from "./source.ts";
import { realSupervision, supervise, type AfterEnd, type Failure, type Supervision } from "./supervise.ts";

/** What a job is made of; the registry builds it from the plan. */
export type JobParts = { readonly source: Source; readonly sinks: readonly Sink[]; close(): void };

/** Who hears of a job, and how it is stopped: `stop` in good order, `abort` at once. */
export type JobContext = {
  readonly report: (event: JobEvent) => void;
  readonly onStatus: (status: JobStatus) => void;
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
};

/** The distance in media time that bridges a lost source, in ms. */
const BRIDGE_MS = 40;
/** The clocks are looked at this often at least while an end is planned, in ms. */
const LOOK_MS = 30_000;

/** Runs a job to its end and says what became of it. Never throws for what peers or disks do. */
export function runJob(plan: Plan, parts: JobParts, context: JobContext): Promise<JobReport> {
  return new Job(plan, parts, context).run();
}

class Job {
  readonly #plan: Plan;
  readonly #source: Source;
  /** Whether it begins when its sinks are ready. */
  readonly #waits: boolean;
  readonly #parts: JobParts;
  readonly #context: JobContext;
  readonly #hooks: Hooks;
  readonly #ingest: Ingest;
  readonly #episodes: Episodes;
  readonly #status: JobStatus;
  readonly #stopSource = new AbortController();
  readonly #startedAt = performance.now();
  #lastLiveAt: number | undefined;
  #gaps = { count: 0, ms: 0 };
  #sourceError: unknown;
  /** Why the latest attempt failed. */
  #lastFailure: unknown;
  /** Attempts that failed since the source was live for the last time. */
  #failedSince = 0;
  #sessionLive = false;
  /** How the last session ended, if the server just fell silent: that may have been the end of the stream. */
  #silence: string | undefined;
  /** How it ended, if the server hung up: the end of the stream, if it does not come back while it is looked for. */
  #hungUp: string | undefined;
  #onSessionLive: () => void = () => {};
  #endTimer: Timer | undefined;
  /** Runs while the source is not there: --wait before it ever was, `grace` each time that it is lost. */
  #absenceTimer: Timer | undefined;
  #planned = false;

  constructor(plan: Plan, parts: JobParts, context: JobContext) {
    this.#plan = plan;
    this.#parts = parts;
    this.#source = parts.source;
    const notice = (text: string): void => context.report({ event: "notice", name: "hooks", text });
    this.#hooks = new Hooks(plan.hooks, { job: plan.job, notice });
    const report = (event: JobEvent): void => {
      context.report(event);
      this.#hooks.hear(event);
    };
    this.#context = { ...context, report };
    const made = parts.source.nature === "made";
    const hold = made && (!plan.realtime || (plan.source.kind === "stdin" && parts.sinks.length === 1));
    // Media that is timed by its arrival does not wait, unless nobody may lose any of it.
    this.#waits = made && (parts.source.flows !== true || hold);
    this.#episodes = new Episodes(parts.sinks, {
      retry: plan.retry,
      report,
      hold,
      made,
      onHopeless: () => this.#stopSource.abort(),
    });
    // Raw video cannot have sound: there is nothing to wait for.
    const certain = plan.source.kind === "capture" && plan.source.format !== "flv";
    const silence = plan.silentAudio === true ? new SilenceStage({ certain }) : undefined;
    this.#ingest = new Ingest(this.#episodes.hub, () => this.#onFirstMedia(), { silence });
    this.#status = {
      job: plan.job,
      sourceState: "idle",
      counters: this.#episodes.hub.counters,
      sinks: this.#episodes.statuses,
      firstMediaAt: undefined,
    };
  }

  async run(): Promise<JobReport> {
    const { report, stop, abort, onStatus } = this.#context;
    const destinations = this.#parts.sinks.map((sink) => sink.name);
    report({ event: "start", source: this.#source.name, destinations });
    onStatus(this.#status);
    const stopSource = (): void => this.#stopSource.abort();
    stop.addEventListener("abort", stopSource, { once: true });
    abort.addEventListener("abort", stopSource, { once: true });
    if (stop.aborted || abort.aborted) stopSource();
    const { until } = this.#plan;
    if (until !== undefined) this.#planEnd(() => until - Date.now());
    this.#planPatience();
    this.#episodes.open();
    if (this.#waits) await this.#episodes.ready(this.#stopSource.signal);
    const reason = await this.#runSource();
    clearTimeout(this.#endTimer);
    clearTimeout(this.#absenceTimer);
    await this.#episodes.end(stop, abort);
    this.#parts.close();
    await this.#endHooks();
    stop.removeEventListener("abort", stopSource);
    abort.removeEventListener("abort", stopSource);
    return this.#makeReport(reason);
  }

  /**
   * Ends the job when `left` says that nothing is left, in ms. It is asked again and again: the wall clock that the end
   * may be measured by can step, and a timer holds no more than 24 days.
   */
  #planEnd(left: () => number): void {
    clearTimeout(this.#endTimer);
    const ms = left();
    if (ms > 0) {
      this.#endTimer = setTimeout(() => this.#planEnd(left), Math.min(ms, LOOK_MS));
      return;
    }
    this.#planned = true;
    // Without any media what it was refused with, or failed with, is why.
    if (this.#status.firstMediaAt === undefined) this.#sourceError = this.#lastFailure;
    this.#stopSource.abort();
  }

  /** Nothing came within --wait: the job gives up, even in the middle of an attempt. */
  #planPatience(): void {
    const { wait } = this.#plan;
    if (wait === undefined || this.#source.nature === "made") return;
    const giveUp = (): void => {
      this.#sourceError = this.#lastFailure ?? new TransportError(this.#unheard(wait), "stalled");
      this.#stopSource.abort();
    };
    this.#absenceTimer = setTimeout(giveUp, Math.min(wait, LONGEST_TIMER_MS));
  }

  #unheard(wait: number): string {
    const { name, nature } = this.#source;
    const what = nature === "awaited" ? `nobody published to "${name}"` : `nothing came from "${name}"`;
    return `${what} within ${wait / 1000}s`;
  }

  /** The source was away longer than `grace`: sinks end in good order and will start anew. */
  #endEpisode(): void {
    clearTimeout(this.#absenceTimer);
    const hub = this.#episodes.next();
    this.#status.counters = hub.counters;
    this.#ingest.startOver(hub);
  }

  async #runSource(): Promise<string> {
    const { signal } = this.#stopSource;
    const supervision: Supervision<string> = {
      ...realSupervision(this.#plan.retry, (failure) => this.#onSourceFailure(failure)),
      isAbsent: isNotLive,
      onEnd: (reason, short) => this.#onSourceEnded(reason, short),
    };
    try {
      const reason = await supervise((live) => this.#attemptSource(live, signal), supervision, signal);
      if (signal.aborted) return this.#planned ? "the planned end" : "stopped";
      return reason ?? "stopped";
    } catch (error) {
      if (this.#hungUp !== undefined && isGone(error)) return this.#hungUp;
      this.#sourceError = error;
      this.#status.sourceState = "failed";
      return describe(error);
    }
  }

  /** A session ended in good order; more of the stream may be wanted. */
  #onSourceEnded(reason: string, short: number): AfterEnd {
    const { nature } = this.#source;
    if (nature === "made") return "over";
    this.#context.report({ event: "ended", name: "source", reason, attempts: short });
    // The door stays open: whoever comes next is not kept waiting.
    if (nature === "awaited") return "at-once";
    if (!this.#isWantedAgain() || this.#source.wasLast?.() === true) return "over";
    if (this.#follows && this.#episodes.live) this.#endEpisode();
    this.#status.sourceState = "waiting";
    return "again";
  }

  async #attemptSource(live: () => void, signal: AbortSignal): Promise<string> {
    this.#status.sourceState = this.#source.nature === "awaited" ? "waiting" : "connecting";
    this.#sessionLive = false;
    this.#onSessionLive = live;
    if (this.#status.firstMediaAt !== undefined) this.#ingest.newSession(BRIDGE_MS);
    try {
      const reason = await this.#source.run(this.#ingest, signal);
      if (!this.#sessionLive && !signal.aborted && this.#source.nature === "played") throw neverBegan(reason);
      this.#status.sourceState = "done";
      return reason;
    } catch (error) {
      if (this.#sessionLive) {
        this.#silence = isStalled(error) ? describe(error) : undefined;
        this.#hungUp = this.#isOfServer() && isHangUp(error) ? describe(error) : undefined;
      }
      // Servers that announce no end just fall silent, as a network does that broke: the next attempt tells.
      else if (this.#silence !== undefined && isGone(error) && !this.#isWantedAgain()) return this.#silence;
      throw error;
    } finally {
      if (this.#sessionLive) this.#onSourceGone();
    }
  }

  #onSourceGone(): void {
    this.#lastLiveAt = performance.now();
    if (this.#source.nature === "made") return;
    clearTimeout(this.#absenceTimer);
    this.#absenceTimer = setTimeout(() => this.#endEpisode(), Math.min(this.#plan.grace, LONGEST_TIMER_MS));
  }

  /** The first media of a session of the source. */
  #onFirstMedia(): void {
    const now = performance.now();
    clearTimeout(this.#absenceTimer);
    this.#status.sourceState = "live";
    this.#sessionLive = true;
    this.#onSessionLive();
    const isFirst = this.#status.firstMediaAt === undefined;
    // The next round of a file is no news.
    if (isFirst || this.#source.nature !== "made") this.#context.report({ event: "live", name: "source" });
    if (isFirst) {
      this.#status.firstMediaAt = now;
      this.#planForDuration();
    } else {
      this.#countGap(now);
    }
    // A source that is ahead of the clock can wait until everybody is there.
    if (this.#episodes.begin() && this.#source.nature !== "made")
      this.#ingest.waitFor(this.#episodes.ready(this.#stopSource.signal));
  }

  #countGap(now: number): void {
    const { nature } = this.#source;
    // A publisher or a followed stream that comes again later is a new show, not a gap in the old one.
    const isNews = (nature === "awaited" || this.#follows) && !this.#episodes.live;
    if (this.#lastLiveAt === undefined || nature === "made" || isNews) return;
    const ms = Math.round(now - this.#lastLiveAt);
    this.#gaps = { count: this.#gaps.count + 1, ms: this.#gaps.ms + ms };
    this.#context.report({ event: "gap", ms });
    this.#episodes.noteGap(ms);
  }

  #planForDuration(): void {
    const { for: duration, until } = this.#plan;
    if (duration === undefined) return;
    const end = performance.now() + duration;
    this.#planEnd(() => Math.min(end - performance.now(), (until ?? Infinity) - Date.now()));
  }

  /** How long the source is wanted, in ms; undefined if the user named no time. A time of day ends the job by itself. */
  get #window(): number | undefined {
    const { for: duration, until } = this.#plan;
    return duration ?? (until === undefined ? undefined : Infinity);
  }

  /** Whether each session of a played stream is a recording of its own, and the next one is waited for. */
  get #follows(): boolean {
    return this.#plan.follow && this.#source.nature === "played";
  }

  /** Whether the source is a server; a program that goes away has failed. */
  #isOfServer(): boolean {
    const { kind } = this.#plan.source;
    return kind === "rtmp" || kind === "http";
  }

  /** Whether the end of a session is not the end of the job. */
  #isWantedAgain(): boolean {
    return this.#follows || this.#window !== undefined;
  }

  #onSourceFailure(failure: Failure): "retry" | "give-up" {
    this.#lastFailure = failure.error;
    this.#failedSince = this.#sessionLive ? 0 : this.#failedSince + 1;
    const now = performance.now();
    const facts = {
      everLive: this.#status.firstMediaAt !== undefined,
      window: this.#window,
      follows: this.#follows,
      wait: this.#plan.wait,
      sinceStart: now - this.#startedAt,
      sinceLost: now - (this.#lastLiveAt ?? now),
      failedSince: this.#failedSince,
    };
    const decision = judgeSource(facts, failure);
    if (decision === "retry") {
      this.#status.sourceState = "waiting";
      const { attempts, wait } = failure;
      const error = describe(failure.error);
      const refused = isRefusal(failure.error);
      this.#context.report({ event: "retry", name: "source", refused, error, attempts, waitMs: wait });
    }
    return decision;
  }

  /** The second signal ends the user's commands too. */
  async #endHooks(): Promise<void> {
    const { abort } = this.#context;
    const stop = (): void => this.#hooks.abort();
    abort.addEventListener("abort", stop, { once: true });
    if (abort.aborted) stop();
    await this.#hooks.end(this.#episodes.mediaMs);
    abort.removeEventListener("abort", stop);
  }

  #makeReport(reason: string): JobReport {
    return {
      verb: this.#plan.verb,
      status: this.#status,
      reason,
      sourceName: this.#source.name,
      nature: this.#source.nature,
      sourceError: this.#sourceError,
      planned: this.#planned,
      stopped: this.#context.stop.aborted,
      wantedMs: this.#wantedMs(),
      mediaMs: this.#episodes.mediaMs,
      gaps: this.#gaps,
      ...this.#episodes.recordings,
    };
  }

  #wantedMs(): number | undefined {
    const { for: duration, until } = this.#plan;
    const { firstMediaAt } = this.#status;
    if (duration !== undefined || until === undefined || firstMediaAt === undefined) return duration;
    return Math.round(until - Date.now() + performance.now() - firstMediaAt);
  }
}

/** The server says, or shows by its silence, that there is no stream; one that hangs up may be restarting. */
function isGone(error: unknown): boolean {
  return isNotLive(error) && !isUnsaid(error);
}

/** A server may accept a player and end the stream before there was any: nobody publishes it. */
function neverBegan(reason: string): RemoteError {
  return new RemoteError(`the stream ended before it began: ${reason}`, {
    code: "ended",
    refusal: "not-live",
  });
}
