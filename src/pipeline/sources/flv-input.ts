/**
 * Source: FLV from a file, a pipe or HTTP. Files and pipes are paced by their timestamps (unless told not to)
 * and wait for sinks that must not lose anything; HTTP-FLV comes at its own pace.
 */

import { MediaError, ProtocolError } from "../../errors.ts";
import { FlvReader } from "../../media/flv-reader.ts";
import type { FlvTag } from "../../media/flv-tag.ts";
import type { Ingest } from "../ingest.ts";
import { Pacer } from "../pacer.ts";
import type { Source } from "../source.ts";
import { untilTurn, type Turns } from "./turn.ts";

/** How an FLV input is read. */
export type FlvInputOptions = {
  /** For people, without secrets. */
  readonly name: string;
  /** Opens the input anew and yields its bytes; a segment may be reused once the next is asked for. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** A stream of a server, as against a file or pipe. */
  readonly live: boolean;
  /** Paced by its timestamps. */
  readonly realtime: boolean;
  /** Starts over at the end, for ever. */
  readonly loop: boolean;
  /** The program whose output this is, if it is one's. */
  readonly program?: string | undefined;
  /** Of a stream of a server: whether what was read last was a file, and all of it. */
  readonly wasWhole?: () => boolean;
  readonly trace: (line: string) => void;
};

/** The distance between two rounds of a loop when the file does not tell its frame rate, in ms. */
const NOMINAL_FRAME_MS = 40;

/** An FLV file, pipe or HTTP stream as a source. */
export function flvSource(options: FlvInputOptions): Source {
  return {
    name: options.name,
    nature: options.live ? "played" : "made",
    run: (ingest, signal) => runOnce(options, ingest, signal),
    wasLast: () => options.wasWhole?.() ?? false,
  };
}

/** A file that is no FLV will not become one; what a server or a program gives may be another thing soon. */
async function runOnce(options: FlvInputOptions, ingest: Ingest, signal: AbortSignal): Promise<string> {
  try {
    return await new FlvRun(options, ingest, signal).run();
  } catch (cause) {
    if (!options.live || !(cause instanceof MediaError)) throw cause;
    const what = options.program === undefined ? "the server sends" : `"${options.program}" writes`;
    const text = `Cannot read "${options.name}": what ${what} is no FLV`;
    throw new ProtocolError(text, { layer: "message" }, { cause });
  }
}

/** One reading of an FLV input, or many in a loop. */
class FlvRun {
  readonly #options: FlvInputOptions;
  readonly #ingest: Ingest;
  readonly #signal: AbortSignal;
  readonly #turns: Turns;
  #tags: FlvTag[] = [];
  #frames = 0;
  #firstFrame = 0;
  #lastFrame = 0;

  constructor(options: FlvInputOptions, ingest: Ingest, signal: AbortSignal) {
    this.#options = options;
    this.#ingest = ingest;
    this.#signal = signal;
    this.#turns = { ingest, pacer: options.realtime ? new Pacer() : undefined, signal };
  }

  async run(): Promise<string> {
    for (let round = 0; ; round++) {
      const handlers = {
        onTag: (tag: FlvTag) => void this.#tags.push(tag),
        onDiscontinuity: () => this.#options.trace("a second FLV header: two recordings in one file"),
      };
      const reader = new FlvReader(handlers, { lend: true });
      try {
        await this.#readOnce(reader, round);
      } finally {
        reader.close();
      }
      if (this.#signal.aborted) return "stopped";
      if (!this.#options.loop) return "the end of the file";
      this.#ingest.newSession(this.#frameDistance());
    }
  }

  async #readOnce(reader: FlvReader, round: number): Promise<void> {
    let bytes = 0;
    for await (const segment of this.#options.open(this.#signal)) {
      bytes += segment.length;
      reader.feed(segment);
      await this.#pass();
      if (this.#signal.aborted) return;
    }
    // Stopped before the first byte.
    if (this.#signal.aborted) return;
    if (bytes === 0) {
      // A server that ends an empty stream has none yet.
      if (this.#options.live) return;
      throw new MediaError(`"${this.#options.name}" is empty`);
    }
    const cut = reader.end();
    // A last tag without its back-pointer, and what stood behind damage near the end.
    await this.#pass();
    if (cut && round === 0) this.#options.trace("the last tag is cut short and left out");
    if (reader.skippedBytes > 0)
      this.#options.trace(`${reader.skippedBytes} bytes that are no FLV were skipped`);
  }

  /** Publishes the tags that were read, each when it is due. */
  async #pass(): Promise<void> {
    const tags = this.#tags;
    this.#tags = [];
    for (const { typeId, timestamp, body, slab } of tags) {
      const packet = this.#ingest.packet({ typeId, timestamp, payload: body, slab });
      if (packet === undefined || (this.#options.loop && packet.role === "end")) {
        slab?.release();
        continue;
      }
      const turn = untilTurn(this.#turns, packet.dts);
      if (turn !== undefined) await turn;
      if (this.#signal.aborted) return;
      if (packet.kind === "video" && packet.role !== "header") this.#countFrame(packet.dts);
      this.#ingest.publish(packet);
      slab?.release();
    }
    this.#ingest.flush();
  }

  #countFrame(dts: number): void {
    if (this.#frames === 0) this.#firstFrame = dts;
    this.#frames += 1;
    this.#lastFrame = dts;
  }

  #frameDistance(): number {
    if (this.#frames < 2) return NOMINAL_FRAME_MS;
    return Math.max(1, Math.round((this.#lastFrame - this.#firstFrame) / (this.#frames - 1)));
  }
}
