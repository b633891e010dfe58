/**
 * The kinds of values that keys of a recipe have, as zod schemas with what people need to know of them: a name for the
 * kind, an example, a default. schema.ts is made of these; what checks recipes
 * and what tells editors about them finds in FIELDS what it has to say.
 */

import * as z from "zod";
import { advised } from "./problems.ts";
import { Secret } from "./secrets.ts";
import { isProblem, parseDuration, parseSize, type Problem } from "./units.ts";
import { keySentence, type KeyWords } from "./words.ts";

/** What is known of a key beside its type. */
export type FieldMeta = {
  /** One line for people. */
  readonly description: string;
  /** The kind of value in a word or two, with its article. */
  readonly kind: string;
  /** How a value may look, as YAML. */
  readonly example: string;
  /** What holds where the key is not given, as YAML. */
  readonly shown?: string;
  /** Must not be shown. */
  readonly secret?: true;
};

/** What is known of each schema that stands for a key. */
export const FIELDS = z.registry<FieldMeta>();

/** What a field may say of itself. */
export type FieldNotes = { readonly example?: string; readonly shown?: string };

/** What a key is about: a sentence, or a row of words.ts. */
type About = string | KeyWords;

/** What is known of a field; `usual` is for those that say nothing else. */
function meta(kind: string, about: About, notes: FieldNotes, usual: FieldNotes = {}): FieldMeta {
  const words: Partial<KeyWords> = typeof about === "string" ? {} : about;
  const description = typeof about === "string" ? about : keySentence(about);
  const example = notes.example ?? words.example ?? usual.example;
  const shown = notes.shown ?? words.shown ?? usual.shown;
  if (example === undefined) throw new Error(`Internal: no example for "${description}"`);
  return { description, kind, example, ...(shown === undefined ? {} : { shown }) };
}

/** A text with something in it; a new schema each time, because each stands for a key of its own. */
function filled() {
  return z.string().check((context) => {
    if (context.value.trim() !== "") return;
    context.issues.push(custom("is empty — give it a value, or leave the key out", context.value));
  });
}

function custom(message: string, input: string): z.core.$ZodRawIssue {
  return { code: "custom", message, input };
}

/** A text with a unit that becomes a number; the example stands for what is meant. */
function measured(parse: (text: string) => number | Problem, field: FieldMeta) {
  return filled()
    .transform((text, context): number => {
      const value = parse(text);
      if (!isProblem(value)) return value;
      context.issues.push(custom(advised(value, value.instead), text));
      return 0;
    })
    .register(FIELDS, field);
}

/** Any text that is not empty; `kind` says what it has to be, where others have the rules for it. */
export function text(about: About, notes: FieldNotes = {}, kind = "a text") {
  return filled().register(FIELDS, meta(kind, about, notes));
}

/** A time with a unit, in ms. */
export function duration(about: About, notes: FieldNotes = {}) {
  return measured(parseDuration, meta("a duration", about, notes, { example: "15s" }));
}

/** A time with a unit that is longer than nothing, in ms. */
export function span(about: About, notes: FieldNotes = {}) {
  const field = meta("a duration", about, notes, { example: "15s" });
  const parse = (text: string): number | Problem => {
    const ms = parseDuration(text);
    return ms === 0
      ? { value: text, what: "is no time at all", instead: `write one such as ${field.example}` }
      : ms;
  };
  return measured(parse, field);
}

/** A size with a unit, in bytes. */
export function size(about: About, notes: FieldNotes = {}) {
  const field = meta("a size", about, notes, { example: "16MiB" });
  const parse = (text: string): number | Problem => {
    const bytes = parseSize(text);
    return bytes === 0
      ? { value: text, what: "is nothing", instead: `write one such as ${field.example}` }
      : bytes;
  };
  return measured(parse, field);
}

/** true or false. */
export function flag(about: About, notes: FieldNotes = {}) {
  const field = meta("true or false", about, notes, { example: "true", shown: "false" });
  return z.boolean().register(FIELDS, field);
}

/** A text that must not be shown. */
export function secret(about: About, notes: FieldNotes = {}) {
  const field: FieldMeta = { ...meta("a text", about, notes), secret: true };
  return filled()
    .transform((text) => new Secret(text))
    .register(FIELDS, field);
}

/** One of a few words. */
export function choice<const Words extends readonly string[]>(words: Words, about: About) {
  return z.enum(words).register(FIELDS, meta(words.join(" or "), about, { example: words[0]! }));
}

/** A command and its arguments: no shell stands between. */
export function command(about: About, notes: FieldNotes = {}) {
  return z
    .array(filled())
    .min(1)
    .register(FIELDS, meta("a list of texts", about, notes));
}

/** A number; as a text, because whoever uses it has its own rules for what may stand there. */
export function amount(about: About, notes: FieldNotes = {}) {
  return z
    .union([z.number(), filled()])
    .transform(String)
    .register(FIELDS, meta("a number", about, notes));
}

/** A map with these keys and no others. */
export function keys<Shape extends z.core.$ZodShape>(shape: Shape, description: string, example: string) {
  return z.strictObject(shape).register(FIELDS, { description, kind: "a map", example });
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u;

/** A map whose keys are names that people give. */
export function named<Value extends z.ZodType>(value: Value, description: string, example: string) {
  const name = z.string().check((context) => {
    if (NAME.test(context.value)) return;
    const message = `"${context.value}" cannot be a name — use letters, digits and . _ - and begin with a letter or digit`;
    context.issues.push(custom(message, context.value));
  });
  return z.record(name, value).register(FIELDS, { description, kind: "a map of names", example });
}
