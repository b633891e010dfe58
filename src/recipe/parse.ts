/**
 * YAML text in, a tree with places out, and every problem of the text itself: syntax, duplicate keys, tags, anchors that
 * are not there. Anchors and merge keys (`<<`) are resolved here. Called by load.ts; knows nothing of what keys mean.
 */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Node as YamlNode,
  type Pair,
  type Scalar,
  type YAMLError,
} from "yaml";
import type { RecipeProblem } from "./problems.ts";
import {
  EMPTY_MAP,
  entryOf,
  type Entry,
  type MapNode,
  type Node,
  type Place,
  type RecipeText,
} from "./tree.ts";

/** A tree, or what is wrong; with problems the tree holds what could be read. */
export type ParsedText = { readonly root: Node; readonly problems: readonly RecipeProblem[] };

/** Longer files are no recipes. */
const MOST_CHARACTERS = 1024 * 1024;
/** Aliases may multiply what stands in a file; no recipe needs more nodes than this. */
const MOST_NODES = 20_000;

/** What the YAML parser's complaints mean for somebody who writes a recipe. */
const SAID: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation is wrong — keys of one map begin in the same column",
  TAB_AS_INDENT: "a tab stands in the indentation — use spaces",
  BAD_SCALAR_START: "a text cannot begin with this character — put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: 'a ": " stands within a value — put the value in quotes',
  MISSING_CHAR: "a quotation mark, bracket or comma is missing — close what was opened before",
  MULTIPLE_DOCS: "a second document begins here — put it in a file of its own",
  MULTILINE_IMPLICIT_KEY: "a key cannot go over several lines — is a colon or a quotation mark missing?",
  UNEXPECTED_TOKEN: "nothing more can follow here — put the whole value in quotes",
  TAG_RESOLVE_FAILED: "tags (!name) have no meaning here — leave it out",
  BAD_DQ_ESCAPE: "this escape does not exist — write \\\\ for a backslash, or use single quotes",
};

