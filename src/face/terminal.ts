/**
 * Terminal: everything that goes to stderr. It knows whether somebody watches, keeps the one repainted status
 * line below the log lines, and masks secrets in whatever passes.
 */

import { fstatSync, writeSync } from "node:fs";

const STDERR = 2;
const STDOUT = 1;
/** Shorter secrets would blank out innocent words. */
const SHORTEST_SECRET = 4;

/** Where lines go; see the head of this file. */
export class Terminal {
  /** Whether stderr is a terminal that repaints. */
  readonly interactive: boolean;
  /** Whether colours are wanted. */
  readonly colour: boolean;
  #secrets: string[] = [];
  #status = "";

  /** `watched` says whether somebody watches stderr. */
  constructor(env: Readonly<Record<string, string | undefined>>, watched: boolean = isTerminal()) {
    this.interactive = watched && env["TERM"] !== "dumb";
    this.colour = this.interactive && (env["NO_COLOR"] ?? "") === "";
  }

  /** From now on these texts are never shown. Longer ones first, so that none hides half of another. */
  hide(secrets: readonly string[]): void {
    const all = [...this.#secrets, ...secrets.flatMap(writings)];
    const long = all.filter((secret) => secret.length >= SHORTEST_SECRET);
    this.#secrets = [...new Set(long)].sort((a, b) => b.length - a.length);
  }

  /** A text without secrets. */
  mask(text: string): string {
    let masked = text;
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, "***");
    return masked;
  }

  /** Writes a line to stderr, above the status line; `colour` is an escape sequence of ours. */
  line(text: string, colour = ""): void {
    const clean = oneLine(this.mask(text));
    const painted = colour === "" || !this.colour ? clean : `${colour}${clean}\x1b[0m`;
    if (this.#status === "") write(STDERR, `${painted}\n`);
    else write(STDERR, `\r\x1b[2K${painted}\n${this.#status}`);
  }

  /** Paints the status line anew; "" removes it. Only on a terminal. */
  status(text: string): void {
    if (!this.interactive) return;
    const width = Math.max(20, process.stderr.columns || 80) - 1;
    const clean = oneLine(this.mask(text));
    this.#status = [...clean].slice(0, width).join("");
    write(STDERR, `\r\x1b[2K${this.#status}`);
  }

  /** Writes a line to stdout. */
  out(text: string): void {
    write(STDOUT, `${oneLine(this.mask(text))}\n`);
  }

  /** Writes lines of our own to stdout, which may be styled: help. */
  help(text: string): void {
    write(STDOUT, `${text}\n`);
  }
}

/** How a secret may stand in a text: as it is, in a URL, in JSON. */
function writings(secret: string): string[] {
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
}

/** What a peer says may hold control characters, C1 and escape sequences too: they must not reach a terminal. */
function oneLine(text: string): string {
  return text.replace(/\r?\n/g, "\n  ").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}

/** Writes all of it; a reader that is gone is nobody's business here. */
function write(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

/** Whether somebody watches stderr. process.stderr costs several MiB: it is asked only where it can say yes. */
function isTerminal(): boolean {
  try {
    return fstatSync(STDERR).isCharacterDevice() && process.stderr.isTTY === true;
  } catch {
    return false;
  }
}
