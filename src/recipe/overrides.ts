/**
 * Flags beside a recipe. A flag, or its variable, wins over what the recipe says: its value is put into the job's tree
 * before the job is planned, so that it is checked like any other value and remembered as coming from the flag.
 */

import type { JobTree } from "./job-tree.ts";
import { entryOf, nodeAt, scalar, withEntry, withNode, type Node, type Place } from "./tree.ts";

/** A flag that was given: its values as typed; none for a switch. */
export type GivenFlag = { readonly name: string; readonly values: readonly string[]; readonly place: Place };

type Rule = {
  /** The key whose value the flag gives. */
  readonly set: readonly string[];
  /** Keys that say otherwise. */
  readonly drop?: readonly (readonly string[])[];
  /** What a switch sets; true, if not given. */
  readonly value?: boolean | string;
  /** The key may have several values. */
  readonly list?: true;
};

/** Which flags may stand beside a recipe, and what they change. */
const RULES: Readonly<Record<string, Rule>> = {
  for: { set: ["for"], drop: [["until"], ["schedule", "for"]] },
  until: { set: ["until"], drop: [["for"], ["schedule", "for"]] },
  wait: { set: ["from", "wait"] },
  follow: { set: ["from", "follow"] },
  stall: { set: ["from", "stall"] },
  grace: { set: ["grace"] },
  "retry-min": { set: ["retry", "min"], drop: [["to", "*", "retry", "min"]] },
  "retry-max": { set: ["retry", "max"], drop: [["to", "*", "retry", "max"]] },
  output: { set: ["record", "path"], list: true },
  segment: { set: ["record", "segment", "every"] },
  align: { set: ["record", "segment", "align"] },
  join: { set: ["record", "join"] },
  "keep-age": { set: ["record", "keep", "age"] },
  "keep-size": { set: ["record", "keep", "size"] },
  "keep-free": { set: ["record", "keep", "free"] },
  force: { set: ["record", "force"] },
  loop: { set: ["from", "loop"] },
  "no-realtime": { set: ["from", "realtime"], value: false },
  "silent-audio": { set: ["audio"], value: "silent" },
  audio: { set: ["audio"] },
  fps: { set: ["from", "fps"] },
  format: { set: ["from", "format"] },
  clock: { set: ["from", "clock"] },
  size: { set: ["from", "size"] },
  bitrate: { set: ["from", "bitrate"] },
  keyframe: { set: ["from", "keyframe"] },
  rotation: { set: ["from", "rotation"] },
  exposure: { set: ["from", "exposure"] },
  ca: { set: ["ca"] },
  insecure: { set: ["insecure"] },
  bind: { set: ["bind"] },
};

/** The names of the flags that may stand beside a recipe. */
export const OVERRIDING: readonly string[] = Object.keys(RULES);

/** A job with flags in place of what it says. A flag about recordings leaves a job alone that records nothing. */
export function overrideJob(tree: JobTree, given: readonly GivenFlag[]): JobTree {
  const used = given.filter(({ name }) => {
    const part = RULES[name]?.set[0];
    return (
      part !== undefined &&
      (part !== "record" || name === "output" || entryOf(tree.whole, "record") !== undefined)
    );
  });
  let whole: Node = tree.whole;
  for (const { name } of used) for (const path of RULES[name]!.drop ?? []) whole = without(whole, path);
  for (const flag of used) {
    const rule = RULES[flag.name]!;
    whole = withNode(whole, rule.set, valueOf(flag, rule)) ?? whole;
  }
  return { ...tree, whole };
}

function valueOf({ values, place }: GivenFlag, { value = true, list }: Rule): Node {
  if (values.length === 0) return scalar(value, place);
  if (list === undefined || values.length === 1) return scalar(values[0]!, place);
  return { kind: "list", place, items: values.map((text) => scalar(text, place)) };
}

/** Without the node at a path, in which * stands for every key. */
function without(root: Node, path: readonly string[]): Node {
  const star = path.indexOf("*");
  if (star < 0) return withNode(root, path, undefined) ?? root;
  const map = nodeAt(root, path.slice(0, star));
  if (map?.kind !== "map") return root;
  const rest = path.slice(star + 1);
  const changed = map.entries.reduce(
    (whole, { key, value }) => withEntry(whole, key, without(value, rest)),
    map,
  );
  return withNode(root, path.slice(0, star), changed) ?? root;
}
