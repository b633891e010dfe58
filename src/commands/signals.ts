/**
 * Signals: the first INT, TERM or HUP stops the job in good order, the second aborts it; USR1 asks how it is.
 */

import { ExitCode } from "../face/exit.ts";

/** As shells count them: 128 and the number of the signal. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  SIGHUP: 129,
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
};

/**
 * How signals reach a job. `exitCode` is set once the user insisted; `stopCode` from the first signal on, for what ends
 * there without having done what was asked.
 */
export type Signals = Disposable & {
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
  readonly stopCode: number | undefined;
  readonly exitCode: number | undefined;
};

/** Listens until disposed. */
export function listenForSignals(handlers: { readonly onStatistics: () => void }): Signals {
  const stop = new AbortController();
  const abort = new AbortController();
  let stopCode: number | undefined;
  let exitCode: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopCode === undefined) {
      stopCode = EXIT_CODES[signal];
      stop.abort();
      return;
    }
    exitCode = EXIT_CODES[signal];
    abort.abort();
  };
  const onStatistics = (): void => handlers.onStatistics();
  const ends: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of ends) process.on(signal, onSignal);
  process.on("SIGUSR1", onStatistics);
  return {
    stop: stop.signal,
    abort: abort.signal,
    get stopCode() {
      return stopCode;
    },
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      for (const signal of ends) process.off(signal, onSignal);
      process.off("SIGUSR1", onStatistics);
    },
  };
}
