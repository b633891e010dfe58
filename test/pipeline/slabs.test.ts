/**
 * Bodies in slabs on their way from a connection's chunk reader through ingest, hub and queues to sinks that are fast,
 * slow, late or gone. Slabs are used again at once, so a body that anybody releases too early is another one when it is
 * looked at; one that is never released leaves its slab held at the end.
 */
import { expect, test } from "bun:test";
import { Slab, SlabPool } from "../../src/bytes/slab-pool.ts";
import type { MediaPacket } from "../../src/media/packet.ts";
import { ChunkReader } from "../../src/rtmp/chunk-reader.ts";
import { MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { Hub } from "../../src/pipeline/hub.ts";
import { Ingest } from "../../src/pipeline/ingest.ts";
import type { PacketQueue, QueueLimits } from "../../src/pipeline/queue.ts";
import { realDisk, type Disk } from "../../src/pipeline/sinks/disk.ts";
import { OpenRecording } from "../../src/pipeline/sinks/open-recording.ts";
import { readFlv } from "../support/flv-compare.ts";
import { pick, randomBytes, type Random, seededRandom } from "../support/mutate.ts";
import { packet } from "../support/packets.ts";
import { frame } from "../support/rtmp-wire.ts";

const CHUNK_SIZE = 4096;
const TYPE = { audio: 8, video: 9 } as const;

/** The pool of a connection, with every slab that it ever gave. */
class WatchedPool extends SlabPool {
  readonly slabs = new Set<Slab>();

  override slabFor(length: number): Slab | undefined {
    const slab = super.slabFor(length);
    if (slab !== undefined) this.slabs.add(slab);
    return slab;
  }

  get holds(): number {
    return [...this.slabs].reduce((sum, { holds }) => sum + holds, 0);
  }
}

/** A source whose messages come in chunks. */
class Sender {
  readonly pool = new WatchedPool();
  readonly #reader: ChunkReader;
  #time = 0;
  #seed = 0;

  constructor(ingest: Ingest) {
    this.#reader = new ChunkReader((message) => {
      ingest.receive(message);
      message.slab?.release();
    }, MEDIA_LIMITS);
    this.#reader.usePool(this.pool);
    this.#reader.chunkSize = CHUNK_SIZE;
  }

  headers(n: number): void {
    this.#send("video", 0, Uint8Array.of(0x17, 0, 0, 0, 0, n));
    this.#send("audio", 0, Uint8Array.of(0xaf, 0, n));
  }

  picture(key: boolean, size: number): void {
    this.#time += 20;
    this.#send(
      "video",
      this.#time,
      Uint8Array.of(key ? 0x17 : 0x27, 1, 0, 0, 0, ...randomBytes(size, this.#seed++)),
    );
  }

  sound(size: number): void {
    this.#send("audio", this.#time, Uint8Array.of(0xaf, 1, ...randomBytes(size, this.#seed++)));
  }

  #send(kind: "audio" | "video", timestamp: number, payload: Uint8Array): void {
    const bytes = frame(
      kind === "video" ? 6 : 4,
      { type: TYPE[kind], streamId: 1, timestamp, payload },
      CHUNK_SIZE,
    );
    // A transport takes its memory back.
    const segment = new Uint8Array(bytes);
    this.#reader.feed(segment);
    segment.fill(0xa5);
  }
}

/** Takes packets, looks at their bodies, and releases them later, if at all. */
class Taker {
  readonly queue: PacketQueue;
  readonly #sent: ReadonlyMap<MediaPacket, Uint8Array>;
  readonly #taken: (() => void)[] = [];
  looked = 0;

  constructor(queue: PacketQueue, sent: ReadonlyMap<MediaPacket, Uint8Array>) {
    this.queue = queue;
    this.#sent = sent;
  }

