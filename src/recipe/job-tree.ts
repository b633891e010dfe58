/**
 * The jobs of a recipe as trees of one form: short forms are written out (`from: URL` is `from: { url: URL }`) and the
 * recipe's defaults are put below what each job says itself. Flags are put into these trees, and
 * plans are made of them.
 */

import {
  EMPTY_MAP,
  entryOf,
  merge,
  nodeAt,
  withEntry,
  withNode,
  type MapNode,
  type Node,
  type Place,
} from "./tree.ts";

/** A job: what it says itself, and the same with the defaults below it. */
export type JobTree = {
  readonly name: string;
  readonly namePlace: Place;
  readonly own: Node;
  readonly whole: Node;
};

/** Which key a short form stands for. */
const SHORT: readonly (readonly [path: readonly string[], key: string])[] = [
  [["from"], "url"],
  [["schedule"], "cron"],
  [["record"], "path"],
  [["record", "segment"], "every"],
];

/** Defaults that need something in the job that they are the defaults of. */
const ONLY_WITH = ["schedule", "record"];

/** The jobs of a recipe, in its order. */
export function jobTrees(root: Node): JobTree[] {
  const defaults = writtenOut(nodeAt(root, ["defaults"]) ?? EMPTY_MAP);
  const jobs = nodeAt(root, ["jobs"]);
  if (jobs?.kind !== "map") return [];
  return jobs.entries.map(({ key, keyPlace, value }) => {
    const own = namedUrls(writtenOut(value));
    return { name: key, namePlace: keyPlace, own, whole: withDefaults(own, defaults) };
  });
}

function withDefaults(job: Node, defaults: Node): Node {
  const unused = ONLY_WITH.filter((key) => entryOf(job, key) === undefined);
  const fitting = [...unused, "to"].reduce<Node>(without, defaults);
  const whole = merge(fitting, job);
  const to = nodeAt(whole, ["to"]);
  const toDefaults = nodeAt(defaults, ["to"]);
  if (to?.kind !== "map" || toDefaults === undefined || whole.kind !== "map") return whole;
  const entries = to.entries.map((entry) => ({ ...entry, value: merge(toDefaults, entry.value) }));
  return withEntry(whole, "to", { ...to, entries });
}

function without(node: Node, key: string): Node {
  return node.kind === "map" ? withEntry(node, key, undefined) : node;
}

/** A job or the defaults with every short form written out. */
function writtenOut(node: Node): Node {
  let result = node;
  for (const [path, key] of SHORT) result = lengthened(result, path, key);
  return moved(result, ["from", "grace"], ["grace"]);
}

/** The same for destinations, of which a job has many and the defaults describe one. */
function namedUrls(job: Node): Node {
  const to = nodeAt(job, ["to"]);
  if (to?.kind !== "map" || job.kind !== "map") return job;
  const entries = to.entries.map((entry) => ({ ...entry, value: lengthened(entry.value, [], "url") }));
  return withEntry(job, "to", { ...to, entries });
}

function lengthened(root: Node, path: readonly string[], key: string): Node {
  const node = nodeAt(root, path);
  if (node === undefined || node.kind === "map") return root;
  const map: MapNode = {
    kind: "map",
    place: node.place,
    entries: [{ key, keyPlace: node.place, value: node }],
  };
  return withNode(root, path, map) ?? root;
}

/** One key may stand in two places; a key that stands in both stays, to be found out. */
function moved(root: Node, from: readonly string[], to: readonly string[]): Node {
  const node = nodeAt(root, from);
  if (node === undefined || nodeAt(root, to) !== undefined) return root;
  return withNode(withNode(root, from, undefined), to, node) ?? root;
}
