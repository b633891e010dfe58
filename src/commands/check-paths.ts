/**
 * What of a plan can be checked against the disk before anything starts.
 */

import { statSync, type Stats } from "node:fs";
import { UsageError } from "../errors.ts";
import { expandName } from "../pipeline/file-name.ts";
import { nameFields } from "../pipeline/registry.ts";
import { requireProgram } from "../pipeline/sources/camera.ts";
import type { CapturePlan, Plan } from "../recipe/plan.ts";

/** Throws UsageError with all problems: a source file that is not there, names that cannot be made. */
export function checkPaths(plan: Plan): void {
  const problems: string[] = [];
  const check = (look: () => void): void => {
    try {
      look();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(...error.problems);
    }
  };
  const { source } = plan;
  if (source.kind === "file") check(() => requireFile(source.path));
  if (source.kind === "capture") check(() => requireCapture(source));
  for (const sink of plan.sinks) {
    if (sink.kind === "file") check(() => expandName(sink.template, nameFields(plan), new Date()));
  }
  if (problems.length > 0) throw new UsageError(problems);
}

/** Throws UsageError if there is no file, no list of times, or no program for what is captured. */
export function requireCapture({ input, clock }: CapturePlan): void {
  if (input.kind === "file") requireFile(input.path);
  else if (input.kind !== "stdin") requireProgram(input);
  if (clock.kind === "pts") requireFile(clock.path);
}

/** Throws UsageError if there is no file to read. */
export function requireFile(path: string): void {
  const stat = lookAt(path);
  if (stat === undefined) throw new UsageError(`there is no file "${path}"`);
  if (stat.isDirectory()) throw new UsageError(`"${path}" is a folder, not a file`);
}

/** What is known of a path; undefined when there is nothing. Throws UsageError when one may not even look. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOTDIR" ? "a part of its path is no folder" : message;
    throw new UsageError(`cannot look at "${path}": ${why}`);
  }
}
