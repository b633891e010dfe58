/**
 * Holds a tree against the recipe's definition. What zod finds becomes problems with a place, said in the words of
 * whoever writes recipes. Texts that came from variables may stand for numbers and truth values.
 */

import * as z from "zod";
import type { FieldMeta } from "./fields.ts";
import { nearest } from "./nearest.ts";
import type { RecipeProblem } from "./problems.ts";
import { entryOf, nodeAt, placeOf, toValue, withNode, type Node, type Path, type Place } from "./tree.ts";
import { fieldAt, keysAt } from "./walk.ts";

/** The value of a tree, or every problem. */
export type Validated<Value> =
  | { readonly value: Value; readonly problems: readonly [] }
  | { readonly value: undefined; readonly problems: RecipeProblem[] };

type Issue = z.core.$ZodIssue;

/** Checks a tree. `where` is what stands before its paths in messages. */
export function validate<Schema extends z.ZodType>(schema: Schema, root: Node): Validated<z.output<Schema>> {
  const first = schema.safeParse(toValue(root));
  if (first.success) return { value: first.data, problems: [] };
  const retyped = retype(root, flatten(first.error.issues, root));
  const result = retyped === root ? first : schema.safeParse(toValue(retyped));
  if (result.success) return { value: result.data, problems: [] };
  const context = { schema, root: retyped };
  const found = flatten(result.error.issues, retyped);
  const problems = found
    .filter((issue) => !isMisspelt(issue, found, schema))
    .flatMap((issue) => explain(issue, context));
  return { value: undefined, problems };
}

/** What zod has to say against a tree; nothing if it fits. */
export function issuesOf(schema: z.ZodType, root: Node): Issue[] {
  const first = schema.safeParse(toValue(root));
  if (first.success) return [];
  const retyped = retype(root, flatten(first.error.issues, root));
  const result = retyped === root ? first : schema.safeParse(toValue(retyped));
  return result.success ? [] : flatten(result.error.issues, retyped);
}

/** Whether the key that an issue misses is there under another name, which is told. */
function isMisspelt({ path }: Issue, issues: readonly Issue[], schema: z.ZodType): boolean {
  const map = path.slice(0, -1);
  return issues.some(
    (other) =>
      other.code === "unrecognized_keys" &&
      other.path.join("\0") === map.join("\0") &&
      other.keys.some((key) => meant(key, keysAt(schema, map as Path)) === path.at(-1)),
  );
}

/** Issues without unions: where several forms are allowed, the one that was meant counts. */
function flatten(issues: readonly Issue[], root: Node, before: Path = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...before, ...issue.path] as (string | number)[];
    if (issue.code !== "invalid_union") return [{ ...issue, path }];
    // A form that does not even have the right type was not meant.
    const meant = issue.errors.find(
      (errors) => !errors.some((one) => one.path.length === 0 && isWrongType(one)),
    );
    if (meant !== undefined) return flatten(meant, root, path);
    return [{ code: "custom", path, message: WRONG_TYPE, input: issue.input } satisfies Issue];
  });
}

/** Stands for "none of the allowed types" until the field's kind is looked up. */
const WRONG_TYPE = "\u0000type";

function isWrongType(issue: Issue): boolean {
  return issue.code === "invalid_type" || (issue.code === "custom" && issue.message === WRONG_TYPE);
}

/** Variables are texts: where a number or truth value is due, a text that is one counts as such. */
function retype(root: Node, issues: readonly Issue[]): Node {
  let result = root;
  for (const issue of issues) {
    const path = issue.path.map(String);
    const node = nodeAt(root, path);
    if (node?.kind !== "scalar" || !node.source.includes("${")) continue;
    const value = plainValue(issue, node.value);
    if (value !== undefined) result = withNode(result, path, { ...node, value }) ?? result;
  }
  return result;
}

function plainValue(issue: Issue, text: unknown): number | boolean | undefined {
  if (issue.code === "invalid_value" && text === String(issue.values[0]) && issue.values[0] === 1) return 1;
  const boolean = issue.code === "invalid_type" ? issue.expected === "boolean" : issue.code === "custom";
  return boolean && (text === "true" || text === "false") ? text === "true" : undefined;
}

type Context = { readonly schema: z.core.$ZodType; readonly root: Node };

function explain(issue: Issue, { schema, root }: Context): RecipeProblem[] {
  const path = issue.path as Path;
  const node = nodeAt(root, path);
  const field = fieldAt(schema, path);
  const name = nameOf(path);
  const absent = (): RecipeProblem[] => {
    const map = nodeAt(root, path.slice(0, -1));
    const grounds = map === undefined ? [] : [{ place: map.place, absent: true }];
    return [{ place: placeOf(root, path), text: missing(path, field), grounds }];
  };
  const at = (text: string): RecipeProblem[] => [{ place: placeOf(root, path), text }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, { schema, root }));
    case "invalid_key":
      return [{ place: keyPlace(root, path), text: issue.issues[0]?.message ?? "this cannot be a name" }];
    case "custom":
      if (node === undefined) return absent();
      if (issue.message === WRONG_TYPE) return at(wrongType(name, node, field));
      return at(`${issue.message.startsWith("is ") ? `${name} ` : ""}${issue.message}`);
    case "invalid_type":
      return node === undefined ? absent() : at(wrongType(name, node, field));
    case "invalid_value":
      if (node === undefined) return absent();
      return at(`${name} cannot be ${shown(node, field)} — write ${issue.values.map(String).join(" or ")}`);
    case "too_small":
      return at(`${name} is empty — write ${field?.example ?? "at least one"}, or leave the key out`);
    default:
      return at(`${name} is not right: ${issue.message} — write ${field?.example ?? "something else"}`);
  }
}

