/**
 * Weeks of a stream in seconds: everything between a source and the wire in memory, without sockets and clocks. The
 * time passes 2^24, 2^31 and 2^32 ms on the way in and on the way out, a destination acknowledges more than 2^32 bytes,
 * and source and destination reconnect on both sides of each edge.
 */
import { expect, test } from "bun:test";
import { FLV_TAG_HEADER_SIZE, writeFlvTagHeader } from "../../src/media/flv-writer.ts";
import type { MediaPacket } from "../../src/media/packet.ts";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import { RunFramer } from "../../src/pipeline/sinks/run-framer.ts";
import { Connection } from "../../src/rtmp/connection.ts";
import { OUTGOING_CHUNK_SIZE } from "../../src/rtmp/constants.ts";
import { setChunkSize } from "../../src/rtmp/control.ts";
import { HEADERS, metadata } from "./stream.ts";

const DAY = 86_400_000;
/** 2^32 ms are 49.7 days. */
const LENGTH = 55 * DAY;
const EDGES = [2 ** 24, 2 ** 31, 2 ** 32];
/** One picture a second and one audio frame: what the clock passes counts here, not the frame rate. */
const STEP = 1000;
const BRIDGE = 40;
/** Packets that come in one segment. */
const SEGMENT = 60;
const LIMITS: QueueLimits = { bytes: 16 * 1024 * 1024, ms: 600_000, policy: "skip" };

function body(head: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(head, "hex"));
  return bytes;
}
const KEY = body("1701000000", 2600);
const FRAME = body("2701000000", 400);
const AUDIO = body("af01", 120);

/** A server that is published to: it reads the bytes, counts them and acknowledges. */
class Wire {
  messages = 0;
  bytes = 0;
  acknowledgements = 0;
  readonly got: { type: number; timestamp: number; length: number }[] = [];
  readonly #connection: Connection;
  #acknowledged = 0;

  constructor() {
    const handshake = { done: true, feed: () => 0, takeOutput: () => [] };
    this.#connection = new Connection(handshake, {
      onOpen: () => {},
      onMessage: ({ typeId, timestamp, payload }) => {
        this.messages += 1;
        this.got.push({ type: typeId, timestamp, length: payload.length });
      },
      onUserControl: () => {},
    });
    this.#connection.allowMedia();
    this.receive(setChunkSize(OUTGOING_CHUNK_SIZE));
  }

  receive(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#connection.receive(bytes, 0);
    for (const answer of this.#connection.takeOutput()) this.#onAnswer(Buffer.from(answer));
  }

  /** An acknowledgement says how many bytes came so far, modulo 2^32. */
  #onAnswer(answer: Buffer): void {
    if (answer.readUInt8(7) !== 3) throw new Error(`no acknowledgement: type ${answer.readUInt8(7)}`);
    const said = answer.readUInt32BE(12);
    if (said !== this.bytes % 2 ** 32) throw new Error(`acknowledged ${said} of ${this.bytes} bytes`);
    if (this.bytes <= this.#acknowledged) throw new Error("acknowledged twice");
    this.#acknowledged = this.bytes;
    this.acknowledgements += 1;
  }
}

/** A destination as rtmp-publish is one, and a file as flv-file is one, without their sockets and disks. */
class Outlet {
  sessions = 0;
  wire = new Wire();
  readonly #hub: Hub;
  readonly #framer: RunFramer;
  readonly #run: MediaPacket[] = [];
  readonly #header = new Uint8Array(FLV_TAG_HEADER_SIZE);
  #queue!: PacketQueue;
  #origin: number | undefined;
  /** The dts of the frames that left, in the order of their leaving. */
  readonly times: number[] = [];

  constructor(hub: Hub, framer: RunFramer) {
    this.#hub = hub;
    this.#framer = framer;
    this.connect();
  }

  /** Begins a session, after the end of the one before. */
  connect(): void {
    if (this.sessions > 0) this.#hub.unsubscribe(this.#queue);
    this.sessions += 1;
    this.#origin = undefined;
    this.wire = new Wire();
    this.#queue = this.#hub.subscribe(LIMITS);
    this.#queue.onReady = () => this.#drain();
    this.#drain();
  }

  get waits(): number {
    return this.#queue.length;
  }

