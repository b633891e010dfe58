/**
 * Flags beside a recipe. A flag, or its variable, wins over what the recipe says: its value is put into the job's tree
 * before the job is planned, so that it is checked like any other value and remembered as coming from the flag.
 */

import type { JobTree } from "./job-tree.ts";
import { WORDS, type KeyWords } from "./words.ts";
import { entryOf, nodeAt, scalar, withEntry, withNode, type Node, type Place } from "./tree.ts";

/** A flag that was given: its values as typed; none for a switch. */
export type GivenFlag = { readonly name: string; readonly values: readonly string[]; readonly place: Place };

type Rule = {
  /** The key whose value the flag gives. */
  readonly key: KeyWords;
  /** Keys that say otherwise. */
  readonly drop?: readonly (readonly string[])[];
  /** What a switch sets; true, if not given, and false where that is what the key's sentence is about. */
  readonly value?: string;
  /** The key may have several values. */
  readonly list?: true;
};

/** Which flags may stand beside a recipe, and what they change. */
const RULES: Readonly<Record<string, Rule>> = {
  for: { key: WORDS.for, drop: [["until"], ["schedule", "for"]] },
  until: { key: WORDS.until, drop: [["for"], ["schedule", "for"]] },
  wait: { key: WORDS.wait },
  follow: { key: WORDS.follow },
  stall: { key: WORDS.stall },
  grace: { key: WORDS.grace },
  "retry-min": { key: WORDS.retryMin, drop: [["to", "*", "retry", "min"]] },
  "retry-max": { key: WORDS.retryMax, drop: [["to", "*", "retry", "max"]] },
  output: { key: WORDS.output, list: true },
  segment: { key: WORDS.segment },
  align: { key: WORDS.align },
  join: { key: WORDS.join },
  "keep-age": { key: WORDS.keepAge },
  "keep-size": { key: WORDS.keepSize },
  "keep-free": { key: WORDS.keepFree },
  force: { key: WORDS.force },
  loop: { key: WORDS.loop },
  "no-realtime": { key: WORDS.realtime },
  "silent-audio": { key: WORDS.audio, value: "silent" },
  audio: { key: WORDS.audio },
  fps: { key: WORDS.fps },
  format: { key: WORDS.format },
  clock: { key: WORDS.clock },
  size: { key: WORDS.size },
  bitrate: { key: WORDS.bitrate },
  keyframe: { key: WORDS.keyframe },
  rotation: { key: WORDS.rotation },
  exposure: { key: WORDS.exposure },
  ca: { key: WORDS.ca },
  insecure: { key: WORDS.insecure },
  bind: { key: WORDS.bind },
};

const pathOf = ({ key }: Rule): readonly string[] => key.path.split(".");

/** The names of the flags that may stand beside a recipe. */
export const OVERRIDING: readonly string[] = Object.keys(RULES);

/** A job with flags in place of what it says. A flag about recordings leaves a job alone that records nothing. */
export function overrideJob(tree: JobTree, given: readonly GivenFlag[]): JobTree {
  const used = given.filter(({ name }) => {
    const rule = RULES[name];
    if (rule === undefined) return false;
    return pathOf(rule)[0] !== "record" || name === "output" || entryOf(tree.whole, "record") !== undefined;
  });
  let whole: Node = tree.whole;
  for (const { name } of used) for (const path of RULES[name]!.drop ?? []) whole = without(whole, path);
  for (const flag of used) {
    const rule = RULES[flag.name]!;
    whole = withNode(whole, pathOf(rule), valueOf(flag, rule)) ?? whole;
  }
  return { ...tree, whole };
}

function valueOf({ values, place }: GivenFlag, { key, value, list }: Rule): Node {
  if (values.length === 0) return scalar(value ?? key.negated !== true, place);
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
