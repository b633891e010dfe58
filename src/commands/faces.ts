/**
 * The faces that flags choose: how much is said, in which form, and where.
 */

import type { ConsolaInstance } from "consola/core";
import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import { createLog, type LogFormat, type Verbosity } from "../face/log.ts";
import type { Terminal } from "../face/terminal.ts";
import type { Args } from "./args.ts";

/** What a command talks through. */
export type Faces = {
  readonly terminal: Terminal;
  readonly log: ConsolaInstance;
  readonly quiet: boolean;
  /** Takes NDJSON lines, if they are wanted. */
  readonly json: ((line: string) => void) | undefined;
  /** The last line: how it ended, in words. */
  readonly lastLine: (text: string, exitCode: number) => void;
};

const FORMATS: readonly LogFormat[] = ["text", "json", "journal"];

/** Makes the faces of the process's terminal. With media on stdout everything else goes to stderr. Throws UsageError. */
export function makeFaces(
  terminal: Terminal,
  args: Args,
  options: { readonly mediaOnStdout: boolean },
): Faces {
  const quiet = (args.counts.get("quiet") ?? 0) > 0;
  const format = logFormat(args.values.get("log-format")?.[0]);
  const log = createLog(terminal, quiet ? -1 : verbosity(args.counts.get("verbose") ?? 0), format);
  const wantsJson = (args.counts.get("json") ?? 0) > 0;
  const writeJson = (line: string): void => terminal.json(line, options.mediaOnStdout ? "stderr" : "stdout");
  return {
    terminal,
    log,
    quiet,
    json: wantsJson ? writeJson : undefined,
    lastLine: (text, exitCode) => {
      if (format === "text") terminal.line(text);
      else if (exitCode === ExitCode.done) createLog(terminal, 0, format).info(text);
      else createLog(terminal, 0, format).error(text);
    },
  };
}

function verbosity(count: number): Verbosity {
  return count >= 2 ? 2 : count === 1 ? 1 : 0;
}

function logFormat(text: string | undefined): LogFormat {
  if (text === undefined) return "text";
  const format = FORMATS.find((candidate) => candidate === text);
  if (format === undefined)
    throw new UsageError({ flag: "--log-format", value: text, what: `is none of ${FORMATS.join(", ")}` });
  return format;
}