  #drain(): void {
    let count = 0;
    for (let one = this.#queue.take(); one !== undefined; one = this.#queue.take()) this.#run[count++] = one;
    if (count === 0) return;
    this.#origin ??= this.#run[0]!.dts;
    const framing = { chunkSize: OUTGOING_CHUNK_SIZE, messageStreamId: 1, origin: this.#origin };
    const first = this.wire.got.length;
    this.wire.receive(this.#framer.frame(this.#run, count, framing));
    this.#check(count, first);
  }

  #check(count: number, first: number): void {
    for (let i = 0; i < count; i++) {
      const { dts, body, role } = this.#run[i]!;
      const got = this.wire.got[first + i]!;
      if (got.timestamp !== (dts - this.#origin!) % 2 ** 32)
        throw new Error(`${dts} came as ${got.timestamp}`);
      if (role === "metadata" || role === "header") continue;
      writeFlvTagHeader(this.#header, 0, { typeId: 9, size: body.length, timestamp: dts });
      const [, , , , a, b, c, d] = this.#header;
      if (((d! << 24) | (a! << 16) | (b! << 8) | c!) >>> 0 !== dts % 2 ** 32)
        throw new Error(`${dts} in FLV`);
      this.times.push(dts);
    }
    this.wire.got.length = first > 20 ? 0 : this.wire.got.length;
  }
}

/** The memory that is really in use, in MiB. */
function memory(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed / 2 ** 20;
}

test("55 days of a stream", () => {
  const hub = new Hub();
  const ingest = new Ingest(hub, () => {});
  const framer = new RunFramer("publish");
  const [steady, restless] = [new Outlet(hub, framer), new Outlet(hub, framer)];
  /** Where a reconnect is due, on both sides of each edge of the outgoing time. */
  const reconnects = EDGES.flatMap((edge) => [edge - 2 * STEP, edge + 2 * STEP, edge + DAY]).toSorted(
    (a, b) => a - b,
  );
  /** Where the source's clock stands at each of its sessions: just before an edge, or anywhere. */
  const clocks = [
    2 ** 32 - 2 * DAY,
    0,
    2 ** 24 - 3 * STEP,
    2 ** 31 - 3 * STEP,
    2 ** 32 - 3 * STEP,
    77,
    2 ** 32 - 1,
    2 ** 31,
    2 ** 24,
  ];
  let [base, session, expected, at] = [clocks[0]!, 0, 0, 0];
  let [settled, packets] = [0, 0];
  const begin = (): void => {
    ingest.push(18, 0, metadata());
    ingest.push(9, 0, HEADERS.avc);
    ingest.push(8, 0, HEADERS.aac);
  };
  begin();
  for (let n = 0; expected < LENGTH; n++) {
    const stamp = (base + at) % 2 ** 32;
    ingest.push(9, stamp, n % 4 === 0 ? KEY : FRAME);
    ingest.push(8, stamp, AUDIO);
    packets += 2;
    if (n % SEGMENT === 0) ingest.flush();
    if (n % SEGMENT === 0 || expected >= (reconnects[0] ?? Infinity)) {
      ingest.flush();
      if (steady.times.at(-1) !== expected) throw new Error(`${steady.times.at(-1)} instead of ${expected}`);
      if (steady.waits + restless.waits > 0) throw new Error("packets wait");
      steady.times.length = restless.times.length = 0;
    }
    if (n === 100_000) settled = memory();
    expected += STEP;
    at += STEP;
    if (expected < (reconnects[0] ?? Infinity) || n % 4 !== 3) continue;
    reconnects.shift();
    session += 1;
    [base, at] = [clocks[session % clocks.length]!, 0];
    expected += BRIDGE - STEP;
    ingest.flush();
    steady.times.length = restless.times.length = 0;
    ingest.newSession(BRIDGE);
    begin();
    restless.connect();
  }
  ingest.flush();
  expect(reconnects).toEqual([]);
  expect(restless.sessions).toBe(10);
  expect(ingest.discontinuities).toBe(0);
  expect(steady.wire.messages).toBeGreaterThanOrEqual(packets);
  expect(steady.wire.bytes).toBeGreaterThan(2 ** 32);
  expect(steady.wire.acknowledgements).toBeGreaterThan(1000);
  expect(memory() - settled).toBeLessThan(4);
}, 120_000);
