/**
 * Episodes: the sinks of a job and the hub that feeds them. An episode is media without an outage longer than `grace`;
 * each has a hub of its own, and sinks end in good order with one and begin anew with the next.
 */

import { Hub } from "./hub.ts";
import type { JobReport, SinkStatus } from "./report.ts";
import { SinkRunner, type SinkRunnerOptions } from "./sink-runner.ts";
import { LONGEST_TIMER_MS, sleepUntil } from "./sleep.ts";
import type { Sink } from "./source.ts";

/** What the episodes of a job are like. */
export type EpisodesOptions = Omit<SinkRunnerOptions, "alone" | "onHopeless"> & {
  /** The source is made here and waits for its destinations: they are dialled before there is media. */
  readonly made: boolean;
  /** No sink is left that can be hoped for: the job is to end. */
  readonly onHopeless: () => void;
};

/** What queues get to empty when the user stops the job, in ms. */
const STOP_DRAIN_MS = 2000;
/** Behind the first sink that is ready the others get this long, in ms. */
const OTHERS_MS = 1000;

/** The sinks of a job, episode after episode; see the head of this file. */
export class Episodes {
  readonly #made: boolean;
  readonly #hold: boolean;
  readonly #sinks: readonly SinkRunner[];
  #hub = new Hub();
  /** The hub of the episode before, which a sink that reconnects at its end may still ask for the current GOP. */
  #over: Hub | undefined;
  /** Episodes that have ended. */
  #ended = 0;
  #live = false;
  #mediaBefore = 0;

  constructor(sinks: readonly Sink[], { made, onHopeless, ...options }: EpisodesOptions) {
    const alone = sinks.length === 1;
    const ask = (): boolean => {
      const over = this.#sinks.every(({ status }) => status.hopeless || status.kind === "players");
      if (over) onHopeless();
      return over;
    };
    this.#made = made;
    this.#hold = options.hold;
    this.#sinks = sinks.map((sink) => new SinkRunner(sink, { ...options, alone, onHopeless: ask }));
  }

  /** Where media of this episode goes. */
  get hub(): Hub {
    return this.#hub;
  }

  /** Whether this episode has had media. */
  get live(): boolean {
    return this.#live;
  }

  /** Media of all episodes, in ms. */
  get mediaMs(): number {
    return this.#mediaBefore + this.#hub.counters.position;
  }

  get statuses(): SinkStatus[] {
    return this.#sinks.map((sink) => sink.status);
  }

  /** The recordings of all sinks, how many there were before those that are named, and how many are gone. */
  get recordings(): Pick<JobReport, "files" | "earlierFiles" | "deletedFiles"> {
    const tallies = this.#sinks.map((sink) => sink.recordings);
    const earlier = tallies.map((tally) => tally.earlier);
    return {
      files: tallies.flatMap((tally) => tally.files),
      earlierFiles: {
        count: earlier.reduce((sum, { count }) => sum + count, 0),
        bytes: earlier.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      deletedFiles: tallies.reduce((sum, { deleted }) => sum + deleted, 0),
    };
  }

  /**
   * Resolves when media may begin, or `signal` aborts: when each sink is live, or has failed for the first time. One that
   * does not answer holds up the others for a moment only: its queue keeps the beginning, as far as its limits go. Where
   * none may drop anything, all are waited for.
   */
  async ready(signal: AbortSignal): Promise<void> {
    const settled = this.#sinks.map((sink) => sink.settled);
    const all = Promise.all(settled);
    if (this.#hold) return sleepUntil(all, LONGEST_TIMER_MS, signal);
    await sleepUntil(Promise.race(settled), LONGEST_TIMER_MS, signal);
    await sleepUntil(all, OTHERS_MS, signal);
  }

  /**
   * Files open with the first packet, so their sinks may begin at once. Destinations are dialled when a live source is
   * live; a source that is made here waits for them instead.
   */
  open(): void {
    for (const sink of this.#sinks) if (this.#made || sink.status.kind !== "rtmp") sink.start(this.#hub);
  }

  /** The first media of an episode is here; false if it had begun already. */
  begin(): boolean {
    if (this.#live) return false;
    this.#live = true;
    // At once: what comes before the first keyframe is kept for nobody who starts later.
    for (const sink of this.#sinks) sink.start(this.#hub);
    return true;
  }

  /** Ends the episode; media of the next one goes to the hub that is returned. */
  next(): Hub {
    this.#live = false;
    this.#mediaBefore += this.#hub.counters.position;
    const over = this.#hub;
    over.end();
    this.#hub = new Hub();
    // A sink may be slow to end for hours, while episodes come and go: one GOP is kept, not one of each of them.
    this.#over?.close();
    this.#over = over;
    // Each for itself: one that hangs must not hold up the others' next episode.
    const finished = this.#sinks.map((sink) => sink.finish());
    const id = ++this.#ended;
    void Promise.all(finished).then(() => this.#forget(id));
    this.open();
    return this.#hub;
  }

  /** Every sink is done with the episode that was the `id`th to end; those that ended since have closed earlier ones. */
  #forget(id: number): void {
    if (id !== this.#ended) return;
    this.#over?.close();
    this.#over = undefined;
  }

  /** The source was away for `ms`: tells those who record that the next packet comes after that. */
  noteGap(ms: number): void {
    for (const sink of this.#sinks) sink.noteGap(this.#hub.counters.position + 1, ms);
  }

  /** The job is over: sinks empty their queues and say goodbye, for as long as `stop` and `abort` let them. */
  async end(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    this.#hub.end();
    const hurry = new AbortController();
    const done = Promise.all(this.#sinks.map((sink) => sink.end({ hurry: hurry.signal, abort })));
    const giveUp = (): void => {
      hurry.abort();
      for (const sink of this.#sinks) sink.abort();
    };
    // The signals may outlive this job by months: nothing of it may stay behind on them.
    let drained: Timer | undefined;
    const drain = (): void => {
      drained = setTimeout(giveUp, STOP_DRAIN_MS);
    };
    stop.addEventListener("abort", drain, { once: true });
    abort.addEventListener("abort", giveUp, { once: true });
    if (stop.aborted) drain();
    if (abort.aborted) giveUp();
    await done;
    this.#over?.close();
    this.#hub.close();
    clearTimeout(drained);
    stop.removeEventListener("abort", drain);
    abort.removeEventListener("abort", giveUp);
  }
}
