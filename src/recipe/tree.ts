/**
 * The tree of a recipe: what YAML held, with the place of every key and value, so that whatever is found out later can
 * be said with a line and a column. parse.ts makes it, load.ts joins several, expand.ts fills in variables, overrides.ts
 * puts flags in; nodes are never changed, only replaced. Pure.
 */

/** A file as it was read. `folder` is where its relative paths begin. */
export type RecipeText = {
  readonly name: string;
  readonly folder: string;
  readonly lines: readonly string[];
};

/** Where something stands. Lines and columns count from 1; `length` is what a caret underlines. */
export type FilePlace = {
  readonly kind: "recipe";
  readonly text: RecipeText;
  readonly line: number;
  readonly column: number;
  readonly length: number;
};

/** Where a value came from: a recipe, a flag beside it, or the flag's variable. */
export type Place =
  FilePlace | { readonly kind: "flag" | "environment"; readonly name: string } | { readonly kind: "none" };

/** A piece of a text that came from a variable, a file or a credential; `start` and `end` count characters of the value. */
export type Inserted = { readonly start: number; readonly end: number; readonly private: boolean };

/** A text, number, truth value or nothing; `source` is how it was written. */
export type ScalarNode = {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | number | boolean | null;
  readonly source: string;
  readonly inserted: readonly Inserted[];
};

/** A key with its value. */
export type Entry = { readonly key: string; readonly keyPlace: Place; readonly value: Node };

/** Keys in their order. */
export type MapNode = { readonly kind: "map"; readonly place: Place; readonly entries: readonly Entry[] };
/** Values in their order. */
export type ListNode = { readonly kind: "list"; readonly place: Place; readonly items: readonly Node[] };
/** A value of any kind. */
export type Node = ScalarNode | MapNode | ListNode;

/** The way to a node: keys and positions in lists. */
export type Path = readonly (string | number)[];

/** A map without anything in it. */
export const EMPTY_MAP: MapNode = { kind: "map", place: { kind: "none" }, entries: [] };

/** A scalar that no variable went into. */
export function scalar(value: ScalarNode["value"], place: Place): ScalarNode {
  return { kind: "scalar", place, value, source: String(value), inserted: [] };
}

/** The entry of a map. */
export function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The node at the end of a path. */
export function nodeAt(root: Node | undefined, path: Path): Node | undefined {
  let node = root;
  for (const step of path) {
    node =
      typeof step === "number" && node?.kind === "list"
        ? node.items[step]
        : entryOf(node, String(step))?.value;
  }
  return node;
}

/** Where to point for a path: its value; its key, if the value is a map or a list; else what is around it. */
export function placeOf(root: Node, path: Path): Place {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length));
    if (node === undefined) continue;
    const entry = entryOf(nodeAt(root, path.slice(0, length - 1)), String(path[length - 1]));
    const missing = length < path.length || node.kind !== "scalar" || node.source === "";
    const place = entry !== undefined && missing ? entry.keyPlace : node.place;
    if (place.kind !== "none") return place;
  }
  return root.place;
}

/** The map with this value at `key`; a value of undefined takes the key away. */
export function withEntry(node: MapNode, key: string, value: Node | undefined): MapNode {
  const found = entryOf(node, key);
  if (value === undefined) {
    return found === undefined ? node : { ...node, entries: node.entries.filter((entry) => entry !== found) };
  }
  const entry: Entry = { key, keyPlace: found?.keyPlace ?? value.place, value };
  if (found === undefined) return { ...node, entries: [...node.entries, entry] };
  return { ...node, entries: node.entries.map((one) => (one === found ? entry : one)) };
}

/** The same with a path; maps on the way are made where there are none. */
export function withNode(
  node: Node | undefined,
  path: readonly string[],
  value: Node | undefined,
): Node | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (value === undefined && entryOf(node, key) === undefined) return node;
  const map = node?.kind === "map" ? node : EMPTY_MAP;
  return withEntry(map, key, withNode(entryOf(map, key)?.value, rest, value));
}

/** Two trees as one: maps are joined key by key, in anything else the second wins. */
export function merge(base: Node, over: Node): Node {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const kept = base.entries.map((entry) => {
    const own = entryOf(over, entry.key);
    return own === undefined ? entry : { ...own, value: merge(entry.value, own.value) };
  });
  const added = over.entries.filter((entry) => entryOf(base, entry.key) === undefined);
  return { ...over, entries: [...kept, ...added] };
}

/** Every scalar replaced. */
export function mapScalars(node: Node, change: (scalar: ScalarNode) => ScalarNode): Node {
  switch (node.kind) {
    case "scalar":
      return change(node);
    case "list":
      return { ...node, items: node.items.map((item) => mapScalars(item, change)) };
    case "map":
      return {
        ...node,
        entries: node.entries.map((entry) => ({ ...entry, value: mapScalars(entry.value, change) })),
      };
    default:
      return node satisfies never;
  }
}

/** Without the keys that are free: `x-` and whatever follows. */
export function withoutFreeKeys(node: Node): Node {
  if (node.kind === "list") return { ...node, items: node.items.map(withoutFreeKeys) };
  if (node.kind === "scalar") return node;
  const entries = node.entries.filter((entry) => !entry.key.startsWith("x-"));
  return { ...node, entries: entries.map((entry) => ({ ...entry, value: withoutFreeKeys(entry.value) })) };
}

/** The bare values, for a validator. Objects have no prototype: a key may have any name. */
export function toValue(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(toValue);
    case "map": {
      const object: Record<string, unknown> = Object.create(null);
      for (const entry of node.entries) object[entry.key] = toValue(entry.value);
      return object;
    }
    default:
      return node satisfies never;
  }
}
