/**
 * Slabs are given back wherever a body's way ends: with the connection, in a session that drops what comes, in a
 * recording that cannot begin, at the end of an episode. What is forgotten would not be wrong, but would leave a
 * connection without slabs in the end.
 */
import { afterAll, expect, test } from "bun:test";
import { type Slab, SlabPool } from "../../src/bytes/slab-pool.ts";
import { TransportError } from "../../src/errors.ts";
import { runJob } from "../../src/pipeline/job.ts";
import { makeParts } from "../../src/pipeline/registry.ts";
import { encodeAmf0 } from "../../src/amf/amf0.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { EventQueue } from "../../src/rtmp/events.ts";
import { command, Driven, join, message, publishing } from "../rtmp/server-driver.ts";
import { ScriptedServer } from "../rtmp/scripted-server.ts";
import { planOf } from "../support/command-line.ts";
import { faultyDisk, systemError } from "../support/faulty-disk.ts";
import { FakeJob, FakeSink, makePlan, scriptedSource, type Session } from "../support/fake-job.ts";
import { MemoryNet } from "../support/memory-net.ts";
import { packet, packets } from "../support/packets.ts";
import { until } from "../support/ports.ts";
import { TestRecording } from "../support/recordings.ts";
import { frame } from "../support/rtmp-wire.ts";
import { removeScratch } from "../support/scratch.ts";
import { SinkHost } from "../support/sink-host.ts";
import { SlabWatch } from "../support/slab-watch.ts";

afterAll(removeScratch);

const PLAYED = 1000;
const PUBLISHED = 2000;
const SHOW = Buffer.concat(
  packets("V1 A1 K0*5000 a0 f40*3000 a23 f80*3000").map(({ kind, dts, body }) => {
    const [csid, type] = kind === "video" ? [6, 9] : [4, 8];
    return frame(csid, { type, streamId: 1, timestamp: dts, payload: body });
  }),
);

test("a source that breaks off again and again, in the middle of a message", async () => {
  using watch = new SlabWatch();
  let sessions = 0;
  using net = new MemoryNet({
    publish: (peer) => void (peer.discard = true),
    play: (peer) => {
      sessions += 1;
      peer.send(SHOW);
      peer.send(SHOW.subarray(0, SHOW.length - 100));
      setTimeout(() => net.connections.find((one) => one.peer === peer)!.close());
    },
  });
  const line = `relay rtmp://127.0.0.1:${PLAYED}/live/show rtmp://127.0.0.1:${PUBLISHED}/live/d`;
  const plan = { ...planOf(line), retry: { min: 1, max: 1 } };
  const parts = await makeParts(plan, { video: [], audio: [] }, () => {});
  const [stop, abort] = [new AbortController(), new AbortController()];
  const context = { report: () => {}, onStatus: () => {}, stop: stop.signal, abort: abort.signal };
  const done = runJob(plan, parts, context);
  await until("sessions have come and gone", () => sessions > 20);
  stop.abort();
  await done;
  // Each session had one.
  expect([watch.slabs.size > 20, watch.holds, watch.bytes]).toEqual([true, 0, 0]);
});

test("a publisher that goes on after its stream has ended, and one that is refused", () => {
  using watch = new SlabWatch();
  const frames = join(...Array.from({ length: 5 }, () => message(9, new Uint8Array(1000).fill(0x27))));
  const ended = new Driven()
    .receive(publishing())
    .receive(join(frames, command(0, "FCUnpublish", 5, null, "key"), frames));
  expect([ended.server.dropped, watch.slabs.size, watch.holds]).toEqual([5, 1, 0]);
  const refused = new Driven((event) => (event.type === "publish-request" ? undefined : true));
  refused.receive(publishing()).receive(frames);
  const request = refused.events.find((event) => event.type === "publish-request");
  refused.server.reject(request!.id, { code: "NetStream.Publish.BadName", description: "no" });
  refused.receive(frames);
  expect(watch.holds).toBe(0);
  refused.server.close();
  ended.server.close();
  expect(watch.bytes).toBe(0);
});

test("a server that sends media to a publisher, and some behind the end", () => {
  using watch = new SlabWatch();
  const server = new ScriptedServer({ intent: "publish" }).goLive("publish");
  const framing = { csid: 5, messageStreamId: 1, chunkSize: server.chunkSize };
  const payload = new Uint8Array(1000).fill(0x27);
  const picture = frameMessage({ typeId: 9, timestamp: 0, payload }, framing);
  const close = frameMessage({ typeId: 20, timestamp: 0, payload: encodeAmf0(["close", 0, null]) }, framing);
  server.send(picture);
  expect([watch.slabs.size, watch.holds, server.client.live]).toEqual([1, 0, true]);
  server.send(join(close, picture));
  expect([watch.holds, server.client.live]).toEqual([0, false]);
});

test("events that nobody takes", () => {
  const pool = new SlabPool();
  const slab = pool.slabFor(10)!;
  const events = new EventQueue();
  for (const typeId of [8, 9]) {
    events.push({ type: "media", typeId, timestamp: 0, payload: slab.take(10), slab });
    events.push({ type: "live" });
  }
  events.clear();
  expect([slab.holds, events.take()]).toEqual([0, undefined]);
});

test("a recording that cannot begin, as often as it tries", async () => {
  const pool = new SlabPool();
  const disk = faultyDisk(({ name }) => {
    if (name === "open") throw systemError("ENOSPC");
  });
  const recording = new TestRecording({}, { disk });
  const host = new SinkHost();
  for (let attempt = 0; attempt < 5; attempt++) {
    const run = host.run(recording.sink);
    for (const text of [`K${attempt * 1000}`, `f${attempt * 1000 + 40}`]) {
      const { body, ...rest } = packet(text);
      const slab = pool.slabFor(body.length)!;
      const place = slab.take(body.length);
      place.set(body);
      host.hub.publish({ ...rest, body: place, slab });
      slab.release();
    }
    host.hub.flush(0);
    await expect(run).rejects.toThrow("full");
  }
  host.hub.close();
  expect(pool.slabFor(1)!.holds).toBe(0);
});

test("an episode that is over, when the last sink has taken what there was", async () => {
  const slabs: Slab[] = [];
  const session: Session = async ({ ingest }) => {
    const pool = new SlabPool();
    for (const { kind, dts, body } of packets("V1 K0 f40")) {
      const slab = pool.slabFor(body.length)!;
      const payload = slab.take(body.length);
      payload.set(body);
      slabs.push(slab);
      ingest.receive({ typeId: kind === "video" ? 9 : 8, timestamp: dts, payload, slab });
      slab.release();
    }
    ingest.flush();
    throw new TransportError("connection reset", "reset");
  };
  const sink = new FakeSink("a");
  const job = new FakeJob(makePlan({ grace: 1 }), scriptedSource("awaited", session), [sink]);
  await until("episodes have come and gone", () => sink.sessions.length > 3);
  const earlier = new Set(slabs.slice(0, 3));
  await until("nothing of the first is held", () => [...earlier].every(({ holds }) => holds === 0));
  job.stop();
  await job.done;
});
