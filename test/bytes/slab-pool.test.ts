import { describe, expect, test } from "bun:test";
import { LARGEST_BODY, Slab, SLAB_BYTES, SlabPool } from "../../src/bytes/slab-pool.ts";
import { pick, randomBytes, seededRandom } from "../support/mutate.ts";

/** A body in a slab, as a reader puts it there. */
function body(pool: SlabPool, length: number): { slab: Slab; bytes: Uint8Array } | undefined {
  const slab = pool.slabFor(length);
  return slab === undefined ? undefined : { slab, bytes: slab.take(length) };
}

describe("a slab", () => {
  test("has bodies side by side, and begins anew when none is held", () => {
    const slab = new Slab(() => {});
    const [a, b] = [slab.take(10), slab.take(20)];
    expect([a.byteOffset, b.byteOffset, slab.room, slab.holds]).toEqual([0, 10, SLAB_BYTES - 30, 2]);
    slab.hold();
    slab.release();
    slab.release();
    expect([slab.room, slab.holds]).toEqual([SLAB_BYTES - 30, 1]);
    slab.release();
    expect([slab.room, slab.holds]).toEqual([SLAB_BYTES, 0]);
  });

  test("says so when it is released once too often, and is not free twice", () => {
    let freed = 0;
    const slab = new Slab(() => freed++);
    slab.take(1);
    slab.release();
    expect(() => slab.release()).toThrow("Internal: a slab was released more often than it was held");
    expect(freed).toBe(1);
  });
});

describe("a pool", () => {
  test("uses one slab over and over where nobody keeps anything", () => {
    const pool = new SlabPool();
    const first = body(pool, 1000)!;
    first.slab.release();
    for (let i = 0; i < 1000; i++) {
      const next = body(pool, LARGEST_BODY)!;
      expect([next.slab === first.slab, next.bytes.byteOffset]).toEqual([true, 0]);
      next.slab.release();
    }
  });

  test("takes the next slab when one is full, and comes back to it when it is free", () => {
    const pool = new SlabPool();
    const bodies = Array.from({ length: 4 }, () => body(pool, LARGEST_BODY)!);
    const [first, second] = [bodies[0]!.slab, bodies[2]!.slab];
    expect(bodies.map(({ slab }) => slab)).toEqual([first, first, second, second]);
    first.release();
    first.release();
    expect(body(pool, 1)!.slab).toBe(first);
  });

  test("leaves bodies alone that are too large for it", () => {
    const pool = new SlabPool();
    expect(pool.slabFor(LARGEST_BODY + 1)).toBeUndefined();
    expect(body(pool, LARGEST_BODY)!.bytes).toHaveLength(LARGEST_BODY);
  });

  test("makes no more slabs than 64, whatever is kept, and goes on with what comes back", () => {
    const pool = new SlabPool();
    const keptSmall: Slab[] = [];
    for (;;) {
      // A small body that is kept, behind two large ones that are not.
      const small = body(pool, 1);
      if (small === undefined) break;
      keptSmall.push(small.slab);
      body(pool, LARGEST_BODY)?.slab.release();
      body(pool, LARGEST_BODY)?.slab.release();
    }
    expect(new Set(keptSmall).size).toBe(64);
    const [first] = keptSmall;
    for (const slab of keptSmall) if (slab === first) slab.release();
    expect(body(pool, 1)?.slab).toBe(first!);
  });

  test("that is closed gives memory back: what is free at once, what is held when it is released", () => {
    const pool = new SlabPool();
    const bodies = Array.from({ length: 5 }, () => body(pool, LARGEST_BODY)!);
    const [free, held, current] = [bodies[0]!.slab, bodies[2]!.slab, bodies[4]!.slab];
    free.release();
    free.release();
    const sizes = (): number[] => [free, held, current].map(({ bytes }) => bytes.length);
    pool.close();
    expect(sizes()).toEqual([0, SLAB_BYTES, SLAB_BYTES]);
    held.release();
    current.release();
    expect(sizes()).toEqual([0, SLAB_BYTES, 0]);
    held.release();
    expect(sizes()).toEqual([0, 0, 0]);
    expect(pool.slabFor(1)).toBeUndefined();
    pool.close();
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "never gives memory to two bodies that are held at once: seed %p",
    (seed) => {
      const random = seededRandom(seed);
      const pool = new SlabPool();
      const held: { slab: Slab; bytes: Uint8Array; copy: Uint8Array }[] = [];
      for (let i = 0; i < 600; i++) {
        const length = random() < 0.2 ? pick(random, LARGEST_BODY) : 1 + pick(random, 4000);
        const made = body(pool, length);
        if (made !== undefined) {
          made.bytes.set(randomBytes(length, seed * 1000 + i));
          held.push({ ...made, copy: made.bytes.slice() });
        }
        while (held.length > 40 || (held.length > 0 && random() < 0.45)) {
          const [gone] = held.splice(pick(random, held.length), 1);
          expect(Buffer.compare(gone!.bytes, gone!.copy)).toBe(0);
          gone!.slab.release();
        }
      }
    },
  );
});
