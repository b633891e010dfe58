/** Command lines as people type them, understood as the program does it, short of running anything. */
import { problemLine, UsageError } from "../../src/errors.ts";
import { parseArgs } from "../../src/commands/args.ts";
import { flagsOf } from "../../src/commands/flags.ts";
import { planFromArgs } from "../../src/commands/request.ts";
import type { Plan } from "../../src/recipe/plan.ts";

/** The present of all command lines in tests. */
export const NOW = new Date(2026, 10, 20, 14, 30, 0);

type Environment = Readonly<Record<string, string | undefined>>;

/** Splits at spaces; what stands in single quotes stays together. */
export function words(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), (match) => match[1] ?? match[2] ?? "");
}

/** The plan of a command line that begins with a verb. Throws UsageError. */
export function planOf(line: string, environment: Environment = {}): Plan {
  const [verb, ...argv] = words(line);
  if (verb !== "pull" && verb !== "push" && verb !== "relay") throw new Error(`no verb: ${line}`);
  const args = parseArgs(argv, flagsOf(verb), environment);
  return planFromArgs(verb, args, { environment, now: NOW });
}

/** What is said of a command line that cannot be carried out. */
export function problemsOf(line: string, environment: Environment = {}): readonly string[] {
  try {
    planOf(line, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}
