/**
 * A guard for processes that run several jobs: a mistake of ours in a callback of one job must not end the others. What
 * it cannot know is whose callback it was, so the process says it and remembers it in its exit code.
 */

import type { ConsolaInstance } from "consola/core";

/** Guards until disposed; each crash is logged and counted. */
export function guardCrashes(log: ConsolaInstance, onCrash: () => void): Disposable {
  const guard = (error: unknown): void => {
    onCrash();
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error(`Internal: ${said}; the jobs go on`);
  };
  process.on("uncaughtException", guard);
  process.on("unhandledRejection", guard);
  return {
    [Symbol.dispose]() {
      process.off("uncaughtException", guard);
      process.off("unhandledRejection", guard);
    },
  };
}
