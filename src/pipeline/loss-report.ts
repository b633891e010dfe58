/**
 * LossReport: what a sink's queue has dropped, told at most once a second: a slow destination loses packets without end.
 * Losses of a queue go in, with how much there was when it was taken over; differences come out.
 */

import type { QueueLoss } from "./queue.ts";

/** Losses of a queue are told at most this often, in ms. */
const INTERVAL_MS = 1000;

/** Tells of losses; see the head of this file. */
export class LossReport {
  /** The losses of the queue that the sink has now. */
  readonly #current: () => QueueLoss | undefined;
  readonly #tell: (packets: number, ms: number) => void;
  #packets = 0;
  #ms = 0;
  #timer: Timer | undefined;

  constructor(current: () => QueueLoss | undefined, tell: (packets: number, ms: number) => void) {
    this.#current = current;
    this.#tell = tell;
  }

  /** Another queue: what it has lost until now is not told. */
  begin({ packets, ms }: QueueLoss): void {
    this.#packets = packets;
    this.#ms = ms;
  }

  /** Something was lost: it is told soon. */
  note(): void {
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS);
  }

  /** Tells what was not told yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lost = this.#current();
    if (lost === undefined || lost.packets === this.#packets) return;
    const packets = lost.packets - this.#packets;
    const ms = lost.ms - this.#ms;
    this.begin(lost);
    this.#tell(packets, ms);
  }
}
