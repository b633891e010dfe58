/**
 * RunFramer: what it encodes is read back with the program's own chunk reader; bytes are shared where they may be
 * and only there.
 */
import { describe, expect, test } from "bun:test";
import type { MediaPacket } from "../../../src/media/packet.ts";
import { publishMetadata } from "../../../src/media/metadata.ts";
import { RunFramer, type RunFraming } from "../../../src/pipeline/sinks/run-framer.ts";
import { ChunkReader, type Message } from "../../../src/rtmp/chunk-reader.ts";
import { MEDIA_LIMITS } from "../../../src/rtmp/constants.ts";
import { packet, packets } from "../../support/packets.ts";

const FRAMING: RunFraming = { chunkSize: 128, messageStreamId: 1, origin: 0 };

function decode(bytes: Uint8Array, chunkSize: number): Message[] {
  const messages: Message[] = [];
  const reader = new ChunkReader((message) => messages.push(message), MEDIA_LIMITS);
  reader.chunkSize = chunkSize;
  reader.feed(bytes.slice());
  return messages;
}

function frame(
  run: readonly MediaPacket[],
  framing = FRAMING,
  framer = new RunFramer("publish"),
): Uint8Array<ArrayBuffer> {
  return framer.frame(run, run.length, framing).slice();
}

describe("the messages", () => {
  test.each([1, 128, 4096, 65536, 0xffffff])("come back at chunk size %p", (chunkSize) => {
    const run = packets("V1 A1 K0*5000 a0*300 f40*128 a23*129 E80");
    const messages = decode(frame(run, { ...FRAMING, chunkSize, messageStreamId: 7 }), chunkSize);
    expect(messages).toHaveLength(run.length);
    for (const [i, message] of messages.entries()) {
      expect(message.payload).toEqual(run[i]!.body);
      expect(message.typeId).toBe(run[i]!.kind === "video" ? 9 : 8);
      expect(message.timestamp).toBe(run[i]!.dts);
      expect(message.messageStreamId).toBe(7);
    }
  });

  test("carry metadata in the form of a publisher, other data as it came", () => {
    const [metadata, data] = packets("M1 d10");
    const messages = decode(frame([metadata!, data!]), 128);
    expect(messages.map((message) => message.typeId)).toEqual([18, 18]);
    expect(messages[0]!.payload).toEqual(publishMetadata(metadata!.body));
    expect(messages[1]!.payload).toEqual(data!.body);
  });

  test("carry metadata to players without the words of a publisher", () => {
    const run = [{ ...packet("M1"), body: publishMetadata(packet("M1").body) }];
    const messages = decode(frame(run, FRAMING, new RunFramer("play")), 128);
    expect(messages[0]!.payload).toEqual(packet("M1").body);
  });

  test("an empty run is no bytes", () => {
    expect(frame([])).toHaveLength(0);
  });

  test("only the first `count` of a run are meant", () => {
    const run = packets("K0 f40 f80");
    const bytes = new RunFramer("publish").frame(run, 2, FRAMING);
    expect(decode(bytes, 128).map((message) => message.timestamp)).toEqual([0, 40]);
  });
});

describe("the time", () => {
  const HOUR = 3_600_000;

  test.each([
    ["counts from the session's beginning", 5000, 5040, 40],
    ["is never before it", 5000, 4990, 0],
    ["just below an extended timestamp", 0, 0xfffffe, 0xfffffe],
    ["the first extended timestamp", 0, 0xffffff, 0xffffff],
    ["an extended timestamp", 0, 0x1000000, 0x1000000],
    ["the largest", 0, 0xffffffff, 0xffffffff],
    ["wraps at 2^32", 0, 0x1_0000_0000, 0],
    ["goes on behind that", 0, 0x1_0000_0028, 40],
    ["of a session that began after months", 2000 * HOUR, 2000 * HOUR + 40, 40],
  ])("%s", (_name, origin, dts, timestamp) => {
    const run: MediaPacket[] = [{ ...packet("f0*1000"), dts }];
    const messages = decode(frame(run, { ...FRAMING, origin }), 128);
    expect(messages).toHaveLength(1);
    expect(messages[0]!.timestamp).toBe(timestamp);
    expect(messages[0]!.payload).toEqual(run[0]!.body);
  });
});

describe("bytes are shared", () => {
  const run = packets("V1 K0*1000 f40");

  test("by destinations that agree", () => {
    const framer = new RunFramer("publish");
    const first = framer.frame(run, 3, FRAMING);
    expect(framer.frame([...run], 3, { ...FRAMING })).toBe(first);
  });

  test.each([
    ["chunk size", { ...FRAMING, chunkSize: 4096 }],
    ["message stream id", { ...FRAMING, messageStreamId: 2 }],
    ["origin", { ...FRAMING, origin: 10 }],
  ])("not by those of another %s", (_name, framing) => {
    const framer = new RunFramer("publish");
    framer.frame(run, 3, FRAMING);
    expect(framer.frame(run, 3, framing).slice()).toEqual(frame(run, framing));
    expect(framer.frame(run, 3, FRAMING).slice()).toEqual(frame(run));
  });

  test("two framings in turn give each its own bytes", () => {
    const framer = new RunFramer("publish");
    const other = { ...FRAMING, chunkSize: 4096, origin: 20 };
    for (let round = 0; round < 3; round++) {
      expect(frame(run, FRAMING, framer)).toEqual(frame(run));
      expect(frame(run, other, framer)).toEqual(frame(run, other));
    }
  });

  test.each([
    ["shorter", run.slice(0, 2)],
    ["with another beginning", [packet("V2"), ...run.slice(1)]],
    ["with another end", [...run.slice(0, 2), packet("f41")]],
    ["with equal packets that are not the same", packets("V1 K0*1000 f40")],
  ])("not by a run that is %s", (_name, other) => {
    const framer = new RunFramer("publish");
    framer.frame(run, 3, FRAMING);
    expect(framer.frame(other, other.length, FRAMING).slice()).toEqual(frame(other));
  });

  test("a large run and small ones after it come out right", () => {
    const framer = new RunFramer("publish");
    const large = packets("K0*3000000 f40*10");
    expect(decode(frame(large, FRAMING, framer), 128).map((message) => message.payload.length)).toEqual([
      3_000_000, 10,
    ]);
    for (let i = 0; i < 3; i++) expect(frame(run, FRAMING, framer)).toEqual(frame(run));
  });
});
