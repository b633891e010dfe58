/**
 * Sink: records FLV into files, or streams it to stdout. A file opens with the first media, so that its name has that
 * moment's time and nothing is left behind when no media ever comes; the disk is never waited for. Where files end
 * is the cutter's affair, what becomes of them the store's; this is who moves packets from the queue to the one that
 * is open. With `join` it stays open between two sessions.
 */

import { resolve } from "node:path";
import type { NameFields } from "../file-name.ts";
import type { QueueLimits } from "../queue.ts";
import type { Sink } from "../source.ts";
import type { SegmentRule } from "./cutter.ts";
import { realDisk, type Disk } from "./disk.ts";
import { Recorder } from "./recorder.ts";
import { RecordingStore, type Clock } from "./recording-store.ts";
import type { KeepRule } from "./retention.ts";

/** Where recordings go, and how they are cut, joined and kept; times in ms. */
export type RecordingRules = {
  readonly template: string;
  readonly fields: NameFields;
  readonly force: boolean;
  readonly segment: SegmentRule | undefined;
  readonly join: number | undefined;
  readonly keep: KeepRule | undefined;
};

/** What a recording needs. */
export type FileSinkOptions = {
  readonly name: string;
  /** undefined records to stdout. */
  readonly files: RecordingRules | undefined;
  readonly queue: QueueLimits;
  readonly disk?: Disk;
  readonly clock?: Clock;
};

/** The machine's clocks. */
const REAL_CLOCK: Clock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** A recording. */
export function flvFileSink(options: FileSinkOptions): Sink {
  const { name, files, queue, disk = realDisk, clock = REAL_CLOCK } = options;
  const store =
    files === undefined
      ? undefined
      : new RecordingStore({ ...files, template: resolve(files.template), disk, clock });
  const recorder = new Recorder({
    name,
    queue,
    disk,
    clock,
    store,
    segment: files?.segment,
    join: files?.join,
  });
  return {
    name,
    kind: "file",
    limits: queue,
    get bytesOut() {
      return recorder.bytesOut;
    },
    run: (context, signal) => recorder.run(context, signal),
    gap: (at, ms) => recorder.gap(at, ms),
    close: (ending) => recorder.close(ending),
  };
}
