/**
 * The log: consola with one reporter of our own. Lines go to stderr, each with the job and the sink it is about;
 * as text, as JSON or for the journal.
 */

import { createConsola, type ConsolaInstance } from "consola/core";
import type { Terminal } from "./terminal.ts";

/** How lines look: for people, for programs, for journald with its priorities. */
export type LogFormat = "text" | "json" | "journal";

/** How much is said: -q is -1, nothing is 0, -v is 1, -vv is 2. */
export type Verbosity = -1 | 0 | 1 | 2;

/** consola's levels: 1 warnings, 3 information, 4 debug, 5 trace. */
const LEVEL: Readonly<Record<Verbosity, number>> = { [-1]: 1, 0: 3, 1: 4, 2: 5 };

/** syslog priorities, as journald reads them from stderr. */
const PRIORITY: Readonly<Record<string, number>> = { error: 3, fatal: 3, warn: 4, debug: 7, trace: 7 };

const COLOUR: Readonly<Record<string, string>> = { error: "\x1b[31m", fatal: "\x1b[31m", warn: "\x1b[33m" };

/** A log that writes to `terminal`. */
export function createLog(terminal: Terminal, verbosity: Verbosity, format: LogFormat): ConsolaInstance {
  return createConsola({
    level: LEVEL[verbosity],
    // Repeated lines are the caller's to collapse: none may be lost here.
    throttle: 0,
    reporters: [
      {
        log: ({ type, tag, args, date }) => {
          const text = args.map(String).join(" ");
          const line = formatLine({ type, tag, text, date }, format);
          if (format === "json") terminal.json(line, "stderr");
          else terminal.line(line, format === "text" ? COLOUR[type] : undefined);
        },
      },
    ],
  });
}

type Line = { type: string; tag: string; text: string; date: Date };

function formatLine({ type, tag, text, date }: Line, format: LogFormat): string {
  switch (format) {
    case "json":
      return JSON.stringify({ time: date.toISOString(), level: type, tag, text });
    case "journal":
      return `<${PRIORITY[type] ?? 6}>${tag === "" ? "" : `[${tag}] `}${text}`;
    case "text":
      return `${clock(date)} ${tag === "" ? "" : `[${tag}] `}${text}`;
    default:
      return format satisfies never;
  }
}

function clock(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
