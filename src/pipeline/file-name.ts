/**
 * Names of recordings: a template with {fields} and strftime's % letters, and the time of the first packet, make
 * a path. Pure. A template that cannot work can be refused with it before anything starts.
 */

import { UsageError } from "../errors.ts";

/** What the {fields} of a template stand for; {date} and {time} come from the clock. */
export type NameFields = {
  readonly job: string;
  readonly app: string;
  readonly stream: string;
  /** The number of the file among those of its run, from 1. */
  readonly n?: number;
};

/** The name of a recording that was given none. */
export const DEFAULT_TEMPLATE = "{app}-{stream}_%Y-%m-%d_%H-%M-%S.flv";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const two = (n: number): string => String(n).padStart(2, "0");

/** strftime's letters, in local time. */
const LETTERS: Readonly<Record<string, (t: Date) => string>> = {
  Y: (t) => String(t.getFullYear()),
  y: (t) => two(t.getFullYear() % 100),
  m: (t) => two(t.getMonth() + 1),
  d: (t) => two(t.getDate()),
  e: (t) => String(t.getDate()),
  H: (t) => two(t.getHours()),
  I: (t) => two(t.getHours() % 12 || 12),
  M: (t) => two(t.getMinutes()),
  S: (t) => two(t.getSeconds()),
  p: (t) => (t.getHours() < 12 ? "AM" : "PM"),
  j: (t) => String(dayOfYear(t)).padStart(3, "0"),
  a: (t) => DAYS[t.getDay()]!.slice(0, 3),
  A: (t) => DAYS[t.getDay()]!,
  b: (t) => MONTHS[t.getMonth()]!.slice(0, 3),
  B: (t) => MONTHS[t.getMonth()]!,
  F: (t) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`,
  T: (t) => `${two(t.getHours())}-${two(t.getMinutes())}-${two(t.getSeconds())}`,
  s: (t) => String(Math.floor(t.getTime() / 1000)),
  "%": () => "%",
};

/** A {field} or a % letter of a template. */
export const NAME_PATTERN = /\{([a-z]*)\}|%(.?)/g;

/** The path that `template` names at `time`. Throws UsageError for a field or letter that does not exist. */
export function expandName(template: string, fields: NameFields, time: Date): string {
  return template.replace(NAME_PATTERN, (whole: string, field?: string, letter?: string) => {
    if (field !== undefined) return fieldText(field, fields, time, template);
    const expand = LETTERS[letter ?? ""];
    if (expand === undefined) {
      throw new UsageError({
        what: `"${whole}" in "${template}" is no time that runnel knows`,
        instead: "write %% for a percent sign",
      });
    }
    return expand(time);
  });
}

function fieldText(field: string, fields: NameFields, time: Date, template: string): string {
  switch (field) {
    case "date":
      return LETTERS["F"]!(time);
    case "time":
      return LETTERS["T"]!(time);
    case "n":
      return String(fields.n ?? 1);
    default: {
      const value = fieldValue(field, fields);
      if (value !== undefined) return value;
      throw new UsageError({
        what: `"{${field}}" in "${template}" is unknown`,
        instead: "there are {job} {app} {stream} {date} {time} {n}",
      });
    }
  }
}

/** What a field stands for that does not change from file to file; undefined for any other. */
export function fieldValue(field: string, fields: NameFields): string | undefined {
  switch (field) {
    case "job":
    case "app":
    case "stream":
      return safe(fields[field]);
    default:
      return undefined;
  }
}

/** A name from a URL as part of a file name: no folders, nothing hidden, no query. */
function safe(text: string): string {
  const plain = text.replace(/\?.*$/s, "").replace(/[^\p{L}\p{N}._-]+/gu, "_");
  return plain.replace(/^\.+/, "_") || "stream";
}

function dayOfYear(t: Date): number {
  const start = Date.UTC(t.getFullYear(), 0, 1);
  return Math.round((Date.UTC(t.getFullYear(), t.getMonth(), t.getDate()) - start) / 86_400_000) + 1;
}

/** The same path with a number before its extension: `show.flv`, 2 gives `show-2.flv`. */
export function numbered(path: string, n: number): string {
  const slash = path.lastIndexOf("/");
  const dot = path.lastIndexOf(".");
  const at = dot > slash + 1 ? dot : path.length;
  return `${path.slice(0, at)}-${n}${path.slice(at)}`;
}
