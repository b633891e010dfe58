/**
 * What recipes take from outside: variables and files.
 */

import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileFault } from "../errors.ts";
import type { Surroundings } from "../recipe/expand.ts";

/** Nothing that a recipe names is larger. */
const LARGEST_FILE = 4 * 1024 * 1024;

/** The process's own surroundings. */
export function surroundings(environment: Readonly<Record<string, string | undefined>>): Surroundings {
  return { variable: (name) => environment[name], readFile };
}

const readFile: Surroundings["readFile"] = (path, folder) => {
  const name = isAbsolute(path) || folder === "" ? path : join(folder, path);
  const id = resolve(name);
  try {
    const stat = statSync(id);
    if (stat.isDirectory()) return { problem: "it is a folder" };
    if (stat.isCharacterDevice() || stat.size > LARGEST_FILE) return { problem: "it is too large" };
    return { text: readFileSync(id, "utf8"), name, folder: dirname(name), id };
  } catch (error) {
    return { problem: fileFault(error) };
  }
};
