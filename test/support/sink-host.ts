/** What a sink sees of a job, with a hub that the test feeds; what the sink tells is kept. */
import { Hub } from "../../src/pipeline/hub.ts";
import type { PacketQueue } from "../../src/pipeline/queue.ts";
import type { DeletedFile, FileReport } from "../../src/pipeline/report.ts";
import type { Sink, SinkContext } from "../../src/pipeline/source.ts";
import { packets } from "./packets.ts";

/** The job's side of one sink. */
export class SinkHost {
  readonly hub = new Hub();
  readonly files: FileReport[] = [];
  readonly recovered: FileReport[] = [];
  readonly deleted: DeletedFile[] = [];
  readonly notices: string[] = [];
  readonly traces: string[] = [];
  lives = 0;
  readonly #controller = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #queue: PacketQueue | undefined;

  /** The queue that the sink has now. */
  get queue(): PacketQueue | undefined {
    return this.#queue;
  }

  /** Starts a session of the sink. */
  run(sink: Sink): Promise<void> {
    const context: SinkContext = {
      subscribe: () => (this.#queue = this.hub.subscribe(sink.limits)),
      unsubscribe: (queue) => {
        this.hub.unsubscribe(queue);
        this.#queue = undefined;
      },
      join: (limits) => this.hub.subscribe(limits),
      leave: (queue) => this.hub.unsubscribe(queue),
      ended: this.#ended.promise,
      onLive: () => this.lives++,
      onFile: (file) => this.files.push(file),
      onRecovered: (file) => this.recovered.push(file),
      onDeleted: (file) => this.deleted.push(file),
      notice: (text) => this.notices.push(text),
      trace: (line) => this.traces.push(line),
    };
    return sink.run(context, this.#controller.signal);
  }

  /** Publishes packets in text, see packets.ts, and wakes the sink. */
  feed(line: string): void {
    for (const one of packets(line)) this.hub.publish(one);
    this.hub.flush(0);
  }

  /** The source is over. */
  end(): void {
    this.hub.end();
    this.#ended.resolve();
  }

  abort(): void {
    this.#controller.abort();
  }
}
