/**
 * A clock that moves only when told, and a sleep that takes its time from it: for code that takes both as arguments.
 * Beside it, what tests with the runner's fake timers wait with.
 */

/** Time in ms that a test moves. */
export class FakeClock {
  /** The present. */
  time = 0;
  /** How long each sleep was asked to last. */
  readonly slept: number[] = [];
  /** Runs in the middle of every sleep. */
  onSleep: (ms: number) => void = () => {};

  readonly now = (): number => this.time;

  readonly sleep = async (ms: number, _signal: AbortSignal): Promise<void> => {
    this.slept.push(ms);
    this.onSleep(ms);
    this.time += ms;
  };
}

/** Lets promises settle, which wait for no timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
