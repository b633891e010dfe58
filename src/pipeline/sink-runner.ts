/**
 * SinkRunner: one sink under supervision. It keeps the sink's state and counters, retries while there is hope,
 * and says when there is none; a failure here is never felt elsewhere.
 */

import { describe } from "../errors.ts";
import { isNameTaken, isPermanent, isRefusal, isSaid, suspected } from "./faults.ts";
import { FileTally } from "./file-tally.ts";
import type { Hub } from "./hub.ts";
import { LossReport } from "./loss-report.ts";
import type { PacketQueue, QueueLimits } from "./queue.ts";
import type { JobEvent, SinkStatus } from "./report.ts";
import type { Ending, Sink, SinkContext } from "./source.ts";
import { realSupervision, supervise, type Failure, type RetryPolicy } from "./supervise.ts";

/** What a runner needs of the job. */
export type SinkRunnerOptions = {
  readonly retry: RetryPolicy;
  readonly report: (event: JobEvent) => void;
  /** The source is a file or a pipe that waits for its destinations: their queues never drop. */
  readonly hold: boolean;
  /** The only sink of its job: a queue that never drops is kept over reconnects, and nobody else waits meanwhile. */
  readonly alone: boolean;
  /** This sink is not believed in any more; says whether that is the end of the job. */
  readonly onHopeless: () => boolean;
};

/** Failed attempts in a row after which a destination that was never live is hopeless. */
const PATIENCE_ATTEMPTS = 3;
/** A server that takes its yes back within this time has refused, in ms. */
const CONFIRMED_AFTER_MS = 5000;
/** How long a server may take to notice that our last session is dead, in ms. */
const GHOST_MS = 120_000;
/** What a held queue may keep before the source waits. */
const HOLD_LIMITS: QueueLimits = { bytes: 4 * 1024 * 1024, ms: Infinity, policy: "hold" };

/** Episodes that wait for a sink that is still busy with an earlier one: each holds a queue. */
const MOST_WAITING = 4;

/** An episode that waits for its turn; `over` is one that has ended meanwhile. */
type Episode = {
  readonly hub: Hub;
  readonly queue: PacketQueue | undefined;
  readonly settled: PromiseWithResolvers<void>;
  over: boolean;
};

/** One supervised sink; see the head of this file. */
export class SinkRunner {
  readonly status: SinkStatus;
  /** Recordings that are finished. */
  readonly recordings = new FileTally();
  readonly #sink: Sink;
  readonly #options: SinkRunnerOptions;
  #hub: Hub | undefined;
  #controller = new AbortController();
  #settled = Promise.withResolvers<void>();
  #over = Promise.withResolvers<void>();
  #onThrown: (error: unknown) => void = () => {};
  #done: Promise<void> | undefined;
  #queue: PacketQueue | undefined;
  /** A queue that nobody has taken yet: what comes while the sink is being connected. */
  #reserved: PacketQueue | undefined;
  #liveSince: number | undefined;
  #ending = false;
  #finished: Promise<void> | undefined;
  #aborted = false;
  /** Episodes that begin when the one before has ended. */
  readonly #waiting: Episode[] = [];
  readonly #losses: LossReport;

