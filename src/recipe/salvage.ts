/**
 * What else is wrong with a job that does not fit the definition: its wrong values make room for right ones, its unknown
 * keys go, and the rest can be looked at as if it were whole. So every problem is told at once.
 */

import * as z from "zod";
import type { Doubts } from "./doubts.ts";
import { nodeAt, scalar, withNode, type Node, type Path, type Place } from "./tree.ts";
import { issuesOf, meant } from "./validate.ts";
import { fieldAt, keysAt } from "./walk.ts";

/** A tree that fits, and what of it is not the writer's own. */
export type Salvaged = { readonly root: Node; readonly doubts: Doubts };

/** Where stand-ins stand. */
const NOWHERE: Place = { kind: "none" };

/** Replaces what does not fit; undefined if the tree still does not. `doubts` are those that there are already. */
export function salvage(schema: z.ZodType, root: Node, doubts: Doubts): Salvaged | undefined {
  const all = doubts.copy();
  all.values.add(NOWHERE);
  let mended: Node | undefined = root;
  for (const issue of issuesOf(schema, root)) {
    if (mended === undefined) return undefined;
    // An item is not replaced, but the whole list.
    const item = issue.path.findIndex((step) => typeof step === "number");
    const at = (item < 0 ? issue.path : issue.path.slice(0, item)) as Path;
    const path = at.map(String);
    const map = nodeAt(root, at.slice(0, -1));
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) mended = withNode(mended, [...path, key], undefined) ?? mended;
      // A key was misspelt: what seems to be missing there may be what was meant.
      if (issue.keys.some((key) => meant(key, keysAt(schema, issue.path as Path)) !== undefined))
        all.maps.add(nodeAt(root, issue.path as Path)?.place ?? NOWHERE);
    } else {
      const value = item < 0 ? standIn(schema, issue) : undefined;
      if (value === undefined && map !== undefined) all.maps.add(map.place);
      mended = withNode(mended, path, value);
    }
  }
  if (mended === undefined || issuesOf(schema, mended).length > 0) return undefined;
  return { root: mended, doubts: all };
}

/** A value that fits, if the field's example is a plain one; else the key goes. */
function standIn(schema: z.ZodType, issue: z.core.$ZodIssue): Node | undefined {
  if (issue.code === "invalid_value") return scalar(String(issue.values[0]), NOWHERE);
  const field = fieldAt(schema, issue.path as Path);
  // Without its key a destination would be told that it needs one.
  if (field?.secret) return scalar("a stand-in for the secret", NOWHERE);
  const example = field?.example;
  if (example === undefined || /[[{"'$]/.test(example)) return undefined;
  const value = example === "true" || example === "false" ? example === "true" : example;
  return scalar(value, NOWHERE);
}
