/**
 * Sink: publishes to an RTMP server. It subscribes once the server has accepted the stream, writes one buffer
 * per run of packets, and leaves the rest in its queue while the server does not take more.
 */

import { dialRtmp, type DialTarget, type RtmpLink } from "../../net/rtmp-dial.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Sink, SinkContext } from "../source.ts";
import { takeRun, type RunFramer } from "./run-framer.ts";

/** A run is cut here, so that one buffer serves every destination and stays small. */
const RUN_BYTES = 512 * 1024;

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
  const totals = { bytesOut: 0 };
  return {
    name: options.name,
    kind: "rtmp",
    limits: options.queue,
    retry: options.retry,
    required: options.required,
    get bytesOut() {
      return totals.bytesOut;
    },
    run: (context, signal) => publish(options, totals, context, signal),
  };
}

async function publish(
  options: RtmpSinkOptions,
  totals: { bytesOut: number },
  context: SinkContext,
  signal: AbortSignal,
): Promise<void> {
  const closed = Promise.withResolvers<void>();
  let session: Session | undefined;
  const link = await dialRtmp(
    options.target,
    {
      onMedia: () => {},
      onSegmentEnd: () => {},
      onEnded: () => {},
      onReturned: () => {},
      onDrain: () => session?.drain(),
      onClose: (error) => closed.reject(error),
      onTrace: context.trace,
    },
    signal,
  );
  const abort = (): void => closed.resolve();
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) return;
    session = new Session(link, context.subscribe(), options, totals, closed);
    context.onLive();
    session.drain();
    await closed.promise;
    if (signal.aborted) await Promise.race([link.finish(), sleep(FAREWELL_MS)]);
    else await link.finish();
  } finally {
    signal.removeEventListener("abort", abort);
    if (session !== undefined) context.unsubscribe(session.queue);
    link.close();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** One accepted publish: moves packets from the queue to the link. */
class Session {
  readonly queue: PacketQueue;
  readonly #link: RtmpLink;
  readonly #framer: RunFramer;
  readonly #totals: { bytesOut: number };
  readonly #closed: { resolve(): void; reject(error: unknown): void };
  readonly #run: MediaPacket[] = [];
  #framing: { chunkSize: number; messageStreamId: number; origin: number } | undefined;

  constructor(
    link: RtmpLink,
    queue: PacketQueue,
    options: RtmpSinkOptions,
    totals: { bytesOut: number },
    closed: { resolve(): void; reject(error: unknown): void },
  ) {
    this.queue = queue;
    this.#link = link;
    this.#framer = options.framer;
    this.#totals = totals;
    this.#closed = closed;
    queue.onReady = () => this.drain();
  }

  /** Sends what the queue has, as far as the link takes it. Never throws: a failure is this sink's alone. */
  drain(): void {
    try {
      while (this.#link.writable && this.#sendRun());
      if (this.queue.ended && this.queue.length === 0 && this.#link.writable) this.#closed.resolve();
    } catch (error) {
      this.#closed.reject(error);
    }
  }

  #sendRun(): boolean {
    const count = takeRun(this.queue, this.#run, RUN_BYTES);
    if (count === 0) return false;
    const first = this.#run[0]!;
    this.#framing ??= {
      chunkSize: this.#link.chunkSize,
      messageStreamId: this.#link.messageStreamId,
      origin: first.dts,
    };
    const bytes = this.#framer.frame(this.#run, count, this.#framing);
    this.#link.send(bytes);
    this.#totals.bytesOut += bytes.length;
    return true;
  }
}
