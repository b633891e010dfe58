/**
 * Where YAML is broken: which lines cannot be trusted, so that the others can be read without them. In block style the
 * indentation says where an entry ends, whatever stands in it. So the broken part is the entry (a key with its value, an
 * item of a list) that an error is in, from its key to the next line that is not indented deeper; it is blanked out as
 * a whole, and what is left is parsed again with every offset as it was. Pure.
 */

import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isSeq,
  visit,
  type Node as YamlNode,
  type Pair,
  type YAMLError,
  type YAMLMap,
} from "yaml";

/** A part of a text that cannot be read: offsets, and how deep its entry is indented. */
export type BrokenPart = {
  readonly start: number;
  readonly end: number;
  readonly column: number;
  /** Its indentation cannot be trusted either. */
  readonly loose: boolean;
  /** Where a bracket or quotation mark stands that nothing closes. */
  readonly opened?: number;
};

/** An entry of a map or list in block style. */
type BlockEntry = { readonly start: number; readonly isItem: boolean; readonly end: number };

/** What stands before an entry that is the first of its line. */
const BEFORE_ENTRY = /^[ \t]*(?:[-?][ \t]+)*/;
const COMMENTS = /#[^\n]*/g;

/** The part that an error is in; undefined if nothing would be gained by taking it out. */
export function brokenPart(text: string, root: YamlNode | null, error: YAMLError): BrokenPart | undefined {
  const at = errorAt(text, error);
  const loose = error.code === "BAD_INDENT" || error.code === "TAB_AS_INDENT";
  if (error.code === "MULTIPLE_DOCS")
    return whole(text, { start: error.pos[0], end: text.length, column: 0, loose });
  // How deep a tab is meant to be nobody knows: whatever is indented at all may belong to its line.
  if (error.code === "TAB_AS_INDENT")
    return whole(text, partOf(text, { start: at, isItem: false, end: at }, loose));
  const rest = afterRoot(text, root, at);
  if (rest !== undefined) return whole(text, { start: rest, end: text.length, column: 0, loose: true });
  const entries = root === null ? [] : blockEntries(text, root);
  const opened = root === null ? [] : unclosed(text, root, at);
  const mark = opened.at(-1);
  if (mark !== undefined) {
    const entry = entries.findLast(({ start }) => start <= opened[0]!);
    return entry === undefined ? undefined : whole(text, { ...partOf(text, entry, loose), opened: mark });
  }
  const token = at + /^[ \t]*/.exec(text.slice(at))![0].length;
  const around = entries.filter(({ start }) => start <= token).map((entry) => partOf(text, entry, loose));
  const part = around.findLast(({ end }) => end >= token);
  if (part !== undefined) return whole(text, part);
  // It is in no entry: its line stands alone.
  const last = text.slice(0, at + 1).trimEnd().length - 1;
  const line = lineStart(text, Math.max(0, text.slice(at).trim() === "" ? last : at));
  return whole(text, partOf(text, { start: line, isItem: false, end: line }, true));
}

/** Where an error is: with a wrong indentation at what is indented, on whichever line that is. */
export function errorAt(text: string, { code, pos: [at] }: YAMLError): number {
  if (code !== "BAD_INDENT" || at !== lineStart(text, at)) return at;
  return at + /^(?:\s|#[^\n]*)*/.exec(text.slice(at))![0].length;
}

/** The line from which on nothing belongs to the document, because it is indented less than its first key. */
function afterRoot(text: string, root: YamlNode | null, at: number): number | undefined {
  if (root === null || !isCollection(root) || root.flow === true) return undefined;
  const line = lineStart(text, at);
  const indent = /^ */.exec(text.slice(line))![0].length;
  return at === line + indent && indent < columnOf(text, root.range?.[0] ?? 0) ? line : undefined;
}

/** The text without a part; offsets and lines stay. */
export function blanked(text: string, { start, end }: BrokenPart): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, " ") + text.slice(end);
}

/** Whether a part may belong to what reaches from `start` to `end` and whose entries stand at `column`. */
export function mayBelong(
  text: string,
  part: BrokenPart,
  { start, end, column }: { start: number; end: number; column: number },
): boolean {
  const isNext = (from: number, to: number): boolean =>
    text.slice(from, to).replace(COMMENTS, "").trim() === "";
  if (part.start < start) return (part.loose || part.column === column) && isNext(part.start, start);
  return (part.loose || part.column >= column) && (part.start <= end || isNext(end, part.start));
}

