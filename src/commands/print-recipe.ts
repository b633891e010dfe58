/**
 * --print-recipe: writes the recipe that does what a command line does.
 */

import { ExitCode } from "../face/exit.ts";
import type { Terminal } from "../face/terminal.ts";
import type { Plan } from "../recipe/plan.ts";
import { printRecipe as recipeText } from "../recipe/print.ts";
import type { Args } from "./args.ts";
import { namedOptions } from "./request.ts";

/** Prints the recipe of a plan that flags made; returns the exit code. */
export function printRecipe(plan: Plan, args: Args, terminal: Terminal): number {
  for (const line of recipeOf(plan, args).trimEnd().split("\n")) terminal.out(line);
  return ExitCode.done;
}

/** The recipe that does what a command line does, as text. */
export function recipeOf(plan: Plan, args: Args): string {
  const flag = (name: string): string | undefined =>
    args.values.get(name)?.[0] ?? ((args.counts.get(name) ?? 0) > 0 ? "true" : undefined);
  const source = flag("rtmp") ?? args.positionals[0] ?? "";
  return recipeText(plan, { source, named: namedOptions(args), keys: writtenKeys(plan, args), flag });
}

/** How each key was written: `NAME=` counts only if there is such a name. */
function writtenKeys(plan: Plan, args: Args): Map<string, string> {
  const names = [...plan.sinks.map((sink) => sink.name), "source"];
  const texts = args.values.get("key") ?? [];
  return new Map(
    texts.map((text) => {
      const name = names.find((candidate) => text.startsWith(`${candidate}=`));
      return name === undefined ? ["", text] : [name, text.slice(name.length + 1)];
    }),
  );
}