  take(count: number): void {
    for (let i = 0; i < count; i++) {
      const packet = this.queue.take();
      if (packet === undefined) return;
      this.#taken.push(() => {
        if (packet.role !== "header") {
          expect(Buffer.compare(packet.body, this.#sent.get(packet)!)).toBe(0);
          this.looked += 1;
        }
        packet.slab?.release();
      });
    }
  }

  /** Is done with all but the latest `keep` packets. */
  settle(keep: number): void {
    for (const look of this.#taken.splice(0, Math.max(0, this.#taken.length - keep))) look();
  }
}

const LIMITS: readonly QueueLimits[] = [
  { bytes: 300_000, ms: 1000, policy: "skip" },
  { bytes: 4_000_000, ms: 10_000, policy: "skip" },
  { bytes: 200_000, ms: Infinity, policy: "hold" },
  { bytes: 500_000, ms: Infinity, policy: "fail" },
];

function send(sender: Sender, random: Random, i: number): void {
  const dice = random();
  if (i % 40 === 0) {
    if (dice < 0.5) sender.headers(i);
    // Some keyframes are too large for a slab.
    sender.picture(true, 20_000 + pick(random, 150_000));
  } else if (dice < 0.6) {
    sender.picture(false, pick(random, 12_000));
  } else {
    sender.sound(100 + pick(random, 400));
  }
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  "what sinks look at is what came: seed %p",
  (seed) => {
    const random = seededRandom(seed);
    const hub = new Hub();
    /** Each packet's body as it came. */
    const sent = new Map<MediaPacket, Uint8Array>();
    const tap = (packet: MediaPacket): void => void sent.set(packet, packet.body.slice());
    const ingest = new Ingest(hub, () => {}, { now: () => 0, tap });
    const sender = new Sender(ingest);
    sender.headers(0);
    let takers: Taker[] = [];
    let looked = 0;
    const leave = (taker: Taker): void => {
      taker.settle(0);
      looked += taker.looked;
      hub.unsubscribe(taker.queue);
    };
    for (let i = 0; i < 600; i++) {
      send(sender, random, i);
      if (takers.length < 4 && random() < 0.1) {
        takers.push(new Taker(hub.subscribe(LIMITS[pick(random, LIMITS.length)]!), sent));
      }
      for (const taker of takers) {
        taker.take(pick(random, 4));
        taker.settle(pick(random, 8));
        if (random() < 0.01) taker.queue.restart();
      }
      hub.flush(i * 20);
      const gone = takers.filter(({ queue }) => queue.overflowed || random() < 0.01);
      for (const taker of gone) leave(taker);
      takers = takers.filter((taker) => !gone.includes(taker));
      if (random() < 0.005) ingest.newSession(40);
    }
    for (const taker of takers) leave(taker);
    expect(looked).toBeGreaterThan(300);
    // Only the hub still has its GOP.
    ingest.newSession(0);
    expect([sender.pool.holds, sender.pool.slabs.size > 1]).toEqual([0, true]);
  },
);

test("a recording is done with a body when it has taken it", () => {
  const slab = new Slab(() => {});
  const written: Uint8Array[] = [];
  const append: Disk["append"] = (_fd, pieces, done) => {
    written.push(...pieces.map((piece) => piece.slice()));
    done(
      null,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
  };
  const recording = new OpenRecording(
    { file: undefined, disk: { ...realDisk, append }, origin: 0, headers: [], room: 2, now: 0 },
    { onIdle: () => {}, onError: () => {}, onDeleted: () => {} },
  );
  const bodies = [100, 5000, 100_000].map((size) => randomBytes(size, size));
  for (const [i, bytes] of bodies.entries()) {
    const body = slab.take(bytes.length);
    body.set(bytes);
    recording.write({ ...packet(`f${i * 40}`), body, slab });
  }
  expect(slab.holds).toBe(0);
  slab.bytes.fill(0xa5);
  recording.flush(0);
  const tags = readFlv(Buffer.concat(written));
  expect(tags.map(({ payload }) => Buffer.compare(payload, bodies.shift()!))).toEqual([0, 0, 0]);
});
