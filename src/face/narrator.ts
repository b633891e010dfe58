/**
 * The narrator: turns a job's events into log lines and, with --json, into NDJSON. The same failure again and
 * again is told once, then after 1, 5 and 15 minutes.
 */

import type { ConsolaInstance } from "consola/core";
import type { JobEvent } from "../pipeline/report.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** When a failure that goes on is told again, in ms after the first time; then at every last one. */
const REPEAT_AFTER_MS = [60_000, 300_000, 900_000];

type Told = { error: string; since: number; times: number };

/** Tells what happens; see the head of this file. */
export class Narrator {
  readonly #log: ConsolaInstance;
  readonly #job: string;
  readonly #json: ((line: string) => void) | undefined;
  readonly #now: () => number;
  readonly #told = new Map<string, Told>();

  /** `json` gets each event as a line; `now` is a clock in ms. */
  constructor(
    log: ConsolaInstance,
    options: { job: string; json: ((line: string) => void) | undefined; now?: () => number },
  ) {
    this.#log = log;
    this.#job = options.job;
    this.#json = options.json;
    this.#now = options.now ?? Date.now;
  }

  /** Tells one event. */
  tell(event: JobEvent): void {
    if (event.event !== "trace") this.emit(event);
    const name = "name" in event && event.name !== "source" ? `${this.#job}/${event.name}` : this.#job;
    const log = this.#log.withTag(name);
    switch (event.event) {
      case "start":
        log.info(`${event.source} -> ${event.destinations.join(", ")}`);
        return;
      case "live":
        this.#told.delete(event.name);
        log.info("live");
        return;
      case "ended":
        log.info(`ended: ${event.reason}`);
        return;
      case "retry":
        this.#tellRetry(log, event);
        return;
      case "failed":
        log.error(`given up: ${event.error}`);
        return;
      case "gap":
        log.warn(`the source was away for ${formatDuration(event.ms)}`);
        return;
      case "drop":
        log.warn(`too slow: skipped ${event.packets} packets (${formatDuration(event.ms)})`);
        return;
      case "segment":
        log.info(`recorded ${event.path} (${formatDuration(event.ms)}, ${formatBytes(event.bytes)})`);
        return;
      case "recovered":
        log.info(`finished ${event.path}, which an earlier run had left (${formatDuration(event.ms)})`);
        return;
      case "notice":
        log.warn(event.text);
        return;
      case "trace":
        log.debug(event.text);
        return;
      default:
        event satisfies never;
    }
  }

  /** Writes an event for programs. */
  emit(event: object): void {
    this.#json?.(JSON.stringify({ time: new Date(this.#now()).toISOString(), job: this.#job, ...event }));
  }

  #tellRetry(log: ConsolaInstance, event: Extract<JobEvent, { event: "retry" }>): void {
    const now = this.#now();
    const told = this.#told.get(event.name);
    const wait = formatDuration(event.waitMs);
    if (told === undefined || told.error !== event.error) {
      this.#told.set(event.name, { error: event.error, since: now, times: 0 });
      log.warn(`${event.error}; trying again in ${wait}`);
      return;
    }
    const last = REPEAT_AFTER_MS.length - 1;
    const due = REPEAT_AFTER_MS[Math.min(told.times, last)]! * Math.max(1, told.times - last + 1);
    if (now - told.since < due) return;
    told.times += 1;
    log.warn(
      `${event.error}; still so after ${formatDuration(now - told.since)}, ${event.attempts} attempts`,
    );
  }
}
