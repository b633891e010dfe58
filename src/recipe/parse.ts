/**
 * YAML text in, a tree with places out, and every problem of the text itself: syntax, duplicate keys, tags, anchors that
 * are not there; and what is in doubt because of them. Anchors and merge keys (`<<`) are resolved here. What
 * keys mean is not known here.
 */

import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node as YamlNode,
  type Pair,
  type Scalar,
  type YAMLError,
} from "yaml";
import type { Doubts } from "./doubts.ts";
import { blanked, brokenPart, columnOf, errorAt, mayBelong, type BrokenPart } from "./mend.ts";
import type { RecipeProblem } from "./problems.ts";
import { entryOf, type Entry, type MapNode, type Node, type Place, type RecipeText } from "./tree.ts";

/** A tree and what is wrong with the text. The tree holds what could be read. */
export type ParsedText = { readonly root: Node; readonly problems: readonly RecipeProblem[] };

/** Longer files are no recipes. */
const MOST_CHARACTERS = 1024 * 1024;
/** Aliases may multiply what stands in a file; no recipe needs more nodes than this. */
const MOST_NODES = 20_000;
/** Whoever has mended this many broken places can ask again. */
const MOST_BROKEN = 20;

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

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/** A variable within braces or brackets, where its own braces are YAML's. */
const BARE_PLACEHOLDER = /[{[].*[:,[]\s*\$\{/;
const BARE_TEXT = '${...} within { } or [ ] cannot stand alone — put it in quotes: "${...}"';

/** Reads one file; what is in doubt is added to the doubts. Never throws for what stands in it. */
export function parseText(content: string, text: RecipeText, doubts: Doubts): ParsedText {
  const nowhere: Place = { kind: "recipe", text, line: 1, column: 1, length: 1 };
  const failed = (problem: string): ParsedText => {
    doubts.values.add(nowhere);
    return { root: nothing(nowhere), problems: [{ place: nowhere, text: problem }] };
  };
  if (content.length > MOST_CHARACTERS) return failed("the file is too large for a recipe — is it YAML?");
  try {
    const { mended, document, errors, broken } = parseAround(content);
    const builder = new Builder(text, { content, mended, broken, doubts });
    const warnings = document.warnings.map((error) => ({ error }));
    for (const fault of [...errors, ...warnings]) builder.complain(fault);
    return { root: builder.root(document.contents, nowhere), problems: builder.problems };
  } catch (error) {
    // The parser goes down one call per level.
    if (error instanceof RangeError) return failed("the nesting is too deep — is it a recipe?");
    throw error;
  }
}

type Fault = {
  readonly error: YAMLError;
  readonly at?: number;
  readonly part?: BrokenPart | undefined;
};

type Mended = {
  readonly mended: string;
  readonly document: Document;
  readonly errors: readonly Fault[];
  readonly broken: readonly BrokenPart[];
};

/** Parses a text without its broken parts; of each the first error counts, what follows in it is no news. */
function parseAround(content: string): Mended {
  const errors: Fault[] = [];
  const broken: BrokenPart[] = [];
  let mended = content;
  for (;;) {
    // At logLevel "silent" a second document would be passed over.
    const options = { merge: false, uniqueKeys: false, prettyErrors: false, logLevel: "error" } as const;
    const document: Document = parseDocument(mended, options);
    const [error] = document.errors;
    if (error === undefined) return { mended, document, errors, broken };
    const part = brokenPart(mended, document.contents as YamlNode | null, error);
    errors.push({ error, part, at: errorAt(mended, error) });
    if (part === undefined || broken.length >= MOST_BROKEN) {
      const all: BrokenPart = { start: 0, end: content.length, column: 0, loose: true };
      return { mended: "", document: parseDocument(""), errors, broken: [all] };
    }
    broken.push(part);
    mended = blanked(mended, part);
  }
}

/** A node and how many nodes it is made of, aliases written out. */
type Anchored = { readonly node: Node; readonly size: number };

/** A text as it is, the same without its broken parts, and those. */
type Reading = {
  readonly content: string;
  readonly mended: string;
  readonly broken: readonly BrokenPart[];
  readonly doubts: Doubts;
};

class Builder {
  readonly problems: RecipeProblem[] = [];
  readonly #text: RecipeText;
  readonly #lines = new LineCounter();
  readonly #reading: Reading;
  readonly #doubts: Doubts;
  /** "open" while what an anchor names is being read: an alias within it would have no end. */
  readonly #anchors = new Map<string, Anchored | "open">();
  #size = 0;

  constructor(text: RecipeText, reading: Reading) {
    this.#text = text;
    this.#reading = reading;
    this.#doubts = reading.doubts;
    for (let at = 0; at >= 0; at = reading.content.indexOf("\n", at) + 1 || -1) this.#lines.addNewLine(at);
  }

  /** The tree; its root is in doubt if the text is broken and what is left is no map. */
  root(contents: unknown, place: Place): Node {
    const root = isNode(contents) ? this.node(contents) : undefined;
    const { broken } = this.#reading;
    if (broken.some((part) => /\bextends\b/.test(this.#reading.content.slice(part.start, part.end))))
      this.#doubts.everything = true;
    if (root === undefined && broken.length === 0) return { kind: "map", place, entries: [] };
    if (root?.kind === "map" || (root !== undefined && broken.length === 0)) return root;
    return this.#unknown(place);
  }

  complain({ error: { code, message, pos }, at = pos[0], part }: Fault): void {
    const text = SAID[code] ?? `${message.replace(/\s+at line .*$/s, "")} — mend the YAML`;
    const place = this.#place(at, Math.max(at, pos[1]));
    const line = place.kind === "recipe" ? (this.#text.lines[place.line - 1] ?? "") : "";
    if (BARE_PLACEHOLDER.test(line)) this.#problem(place, BARE_TEXT);
    else if (part?.opened !== undefined) this.#complainOfOpen(part.opened);
    else this.#problem(place, text);
  }

  #complainOfOpen(at: number): void {
    const open = this.#reading.content[at] ?? "";
    const close = CLOSING[open] ?? open;
    const instead =
      close === open
        ? `put a ${close} where the text ends`
        : `put a ${close} where it ends, and indent what is within`;
    const before = "before a line that is not indented deeper";
    this.#problem(this.#place(at, at + 1), `this ${open} is not closed ${before} — ${instead}`);
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
    if (isMap(yaml)) {
      if (yaml.flow !== true && this.#isOpen(yaml)) this.#doubts.maps.add(place);
      return this.#map(yaml.items as Pair<YamlNode, YamlNode | null>[], place);
    }
    if (isSeq(yaml)) {
      const items = (yaml.items as (YamlNode | null)[]).map((item) =>
        item === null ? nothing(place) : this.node(item),
      );
      return { kind: "list", place, items };
    }
    if (!isScalar(yaml)) return nothing(place);
    if (yaml.value === null && this.#isTornItem(yaml)) return this.#unknown(place);
    return { kind: "scalar", place, value: plainValue(yaml), source: yaml.source ?? "", inserted: [] };
  }

  #map(pairs: readonly Pair<YamlNode, YamlNode | null>[], place: Place): MapNode {
    const entries: Entry[] = [];
    const merged: Node[] = [];
    for (const pair of pairs) {
      const [start, end] = pair.key?.range ?? [0, 0];
      const keyPlace = this.#place(start, end);
      const value = this.#value(pair, keyPlace);
      if (isScalar(pair.key) && isMergeKey(pair.key)) {
        merged.push(...this.#mergeable(value, keyPlace));
        continue;
      }
      const key = isScalar(pair.key) ? keyText(pair.key) : undefined;
      if (key === undefined) {
        this.#doubts.maps.add(place);
        this.#problem(keyPlace, "a key must be a text — write NAME: value");
      } else if (this.#isNew(key, entries, keyPlace)) entries.push({ key, keyPlace, value });
    }
    for (const node of merged) {
      if (this.#doubts.values.has(node.place) || this.#doubts.maps.has(node.place))
        this.#doubts.maps.add(place);
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
    // The first counts, and may lack what stands in the second.
    if (first.value.kind === "map") this.#doubts.maps.add(first.value.place);
    if (key === "extends" || key === "defaults") this.#doubts.everything = true;
    return false;
  }

  /** What `<<` names: a map, or a list of maps of which earlier ones win. */
  #mergeable(value: Node, place: Place): readonly Node[] {
    const maps = value.kind === "list" ? value.items : [value];
    if (maps.every((node) => node.kind === "map" || this.#doubts.values.has(node.place))) return maps;
    this.#problem(place, "<< takes a map — write <<: *NAME, where &NAME stands before a map");
    return [];
  }

  #alias(name: string, place: Place): Node {
    const found = this.#anchors.get(name);
    if (found === undefined && this.#isAnchorTorn(name)) return this.#unknown(place);
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
    return this.#unknown(place);
  }

  #value({ key, value }: Pair<YamlNode, YamlNode | null>, keyPlace: Place): Node {
    const isEmpty = value === null || (isScalar(value) && value.source === "" && value.value === null);
    if (isEmpty && isNode(key) && this.#isTorn(key, key)) return this.#unknown(keyPlace);
    // What is broken may be the rest of it.
    if (isScalar(value) && isNode(key) && this.#isTorn(key, value)) return this.#unknown(keyPlace);
    if (!isMap(value) && isNode(value) && isNode(key) && this.#isTornBetween(key, value))
      return this.#unknown(keyPlace);
    return value === null ? nothing(keyPlace) : this.node(value);
  }

  /** Whether a broken part may hold keys of a map. */
  #isOpen({ range }: YamlNode): boolean {
    const { mended, broken } = this.#reading;
    const [start, end] = range ?? [0, 0];
    const extent = { start, end, column: columnOf(mended, start) };
    return broken.some((part) => mayBelong(mended, part, extent));
  }

  /** Whether a broken part is the item of a list of which only the dash is left. */
  #isTornItem({ range }: YamlNode): boolean {
    const { mended, broken } = this.#reading;
    const start = range?.[0] ?? 0;
    return broken.some((part) => part.start <= start && mended.slice(part.start, start).trim() === "");
  }

  /** Whether a broken part may belong to the value of a key, as far as there is one. */
  #isTorn(key: YamlNode, value: YamlNode): boolean {
    const { mended, broken } = this.#reading;
    const start = key.range?.[0] ?? 0;
    const end = value.range?.[1] ?? 0;
    const colon = /^[ \t]*:(?:[ \t]+[&!]\S*)?/.exec(mended.slice(end))?.[0].length ?? 0;
    const extent = { start, end: end + colon, column: columnOf(mended, start) };
    return broken.some(
      (part) =>
        part.start > start && (part.loose || part.column > extent.column) && mayBelong(mended, part, extent),
    );
  }

  /** Whether a broken part stands between a key and what seems to be its value. */
  #isTornBetween(key: YamlNode, value: YamlNode): boolean {
    const [from, to] = [key.range?.[1] ?? 0, value.range?.[0] ?? 0];
    return this.#reading.broken.some(({ start }) => start >= from && start < to);
  }

  #isAnchorTorn(name: string): boolean {
    const { content, broken } = this.#reading;
    const anchors = broken.flatMap(
      ({ start, end }) => content.slice(start, end).match(/&[^\s,{}[\]]+/g) ?? [],
    );
    return anchors.includes(`&${name}`);
  }

  #unknown(place: Place): Node {
    const own = { ...place };
    this.#doubts.values.add(own);
    // As if something was written: problems of it are at this very place, not at its key's.
    return { kind: "scalar", place: own, value: null, source: "?", inserted: [] };
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
