/** Recordings of packets in text by the file sink, with clocks that a test moves; and what stands in the files. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { decodeAmf0, getProperty, type Amf0Value } from "../../src/amf/amf0.ts";
import { flvFileSink, type RecordingRules } from "../../src/pipeline/sinks/flv-file.ts";
import { realDisk, type Disk } from "../../src/pipeline/sinks/disk.ts";
import type { Sink } from "../../src/pipeline/source.ts";
import { readFlv, type FlvTag } from "./flv-compare.ts";
import { scratch } from "./scratch.ts";
import { SinkHost } from "./sink-host.ts";

/** 2026-03-05 07:08:09 in local time. */
export const MORNING = new Date(2026, 2, 5, 7, 8, 9).getTime();

/** A recording in a folder of its own. */
export class TestRecording {
  readonly folder: string;
  readonly sink: Sink;
  /** ms; both clocks stand still unless the test moves them. */
  wall = MORNING;
  now = 0;
  readonly #never = new AbortController();

  constructor(
    rules: Partial<RecordingRules> & { name?: string } = {},
    parts: { disk?: Disk; folder?: string; queue?: Sink["limits"] } = {},
  ) {
    const { disk = realDisk, folder = scratch("recording"), queue } = parts;
    const { name = "show-{n}.flv", ...rest } = rules;
    this.folder = folder;
    this.sink = flvFileSink({
      name,
      files: {
        template: join(folder, name),
        fields: { job: "job", app: "app", stream: "stream" },
        force: false,
        segment: undefined,
        join: undefined,
        keep: undefined,
        ...rest,
      },
      queue: queue ?? { bytes: 64 * 1024 * 1024, ms: Infinity, policy: "fail" },
      disk,
      clock: { wall: () => this.wall, monotonic: () => this.now },
    });
  }

  /** Moves both clocks. */
  pass(ms: number): void {
    this.wall += ms;
    this.now += ms;
  }

  /** Records a line in one session, and ends the job unless `more` is to come. */
  async record(line: string, options: { more?: boolean } = {}): Promise<SinkHost> {
    const host = new SinkHost();
    const run = host.run(this.sink);
    host.feed(line);
    host.end();
    await run;
    if (options.more !== true) await this.close();
    return host;
  }

  /** The job is over. */
  close(): Promise<void> {
    return this.sink.close!({ hurry: this.#never.signal, abort: this.#never.signal });
  }

  /** What lies in the folder and below it, sorted. */
  get names(): string[] {
    return readdirSync(this.folder, { recursive: true }).map(String).sort();
  }

  /** The tags of a file behind its head. */
  tags(name: string): FlvTag[] {
    return readFlv(readFileSync(join(this.folder, name))).slice(1);
  }

  /** A file's media as text: kind and time. */
  text(name: string): string {
    return textOf(this.tags(name));
  }

  /** What a file says of itself. */
  head(name: string): Amf0Value {
    return headOf(join(this.folder, name));
  }
}

/** The onMetaData of a file, finished or not. */
export function headOf(path: string): Amf0Value {
  const bytes = Buffer.alloc(1024 * 1024);
  const fd = openSync(path, "r");
  readSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
  return decodeAmf0(bytes.subarray(24, 24 + bytes.readUIntBE(14, 3)))[1];
}

/** One value of a file's onMetaData. */
export function claim(path: string, key: string): Amf0Value {
  return getProperty(headOf(path), key);
}

const LETTERS: Readonly<Record<string, string>> = {
  "video header": "V",
  "audio header": "A",
  "video key": "K",
  "video frame": "f",
  "video end": "E",
  "audio frame": "a",
  "script data": "d",
};

/** Tags as text: `V0 A0 K0 a10 f40`. */
export function textOf(tags: readonly FlvTag[]): string {
  return tags.map((tag) => `${LETTERS[`${tag.kind} ${tag.role}`]}${tag.timestamp}`).join(" ");
}