/** A variable within braces or brackets, where its own braces are YAML's. */
const BARE_PLACEHOLDER = /[{[].*[:,[]\s*\$\{/;
const BARE_TEXT = '${...} within { } or [ ] cannot stand alone — put it in quotes: "${...}"';

/** Reads one file. Never throws for what stands in it. */
export function parseText(content: string, text: RecipeText): ParsedText {
  const lineCounter = new LineCounter();
  if (content.length > MOST_CHARACTERS)
    return failed(text, "the file is too large for a recipe — is it YAML?");
  try {
    const document = parseDocument(content, {
      lineCounter,
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      // At "silent" a second document would be passed over.
      logLevel: "error",
    });
    const builder = new Builder(text, lineCounter);
    // Where the YAML is broken once, what follows is no news.
    for (const error of [...document.errors.slice(0, 1), ...document.warnings]) builder.complain(error);
    const place: Place = { kind: "recipe", text, line: 1, column: 1, length: 1 };
    const empty: Node = { ...EMPTY_MAP, place };
    const root = document.contents === null ? empty : builder.node(document.contents);
    return { root, problems: builder.problems };
  } catch (error) {
    // The parser goes down one call per level.
    if (error instanceof RangeError) return failed(text, "the nesting is too deep — is it a recipe?");
    throw error;
  }
}

function failed(text: RecipeText, problem: string): ParsedText {
  const place: Place = { kind: "recipe", text, line: 1, column: 1, length: 1 };
  return { root: EMPTY_MAP, problems: [{ place, text: problem }] };
}

/** A node and how many nodes it is made of, aliases written out. */
type Anchored = { readonly node: Node; readonly size: number };

class Builder {
  readonly problems: RecipeProblem[] = [];
  readonly #text: RecipeText;
  readonly #lines: LineCounter;
  /** "open" while what an anchor names is being read: an alias within it would have no end. */
  readonly #anchors = new Map<string, Anchored | "open">();
  #size = 0;

  constructor(text: RecipeText, lines: LineCounter) {
    this.#text = text;
    this.#lines = lines;
  }

  complain({ code, message, pos }: YAMLError): void {
    const text = SAID[code] ?? `${message.replace(/\s+at line .*$/s, "")} — mend the YAML`;
    const place = this.#place(pos[0], pos[1]);
    const line = place.kind === "recipe" ? (this.#text.lines[place.line - 1] ?? "") : "";
    this.problems.push({ place, text: BARE_PLACEHOLDER.test(line) ? BARE_TEXT : text });
  }

  /** Reads a node; what it costs is added to the size. */
  node(yaml: YamlNode): Node {
    const [start, end] = yaml.range ?? [0, 0];
    const place = this.#place(start, end);
    if (isAlias(yaml)) return this.#alias(yaml.source, place);
    const anchor = isScalar(yaml) || isMap(yaml) || isSeq(yaml) ? yaml.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, "open");
    const before = this.#size;
    const node = this.#content(yaml, place);
    this.#size += 1;
    if (anchor !== undefined) this.#anchors.set(anchor, { node, size: this.#size - before });
    return node;
  }

  #content(yaml: YamlNode, place: Place): Node {
    if (isMap(yaml)) return this.#map(yaml.items as Pair<YamlNode, YamlNode | null>[], place);
    if (isSeq(yaml)) {
      const items = (yaml.items as (YamlNode | null)[]).map((item) =>
        item === null ? nothing(place) : this.node(item),
      );
      return { kind: "list", place, items };
    }
    if (!isScalar(yaml)) return nothing(place);
    return { kind: "scalar", place, value: plainValue(yaml), source: yaml.source ?? "", inserted: [] };
  }

  #map(pairs: readonly Pair<YamlNode, YamlNode | null>[], place: Place): MapNode {
    const entries: Entry[] = [];
    const merged: Node[] = [];
    for (const pair of pairs) {
      const [start, end] = pair.key?.range ?? [0, 0];
      const keyPlace = this.#place(start, end);
      const value = pair.value === null ? nothing(keyPlace) : this.node(pair.value);
      if (isScalar(pair.key) && isMergeKey(pair.key)) {
        merged.push(...this.#mergeable(value, keyPlace));
        continue;
      }
      const key = isScalar(pair.key) ? keyText(pair.key) : undefined;
      if (key === undefined) this.#problem(keyPlace, "a key must be a text — write NAME: value");
      else if (this.#isNew(key, entries, keyPlace)) entries.push({ key, keyPlace, value });
    }
    for (const node of merged) {
      if (node.kind !== "map") continue;
      const own = { kind: "map", place, entries } as const;
      entries.push(...node.entries.filter((entry) => entryOf(own, entry.key) === undefined));
    }
    return { kind: "map", place, entries };
  }

  #isNew(key: string, entries: readonly Entry[], place: Place): boolean {
    const first = entries.find((entry) => entry.key === key);
    if (first === undefined) return true;
    const line = first.keyPlace.kind === "recipe" ? ` (the first is in line ${first.keyPlace.line})` : "";
    this.#problem(place, `the key "${key}" stands twice in one map${line} — keep one of them`);
    return false;
  }

  /** What `<<` names: a map, or a list of maps of which earlier ones win. */
  #mergeable(value: Node, place: Place): readonly Node[] {
    const maps = value.kind === "list" ? value.items : [value];
    if (maps.every((node) => node.kind === "map")) return maps;
    this.#problem(place, "<< takes a map — write <<: *NAME, where &NAME stands before a map");
    return [];
  }

  #alias(name: string, place: Place): Node {
    const found = this.#anchors.get(name);
    if (found === undefined) {
      this.#problem(place, `nothing is called &${name} above this line — anchors stand before their aliases`);
    } else if (found === "open") {
      this.#problem(place, `*${name} stands within what &${name} names — write it out`);
    } else if (this.#size + found.size > MOST_NODES) {
      this.#problem(place, "aliases of aliases make this recipe too large — write it out");
    } else {
      this.#size += found.size;
      return found.node;
    }
    return nothing(place);
  }

  #problem(place: Place, text: string): void {
    this.problems.push({ place, text });
  }

  #place(start: number, end: number): Place {
    const { line, col } = this.#lines.linePos(start);
    const rest = (this.#text.lines[line - 1]?.length ?? 0) - col + 1;
    const length = Math.max(1, Math.min(end - start, rest));
    return { kind: "recipe", text: this.#text, line: Math.max(1, line), column: Math.max(1, col), length };
  }
}

function nothing(place: Place): Node {
  return { kind: "scalar", place, value: null, source: "", inserted: [] };
}

function isMergeKey(key: Scalar): boolean {
  return key.source === "<<" && key.type === "PLAIN";
}

/** Names may look like numbers: the text counts as it is written. */
function keyText(key: Scalar): string | undefined {
  if (typeof key.value === "string") return key.value;
  return key.value === null ? undefined : (key.source ?? String(key.value));
}

function plainValue(yaml: Scalar): string | number | boolean | null {
  const { value } = yaml;
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return yaml.source ?? String(value);
}
