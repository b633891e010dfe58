/**
 * What of a plan can be checked against the disk before anything starts.
 */

import { statSync } from "node:fs";
import { UsageError } from "../errors.ts";
import { expandName } from "../pipeline/file-name.ts";
import { nameFields } from "../pipeline/registry.ts";
import type { Plan } from "../recipe/plan.ts";

/** Throws UsageError with all problems: a source file that is not there, names that cannot be made. */
export function checkPaths(plan: Plan): void {
  const problems: string[] = [];
  if (plan.source.kind === "file") {
    const stat = statSync(plan.source.path, { throwIfNoEntry: false });
    if (stat === undefined) problems.push(`there is no file "${plan.source.path}"`);
    else if (stat.isDirectory()) problems.push(`"${plan.source.path}" is a folder, not a file`);
  }
  for (const sink of plan.sinks) {
    if (sink.kind !== "file") continue;
    try {
      expandName(sink.template, nameFields(plan), new Date());
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new UsageError(problems);
}
