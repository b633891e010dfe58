/**
 * What else is wrong with a job that does not fit the definition: its wrong values make room for right ones, its unknown
 * keys go, and the rest can be looked at as if it were whole. So every problem is told at once. Called by
 * read-recipe.ts.
 */

import * as z from "zod";
import { nearest } from "./nearest.ts";
import { mapScalars, nodeAt, scalar, withNode, type Node, type Path, type Place } from "./tree.ts";
import { issuesOf } from "./validate.ts";
import { fieldAt, keysAt } from "./walk.ts";

/** A tree that fits, and the places of the values in it that are the writer's own. */
export type Salvaged = { readonly root: Node; readonly own: ReadonlySet<Place> };

/** Replaces what does not fit; undefined if the tree still does not, as where a key is missing. */
export function salvage(schema: z.ZodType, root: Node): Salvaged | undefined {
  let mended: Node | undefined = root;
  /** Maps in which a key was misspelt: what seems to be missing there may be what was meant. */
  const doubtful: string[][] = [];
  for (const issue of issuesOf(schema, root)) {
    if (mended === undefined) return undefined;
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) mended = withNode(mended, [...path, key], undefined) ?? mended;
      if (issue.keys.some((key) => nearest(key, keysAt(schema, issue.path as Path)) !== undefined))
        doubtful.push(path);
    } else if (nodeAt(root, issue.path as Path) !== undefined) {
      mended = withNode(mended, path, standIn(schema, issue));
    }
  }
  if (mended === undefined || issuesOf(schema, mended).length > 0) return undefined;
  const own = new Set<Place>();
  mapScalars(mended, (node) => {
    if (node.place.kind !== "none") own.add(node.place);
    return node;
  });
  for (const path of doubtful) for (const place of valuesOf(nodeAt(mended, path))) own.delete(place);
  return { root: mended, own };
}

function valuesOf(node: Node | undefined): Place[] {
  if (node?.kind !== "map") return [];
  return node.entries.flatMap(({ value }) => (value.kind === "scalar" ? [value.place] : []));
}

/** A value that fits, if the field's example is a plain one; else the key goes. */
function standIn(schema: z.ZodType, issue: z.core.$ZodIssue): Node | undefined {
  if (issue.code === "invalid_value") return scalar(String(issue.values[0]), { kind: "none" });
  const field = fieldAt(schema, issue.path as Path);
  // Without its key a destination would be told that it needs one.
  if (field?.secret) return scalar("a stand-in for the secret", { kind: "none" });
  const example = field?.example;
  if (example === undefined || /[[{"'$]/.test(example)) return undefined;
  const value = example === "true" || example === "false" ? example === "true" : example;
  return scalar(value, { kind: "none" });
}
