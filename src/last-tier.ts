/**
 * The runtime compiles what runs often up to three times, each time into faster code and at a higher price. What media
 * passes through is hot at once, but the last compiler finds nothing there: these functions wait for memory and for the
 * kernel. For a gigabyte it took 0.15 s of processor time and 6 MiB in each process and gave nothing back (README,
 * "Speed and memory"), so what runs for each message asks to be left out. Speed is all that this changes.
 */
import { noFTL } from "bun:jsc";

type Part = (...args: never[]) => unknown;
type Class = { readonly prototype: object };

/** Keeps the last compiler from functions, and from private methods, which a constructor names for all instances. */
export function skipLastTier(...parts: readonly Part[]): void {
  for (const part of parts) noFTL(part);
}

/** Keeps it from the methods and accessors of classes that are not private. */
export function skipLastTierIn(...classes: readonly Class[]): void {
  for (const { prototype } of classes) {
    for (const [name, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name === "constructor") continue;
      for (const part of [value, get, set]) if (typeof part === "function") noFTL(part);
    }
  }
}
