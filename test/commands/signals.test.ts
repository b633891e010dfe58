/** Signals as jobs see them: the first asks, the second insists, USR1 asks how it is. */
import { expect, test } from "bun:test";
import { listenForSignals } from "../../src/commands/signals.ts";

test.each([
  ["SIGINT", "SIGINT", 130, 130],
  ["SIGTERM", "SIGTERM", 143, 143],
  ["SIGTERM", "SIGINT", 143, 130],
  ["SIGINT", "SIGTERM", 130, 143],
  ["SIGHUP", "SIGHUP", 129, 129],
] as const)("%s, then %s", (first, second, stopCode, exitCode) => {
  using signals = listenForSignals({ onStatistics: () => {} });
  expect([signals.stop.aborted, signals.abort.aborted, signals.exitCode]).toEqual([false, false, undefined]);
  expect(signals.stopCode).toBe(undefined);
  process.emit(first, first);
  expect([signals.stop.aborted, signals.abort.aborted, signals.exitCode]).toEqual([true, false, undefined]);
  process.emit(second, second);
  expect([signals.stop.aborted, signals.abort.aborted, signals.exitCode]).toEqual([true, true, exitCode]);
  expect(signals.stopCode).toBe(stopCode);
});

test("USR1 asks and stops nothing; afterwards nobody listens", () => {
  let asked = 0;
  {
    using signals = listenForSignals({ onStatistics: () => asked++ });
    process.emit("SIGUSR1");
    process.emit("SIGUSR1");
    expect(signals.stop.aborted).toBe(false);
  }
  expect(asked).toBe(2);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
    expect(process.listenerCount(signal)).toBe(0);
});
