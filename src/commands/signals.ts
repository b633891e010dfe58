/**
 * Signals: the first INT, TERM or HUP stops the job in good order, the second aborts it; USR1 asks how it is.
 */

import { ExitCode } from "../face/exit.ts";

/** How signals reach a job. `exitCode` is set once the user insisted. */
export type Signals = Disposable & {
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
  readonly exitCode: number | undefined;
};

/** Listens until disposed. */
export function listenForSignals(handlers: { readonly onStatistics: () => void }): Signals {
  const stop = new AbortController();
  const abort = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!stop.signal.aborted) {
      stop.abort();
      return;
    }
    exitCode = signal === "SIGTERM" ? ExitCode.terminated : ExitCode.interrupted;
    abort.abort();
  };
  const onStatistics = (): void => handlers.onStatistics();
  const ends: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of ends) process.on(signal, onSignal);
  process.on("SIGUSR1", onStatistics);
  return {
    stop: stop.signal,
    abort: abort.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      for (const signal of ends) process.off(signal, onSignal);
      process.off("SIGUSR1", onStatistics);
    },
  };
}
