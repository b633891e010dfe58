/**
 * `runnel schema`: prints the recipe's JSON Schema, for editors.
 */

import { UsageError } from "../errors.ts";
import { ExitCode } from "../face/exit.ts";
import { recipeJsonSchema } from "../recipe/json-schema.ts";
import { parseArgs } from "./args.ts";
import { flagsOf } from "./flags.ts";

/** Runs the command; returns the exit code. Throws UsageError. */
export async function runSchemaCommand(argv: readonly string[]): Promise<number> {
  const { positionals } = parseArgs(argv, flagsOf("schema"), {});
  if (positionals.length > 0)
    throw new UsageError("schema takes no arguments: runnel schema > recipe.schema.json");
  await Bun.write(Bun.stdout, recipeJsonSchema());
  return ExitCode.done;
}
