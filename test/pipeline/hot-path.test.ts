/**
 * What the way from a socket to the destinations costs, counted instead of timed: a whole job, from the plan of a
 * command line on, runs over connections in memory (support/memory-net.ts) that take everything at once. A number that
 * grows here costs processor time on every message of every stream; so each limit is what is reached today, and a
 * change that lowers a number lowers its limit too.
 */
import { describe, expect, test } from "bun:test";
import { gcAndSweep, heapStats } from "bun:jsc";
import { CopyCounter } from "../support/copy-counter.ts";
import { framed, GOP, type Message, messages, PUBLISHED, relay } from "../support/memory-relay.ts";

/**
 * What may be counted, at most: for a live stream, whose segments hold one message each, and for a burst, whose segments
 * hold ten, so that what is done per segment shows in the first column only.
 */
const LIMITS = {
  // One for each segment: the chunks of all its messages leave together, however many they are.
  writesPerSegmentAndSink: { live: 1, burst: 1 },
  // In: from the socket's segment into the message's slab. Out: into the run that all destinations share.
  copiesPerByte: { live: 2, burst: 2 },
  // Bodies lie in slabs, and runs in a buffer, that are used again.
  allocatedPerByte: { live: 0, burst: 0 },
  // Nothing waits for anything between the socket and the destinations.
  Promise: { live: 0, burst: 0 },
  // Callbacks are bound once, when a session begins.
  Function: { live: 0, burst: 0 },
  // Nor does a function on the way have one inside, which would make a scope for every call.
  JSLexicalEnvironment: { live: 0, burst: 0 },
  // The message, the event, the tag's header, the packet.
  Object: { live: 4, burst: 4 },
  // The message's place in the slab and the view of the chunk that is copied to it; the run's bytes, once for a segment.
  Uint8Array: { live: 3, burst: 2.1 },
  // The list of a segment's events, that of a GOP's packets.
  Array: { live: 1.04, burst: 0.14 },
} as const;

/** Headers beside the payload, the first buffers of a chunk stream. */
const SLACK = 0.02;

/** How many messages a segment of the source holds. */
const SHAPES = [
  ["live", 1],
  ["burst", 10],
] as const;

/** Holds what was counted against its limit. */
function within(what: keyof typeof LIMITS, shape: "live" | "burst", counted: number): void {
  const limit = LIMITS[what][shape];
  expect({ what, shape, counted, within: counted <= limit + SLACK }).toMatchObject({ within: true });
}

/** Messages as segments of the source. */
function segmentsOf(list: readonly Message[], perSegment: number): Buffer[] {
  const wire = list.map(framed);
  const count = Math.ceil(wire.length / perSegment);
  return Array.from({ length: count }, (_, i) => {
    return Buffer.concat(wire.slice(i * perSegment, (i + 1) * perSegment));
  });
}

const payloadOf = (list: readonly Message[]) => list.reduce((sum, { payload }) => sum + payload.length, 0);

/** What a call leaves on the heap, by type, before anything is collected; less what the look itself leaves. */
function heapGrowth(work: () => void): Record<string, number> {
  const look = (between: () => void): Record<string, number> => {
    gcAndSweep();
    const before = heapStats().objectTypeCounts;
    between();
    const after = heapStats().objectTypeCounts;
    return Object.fromEntries(Object.entries(after).map(([type, n]) => [type, n - (before[type] ?? 0)]));
  };
  const own = look(() => {});
  return Object.fromEntries(Object.entries(look(work)).map(([type, n]) => [type, n - (own[type] ?? 0)]));
}

describe.each(SHAPES)("from one socket to four destinations, %s", (shape, perSegment) => {
  test("writes and copies", async () => {
    await relay(async (give, net) => {
      const SIZE = 20_000;
      // Until slabs and buffers are as many and as large as this stream needs.
      const warmUp = segmentsOf(messages(3 * GOP, SIZE, 600), perSegment);
      for (const segment of warmUp) give(segment);
      const list = messages(10 * GOP, SIZE, 600 + 3 * GOP * 20);
      const segments = segmentsOf(list, perSegment);
      const before = net.to(PUBLISHED).map(({ writes, peer }) => ({ writes, received: peer.received }));
      const counter = new CopyCounter();
      for (const segment of segments) give(segment);
      counter[Symbol.dispose]();
      const payload = payloadOf(list);
      for (const [i, { writes, peer }] of net.to(PUBLISHED).entries()) {
        // All of it came, and at once: what was counted is the whole work.
        expect(peer.received - before[i]!.received).toBeGreaterThan(payload);
        within("writesPerSegmentAndSink", shape, (writes - before[i]!.writes) / segments.length);
      }
      // Less than one copy in and one out cannot be: then the counter does not see them.
      expect(counter.copied).toBeGreaterThanOrEqual(2 * payload);
      within("copiesPerByte", shape, counter.copied / payload);
      within("allocatedPerByte", shape, counter.allocated / payload);
    });
  });

  test("objects and promises", async () => {
    const MESSAGES = 1000;
    await relay(async (give, net) => {
      const most = { Promise: 0, Function: 0, JSLexicalEnvironment: 0, Object: 0, Uint8Array: 0, Array: 0 };
      const types = Object.keys(most) as (keyof typeof most)[];
      // A collection in the middle hides what it takes away, and nothing adds: the most of some rounds is meant.
      for (let round = 0; round < 4; round++) {
        const list = messages(MESSAGES, 500, 600 + round * MESSAGES * 20);
        const segments = segmentsOf(list, perSegment);
        const before = net.to(PUBLISHED)[0]!.peer.received;
        const grown = heapGrowth(() => segments.forEach(give));
        expect(net.to(PUBLISHED)[0]!.peer.received - before).toBeGreaterThan(payloadOf(list));
        // The first round still makes what is made once.
        if (round === 0) continue;
        for (const type of types) most[type] = Math.max(most[type], (grown[type] ?? 0) / MESSAGES);
      }
      // The buffer that every message gets has to be seen.
      expect(most.Uint8Array).toBeGreaterThanOrEqual(1);
      for (const type of types) within(type, shape, most[type]);
    });
  });
});
