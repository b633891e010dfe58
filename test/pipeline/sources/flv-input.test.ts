/** FLV as a source: files and pipes, loops, damage, and what is said of inputs that are none. */
import { describe, expect, test } from "bun:test";
import { MediaError, ProtocolError } from "../../../src/errors.ts";
import { flvHeader, flvTag } from "../../../src/media/flv-writer.ts";
import { TYPE_ID_OF_KIND, type MediaPacket } from "../../../src/media/packet.ts";
import { Hub } from "../../../src/pipeline/hub.ts";
import { Ingest } from "../../../src/pipeline/ingest.ts";
import { flvSource } from "../../../src/pipeline/sources/flv-input.ts";
import { everySplit } from "../../support/every-split.ts";
import { lineOf, packets } from "../../support/packets.ts";

const LINE = "M1 V1 A1 K0 a0 f40 a23 f80";

function flv(line: string): Uint8Array {
  const tags = packets(line).map((one) => flvTag(TYPE_ID_OF_KIND[one.kind], one.dts, one.body));
  return new Uint8Array(Buffer.concat([flvHeader({ audio: true, video: true }), ...tags]));
}

type Options = { loop?: boolean; realtime?: boolean; live?: boolean; program?: string | undefined };

/** Plays segments; `onPacket` may stop it. */
async function play(segments: readonly Uint8Array[], options: Options = {}, rounds = 1) {
  const hub = new Hub();
  const queue = hub.subscribe({ bytes: Infinity, ms: Infinity, policy: "skip" });
  const controller = new AbortController();
  const traces: string[] = [];
  let opened = 0;
  const source = flvSource({
    name: "in.flv",
    open: async function* () {
      opened += 1;
      if (opened > rounds) controller.abort();
      else yield* segments;
    },
    live: options.live ?? false,
    realtime: options.realtime ?? false,
    loop: options.loop ?? false,
    program: options.program,
    trace: (text) => traces.push(text),
  });
  const reason = await source.run(new Ingest(hub, () => {}), controller.signal);
  const taken = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return { reason, line: lineOf(taken), traces, nature: source.nature };
}

describe("an FLV input", () => {
  test("is played to its end", async () => {
    expect(await play([flv(LINE)])).toEqual({
      reason: "the end of the file",
      line: LINE,
      traces: [],
      nature: "made",
    });
  });

  test("is played to its end where the last back-pointer is missing", async () => {
    const file = flv(LINE);
    const { line } = await play([file.subarray(0, -4)]);
    expect(line).toBe(LINE);
    const looped = await play([file.subarray(0, -4)], { loop: true }, 2);
    expect(looped.line).toBe("M1 V1 A1 K0 a0 f40 a23 f80 K120 a120 f160 a143 f200");
  });

  test("gives what stands behind damage near its end", async () => {
    const sizes = Array.from({ length: 40 }, (_, i) => `${i % 10 === 0 ? "K" : "f"}${i * 40}*3000`);
    const file = flv(sizes.join(" "));
    // The size of a tag in the middle: 64 KiB too large, beyond the end of the file.
    const at = 13 + 20 * (11 + 3000 + 4);
    file[at + 1] = 1;
    const { line } = await play([file.subarray(0, 50_000), file.subarray(50_000)]);
    const left = sizes.map((text) => text.replace(/\*.*/, ""));
    expect(line.split(" ").length).toBeGreaterThanOrEqual(29);
    expect(line.split(" ").slice(-9)).toEqual(left.slice(-9));
  });

  test("lends bodies out of slabs, and gives the memory back at its end", async () => {
    const slabs = new Map<MediaPacket, number>();
    const hub = new Hub();
    const tap = (one: MediaPacket): void => void slabs.set(one, one.slab?.holds ?? 0);
    const source = flvSource({
      ...{ name: "in.flv", live: false, realtime: false, loop: false, program: undefined },
      open: async function* () {
        yield flv(`${LINE} d90 E100`);
      },
      trace: () => {},
    });
    await source.run(new Ingest(hub, () => {}, { tap }), new AbortController().signal);
    const lent = [...slabs.keys()].filter(({ slab }) => slab !== undefined);
    expect(lineOf(lent)).toBe("K0 a0 f40 a23 f80");
    hub.newSession();
    expect(lent.map(({ slab }) => [slab!.holds, slab!.bytes.length])).toEqual(lent.map(() => [0, 0]));
  });

  test("from a server is a stream", async () => {
    expect((await play([flv(LINE)], { live: true })).nature).toBe("played");
  });

  test("comes out the same however it is cut", async () => {
    const lines: Promise<string>[] = [];
    everySplit(flv("V1 K0 f40"), (segments) => {
      lines.push(play(segments).then((played) => played.line));
    });
    expect(new Set(await Promise.all(lines))).toEqual(new Set(["V1 K0 f40"]));
  });

  test("in real time takes its time", async () => {
    const from = performance.now();
    await play([flv("V1 K0 f40 f80 f120")], { realtime: true });
    expect(performance.now() - from).toBeGreaterThanOrEqual(100);
  });

  test("in a loop goes on with its time, without end marks, headers once", async () => {
    const { line, reason } = await play([flv("V1 K0 f40 f80 E80")], { loop: true }, 3);
    expect(line).toBe("V1 K0 f40 f80 K120 f160 f200 K240 f280 f320");
    expect(reason).toBe("stopped");
  });

  test("whose last tag is cut is played without it, and that is said", async () => {
    const whole = flv(LINE);
    const { line, traces } = await play([whole.subarray(0, whole.length - 10)]);
    expect(line).toBe(LINE.replace(" f80", ""));
    expect(traces).toEqual(["the last tag is cut short and left out"]);
  });

  test("of two recordings in one file is bridged, and that is said", async () => {
    const { line, traces } = await play([flv("V1 K500000 f500040"), flv("V1 K0 f40")]);
    expect(line).toBe("V1 K0 f40 K80 f120");
    expect(traces).toHaveLength(1);
  });

  test.each([
    ["nothing", new Uint8Array(0), /"in.flv" is empty/],
    ["a text", Buffer.from("hello, this is no video at all, really"), /FLV/],
    ["a beginning", Buffer.from("FLV"), /FLV/],
  ])("that is %s is refused", async (_name, bytes, message) => {
    const error = await play([bytes]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MediaError);
    expect((error as Error).message).toMatch(message);
  });

  test.each([
    ["a server sends", undefined, 'Cannot read "in.flv": what the server sends is no FLV'],
    ["a program writes", "echo", 'Cannot read "in.flv": what "echo" writes is no FLV'],
  ])("that %s and is a text may be another thing next time", async (_name, program, message) => {
    for (const bytes of [Buffer.from("x\n"), Buffer.from("hello, this is no video at all, really")]) {
      const error = await play([bytes], { live: true, program }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as Error).message).toBe(message);
    }
  });

  test("that is empty is an end where a server sends it, not a mistake", async () => {
    expect(await play([], { live: true })).toMatchObject({ reason: "the end of the file", line: "" });
  });

  test("that is stopped before its first byte ends quietly", async () => {
    expect((await play([], {}, 0)).reason).toBe("stopped");
  });
});