/** The column of an offset, from 0. */
export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function whole(text: string, part: BrokenPart): BrokenPart | undefined {
  return text.slice(part.start, part.end).trim() === "" ? undefined : part;
}

/** The entries in block style that are the first of their lines, in the order of the text. */
function blockEntries(text: string, root: YamlNode): BlockEntry[] {
  const found: BlockEntry[] = [];
  const add = (node: unknown, value: unknown, isItem: boolean): void => {
    const start = isNode(node) ? node.range?.[0] : undefined;
    if (start === undefined) return;
    const line = lineStart(text, start);
    const before = BEFORE_ENTRY.exec(text.slice(line))![0].length;
    if (!/^(?:[&!]\S*[ \t]+)*$/.test(text.slice(line + before, Math.max(start, line + before)))) return;
    const close = isCollection(value) && value.flow === true ? (value.range?.[1] ?? 0) : 0;
    // Whatever its indentation, what stands in brackets belongs together.
    found.push({ start: line + before, isItem, end: /[}\]]/.test(text[close - 1] ?? "") ? close : 0 });
  };
  visit(root, {
    Collection: (_key, node) => {
      if (node.flow === true) return visit.SKIP;
      if (isMap(node)) for (const { key, value } of inLine(text, node)) add(key, value, false);
      if (isSeq(node)) for (const item of node.items) if (!isMap(item)) add(item, item, true);
      return undefined;
    },
  });
  return found.sort((a, b) => a.start - b.start);
}

/** The keys of a map without those that are indented deeper than its first: they belong to the entry before. */
function inLine(text: string, map: YAMLMap<unknown, unknown>): Pair<unknown, unknown>[] {
  const column = columnOf(text, map.range?.[0] ?? 0);
  return map.items.filter(({ key }) => isNode(key) && columnOf(text, key.range?.[0] ?? 0) <= column);
}

/** Where brackets and quotation marks stand that nothing closes; the last one is to blame for those around it. */
function unclosed(text: string, root: YamlNode, at: number): number[] {
  const found: number[] = [];
  const look = (node: YamlNode, closed: RegExp, from: number): void => {
    const [start, end] = node.range ?? [0, 0];
    if (start <= at && !closed.test(text.slice(Math.max(start, from), end).trimEnd())) found.push(start);
  };
  visit(root, {
    Collection: (_key, node) => void (node.flow === true && look(node, /[}\]]$/, contentEnd(node))),
    Scalar: (_key, node) =>
      void (node.type?.startsWith("QUOTE_") === true && look(node, /^(["'])[^]*\1$/, 0)),
  });
  return found;
}

/** Where the last thing within brackets ends. */
function contentEnd({ items }: { readonly items: readonly unknown[] }): number {
  const ends = items.flatMap((item) => (isPair(item) ? [item.key, item.value] : [item]));
  return Math.max(0, ...ends.map((node) => (isNode(node) ? (node.range?.[1] ?? 0) : 0)));
}

function partOf(text: string, entry: BlockEntry, loose: boolean): BrokenPart {
  const line = lineStart(text, entry.start);
  const before = BEFORE_ENTRY.exec(text.slice(line))![0];
  const tab = before.indexOf("\t");
  const dash = entry.isItem ? before.lastIndexOf("-") : -1;
  const column = tab >= 0 ? tab : dash >= 0 ? dash : before.length;
  const start = line + before.length;
  let end = lineEnd(text, start);
  while (
    end < text.length &&
    (end < entry.end || !endsEntry(text, end + 1, { column, isItem: entry.isItem }))
  )
    end = lineEnd(text, end + 1);
  return { start, end, column, loose: loose || tab >= 0 };
}

/** Whether the line that begins at `from` is none of an entry's at `column`. */
function endsEntry(text: string, from: number, entry: { column: number; isItem: boolean }): boolean {
  const [, indent = "", rest = ""] = /^([ \t]*)([^\r\n]*)/.exec(text.slice(from, lineEnd(text, from))) ?? [];
  if (rest === "" || rest.startsWith("#") || indent.includes("\t")) return false;
  if (indent.length > entry.column || /^[}\]]/.test(rest)) return false;
  // The items of a list may stand as deep as its key.
  return entry.isItem || indent.length < entry.column || !/^-(?:\s|$)/.test(rest);
}

function lineStart(text: string, offset: number): number {
  return offset <= 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
