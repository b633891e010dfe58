/**
 * The runtime compiles what runs often up to three times, each time into faster code and at a higher price. What media
 * passes through is hot at once, but the last compiler makes it no faster: these functions wait for memory and for the
 * kernel. For a gigabyte it took a sixth of all processor time (README, "Speed and memory"), so what runs for each
 * message asks to be left out. (What runs for each segment, as net does, is never hot enough.) Speed is all that this
 * changes.
 */
import { noFTL } from "bun:jsc";

type Part = (...args: never[]) => unknown;
type Class = { readonly prototype: object };

/**
 * Keeps the last compiler from functions. Private methods can be named only where an instance is, which is why
 * constructors call this; it holds for all instances, and once more does no harm.
 */
export function skipLastTier(...parts: readonly Part[]): void {
  for (const part of parts) noFTL(part);
}

/** Keeps it from all methods and accessors of classes that are neither private nor static. */
export function skipLastTierIn(...classes: readonly Class[]): void {
  for (const { prototype } of classes) {
    for (const [name, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name === "constructor") continue;
      for (const part of [value, get, set]) if (typeof part === "function") noFTL(part);
    }
  }
}
