/**
 * RunSender: moves packets from a queue to an RTMP link, one buffer for a run of them, as far as the link takes them.
 * What it does not take stays in the queue, which is bounded. Used for destinations and for players.
 */

import { skipLastTier } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { PacketQueue } from "../queue.ts";
import { takeRun, type RunFramer, type RunFraming } from "./run-framer.ts";

/** The end of a connection that media is sent to; `send` is done with the bytes when it returns. */
export type MediaLink = Omit<RunFraming, "origin"> & {
  readonly writable: boolean;
  send(bytes: Uint8Array): void;
};

/** What senders have in common; `runBytes` is where a run is cut, so that one buffer serves everybody and stays small. */
export type Sending = {
  readonly framer: RunFramer;
  readonly runBytes: number;
  readonly totals: { bytesOut: number };
};

/** One session's packets on their way; see the head of this file. */
export class RunSender {
  readonly #link: MediaLink;
  readonly #queue: PacketQueue;
  readonly #sending: Sending;
  readonly #run: MediaPacket[] = [];
  #framing: RunFraming | undefined;

  constructor(link: MediaLink, queue: PacketQueue, sending: Sending) {
    skipLastTier(this.#sendRun);
    this.#link = link;
    this.#queue = queue;
    this.#sending = sending;
  }

  /** Sends what the queue has, as far as the link takes it. */
  drain(): void {
    while (this.#link.writable && this.#sendRun());
  }

  #sendRun(): boolean {
    const { framer, runBytes, totals } = this.#sending;
    const count = takeRun(this.#queue, this.#run, runBytes);
    if (count === 0) return false;
    this.#framing ??= {
      chunkSize: this.#link.chunkSize,
      messageStreamId: this.#link.messageStreamId,
      origin: this.#run[0]!.dts,
    };
    try {
      const bytes = framer.frame(this.#run, count, this.#framing);
      this.#link.send(bytes);
      totals.bytesOut += bytes.length;
    } finally {
      for (let i = 0; i < count; i++) this.#run[i]!.slab?.release();
      // A slot that the next runs do not reach would keep its packet for as long as the session lasts.
      this.#run.length = 0;
    }
    return true;
  }
}
