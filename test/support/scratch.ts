/** Folders that a test or a benchmark may fill; `tidy()` of tidy.ts removes them at the end of a test file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/** Makes an empty folder that is removed when the test file is done. */
export function scratch(name = "work"): string {
  const folder = mkdtempSync(join(tmpdir(), `runnel-test-${name}-`));
  folders.add(folder);
  return folder;
}

/** Removes all folders that `scratch` made. */
export function removeScratch(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}
