/**
 * OwnFiles: the files on the disk that belong to a recording, found by its template turned round. Links are never
 * followed and folders are entered only where the template has one.
 */

import { join } from "node:path";
import { numbered } from "../file-name.ts";
import type { NamePattern } from "../name-pattern.ts";
import { isMissing, type Disk, type PathFacts } from "./disk.ts";
import { recordingNameOf } from "./leftover.ts";
import { PART } from "./recording-file.ts";

/** A file of the recording; `path` of one that is being written, or was, is without its `.part`. */
export type OwnFile = { readonly path: string; readonly facts: PathFacts };

/** What there is of a recording. */
export type OwnFiles = { readonly finished: readonly OwnFile[]; readonly parts: readonly OwnFile[] };

type Found = { finished: OwnFile[]; parts: OwnFile[] };

/** Looks through the folders of a recording. */
export async function findOwnFiles(disk: Disk, pattern: NamePattern): Promise<OwnFiles> {
  const found: Found = { finished: [], parts: [] };
  await walk(disk, pattern, { folder: pattern.folder, depth: 0 }, found);
  const names = new Set([...found.finished, ...found.parts].map((file) => file.path));
  const finished: OwnFile[] = [];
  for (const file of found.finished)
    if (await isCertain(disk, pattern, file.path, names)) finished.push(file);
  return { finished, parts: found.parts };
}

async function walk(
  disk: Disk,
  pattern: NamePattern,
  { folder, depth }: { folder: string; depth: number },
  found: Found,
): Promise<void> {
  const step = pattern.steps[depth]!;
  const last = depth === pattern.steps.length - 1;
  for (const name of await listOrNothing(disk, folder)) {
    const part = last && name.endsWith(PART);
    const plain = part ? name.slice(0, -PART.length) : name;
    if (!step.test(plain)) continue;
    const facts = await disk.look(join(folder, name));
    if (!last && facts?.kind === "folder") {
      await walk(disk, pattern, { folder: join(folder, name), depth: depth + 1 }, found);
    }
    const path = join(folder, plain);
    if (!last || facts?.kind !== "file" || pattern.match(path) === undefined) continue;
    (part ? found.parts : found.finished).push({ path, facts });
  }
}

async function listOrNothing(disk: Disk, folder: string): Promise<string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * `cam-2026-11-20-14.flv` is number 14 of `cam-%Y-%m-%d.flv`, or the 14 o'clock file of somebody else. It is ours if
 * every number before it is there, or if it says so itself.
 */
async function isCertain(
  disk: Disk,
  pattern: NamePattern,
  path: string,
  names: ReadonlySet<string>,
): Promise<boolean> {
  const { base, number } = pattern.match(path)!;
  if (number === 1) return true;
  let n = 1;
  while (n < number && names.has(n === 1 ? base : numbered(base, n))) n += 1;
  return n === number || (await recordingNameOf(disk, path)) === base.slice(base.lastIndexOf("/") + 1);
}
