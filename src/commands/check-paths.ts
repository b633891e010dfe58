/**
 * What of a plan can be checked against the disk before anything starts.
 */

import { accessSync, closeSync, constants, openSync, readSync, statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf, collect, DiskError, fileFault, UsageError, type UsageProblem } from "../errors.ts";
import { foreignFormat, isFlvSignature } from "../media/flv-sync.ts";
import { expandName } from "../pipeline/file-name.ts";
import { nameFields } from "../pipeline/registry.ts";
import { requireProgram } from "../pipeline/sources/camera.ts";
import { aFolder } from "../recipe/addresses.ts";
import type { CapturePlan, Plan } from "../recipe/plan.ts";

/** What file systems take, without the .part and the number that may follow. */
const LONGEST_NAME = 255 - ".part".length - "-9999".length;

/** Throws UsageError with all problems: a source file that is not there, names that cannot be made. */
export function checkPaths(plan: Plan): void {
  const problems: UsageProblem[] = [];
  const check = (look: () => void): void => void collect(problems, look);
  const { source } = plan;
  if (source.kind === "file") check(() => requireFlv(source.path));
  if (source.kind === "capture") check(() => requireCapture(source));
  for (const sink of plan.sinks) {
    if (sink.kind === "file") check(() => requireName(sink.template, plan));
  }
  if (problems.length > 0) throw new UsageError(problems);
  for (const sink of plan.sinks) if (sink.kind === "file") requireFolder(sink.template);
}

/** Throws UsageError for a name that cannot be made, or that a folder has. */
export function requireName(template: string, plan: Plan): void {
  const path = expandName(template, nameFields(plan), new Date());
  const longest = Math.max(...path.split("/").map((part) => Buffer.byteLength(part)));
  if (longest > LONGEST_NAME)
    throw new UsageError(`the name of a recording is too long: ${longest} bytes, ${LONGEST_NAME} at most`);
  if (isFolder(path)) throw new UsageError(aFolder(path));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Throws DiskError if a recording's folder is not there and cannot be made: better now than when the show begins. */
function requireFolder(template: string): void {
  // Folders that a field or a time names are made later; what is above them is known.
  nearestFolder(template.replace(/[{%].*$/s, "x"), template);
}

/**
 * The folder that a recording at this path will be in, or the nearest one above it, in which the others are made.
 * Throws DiskError if nothing can be made there; `shown` is what the recording is called.
 */
export function nearestFolder(path: string, shown: string): string {
  let folder = dirname(resolve(path));
  while (isMissing(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const fail = (why: string, code: string): never => {
    throw new DiskError(`Cannot record to "${shown}": ${why}`, { path: folder, code });
  };
  if (!statSync(folder).isDirectory()) fail(`"${folder}" is no folder`, "ENOTDIR");
  try {
    // Into a folder that may not be entered nothing can be written either.
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    fail(`nothing can be written in "${folder}"`, "EACCES");
  }
  return folder;
}

/** Throws UsageError if there is no file, no list of times, or no program for what is captured. */
export function requireCapture({ input, clock, audio }: CapturePlan): void {
  if (input.kind === "file") requireFile(input.path);
  else if (input.kind !== "stdin") requireProgram(input);
  if (clock.kind === "pts") requireFile(clock.path);
  if (audio !== undefined) requireProgram({ kind: "exec", argv: audio.argv });
}

/** Throws UsageError if there is no file, if it may not be read, or if it is something else than FLV. */
function requireFlv(path: string): void {
  // What comes through a pipe is not known before it comes.
  if (requireFile(path).isFIFO()) return;
  let head: Uint8Array;
  try {
    const fd = openSync(path, "r");
    head = new Uint8Array(16);
    readSync(fd, head, 0, head.length, 0);
    closeSync(fd);
  } catch (cause) {
    throw new UsageError(`cannot read "${path}": ${fileFault(cause)}`);
  }
  if (isFlvSignature(head, 0)) return;
  const foreign = foreignFormat(head);
  if (foreign !== undefined)
    throw new UsageError({ value: path, what: `looks like ${foreign.name}`, instead: foreign.hint });
  throw new UsageError({
    value: path,
    what: "is no FLV file",
    instead: "if it is a damaged one, runnel repair may mend it",
  });
}

/** What is known of a file. Throws UsageError if there is none, or if it may not be read. */
export function requireFile(path: string): Stats {
  const stat = lookAt(path);
  if (stat === undefined) throw new UsageError(`there is no file "${path}"`);
  if (stat.isDirectory()) throw new UsageError({ value: path, what: "is a folder, not a file" });
  // A pipe would wait for its writer, or make him believe that somebody reads.
  if (!stat.isFile()) return stat;
  try {
    closeSync(openSync(path, "r"));
  } catch (cause) {
    throw new UsageError(`cannot read "${path}": ${fileFault(cause)}`);
  }
  return stat;
}

/** Whether nothing is there, a file in the place of a folder above it included. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (cause) {
    if (codeOf(cause) === "ENOTDIR") return true;
    throw new UsageError(`cannot look at "${path}": ${fileFault(cause)}`);
  }
}

/** What is known of a path; undefined when there is nothing. Throws UsageError when one may not even look. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new UsageError(`cannot look at "${path}": ${fileFault(cause)}`);
  }
}
