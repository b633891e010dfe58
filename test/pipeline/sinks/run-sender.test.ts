/** RunSender: what it sends, and that it keeps nothing of it. Framing is run-framer.test.ts's. */
import { expect, test } from "bun:test";
import { PacketQueue } from "../../../src/pipeline/queue.ts";
import { RunFramer } from "../../../src/pipeline/sinks/run-framer.ts";
import { RunSender } from "../../../src/pipeline/sinks/run-sender.ts";
import type { MediaPacket } from "../../../src/media/packet.ts";
import { packet } from "../../support/packets.ts";
import { until } from "../../support/ports.ts";

const LARGE_RUN = 400;

function makeSender() {
  const queue = new PacketQueue({ bytes: Infinity, ms: Infinity, policy: "skip" });
  const link = {
    chunkSize: 4096,
    messageStreamId: 1,
    writable: true,
    sends: 0,
    send: () => void link.sends++,
  };
  const totals = { bytesOut: 0 };
  const sender = new RunSender(link, queue, { framer: new RunFramer("publish"), runBytes: 1e6, totals });
  return { queue, link, totals, sender };
}

test("a run goes out as one, as far as the link takes it", () => {
  const { queue, link, totals, sender } = makeSender();
  for (const text of ["V1", "K0", "f40"]) queue.offer(packet(text));
  link.writable = false;
  sender.drain();
  expect([link.sends, queue.length]).toEqual([0, 3]);
  link.writable = true;
  sender.drain();
  expect([link.sends, queue.length]).toEqual([1, 0]);
  expect(totals.bytesOut).toBeGreaterThan(0);
});

test("packets of a large run are not kept when small ones follow", async () => {
  const { queue, sender } = makeSender();
  const sent: WeakRef<MediaPacket>[] = [];
  const send = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++) {
      const one = packet(`${i === 0 ? "K" : "f"}${i}`);
      sent.push(new WeakRef(one));
      queue.offer(one);
    }
    sender.drain();
  };
  send(0, LARGE_RUN);
  // Runs of one packet reach no more than the first slot.
  for (let i = 0; i < LARGE_RUN; i++) send(LARGE_RUN + i, 1);
  const alive = (): number => {
    Bun.gc(true);
    return sent.filter((one) => one.deref() !== undefined).length;
  };
  // The collector takes its time, and takes for a reference what looks like one on the stack.
  await until("most packets are forgotten", () => alive() < LARGE_RUN / 10);
  sender.drain();
  expect(queue.length).toBe(0);
});
