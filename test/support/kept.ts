/** What a receiver does that keeps a body which lies in a slab: it copies it, and gives the slab back. */
import type { Slab } from "../../src/bytes/slab-pool.ts";

type Lent = { readonly payload: Uint8Array; readonly slab: Slab | undefined };

/** A message or event, for good. */
export function kept<T extends object>(received: T): T {
  if (!("payload" in received)) return received;
  const { payload, slab } = received as T & Lent;
  if (slab === undefined) return received;
  const copy = { ...received, payload: new Uint8Array(payload), slab: undefined };
  slab.release();
  return copy;
}
