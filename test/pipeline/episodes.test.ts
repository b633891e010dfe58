/** Episodes: what is kept of those that are over while a sink takes its time to end the first of them. */
import { expect, test } from "bun:test";
import { Slab } from "../../src/bytes/slab-pool.ts";
import type { Hub } from "../../src/pipeline/hub.ts";
import { Episodes } from "../../src/pipeline/episodes.ts";
import { FakeSink } from "../support/fake-job.ts";
import { packet } from "../support/packets.ts";
import { until } from "../support/ports.ts";

/** Gives a hub one keyframe in a slab of its own; its holds are those who keep it. */
function keyframe(hub: Hub): Slab {
  const slab = new Slab(() => {});
  slab.take(16);
  hub.publish({ ...packet("K0"), slab });
  hub.flush(0);
  slab.release();
  return slab;
}

test("while a sink does not come to an end, the GOP of one episode that is over is kept, not of each", async () => {
  const sink = new FakeSink("a", { manual: true, limits: { bytes: 1e6, ms: Infinity, policy: "skip" } });
  const episodes = new Episodes([sink], {
    retry: { min: 1, max: 1 },
    report: () => {},
    hold: false,
    made: false,
    onHopeless: () => {},
  });
  episodes.open();
  const slabs: Slab[] = [];
  for (let n = 0; n < 4; n++) {
    episodes.begin();
    slabs.push(keyframe(episodes.hub));
    if (n === 0) await until("it is live", () => sink.sessions.length === 1);
    episodes.next();
  }
  // The sink's queue holds each, and of those that are over the last one's hub.
  expect(slabs.map(({ holds }) => holds)).toEqual([1, 1, 1, 2]);
  const timer = setInterval(() => sink.take(1), 1);
  await until("nothing is kept", () => slabs.every(({ holds }) => holds === 0));
  await episodes.end(new AbortController().signal, new AbortController().signal);
  clearInterval(timer);
  expect(sink.lines).toEqual(["K0", "K0", "K0", "K0"]);
});
