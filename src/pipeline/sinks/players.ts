/**
 * Sink: serves whoever comes to play. Each player has a queue of its own that begins with metadata, headers and the
 * current GOP; one that is slow skips to the next keyframe, one that takes nothing at all is closed, and nobody
 * else feels it. Players of an episode that is over take what they were sent and leave, while those of the next come.
 */

import type { ServerLink } from "../../net/rtmp-listen.ts";
import type { PlayRequest } from "../../rtmp/server-events.ts";
import { aborted } from "../aborted.ts";
import type { PacketQueue, QueueLimits } from "../queue.ts";
import type { Ending, Sink, SinkContext } from "../source.ts";
import type { ListenPort } from "../sources/listen-port.ts";
import { RunFramer } from "./run-framer.ts";
import { RunSender, type Sending } from "./run-sender.ts";

const RUN_BYTES = 256 * 1024;

/** What serving players needs; `stall` in ms. */
export type PlayersOptions = {
  readonly name: string;
  readonly port: Pick<ListenPort, "open" | "onPlayer">;
  readonly queue: QueueLimits;
  readonly stall: number;
};

/** Everybody who plays the job's stream. */
export function playersSink(options: PlayersOptions): Sink {
  const audience = new Audience(options);
  return {
    name: options.name,
    kind: "players",
    limits: options.queue,
    get bytesOut() {
      return audience.bytesOut;
    },
    run: (context, signal) => audience.serve(context, signal),
    close: (ending) => audience.close(ending),
  };
}

/** The players of all episodes. */
class Audience {
  readonly #options: PlayersOptions;
  readonly #sending: Sending = {
    framer: new RunFramer("play"),
    runBytes: RUN_BYTES,
    totals: { bytesOut: 0 },
  };
  /** Players of episodes that are over, on their way out. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: PlayersOptions) {
    this.#options = options;
  }

  get bytesOut(): number {
    return this.#sending.totals.bytesOut;
  }

  /** Lets players in until the episode is over; those who are here then hear that it is, and are not waited for. */
  async serve(context: SinkContext, signal: AbortSignal): Promise<void> {
    const { port, queue: limits, stall } = this.#options;
    const players = new Set<Player>();
    port.open();
    const letIn = (link: ServerLink, request: PlayRequest): void => {
      const queue = context.join(limits);
      const player = new Player(link, queue, this.#sending, (reason) => {
        players.delete(player);
        context.leave(queue);
        context.trace(`player ${link.address} left: ${reason}`);
      });
      players.add(player);
      context.trace(`player ${link.address} came`);
      player.start(request, stall);
    };
    port.onPlayer = letIn;
    context.onLive();
    await Promise.race([context.ended, aborted(signal)]);
    if (port.onPlayer === letIn) port.onPlayer = undefined;
    for (const player of players) this.#sayGoodbye(player);
  }

  /** Waits until everybody has left; one that is slow to take the rest must not hold up a job that is ended at once. */
  async close({ hurry }: Ending): Promise<void> {
    await Promise.race([Promise.all(this.#leaving), aborted(hurry)]);
  }

  #sayGoodbye(player: Player): void {
    const farewell = player.finish().finally(() => this.#leaving.delete(farewell));
    this.#leaving.add(farewell);
  }
}

/** One player's stream. */
class Player {
  readonly #link: ServerLink;
  readonly #queue: PacketQueue;
  readonly #sender: RunSender;
  readonly #onGone: (reason: string) => void;
  #gone = false;

  constructor(link: ServerLink, queue: PacketQueue, sending: Sending, onGone: (reason: string) => void) {
    this.#link = link;
    this.#queue = queue;
    this.#sender = new RunSender(link, queue, sending);
    this.#onGone = onGone;
  }

  /** Accepts the player; one that takes nothing for `stall` ms is closed. */
  start(request: PlayRequest, stall: number): void {
    this.#queue.onReady = () => this.#drain();
    this.#queue.onFailure = () => this.#leave("failed");
    const accepted = this.#link.accept(request.id, {
      onMedia: () => {},
      onSegmentEnd: () => {},
      onDrain: () => this.#queue.wake(),
      onEnd: (reason) => this.#leave(reason),
    });
    if (!accepted) return this.#leave("gone before it was answered");
    this.#link.watchSending(stall, () => this.#onStuck());
    this.#queue.wake();
  }

  /** The stream is over. */
  async finish(): Promise<void> {
    if (this.#gone) return;
    this.#leave("the end");
    await this.#link.finish();
  }

  #onStuck(): void {
    this.#leave("it takes no data");
    this.#link.close("a player takes no data, closed");
  }

  #leave(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(reason);
  }

  #drain(): void {
    if (!this.#gone) this.#sender.drain();
  }
}
