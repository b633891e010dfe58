/**
 * Sink: publishes to an RTMP server. It subscribes once the server has accepted the stream, writes one buffer
 * per run of packets, and leaves the rest in its queue while the server does not take more.
 */

import { dialRtmp, type DialTarget } from "../../net/rtmp-dial.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Sink, SinkContext } from "../source.ts";
import type { RunFramer } from "./run-framer.ts";
import { RunSender, type Sending } from "./run-sender.ts";

const RUN_BYTES = 256 * 1024;

/** How long a goodbye may take when the sink is ended before its queue is empty, in ms. */
const FAREWELL_MS = 500;

/** What a publishing sink needs. */
export type RtmpSinkOptions = {
  readonly name: string;
  readonly target: DialTarget;
  readonly queue: QueueLimits;
  readonly framer: RunFramer;
  /** undefined: the job's. */
  readonly retry: Sink["retry"];
  readonly required: boolean;
};

/** A destination on an RTMP server. */
export function rtmpPublishSink(options: RtmpSinkOptions): Sink {
  const sending = { framer: options.framer, runBytes: RUN_BYTES, totals: { bytesOut: 0 } };
  return {
    name: options.name,
    kind: "rtmp",
    limits: options.queue,
    retry: options.retry,
    required: options.required,
    get bytesOut() {
      return sending.totals.bytesOut;
    },
    run: (context, signal) => publish(options.target, sending, context, signal),
  };
}

async function publish(
  target: DialTarget,
  sending: Sending,
  context: SinkContext,
  signal: AbortSignal,
): Promise<void> {
  const closed = Promise.withResolvers<void>();
  // Whoever is stopped at that very moment does not ask for it.
  closed.promise.catch(() => {});
  let drain = (): void => {};
  const link = await dialRtmp(
    target,
    {
      onMedia: () => {},
      onSegmentEnd: () => {},
      onEnded: () => {},
      onReturned: () => {},
      onDrain: () => drain(),
      onClose: (error) => closed.reject(error),
      onTrace: context.trace,
    },
    signal,
  );
  const abort = (): void => closed.resolve();
  signal.addEventListener("abort", abort, { once: true });
  let queue: PacketQueue | undefined;
  try {
    if (signal.aborted) return;
    queue = context.subscribe();
    drain = drainer(new RunSender(link, queue, sending), { link, queue, closed });
    queue.onReady = drain;
    context.onLive();
    drain();
    await closed.promise;
    if (signal.aborted) await Promise.race([link.finish(), sleep(FAREWELL_MS)]);
    else await link.finish();
  } finally {
    signal.removeEventListener("abort", abort);
    if (queue !== undefined) context.unsubscribe(queue);
    link.close();
  }
}

type Session = {
  readonly link: { readonly writable: boolean };
  readonly queue: PacketQueue;
  readonly closed: { resolve(): void; reject(error: unknown): void };
};

/** What sends, and ends the session behind its last packet. Never throws: a failure is this sink's alone. */
function drainer(sender: RunSender, { link, queue, closed }: Session): () => void {
  return () => {
    try {
      sender.drain();
      if (queue.ended && queue.length === 0 && link.writable) closed.resolve();
    } catch (error) {
      closed.reject(error);
    }
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
