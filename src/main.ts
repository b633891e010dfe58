/**
 * The program: finds the subcommand, turns what it throws into a line and an exit code.
 */

import packageJson from "../package.json" with { type: "json" };
import { commandHelp, programHelp } from "./commands/help.ts";
import { unknownCommand } from "./commands/unknown-command.ts";
import { rootCommand, runSubCommand, subCommandOf } from "./commands/verbs.ts";
import { describe, isOurs, problemLine, UsageError } from "./errors.ts";
import { ExitCode, exitCodeOf } from "./face/exit.ts";
import { Terminal } from "./face/terminal.ts";

const PROGRAM = "runnel";

/** Runs the program with its arguments; returns the exit code. */
async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [verb, ...rest] = argv;
  try {
    const early = answerEarly(terminal, verb, rest);
    if (early !== undefined) return early;
    return await runSubCommand(verb!, rest, terminal);
  } catch (error) {
    if (error instanceof UsageError)
      for (const problem of error.problems) terminal.line(`runnel: ${problemLine(problem)}`);
    else terminal.line(`runnel: ${describe(error)}`);
    if (!isOurs(error) && error instanceof Error) terminal.line(error.stack ?? "");
    return exitCodeOf(error);
  }
}

/** --version, --help, no command and unknown commands. */
function answerEarly(
  terminal: Terminal,
  verb: string | undefined,
  rest: readonly string[],
): number | undefined {
  if (verb === "--version" || verb === "-V" || verb === "version") {
    terminal.out(`runnel ${packageJson.version}`);
    return ExitCode.done;
  }
  const root = rootCommand(packageJson.version);
  if (verb === undefined || verb === "--help" || verb === "-h" || verb === "help") {
    const of = subCommandOf(rest[0] ?? "");
    if (of === undefined && rest[0]?.startsWith("-") === false) throw new UsageError(unknownCommand(rest[0]));
    terminal.help(of === undefined ? programHelp(root) : commandHelp(of, PROGRAM));
    return verb === undefined ? ExitCode.usage : ExitCode.done;
  }
  const command = subCommandOf(verb);
  if (command === undefined) throw new UsageError(unknownCommand(verb));
  const end = rest.indexOf("--");
  const flags = end < 0 ? rest : rest.slice(0, end);
  if (!flags.includes("--help") && !flags.includes("-h")) return undefined;
  terminal.help(commandHelp(command, PROGRAM));
  return ExitCode.done;
}

const terminal = new Terminal(process.env);
void main(process.argv.slice(2), terminal).then((code) => {
  terminal.finish();
  process.exit(code);
});
