/**
 * The narrator: turns a job's events into log lines and, with --json, into NDJSON. The same failure, or the
 * same end of a short session, again and again is told once, then after 1, 5 and 15 minutes; being live for a moment in
 * between does not make it another one, and is told as rarely.
 */

import type { ConsolaInstance } from "consola/core";
import type { JobEvent } from "../pipeline/report.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** When a failure that goes on is told again, in ms after the first time; then at every last one. */
const REPEAT_AFTER_MS = [60_000, 300_000, 900_000];

/** Why a recording was deleted, by the rule of `keep`. */
const KEEP_RULES = {
  age: "it is older than may be kept",
  size: "the recordings are larger than may be kept",
  free: "the disk has less room than is to be kept free",
} as const;

/** What was told of one failure, and when for the first time. */
type Told = { readonly since: number; times: number };

/** What comes again and again: a failed attempt, or a session that ended. */
type Repeated = Extract<JobEvent, { event: "retry" | "ended" }>;

/** The failures and short sessions in a row of one source or destination; `live`: that was told since the last line. */
type Row = { readonly told: Map<string, Told>; live: boolean };

/** A row with more kinds of failures than this is told from the start. */
const MOST_KINDS = 20;

/** What is remembered of what a failure was called: a server may say a megabyte. */
const KEY_LENGTH = 500;
/** consola's level of traces: a peer can cause one with each message. */
const DEBUG = 4;

/** Tells what happens; see the head of this file. */
export class Narrator {
  readonly #log: ConsolaInstance;
  readonly #job: string;
  readonly #json: ((line: string) => void) | undefined;
  readonly #now: () => number;
  readonly #patient: boolean;
  readonly #rows = new Map<string, Row>();
  /** A source that is not there before it has ever been is what was expected. */
  #awaited = false;
  /** Whether the source's return was worth a line: its gap is then, too. */
  #gapIsNews = true;

  /** `json` gets each event as a line; `awaited`: the source may come later; `now` is a clock in ms. */
  constructor(
    log: ConsolaInstance,
    options: {
      job: string;
      json: ((line: string) => void) | undefined;
      awaited?: boolean;
      now?: () => number;
    },
  ) {
    this.#log = log;
    this.#job = options.job;
    this.#json = options.json;
    this.#patient = options.awaited ?? false;
    this.#now = options.now ?? Date.now;
  }

  /** Tells one event. */
  tell(event: JobEvent): void {
    if (event.event !== "trace") this.emit(event);
    else if (this.#log.level < DEBUG) return;
    const name = "name" in event && event.name !== "source" ? `${this.#job}/${event.name}` : this.#job;
    const log = this.#log.withTag(name);
    switch (event.event) {
      case "start":
        this.#awaited = this.#patient;
        log.info(`${event.source} -> ${event.destinations.join(", ")}`);
        return;
      case "live":
        this.#tellLive(log, event.name);
        return;
      case "ended":
        this.#tellInRow(event, `ended: ${event.reason}`, "", (text) => log.info(text));
        return;
      case "retry":
        this.#tellInRow(event, event.error, `; trying again in ${formatDuration(event.waitMs)}`, (text) =>
          this.#awaited && event.name === "source" && event.refused !== true
            ? log.info(text)
            : log.warn(text),
        );
        return;
      case "failed":
        log.error(`given up: ${event.error}`);
        return;
      case "gap":
        if (this.#gapIsNews) log.warn(`the source was away for ${formatDuration(event.ms)}`);
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
      case "deleted":
        log.info(`deleted ${event.path} (${formatBytes(event.bytes)}): ${KEEP_RULES[event.why]}`);
        return;
      case "waiting":
        log.info(`waiting for a publisher on ${event.where}`);
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

  /** Being live is not worth a line each time in a row of failures that goes on. */
  #tellLive(log: ConsolaInstance, name: string): void {
    const row = this.#rows.get(name);
    const isNews = row?.live !== true;
    if (row !== undefined) row.live = true;
    if (name === "source") {
      this.#gapIsNews = isNews;
      this.#awaited = false;
    }
    if (isNews) log.info("live");
  }

  /** Tells `what` and `then` the first time in a row, and now and then that it is still so. */
  #tellInRow({ name, attempts }: Repeated, what: string, then: string, say: (text: string) => void): void {
    const now = this.#now();
    let row = this.#rows.get(name);
    // What comes first after real flow, or ends it, begins a new row.
    if (row === undefined || attempts <= 1 || row.told.size >= MOST_KINDS) {
      row = { told: new Map(), live: false };
      this.#rows.set(name, row);
    }
    const key = keyOf(what);
    const told = row.told.get(key);
    if (told === undefined) {
      row.told.set(key, { since: now, times: 0 });
      row.live = false;
      say(what + then);
      return;
    }
    const last = REPEAT_AFTER_MS.length - 1;
    const due = REPEAT_AFTER_MS[Math.min(told.times, last)]! * Math.max(1, told.times - last + 1);
    if (now - told.since < due) return;
    told.times += 1;
    row.live = false;
    say(`${what}; still so after ${formatDuration(now - told.since)}, ${attempts} attempts`);
  }
}

/** The beginning of what was said, as a copy: a part of a string keeps the whole of it in memory. */
function keyOf(what: string): string {
  if (what.length <= KEY_LENGTH) return what;
  return Buffer.from(what.slice(0, KEY_LENGTH), "utf16le").toString("utf16le");
}