/** What others call these keys. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ...{ source: "from", src: "from", input: "from", in: "from" },
  ...{ output: "record", out: "record", file: "record", recording: "record" },
  ...{ destination: "to", destinations: "to", dest: "to", outputs: "to", push: "to" },
  ...{ duration: "for", hooks: "on", streamkey: "key", stream_key: "key", address: "url" },
  ...{ timezone: "tz", zone: "tz" },
};

/** The key that one was probably meant to be. */
export function meant(key: string, known: readonly string[]): string | undefined {
  const synonym = Object.hasOwn(SYNONYMS, key.toLowerCase()) ? SYNONYMS[key.toLowerCase()] : undefined;
  return synonym !== undefined && known.includes(synonym) ? synonym : nearest(key, known);
}

function unknownKey(key: string, path: Path, { schema, root }: Context): RecipeProblem {
  const known = keysAt(schema, path);
  const near = meant(key, known);
  const home = known.find((one) => keysAt(schema, [...path, one]).includes(key));
  const above = path.length > 1 && keysAt(schema, path.slice(0, -1)).includes(key);
  const where = path.length === 0 ? "" : ` in ${path.join(".")}`;
  const place = home === undefined ? `beside "${path.at(-1)}", not in it` : `into "${home}"`;
  const instead =
    home !== undefined || above
      ? `it goes ${place}`
      : near === undefined
        ? `there are ${known.join(", ")}`
        : `did you mean "${near}"?`;
  return { place: keyPlace(root, [...path, key]), text: `unknown key "${key}"${where} — ${instead}` };
}

function keyPlace(root: Node, path: Path): Place {
  const entry = entryOf(nodeAt(root, path.slice(0, -1)), String(path.at(-1)));
  return entry?.keyPlace ?? placeOf(root, path);
}

/** What a path leads to, for people. */
function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return "the recipe";
  return typeof last === "number" ? `item ${last + 1} of "${path.at(-2)}"` : `"${last}"`;
}

function missing(path: Path, field: FieldMeta | undefined): string {
  const key = String(path.at(-1));
  const where = path.length === 1 ? "" : ` in ${path.slice(0, -1).join(".")}`;
  return `"${key}" is missing${where} — write ${key}: ${field?.example ?? "..."}`;
}

function wrongType(name: string, node: Node, field: FieldMeta | undefined): string {
  const kind = field?.kind ?? "a text";
  const example = field?.example ?? '"..."';
  if (node.kind === "map") return `${name} must be ${kind}, not a map — write ${example}`;
  if (node.kind === "list") return `${name} must be ${kind}, not a list — write ${example}`;
  if (node.value === null) return `${name} has no value — write ${example}, or leave the key out`;
  if (typeof node.value === "string") {
    const text = kind === "true or false" ? `"${node.value}"` : "a text";
    return `${name} must be ${kind}, not ${text} — write ${example}`;
  }
  const is = typeof node.value === "number" ? "a number" : "a truth value";
  if (typeof node.value === "boolean" && kind !== "a text")
    return `${name} must be ${kind}, not ${node.source} — write ${example}`;
  const units = UNITS[kind];
  if (units !== undefined && typeof node.value === "number") {
    // Whoever keeps recordings for "14" does not mean seconds.
    const meant = field?.example.endsWith("d") ? ["d"] : units;
    const choices = meant.map((unit) => `${node.source}${unit}`).join(" or ");
    return `${shown(node, field)} has no unit — write ${choices}`;
  }
  if (field?.secret) return `${name} is ${is} where text is due — quote it`;
  if (takesText(kind)) return `${node.source} is ${is} where text is due — quote it: "${node.source}"`;
  return `${name} must be ${kind}, not ${is} — write ${example}`;
}

/** The units that a bare number may have been meant in. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  "a duration": ["s", "m"],
  "a size": ["MiB", "GiB"],
  "a bit rate": ["K", "M"],
};

/** Kinds of which one form is a text. */
function takesText(kind: string): boolean {
  return /\b(text|path|address|cron line)\b/.test(kind);
}

function shown(node: Node, field: FieldMeta | undefined): string {
  if (field?.secret) return "this";
  return node.kind === "scalar"
    ? typeof node.value === "string"
      ? `"${node.value}"`
      : node.source
    : `a ${node.kind}`;
}
