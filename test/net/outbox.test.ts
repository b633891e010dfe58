/** Outbox: every byte once and in order, however little the socket takes at a time. */
import { describe, expect, test } from "bun:test";
import { Outbox } from "../../src/net/outbox.ts";
import { pick, randomBytes, seededRandom } from "../support/mutate.ts";

/** A socket that takes what `room` allows: bytes, 0 when it is full, -1 when it is closed. */
function makeSocket(room: (asked: number) => number) {
  const taken: number[] = [];
  let writes = 0;
  const outbox = new Outbox((bytes) => {
    writes += 1;
    const count = Math.min(bytes.length, room(bytes.length));
    if (count > 0) taken.push(...bytes.subarray(0, count));
    return count;
  });
  return { outbox, taken, writes: () => writes };
}

const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);

describe("Outbox", () => {
  test("hands bytes straight on while they are taken", () => {
    const { outbox, taken } = makeSocket((asked) => asked);
    outbox.send(bytes(1, 2, 3));
    outbox.send(bytes(4));
    expect([taken, outbox.size]).toEqual([[1, 2, 3, 4], 0]);
  });

  test("keeps the rest of a short count, and what comes after it", () => {
    let room = 2;
    const { outbox, taken, writes } = makeSocket(() => room);
    outbox.send(bytes(1, 2, 3));
    outbox.send(bytes(4, 5));
    expect([taken, outbox.size, writes()]).toEqual([[1, 2], 3, 1]);
    room = 100;
    expect(outbox.drain()).toBe(true);
    expect([taken, outbox.size]).toEqual([[1, 2, 3, 4, 5], 0]);
  });

  test("keeps a copy: the caller may reuse the bytes", () => {
    let room = 0;
    const { outbox, taken } = makeSocket(() => room);
    const buffer = bytes(1, 2, 3);
    outbox.send(buffer);
    buffer.fill(9);
    outbox.send(buffer);
    buffer.fill(8);
    room = 100;
    outbox.drain();
    expect(taken).toEqual([1, 2, 3, 9, 9, 9]);
  });

  test("keeps everything of a full socket, as often as it is asked", () => {
    const { outbox, taken } = makeSocket(() => 0);
    outbox.send(bytes(1, 2));
    for (let i = 0; i < 3; i++) expect(outbox.drain()).toBe(false);
    expect([taken, outbox.size]).toEqual([[], 2]);
  });

  test("has nothing to drain when nothing is kept", () => {
    const { outbox, writes } = makeSocket((asked) => asked);
    expect([outbox.drain(), outbox.drain(), writes()]).toEqual([true, true, 0]);
  });

  test("keeps nothing for a closed socket", () => {
    let room = -1;
    const { outbox } = makeSocket(() => room);
    outbox.send(bytes(1, 2));
    expect(outbox.size).toBe(0);
    room = 0;
    outbox.send(bytes(1, 2));
    expect(outbox.size).toBe(2);
    room = -1;
    expect([outbox.drain(), outbox.size]).toEqual([true, 0]);
  });

  test("forgets what it keeps when it is told to", () => {
    let room = 0;
    const { outbox, taken } = makeSocket(() => room);
    outbox.send(bytes(1, 2));
    outbox.clear();
    room = 100;
    outbox.send(bytes(3));
    expect([taken, outbox.size]).toEqual([[3], 0]);
  });

  test("takes little more memory for many little pieces than they have bytes", () => {
    const { outbox } = makeSocket(() => 0);
    for (let i = 0; i < 10_000; i++)
      outbox.send(bytes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
    expect(outbox.size).toBe(160_000);
    expect(outbox.held).toBeLessThan(170_000);
  });

  test("lets go of what a slow reader took, though it never takes all", () => {
    let left = 0;
    const { outbox } = makeSocket((asked) => {
      const count = Math.min(asked, left);
      left -= count;
      return count;
    });
    for (let i = 0; i < 100; i++) outbox.send(randomBytes(10_000, i));
    for (let size = outbox.size; size > 10_000; size -= 10_000) {
      left = 10_000;
      expect(outbox.drain()).toBe(false);
      expect([outbox.size, outbox.held]).toEqual([size - 10_000, size - 10_000]);
    }
  });

  test("sends nothing of nothing", () => {
    const { outbox, taken } = makeSocket(() => 0);
    outbox.send(bytes());
    expect([outbox.size, taken, outbox.drain()]).toEqual([0, [], true]);
  });
});

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "random socket %p: every byte once, in order",
  (seed) => {
    const random = seededRandom(seed);
    const { outbox, taken } = makeSocket((asked) => (random() < 0.4 ? 0 : pick(random, asked + 1)));
    const sent: number[] = [];
    for (let i = 0; i < 200; i++) {
      const part = randomBytes(pick(random, 50), seed * 1000 + i);
      sent.push(...part);
      outbox.send(part);
      if (random() < 0.3) outbox.drain();
      expect(taken.length + outbox.size).toBe(sent.length);
    }
    while (!outbox.drain());
    expect(taken).toEqual(sent);
    expect(outbox.size).toBe(0);
  },
);
