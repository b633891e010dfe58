/** The file that is written and the one that was cut before it: which packet goes where, and when a file is finished. */
import { describe, expect, test } from "bun:test";
import { OpenFiles } from "../../../src/pipeline/sinks/open-files.ts";
import type { OpenRecording } from "../../../src/pipeline/sinks/open-recording.ts";
import type { RecordingStore } from "../../../src/pipeline/sinks/recording-store.ts";
import { packet, packets, textOf } from "../../support/packets.ts";

/** A file that only notes what it is given: a byte for each packet. */
class FakeFile {
  readonly got: string[] = [];
  readonly flushes: number[] = [];
  readonly origin: number;
  length = 0;

  constructor(origin: number) {
    this.origin = origin;
  }

  get size(): number {
    return this.got.length;
  }

  write(one: Parameters<OpenRecording["write"]>[0]): void {
    this.got.push(textOf(one));
    this.length = Math.max(this.length, one.dts - this.origin);
  }

  flush(now: number): void {
    this.flushes.push(now);
  }

  get real(): OpenRecording {
    return this as unknown as OpenRecording;
  }
}

/** Two files: the first from 0 ms on, cut at 1000 ms. `retired` are those that the store has been given. */
function cutAt1000() {
  const retired: [OpenRecording, number | undefined][] = [];
  const retire = async (file: OpenRecording, length?: number): Promise<void> => {
    retired.push([file, length]);
  };
  const files = new OpenFiles({ retire } as unknown as RecordingStore);
  const [first, second] = [new FakeFile(0), new FakeFile(1000)];
  files.begin(first.real);
  for (const one of packets("K0 a0 f960")) first.write(one);
  files.cut();
  files.begin(second.real);
  /** As the recorder does. */
  const write = (line: string): void => {
    for (const one of packets(line)) if (!files.writeBefore(one)) second.write(one);
  };
  return { files, first, second, retired, write };
}

describe("OpenFiles", () => {
  test("sound from before the cut goes into the file that was cut, pictures do not", () => {
    const { first, second, retired, write } = cutAt1000();
    // A picture that is late is of another track.
    write("K1000 a970 f980 a993 f1040");
    expect(first.got).toEqual(["K0", "a0", "f960", "a970", "a993"]);
    expect(second.got).toEqual(["K1000", "f980", "f1040"]);
    expect(retired).toEqual([]);
  });

  test("the file that was cut is finished with the first sound from behind the cut, and lasts up to it", () => {
    const { first, second, retired, write } = cutAt1000();
    write("K1000 a970 a1016 a990");
    expect(retired).toEqual([[first.real, 1000]]);
    expect(second.got).toEqual(["K1000", "a1016", "a990"]);
  });

  test("it is finished without sound when media is a second ahead", () => {
    const { first, retired, write } = cutAt1000();
    write("K1000 f1999");
    expect(retired).toEqual([]);
    write("f2000");
    expect(retired).toEqual([[first.real, 1000]]);
  });

  test("it lasts as long as what is in it, if that reaches beyond the cut", () => {
    const { files, first, retired } = cutAt1000();
    first.write(packet("f1200"));
    files.endPrevious(1000);
    expect(retired).toEqual([[first.real, 1200]]);
  });

  test("without a cut it lasts as long as it says itself", () => {
    const { files, first, retired } = cutAt1000();
    files.endPrevious(undefined);
    expect(retired).toEqual([[first.real, undefined]]);
  });

  test("the next cut finishes it", () => {
    const { files, first, second, retired } = cutAt1000();
    files.cut();
    expect(retired).toEqual([[first.real, 1000]]);
    expect(files.current).toBeUndefined();
    expect(files.has(second.real)).toBe(true);
  });

  test("counts the bytes of files that are written, cut, taken away and finished", () => {
    const { files, write } = cutAt1000();
    expect(files.bytes).toBe(3);
    write("K1000 a970");
    expect(files.bytes).toBe(5);
    write("a1016");
    expect(files.bytes).toBe(6);
    files.takeCurrent();
    expect(files.bytes).toBe(6);
    expect(files.takeCurrent()).toBeUndefined();
    expect(files.bytes).toBe(6);
  });

  test("has a file until it takes no more", () => {
    const { files, first, second } = cutAt1000();
    expect([files.has(first.real), files.has(second.real)]).toEqual([true, true]);
    files.endPrevious(1000);
    expect([files.has(first.real), files.has(second.real)]).toEqual([false, true]);
    files.takeCurrent();
    expect(files.has(second.real)).toBe(false);
  });

  test("hands on what both have gathered", () => {
    const { files, first, second } = cutAt1000();
    files.flush(7);
    expect([first.flushes, second.flushes]).toEqual([[7], [7]]);
    files.endPrevious(1000);
    files.flush(8);
    expect([first.flushes, second.flushes]).toEqual([[7], [7, 8]]);
  });

  test("finishes the file that is written once", () => {
    const { files, second, retired } = cutAt1000();
    files.endPrevious(1000);
    files.retireCurrent();
    files.retireCurrent();
    expect(retired.slice(1)).toEqual([[second.real, undefined]]);
  });

  test("without a store there is one file, and nobody to give it to", () => {
    const files = new OpenFiles(undefined);
    const only = new FakeFile(0);
    files.begin(only.real);
    expect(files.writeBefore(packet("a0"))).toBe(false);
    only.write(packet("a0"));
    files.retireCurrent();
    expect([files.current, files.bytes]).toEqual([undefined, 1]);
  });
});
