/** What is of one session of a recorder: its queue, its end, the packet that a file is opened for. */
import { describe, expect, test } from "bun:test";
import { SlabPool } from "../../../src/bytes/slab-pool.ts";
import { Hub } from "../../../src/pipeline/hub.ts";
import { RecorderSession } from "../../../src/pipeline/sinks/recorder-session.ts";
import type { SinkContext } from "../../../src/pipeline/source.ts";
import { packet, packets, textOf } from "../../support/packets.ts";

const LIMITS = { bytes: 1 << 20, ms: Infinity, policy: "fail" } as const;

/** A session at 1000 ms, with the hub that feeds it. */
function begin(line = "") {
  const hub = new Hub();
  const told = { lives: 0 };
  const refuse = (): never => {
    throw new Error("not for a recorder");
  };
  const context: SinkContext = {
    subscribe: () => hub.subscribe(LIMITS),
    unsubscribe: (queue) => hub.unsubscribe(queue),
    join: refuse,
    leave: refuse,
    ended: new Promise(() => {}),
    onLive: () => told.lives++,
    onFile: refuse,
    onRecovered: refuse,
    onDeleted: refuse,
    notice: refuse,
    trace: refuse,
  };
  const session = new RecorderSession(context, { now: 1000, resuming: false });
  for (const one of packets(line)) hub.publish(one);
  return { hub, session, told };
}

/** Whether the session is over by now. */
function isOver(session: RecorderSession): boolean {
  return Bun.peek.status(session.over.promise) === "fulfilled";
}

describe("RecorderSession", () => {
  test("gives packets in order, and none while a file is being opened", () => {
    const { session } = begin("K0 f40 f80");
    const first = session.take()!;
    expect(textOf(first)).toBe("K0");
    session.held = first;
    expect(session.take()).toBeUndefined();
    session.held = undefined;
    expect(textOf(session.take()!)).toBe("f40");
  });

  test("gives none once it is stopping", () => {
    const { session } = begin("K0 f40");
    session.stopping = true;
    expect(session.take()).toBeUndefined();
  });

  test.each([
    ["what the queue holds in time, if that is less than the wait", "K0 f40 f80", 5000, 40],
    ["the wait since the queue was empty", "K0 f40 f4000", 1500, 500],
    ["nothing, with a clock that goes back", "K0 f40 f4000", 900, 0],
  ])("lag: %s", (_, line, now, lag) => {
    const { session } = begin(line);
    session.take();
    expect(session.lag(now)).toBe(lag);
  });

  test("lag counts from when the queue was last seen empty", () => {
    const { hub, session } = begin("K0");
    session.take();
    session.noteTaken(3000);
    for (const one of packets("f40 f9000")) hub.publish(one);
    session.noteTaken(3500);
    expect(session.lag(4000)).toBe(1000);
  });

  test.each([
    ["neither stopped nor at its end", { stop: false, end: false, left: "" }, false],
    ["stopped", { stop: true, end: false, left: "K0" }, true],
    ["at its end", { stop: false, end: true, left: "" }, true],
    ["at its end, with packets left", { stop: false, end: true, left: "K0" }, false],
  ])("is over: %s", (_, { stop, end, left }, over) => {
    const { hub, session } = begin(left);
    session.stopping = stop;
    if (end) hub.end();
    session.endIfDone();
    expect(isOver(session)).toBe(over);
  });

  test("is not over while a file is being opened", () => {
    const { session } = begin();
    session.stopping = true;
    session.held = packet("K0");
    session.endIfDone();
    expect(isOver(session)).toBe(false);
  });

  test("says once that media is recorded", () => {
    const { session, told } = begin();
    session.noteLive();
    session.noteLive();
    expect(told.lives).toBe(1);
  });

  test("gives back what was held for a file that never came, once", () => {
    const { session } = begin();
    const slab = new SlabPool().slabFor(100)!;
    session.held = { ...packet("K0"), body: slab.take(100), slab };
    session.leave();
    session.dropHeld();
    expect(slab.holds).toBe(0);
    expect(session.held).toBeUndefined();
  });

  test("takes nothing of the hub any more when it is left", () => {
    const { hub, session } = begin();
    session.leave();
    hub.publish(packet("K0"));
    expect(session.take()).toBeUndefined();
  });
});
