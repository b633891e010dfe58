/**
 * Ingest: bodies to packets, their place on the job's time over reconnects, and the first media of a session.
 */
import { describe, expect, test } from "bun:test";
import { Slab } from "../../src/bytes/slab-pool.ts";
import type { MediaPacket } from "../../src/media/packet.ts";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import type { PacketQueue } from "../../src/pipeline/queue.ts";
import { hex } from "../support/bytes.ts";
import { lineOf, packet } from "../support/packets.ts";

const TYPE = { audio: 8, video: 9, data: 18 };

function makeIngest(tap?: (packet: MediaPacket, timestamp: number) => void) {
  const hub = new Hub();
  const calls = { first: 0 };
  const ingest = new Ingest(hub, () => calls.first++, { tap });
  const queue = hub.subscribe({ bytes: Infinity, ms: Infinity, policy: "skip" });
  return { hub, ingest, queue, calls };
}

/** Pushes the body of a packet in text with a timestamp of its own. */
function push(ingest: Ingest, text: string, timestamp: number): void {
  const { kind, body } = packet(text);
  ingest.push(TYPE[kind], timestamp, body);
}

function takeAll(queue: PacketQueue): MediaPacket[] {
  const taken: MediaPacket[] = [];
  for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
  return taken;
}

describe("Ingest", () => {
  // RtmpClient and RtmpServer do the same with a message of this type.
  test.each([
    ["behind its one byte", hex`00 020002 6869`],
    ["without it", hex`020002 6869`],
  ])("takes AMF3 data %s", (_name, body) => {
    const { ingest, queue } = makeIngest();
    ingest.push(15, 40, body);
    expect(takeAll(queue).map((one) => [one.kind, one.body])).toEqual([["data", hex`020002 6869`]]);
  });

  test.each([0, 7, 10, 16, 17, 20, 22])("leaves out what is no media: type %d", (typeId) => {
    const { ingest, queue } = makeIngest();
    ingest.push(typeId, 0, hex`020002 6869`);
    expect(takeAll(queue)).toEqual([]);
  });

  test("takes headers and ends out of their slab, which would else be held for hours", () => {
    const { ingest, queue } = makeIngest();
    const slab = new Slab(() => {});
    const texts = ["V1", "A1", "K0", "a0", "E40"];
    for (const text of texts) {
      const { kind, body } = packet(text);
      const payload = slab.take(body.length);
      payload.set(body);
      ingest.receive({ typeId: TYPE[kind], timestamp: 0, payload, slab });
      slab.release();
    }
    slab.bytes.fill(0xa5);
    const taken = takeAll(queue);
    expect(taken.map((one) => one.slab === slab)).toEqual([false, false, true, true, false]);
    // The keyframe and the sound: by the hub for its GOP, and by who took them.
    expect(slab.holds).toBe(4);
    expect([0, 1, 4].map((i) => taken[i]!.body)).toEqual([0, 1, 4].map((i) => packet(texts[i]!).body));
  });

  test("tells roles, codecs and times", () => {
    const { ingest, queue } = makeIngest();
    push(ingest, "M1", 0);
    push(ingest, "V1", 0);
    push(ingest, "A1", 0);
    push(ingest, "K0", 5000);
    push(ingest, "a0", 5010);
    push(ingest, "f0", 5040);
    const taken = takeAll(queue);
    expect(lineOf(taken)).toBe("M1 V1 A1 K0 a10 f40");
    expect(taken.map((one) => one.codec)).toEqual(["", "avc1", "mp4a", "avc1", "mp4a", "avc1"]);
  });

  test("hands on the very bytes it was given", () => {
    const { ingest, queue } = makeIngest();
    const body = hex`27 01 000000 00000001 ff`;
    ingest.push(TYPE.video, 0, hex`17 01 000000 00`);
    ingest.push(TYPE.video, 40, body);
    expect(takeAll(queue)[1]!.body).toBe(body);
  });

  test.each([
    ["an unknown type", 22, hex`17 01 000000`],
    ["a command", 20, hex`17 01 000000`],
    ["an empty body", TYPE.video, hex``],
    ["empty audio", TYPE.audio, hex``],
    ["AVC cut short", TYPE.video, hex`17 01`],
  ])("leaves out %s", (_name, typeId, body) => {
    const { ingest, queue, calls } = makeIngest();
    ingest.push(typeId, 0, body);
    expect(queue.length).toBe(0);
    expect(calls.first).toBe(0);
  });

  test("passes on what it does not know", () => {
    const { ingest, queue } = makeIngest();
    ingest.push(TYPE.audio, 0, hex`f0 01 02 03`);
    expect(takeAll(queue)).toMatchObject([{ kind: "audio", role: "frame", codec: "" }]);
  });

  test("says when the first media of each session comes, not for headers and data", () => {
    const { ingest, calls } = makeIngest();
    push(ingest, "M1", 0);
    push(ingest, "V1", 0);
    push(ingest, "d0", 0);
    expect(calls.first).toBe(0);
    push(ingest, "K0", 0);
    push(ingest, "f0", 40);
    expect(calls.first).toBe(1);
    ingest.newSession(40);
    push(ingest, "V1", 0);
    expect(calls.first).toBe(1);
    push(ingest, "a0", 0);
    expect(calls.first).toBe(2);
  });

  test("goes on with the time after a reconnect, whatever the new session counts from", () => {
    const { ingest, queue } = makeIngest();
    push(ingest, "V1", 0);
    push(ingest, "K0", 1000);
    push(ingest, "f0", 1040);
    ingest.newSession(40);
    push(ingest, "V1", 0);
    push(ingest, "f0", 0xfffffff0);
    push(ingest, "K0", 0x10);
    push(ingest, "a0", 0x18);
    const taken = takeAll(queue);
    expect(lineOf(taken)).toBe("V1 K0 f40 K112 a120");
    expect(ingest.discontinuities).toBe(0);
  });

  test("bridges a jump of the source's clock and counts it", () => {
    const { ingest, queue } = makeIngest();
    push(ingest, "K0", 1000);
    push(ingest, "f0", 500_000);
    expect(lineOf(takeAll(queue))).toBe("K0 f40");
    expect(ingest.discontinuities).toBe(1);
  });

  test("shows every packet with its own timestamp to a tap, also what the hub leaves out", () => {
    const seen: [string, number][] = [];
    const { ingest } = makeIngest((one, timestamp) => seen.push([lineOf([one]), timestamp]));
    push(ingest, "f0", 900);
    push(ingest, "K0", 1000);
    expect(seen).toEqual([
      ["f0", 900],
      ["K100", 1000],
    ]);
  });

  test("wakes the sinks at flush, not before", () => {
    const { ingest, queue } = makeIngest();
    let woken = 0;
    queue.onReady = () => woken++;
    push(ingest, "K0", 0);
    expect(woken).toBe(0);
    ingest.flush();
    expect(woken).toBe(1);
  });
});
