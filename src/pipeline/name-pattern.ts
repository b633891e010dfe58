/**
 * Which files are a recording's own: its template turned round, from what a name may be made of to whether a name
 * can have been made of it. Retention deletes what matches and nothing else, so a pattern is as narrow as it can be:
 * literal parts are exact, %m is 01 to 12 and no more, a letter that stands twice has the same value both times, and
 * the date must be one of the calendar. Pure.
 */

import { NAME_PATTERN, fieldValue, type NameFields } from "./file-name.ts";

/** A template turned round. */
export type NamePattern = {
  /** The folder below which all files of the recording are; nothing in its own name changes. */
  readonly folder: string;
  /** Whether the template names one file only, numbers aside. */
  readonly fixed: boolean;
  /** For each name on the way from there down to the file, what it must look like. */
  readonly steps: readonly RegExp[];
  /** Whether a path can have come from the template; `number` is that of a numbered name, else 1. */
  match(path: string): NameMatch | undefined;
};

/** `base` is the path that the template gave, without its number. */
export type NameMatch = { readonly base: string; readonly number: number };

type Token = { readonly literal: string } | { readonly letter: string };

const DAYS = "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday";
const MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December";
const short = (names: string): string => names.replace(/[a-z]+/g, (rest) => rest.slice(0, 2));

/** strftime's letters and {n}, as what they can become; see LETTERS in file-name.ts. */
const LETTERS: Readonly<Record<string, string>> = {
  Y: "\\d{4}",
  y: "\\d{2}",
  m: "(?:0[1-9]|1[0-2])",
  d: "(?:0[1-9]|[12]\\d|3[01])",
  e: "(?:[1-9]|[12]\\d|3[01])",
  H: "(?:[01]\\d|2[0-3])",
  I: "(?:0[1-9]|1[0-2])",
  M: "[0-5]\\d",
  S: "[0-5]\\d",
  p: "(?:AM|PM)",
  j: "(?:[0-2]\\d\\d|3[0-6]\\d)",
  a: `(?:${short(DAYS)})`,
  A: `(?:${DAYS})`,
  b: `(?:${short(MONTHS)})`,
  B: `(?:${MONTHS})`,
  s: "\\d{1,11}",
  n: "[1-9]\\d{0,8}",
};

/** What stands for several letters. */
const COMPOSED: Readonly<Record<string, string>> = {
  F: "%Y-%m-%d",
  T: "%H-%M-%S",
  date: "%F",
  time: "%T",
  n: "%n",
};
/** What numbered() in file-name.ts adds; two is the first, and no number begins with 0. */
const NUMBER = "(?:-(?<number>[2-9]|[1-9]\\d{1,4}))?";

/** Turns a template round; `template` is an absolute path. */
export function namePattern(template: string, fields: NameFields): NamePattern {
  const names = template.split("/").map((name) => tokens(name, fields));
  const fixed = names.findIndex((name) => name.some((token) => "letter" in token));
  const at = fixed < 0 ? names.length - 1 : fixed;
  const folder = names.slice(0, at).map(literalOf).join("/") || "/";
  const changing = names.slice(at);
  const steps = changing.map((name, i) => new RegExp(`^${source([name], i === changing.length - 1)}$`));
  const whole = new RegExp(`^${source(changing, true)}$`);
  const prefix = folder === "/" ? "/" : `${folder}/`;
  return {
    folder,
    fixed: fixed < 0,
    steps,
    match(path) {
      if (!path.startsWith(prefix)) return undefined;
      const groups = whole.exec(path.slice(prefix.length))?.groups;
      if (groups === undefined || !isDate(groups)) return undefined;
      const { number } = groups;
      if (number === undefined) return { base: path, number: 1 };
      const cut = path.lastIndexOf(`-${number}`);
      return { base: path.slice(0, cut) + path.slice(cut + number.length + 1), number: Number(number) };
    },
  };
}

function tokens(text: string, fields: NameFields): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(NAME_PATTERN)) {
    const [whole, field, letter = ""] = match;
    if (match.index > at) found.push({ literal: text.slice(at, match.index) });
    at = match.index + whole.length;
    const composed = COMPOSED[field ?? letter];
    if (composed !== undefined && composed !== whole) found.push(...composedTokens(composed, fields));
    else if (field !== undefined) found.push({ literal: fieldValue(field, fields) ?? whole });
    else found.push(letter === "%" ? { literal: "%" } : { letter });
  }
  if (at < text.length) found.push({ literal: text.slice(at) });
  return found;
}

function composedTokens(composed: string, fields: NameFields): Token[] {
  return composed === "%n" ? [{ letter: "n" }] : tokens(composed, fields);
}

function literalOf(name: readonly Token[]): string {
  return name.map((token) => ("literal" in token ? token.literal : "")).join("");
}

/** A letter that has been met before must have the same value again. */
function source(names: readonly (readonly Token[])[], withNumber: boolean): string {
  const known = new Set<string>();
  const last = names.length - 1;
  return names
    .map((name, i) => {
      const parts = name.flatMap((token) => piecesOf(token, known));
      if (i === last && withNumber) parts.splice(extensionAt(parts), 0, NUMBER);
      return parts.join("");
    })
    .join("/");
}

/** Literal text letter by letter, so that the extension can be found. */
function piecesOf(token: Token, known: Set<string>): string[] {
  if ("literal" in token) return Array.from(token.literal, (char) => RegExp.escape(char));
  const { letter } = token;
  if (known.has(letter)) return [`\\k<${letter}>`];
  known.add(letter);
  return [`(?<${letter}>${LETTERS[letter] ?? "(?!)"})`];
}

/** Before the last dot, unless the name begins with it; as numbered() does. */
function extensionAt(parts: readonly string[]): number {
  const dot = parts.lastIndexOf(RegExp.escape("."));
  return dot > 0 ? dot : parts.length;
}

/** Whether year, month and day, where all are there, are a day of the calendar. */
function isDate(groups: Readonly<Record<string, string | undefined>>): boolean {
  const { Y, m, d = groups["e"] } = groups;
  if (Y === undefined || m === undefined || d === undefined) return true;
  return Number(d) <= new Date(Date.UTC(Number(Y), Number(m), 0)).getUTCDate();
}
