/**
 * Which parts of a line of YAML must not be shown. It looks at the text alone, because a line may be shown exactly when
 * it could not be parsed: what stands behind `key:`, in the query and the userinfo of an address, as the stream's name
 * in an RTMP address, and behind the application of a listener. Not a plain word as the name of a stream behind `from:`:
 * what is played seldom has a key. Placeholders such as ${TWITCH_KEY} are no secrets, and are what problems are about.
 * Pure.
 */

import { placesOf } from "../secret-text.ts";
import { HARMLESS_SOURCE } from "./addresses.ts";

/** From and up to (not included) a character. */
export type Range = readonly [start: number, end: number];

/** A placeholder, or a character that does not end a plain scalar or an address. */
const PLAIN = String.raw`(?:\$\{[^}]*\}|[^\s"',{}\]])`;
/** What stands between quotes, or a plain scalar up to where it ends. */
const VALUE = String.raw`"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|${PLAIN}+`;
const KEY = new RegExp(String.raw`(?:^|[\s{,"'?])(?:key|password|secret|token)["']?\s*:\s+(${VALUE})`, "dgi");
/** Up to the last @: passwords may hold one, or a slash. */
const USERINFO = /:\/\/([^\s"'?]*)@/dg;
const QUERY = new RegExp(String.raw`://[^\s"'?]*\?(${PLAIN}*)`, "dg");
const NAME = String.raw`(?:\$\{[^}]*\}|[^\s"'?/,{}])+`;
const STREAM_NAME = new RegExp(String.raw`rtmp\w*://[^\s/"']+/(?:[^\s"'?]*/)(${NAME})`, "dgi");
const LISTEN_KEY = new RegExp(String.raw`\blisten["']?:\s*["']?[^\s"'/,{}]*/[^\s"'/,{}]+/(${PLAIN}+)`, "dg");
/** What stands before the address of a source. */
const BEFORE_SOURCE = /(?:^|[\s{,"'])from["']?\s*:\s*(?:\{\s*url\s*:\s*)?["']?$/;
const PLACEHOLDER = /\$\{[^}]*\}/g;

/** The ranges of a line that hold secrets, in order and without overlap. */
export function maskedRanges(line: string, secrets: readonly string[]): Range[] {
  const found: Range[] = [];
  for (const pattern of [KEY, USERINFO, QUERY, STREAM_NAME, LISTEN_KEY]) {
    for (const match of line.matchAll(pattern)) {
      if (pattern === STREAM_NAME && isSource(line, match)) continue;
      const range = match.indices?.[1];
      if (range !== undefined) found.push(...withoutPlaceholders(line, range));
    }
  }
  for (const secret of secrets) {
    for (const at of placesOf(secret, line)) found.push([at, at + secret.length]);
  }
  return joined(found);
}

/** Whether an address is what `from` names, and has nothing in it that could be a secret. */
function isSource(line: string, match: RegExpExecArray): boolean {
  const address = /^[^\s"',{}]*/.exec(line.slice(match.index))![0];
  return BEFORE_SOURCE.test(line.slice(0, match.index)) && HARMLESS_SOURCE.test(address);
}

/** What of a range is neither a placeholder nor a quotation mark around it. */
function withoutPlaceholders(line: string, [start, end]: Range): Range[] {
  const quoted = /^["']/.test(line.slice(start, end));
  const closed = quoted && end - start > 1 && line[end - 1] === line[start];
  const [from, to] = quoted ? [start + 1, closed ? end - 1 : end] : [start, end];
  const ranges: Range[] = [];
  let at = from;
  for (const match of line.slice(from, to).matchAll(PLACEHOLDER)) {
    const [first, last] = [from + match.index, from + match.index + match[0].length];
    if (first > at) ranges.push([at, first]);
    // A default is written by hand: ${KEY:-live_123}.
    const fallback = /^\$\{\w+:-/.exec(match[0]);
    if (fallback !== null && fallback[0].length + 1 < match[0].length) {
      ranges.push([first + fallback[0].length, last - 1]);
    }
    at = last;
  }
  if (at < to) ranges.push([at, to]);
  return ranges;
}

function joined(ranges: readonly Range[]): Range[] {
  const result: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else if (end > start) result.push([start, end]);
  }
  return result;
}