  constructor(sink: Sink, options: SinkRunnerOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#losses = new LossReport(
      () => this.#queue?.lost,
      (packets, ms) => this.#countLoss(packets, ms),
    );
    const runner = this;
    this.status = {
      name: sink.name,
      kind: sink.kind,
      required: sink.required ?? true,
      state: "idle",
      everLive: false,
      downMs: 0,
      downSince: undefined,
      retry: undefined,
      hopeless: false,
      error: undefined,
      get bytesOut() {
        return sink.bytesOut;
      },
      get queuedBytes() {
        return runner.#queue?.bytes ?? 0;
      },
      get lagMs() {
        return runner.#queue?.ms ?? 0;
      },
      lost: { packets: 0, bytes: 0, ms: 0 },
    };
  }

  /** Resolves when the sink is live, or has failed for the first time since it was started. */
  get settled(): Promise<void> {
    return (this.#waiting.at(-1)?.settled ?? this.#settled).promise;
  }

  /** Starts the sink on a hub, once until it is finished. */
  start(hub: Hub): void {
    if (this.#ending) this.#startNext(hub);
    else if (this.#done === undefined) this.#begin(hub, this.#reserve(hub));
  }

  /** One connection per sink: the next episode begins when the last has ended, and misses nothing until then. */
  #startNext(hub: Hub): void {
    if (this.#waiting.at(-1)?.over === false) return;
    if (this.#waiting.length === MOST_WAITING) this.#forgo(this.#waiting.shift()!);
    const queue = this.#reserve(hub);
    this.#waiting.push({ hub, queue, settled: Promise.withResolvers(), over: false });
  }

  /** Too many episodes wait for a sink that does not come to an end. */
  #forgo({ hub, queue, settled }: Episode): void {
    settled.resolve();
    if (queue === undefined) return;
    this.#countLoss(queue.length, queue.ms);
    hub.unsubscribe(queue);
  }

  #reserve(hub: Hub): PacketQueue | undefined {
    return this.#holds || this.#sink.kind === "players" ? undefined : hub.subscribe(this.#sink.limits);
  }

  #begin(hub: Hub, reserved: PacketQueue | undefined): void {
    this.#hub = hub;
    this.#reserved = reserved === undefined ? undefined : this.#bind(reserved);
    this.#done = this.#run(hub);
    if (this.#sink.kind !== "rtmp") this.#settled.resolve();
  }

  /**
   * The source is over: lets the sink empty its queue, and those of episodes that still wait for their turn; one that
   * waits for its next attempt is not waited for. It may be started again at once.
   */
  finish(): Promise<void> {
    const last = this.#waiting.at(-1);
    if (last !== undefined) last.over = true;
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    this.#ending = true;
    for (;;) {
      await this.#endEpisode();
      const next = this.#waiting.shift();
      this.#settled = next?.settled ?? Promise.withResolvers();
      this.#ending = next?.over === true;
      if (!this.#ending) this.#finished = undefined;
      if (next !== undefined) this.#begin(next.hub, next.queue);
      if (!this.#ending) return;
    }
  }

  async #endEpisode(): Promise<void> {
    this.#over.resolve();
    if (this.status.state === "waiting") this.#controller.abort();
    await this.#done;
    this.#losses.flush();
    this.#done = undefined;
    this.#queue = undefined;
    this.#controller = new AbortController();
    if (this.#aborted) this.#controller.abort();
    this.#over = Promise.withResolvers();
  }

  /** The job is over: the sink ends what its sessions left open. */
  async end(ending: Ending): Promise<void> {
    await this.finish();
    try {
      await this.#sink.close?.(ending);
    } catch (error) {
      this.#onGivenUp(error);
    }
  }

  /** The source was away for `ms`; media from `at` (dts) on is from after that. */
  noteGap(at: number, ms: number): void {
    this.#sink.gap?.(at, ms);
  }

  /** Ends the sink now. */
  abort(): void {
    this.#aborted = true;
    this.#controller.abort();
  }

  async #run(hub: Hub): Promise<void> {
    const { signal } = this.#controller;
    const supervision = realSupervision(
      this.#sink.retry ?? this.#options.retry,
      (failure) => this.#onFailure(failure),
      (error) => isSaid(error) && !this.#isOwnGhost(error),
    );
    try {
      await supervise((live) => this.#attempt(hub, live), supervision, signal);
      this.status.state = this.status.state === "failed" ? "failed" : "done";
    } catch (error) {
      // What was made of it may say more.
      this.#onGivenUp(this.status.error ?? error);
      // What breaks while an episode ends says nothing of the next one.
      if (!this.#ending) this.#lostHope();
    }
    if (this.#queue !== undefined) hub.unsubscribe(this.#queue);
    this.#dropReserved();
    this.#settled.resolve();
  }

  async #attempt(hub: Hub, live: () => void): Promise<void> {
    this.status.state = "connecting";
    this.status.retry = undefined;
    const attempt = new AbortController();
    const signal = AbortSignal.any([this.#controller.signal, attempt.signal]);
    const thrown: unknown[] = [];
    this.#onThrown = (error) => {
      thrown.push(error);
      attempt.abort();
    };
    try {
      await this.#sink.run(this.#context(hub, live), signal);
      if (thrown.length > 0) throw thrown[0];
      if (this.#liveSince !== undefined) this.status.everLive = true;
    } catch (error) {
      if (this.#liveSince !== undefined) this.#onLost(error, performance.now() - this.#liveSince);
      throw error;
    } finally {
      this.#liveSince = undefined;
      this.#dropReserved();
    }
  }

  #dropReserved(): void {
    if (this.#reserved !== undefined) this.#hub?.unsubscribe(this.#reserved);
    this.#reserved = undefined;
  }

  /** Some servers accept every publish and hang up on those that they do not want. */
  #onLost(error: unknown, liveMs: number): void {
    if (!isRefusal(error) || liveMs >= CONFIRMED_AFTER_MS) this.status.everLive = true;
    if (this.status.everLive && !this.#ending) this.status.downSince = performance.now();
  }

  #context(hub: Hub, live: () => void): SinkContext {
    return {
      subscribe: () => this.#subscribe(),
      unsubscribe: (queue) => this.#unsubscribe(queue),
      join: (limits) => hub.subscribe(limits),
      leave: (queue) => hub.unsubscribe(queue),
      ended: this.#over.promise,
      onLive: () => this.#onLive(live),
      onFile: (file) => {
        this.recordings.add(file);
        this.#options.report({ event: "segment", ...file });
      },
      onRecovered: (file) => this.#options.report({ event: "recovered", ...file }),
      onDeleted: (file) => {
        this.recordings.remove(file);
        this.#options.report({ event: "deleted", ...file });
      },
      notice: (text) => this.#options.report({ event: "notice", name: this.status.name, text }),
      trace: (text) => this.#options.report({ event: "trace", name: this.status.name, text }),
    };
  }

  #onLive(live: () => void): void {
    live();
    this.#noteDown();
    this.#liveSince = performance.now();
    this.status.state = "live";
    this.status.hopeless = false;
    this.status.error = undefined;
    this.#settled.resolve();
    this.#options.report({ event: "live", name: this.status.name });
  }

  #noteDown(): void {
    if (this.status.downSince === undefined) return;
    this.status.downMs += performance.now() - this.status.downSince;
    this.status.downSince = undefined;
  }

  /**
   * The first session of an episode gets the queue that was there from its first packet on. Later ones get a new
   * one that begins with the current GOP, or the same again if nothing may be lost.
   */
  #subscribe(): PacketQueue {
    if (this.#reserved !== undefined) {
      this.#queue = this.#reserved;
      this.#reserved = undefined;
    } else if (this.#queue !== undefined) {
      this.#queue.restart();
    } else {
      this.#queue = this.#newQueue();
    }
    return this.#queue;
  }

  #newQueue(): PacketQueue {
    return this.#bind(this.#hub!.subscribe(this.#holds ? HOLD_LIMITS : this.#sink.limits));
  }

  /** Whether this sink keeps its queue, and the source waits for it. */
  get #holds(): boolean {
    return this.#options.hold && this.#sink.kind === "rtmp";
  }

  /** Listens to a new queue. What did not fit into it from the start is not the sink's slowness. */
  #bind(queue: PacketQueue): PacketQueue {
    queue.onLoss = () => this.#losses.note();
    queue.onFailure = (error) => this.#onThrown(error);
    this.#losses.begin(queue.lost);
    return queue;
  }

  #unsubscribe(queue: PacketQueue): void {
    this.#losses.flush();
    if (this.#holds && this.#options.alone && !this.#ending) {
      queue.onReady = undefined;
      return;
    }
    this.#hub?.unsubscribe(queue);
    this.#queue = undefined;
  }

  #countLoss(packets: number, ms: number): void {
    this.status.lost.packets += packets;
    this.status.lost.ms += ms;
    this.#options.report({ event: "drop", name: this.status.name, packets, ms });
  }

  #onFailure(failure: Failure): "retry" | "give-up" {
    const { attempts, wait } = failure;
    const hopeless = !this.status.everLive && (isSaid(failure.error) || attempts >= PATIENCE_ATTEMPTS);
    const error = hopeless ? suspected(failure.error) : failure.error;
    this.status.error = error;
    this.#settled.resolve();
    if (isPermanent(error) || this.#ending) return "give-up";
    if (hopeless && this.#lostHope()) return "give-up";
    this.status.state = "waiting";
    this.status.retry = { number: attempts, at: performance.now() + wait };
    this.#options.report({
      event: "retry",
      name: this.status.name,
      error: describe(error),
      attempts,
      waitMs: wait,
    });
    return "retry";
  }

  /** After a lost connection many servers hold the name for our own dead session until they notice. */
  #isOwnGhost(error: unknown): boolean {
    const { downSince } = this.status;
    return isNameTaken(error) && downSince !== undefined && performance.now() - downSince < GHOST_MS;
  }

  #onGivenUp(error: unknown): void {
    this.status.state = "failed";
    this.status.error = error;
    this.#options.report({ event: "failed", name: this.status.name, error: describe(error) });
  }

  /** Whether the job ends with that. */
  #lostHope(): boolean {
    this.status.hopeless = true;
    return this.#options.onHopeless();
  }
}
