/**
 * Watches whether the peers of connections take what is sent to them. Used for destinations and for players.
 */

import { SendProgress } from "./send-progress.ts";
import type { ByteTransport } from "./transport.ts";

/** How often progress is looked at, in ms. */
const INTERVAL_MS = 1000;

/** What looks at each connection; all in one turn, so that they share what has to be asked of the kernel. */
const looks = new Set<() => void>();
let timer: Timer | undefined;

/** Calls `onStuck` once when the peer has taken nothing for `stall` ms. Returns what ends the watch. */
export function watchSending(transport: ByteTransport, stall: number, onStuck: () => void): () => void {
  const progress = new SendProgress(stall);
  const judge = (taken: number, kept: number, unacknowledged: number | undefined): void => {
    if (!looks.has(look) || !progress.isStuck({ taken, kept, unacknowledged }, performance.now())) return;
    stop();
    onStuck();
  };
  const look = (): void => {
    // From before the kernel is asked: what is sent meanwhile must not seem to have arrived.
    const { takenBytes: taken, bufferedBytes: kept } = transport;
    if (!progress.wantsKernel({ taken, kept }, performance.now())) return judge(taken, kept, undefined);
    void transport.unacknowledgedBytes().then((bytes) => judge(taken, kept, bytes));
  };
  const stop = (): void => {
    looks.delete(look);
    if (looks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  looks.add(look);
  timer ??= setInterval(() => {
    for (const one of looks) one();
  }, INTERVAL_MS);
  return stop;
}
