/**
 * Terminal: everything that goes to stderr. It knows whether somebody watches, keeps the repainted status lines, one
 * for each job, below the log lines, and masks secrets in whatever passes.
 */

import { fstatSync, writeSync } from "node:fs";
import { LineOutput } from "./line-output.ts";
import { longestFirst, maskSecrets } from "../secret-text.ts";

const STDERR = 2;
const STDOUT = 1;
/** How long a reader that has stalled is waited for at the end: of the log, and of what was asked for; in ms. */
const LOG_PATIENCE_MS = 1_000;
const ANSWER_PATIENCE_MS = 5_000;

/** Where lines go; see the head of this file. */
export class Terminal {
  /** Whether stderr is a terminal that repaints. */
  readonly interactive: boolean;
  /** Whether colours are wanted. */
  readonly colour: boolean;
  readonly #err = new LineOutput((bytes) => writeSync(STDERR, bytes), LOG_PATIENCE_MS);
  readonly #out = new LineOutput((bytes) => writeSync(STDOUT, bytes), ANSWER_PATIENCE_MS);
  #secrets: readonly string[] = [];
  /** The status lines as they stand; the cursor is behind the last one. */
  #status: readonly string[] = [];

  /** `watched` says whether somebody watches stderr. */
  constructor(env: Readonly<Record<string, string | undefined>>, watched: boolean = isTerminal()) {
    this.interactive = watched && env["TERM"] !== "dumb";
    this.colour = this.interactive && (env["NO_COLOR"] ?? "") === "";
  }

  /** From now on these texts are never shown. */
  hide(secrets: readonly string[]): void {
    this.#secrets = longestFirst([...this.#secrets, ...secrets.flatMap(writings)]);
  }

  /** A text without secrets. */
  mask(text: string): string {
    return maskSecrets(text, this.#secrets);
  }

  /** Writes a line to stderr, above the status line; `colour` is an escape sequence of ours. */
  line(text: string, colour = ""): void {
    const clean = oneLine(this.mask(text));
    this.#above(colour === "" || !this.colour ? clean : `${colour}${clean}\x1b[0m`);
  }

  #above(painted: string): void {
    if (this.#status.length === 0) this.#err.write(`${painted}\n`);
    else this.#err.write(`${this.#erase()}${painted}\n${this.#status.join("\n")}`);
  }

  /** Paints the status lines anew; none removes them. Only on a terminal. */
  status(...lines: readonly string[]): void {
    // A terminal that is stuck gets no more of what is old in a second.
    if (!this.interactive || (this.#err.stuck && lines.length > 0)) return;
    const width = Math.max(20, terminalWidth()) - 1;
    const fitting = fit(lines, Math.max(3, process.stderr.rows || 24) - 1);
    const erase = this.#erase();
    this.#status = fitting.map((text) => [...oneLine(this.mask(text))].slice(0, width).join(""));
    this.#err.write(`${erase}${this.#status.join("\n")}`);
  }

  /** What takes the status lines away and leaves the cursor where the first one began. */
  #erase(): string {
    // A terminal that became narrower has broken lines in two.
    const width = terminalWidth();
    const rows = this.#status.reduce(
      (sum, text) => sum + Math.max(1, Math.ceil([...text].length / width)),
      0,
    );
    const above = rows - 1;
    return above > 0 ? `\r\x1b[${above}A\x1b[J` : "\r\x1b[2K";
  }

  /** Writes a line to stdout. */
  out(text: string): void {
    this.#out.write(`${oneLine(this.mask(text))}\n`);
  }

  /** Writes an object for programs, which `json` is. Texts in it are masked; numbers and the names of fields are not. */
  json(json: string, to: "stdout" | "stderr"): void {
    const masked = JSON.parse(json, (_key, value: unknown) =>
      typeof value === "string" ? this.mask(value) : value,
    );
    const clean = oneLine(JSON.stringify(masked));
    if (to === "stdout") this.#out.write(`${clean}\n`);
    else this.#above(clean);
  }

  /** The program ends: readers that lag get a moment for the last lines. */
  finish(): void {
    this.#out.finish();
    this.#err.finish();
  }

  /** Writes lines of our own to stdout, which may be styled: help. */
  help(text: string): void {
    this.#out.write(`${text}\n`);
  }
}

/** Columns, as they are at the moment. */
function terminalWidth(): number {
  return process.stderr.columns || 80;
}

/** As many lines as there is room for; what has none is counted. A line that scrolled away could not be repainted. */
function fit(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  return [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more`];
}

/** How a secret may stand in a text: as it is, in a URL, in JSON. */
function writings(secret: string): string[] {
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
}

/** What a peer says may hold control characters, C1 and escape sequences too: they must not reach a terminal. */
function oneLine(text: string): string {
  return text.replace(/\r?\n/g, "\n  ").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}

/** Whether somebody watches stderr. process.stderr costs several MiB: it is asked only where it can say yes. */
function isTerminal(): boolean {
  try {
    return fstatSync(STDERR).isCharacterDevice() && process.stderr.isTTY === true;
  } catch {
    return false;
  }
}
