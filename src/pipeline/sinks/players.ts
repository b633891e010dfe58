/**
 * Sink: serves whoever comes to play. Each player has a queue of its own that begins with metadata, headers and the
 * current GOP; one that is slow skips to the next keyframe, one that takes nothing at all is closed, and nobody
 * else feels it.
 */

import type { ServerLink } from "../../net/rtmp-listen.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { PlayRequest } from "../../rtmp/server-events.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Sink, SinkContext } from "../source.ts";
import type { ListenPort } from "../sources/listen-port.ts";
import { RunFramer, takeRun, type RunFraming } from "./run-framer.ts";

const RUN_BYTES = 256 * 1024;
/** How often players that take nothing are looked for, in ms. */
const WATCH_INTERVAL_MS = 1000;

/** What serving players needs; `stall` in ms. */
export type PlayersOptions = {
  readonly name: string;
  readonly port: ListenPort;
  readonly queue: QueueLimits;
  readonly stall: number;
};

/** Everybody who plays the job's stream. */
export function playersSink(options: PlayersOptions): Sink {
  const totals = { bytesOut: 0 };
  return {
    name: options.name,
    kind: "players",
    limits: options.queue,
    get bytesOut() {
      return totals.bytesOut;
    },
    run: (context, signal) => serve(options, totals, context, signal),
  };
}

async function serve(
  options: PlayersOptions,
  totals: { bytesOut: number },
  context: SinkContext,
  signal: AbortSignal,
): Promise<void> {
  const players = new Set<Player>();
  const framer = new RunFramer("play");
  options.port.open();
  options.port.onPlayer = (link, request) => {
    const queue = context.join(options.queue);
    const player = new Player(link, queue, framer, totals, (reason) => {
      players.delete(player);
      context.leave(queue);
      context.trace(`player ${link.address} left: ${reason}`);
    });
    players.add(player);
    context.trace(`player ${link.address} came`);
    player.start(request);
  };
  const watch = setInterval(() => {
    for (const player of players) player.checkProgress(options.stall);
  }, WATCH_INTERVAL_MS);
  context.onLive();
  try {
    await Promise.race([context.ended, aborted(signal)]);
    // Nobody new is let in; those who are here hear that it is over.
    options.port.onPlayer = undefined;
    const farewells = Promise.all([...players].map((player) => player.finish()));
    // One that is slow to take the rest must not hold up a job that is ended at once.
    await Promise.race([farewells, aborted(signal)]);
  } finally {
    clearInterval(watch);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** One player's stream. */
class Player {
  readonly #link: ServerLink;
  readonly #queue: PacketQueue;
  readonly #framer: RunFramer;
  readonly #totals: { bytesOut: number };
  readonly #onGone: (reason: string) => void;
  readonly #run: MediaPacket[] = [];
  #framing: RunFraming | undefined;
  #taken = 0;
  #blockedFor = 0;
  #gone = false;

  constructor(
    link: ServerLink,
    queue: PacketQueue,
    framer: RunFramer,
    totals: { bytesOut: number },
    onGone: (reason: string) => void,
  ) {
    this.#link = link;
    this.#queue = queue;
    this.#framer = framer;
    this.#totals = totals;
    this.#onGone = onGone;
  }

  start(request: PlayRequest): void {
    this.#queue.onReady = () => this.#drain();
    this.#queue.onFailure = () => this.#leave("failed");
    const accepted = this.#link.accept(request.id, {
      onMedia: () => {},
      onSegmentEnd: () => {},
      onDrain: () => this.#queue.wake(),
      onEnd: (reason) => this.#leave(reason),
    });
    if (accepted) this.#queue.wake();
    else this.#leave("gone before it was answered");
  }

  /** The stream is over. */
  async finish(): Promise<void> {
    if (this.#gone) return;
    this.#leave("the end");
    await this.#link.finish();
  }

  /** Closes a player that has taken nothing for `stall` ms; called every WATCH_INTERVAL_MS. */
  checkProgress(stall: number): void {
    const { bufferedBytes, takenBytes } = this.#link;
    const blocked = bufferedBytes > 0 && takenBytes === this.#taken;
    this.#blockedFor = blocked ? this.#blockedFor + WATCH_INTERVAL_MS : 0;
    this.#taken = takenBytes;
    if (this.#blockedFor < stall) return;
    this.#leave("it takes no data");
    this.#link.close("a player takes no data, closed");
  }

  #leave(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(reason);
  }

  #drain(): void {
    while (!this.#gone && this.#link.writable) {
      const count = takeRun(this.#queue, this.#run, RUN_BYTES);
      if (count === 0) return;
      this.#framing ??= {
        chunkSize: this.#link.chunkSize,
        messageStreamId: this.#link.messageStreamId,
        origin: this.#run[0]!.dts,
      };
      const bytes = this.#framer.frame(this.#run, count, this.#framing);
      this.#link.send(bytes);
      this.#totals.bytesOut += bytes.length;
    }
  }
}
