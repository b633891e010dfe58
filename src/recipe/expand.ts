/**
 * Variables in recipes. After YAML has been parsed, within the texts of scalars only:
 *
 *     ${V}  ${V:-default}  ${V:?message}  ${file:PATH}  ${cred:NAME}  $$
 *
 * The environment and files come in as functions. What was put in is remembered by its place in the text, so that
 * secrets can be told apart from hosts and folders. {names} in braces without a dollar are left for file names. Pure.
 */

import type { RecipeProblem } from "./problems.ts";
import type { Inserted, Place, ScalarNode } from "./tree.ts";

/** Where values come from. */
export type Surroundings = {
  /** A variable of the environment. */
  readonly variable: (name: string) => string | undefined;
  /** A file, or what is in the way in words. A relative path begins at `folder`. */
  readonly readFile: (path: string, folder: string) => ReadFile | { readonly problem: string };
};

/** A file that was read: its name for people, the folder it is in, and what tells it from others. */
export type ReadFile = {
  readonly text: string;
  readonly name: string;
  readonly folder: string;
  readonly id: string;
};

/** systemd's folder of credentials. */
const CREDENTIALS = "CREDENTIALS_DIRECTORY";
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MOST_NESTING = 16;

/** The scalar with its variables filled in. Problems are added to the list; what cannot be filled in stays empty. */
export function expandScalar(node: ScalarNode, around: Surroundings, problems: RecipeProblem[]): ScalarNode {
  if (typeof node.value !== "string" || !node.value.includes("$")) return node;
  const expander = new Expander(node.value, node, around);
  const value = expander.run();
  for (const { text, place } of expander.problems) problems.push({ place, text });
  return { ...node, value, inserted: expander.inserted };
}

class Expander {
  readonly problems: RecipeProblem[] = [];
  readonly inserted: Inserted[] = [];
  readonly #text: string;
  readonly #node: ScalarNode;
  readonly #around: Surroundings;
  #at = 0;

  constructor(text: string, node: ScalarNode, around: Surroundings) {
    this.#text = text;
    this.#node = node;
    this.#around = around;
  }

  run(): string {
    return this.#until(undefined, 0, "");
  }

  /** Reads up to the closing brace of a default, or to the end. `before` is what the value begins with already. */
  #until(stop: "}" | undefined, depth: number, before: string): string {
    let result = "";
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === stop) break;
      if (char !== "$") {
        result += char;
        this.#at += 1;
        continue;
      }
      const start = before.length + result.length;
      const piece = this.#dollar(depth, before + result);
      if (piece.inserted)
        this.inserted.push({ start, end: start + piece.text.length, private: piece.private });
      result += piece.text;
    }
    return result;
  }

  #dollar(depth: number, before: string): Piece {
    const next = this.#text[this.#at + 1];
    if (next === "$") return this.#literal(2);
    if (next === "{") return this.#braces(depth, before);
    const word = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at + 1))?.[0];
    if (word === undefined) return this.#literal(1);
    this.#problem(
      `$${word}`,
      `$${word} has no braces — write \${${word}} for the variable, $$${word} for a dollar sign`,
    );
    this.#at += 1 + word.length;
    return NOTHING;
  }

  #literal(length: number): Piece {
    this.#at += length;
    return { text: "$", inserted: false, private: false };
  }

  #braces(depth: number, before: string): Piece {
    const start = this.#at;
    const head = /^\$\{([^}:$]*)(?:(:[-?]?)|(?=\})|(?=\$)|$)/.exec(this.#text.slice(start));
    if (head === null || depth > MOST_NESTING) return this.#unreadable(start);
    const [whole, name = "", mark] = head;
    this.#at = start + whole.length;
    if (mark === ":" && (name === "file" || name === "cred")) return this.#outside(name, start);
    if (mark === ":" || !NAME.test(name)) return this.#unreadable(start);
    const fallbackFrom = this.inserted.length;
    const rest = mark === undefined ? "" : this.#until("}", depth + 1, before);
    if (this.#text[this.#at] !== "}") return this.#unreadable(start);
    this.#at += 1;
    return this.#variable({ name, mark, rest, fallbackFrom, start });
  }

  #variable(use: {
    name: string;
    mark: string | undefined;
    rest: string;
    fallbackFrom: number;
    start: number;
  }): Piece {
    const { name, mark, rest, start } = use;
    const value = this.#around.variable(name);
    const isSet = value !== undefined && value !== "";
    // What a default put in counts only if the default does.
    if (isSet || mark !== ":-") this.inserted.length = use.fallbackFrom;
    if (isSet) return { text: value, inserted: true, private: false };
    if (mark === ":-") return { text: rest, inserted: false, private: false };
    const is = value === undefined ? "is not set" : "is set to nothing";
    const written = this.#text.slice(start, this.#at);
    if (mark === ":?") {
      this.#problem(written, `\${${name}} ${is}: ${rest} — set it in the environment`);
    } else {
      const places = "set it in the environment, or use ${file:PATH} or ${cred:NAME}";
      this.#problem(written, `\${${name}} ${is} — ${places}; \${${name}:-} allows it to be empty`);
    }
    return NOTHING;
  }

  /** ${file:PATH} and ${cred:NAME}. */
  #outside(kind: "file" | "cred", start: number): Piece {
    const end = this.#text.indexOf("}", this.#at);
    if (end < 0) return this.#unreadable(start);
    const name = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    const written = this.#text.slice(start, this.#at);
    const path = kind === "file" ? name : this.#credentialPath(name, written);
    if (path === undefined) return NOTHING;
    if (path === "") {
      this.#problem(written, `${written} names no file — write \${file:PATH}`);
      return NOTHING;
    }
    const { place } = this.#node;
    const read = this.#around.readFile(path, place.kind === "recipe" ? place.text.folder : "");
    if ("problem" in read) {
      this.#problem(
        written,
        `${written} cannot be read: ${read.problem} — make it a file that this user may read`,
      );
      return NOTHING;
    }
    const text = read.text.trim();
    if (text === "") this.#problem(written, `${written} is empty — put the value into that file`);
    return { text, inserted: true, private: true };
  }

  #credentialPath(name: string, written: string): string | undefined {
    const folder = this.#around.variable(CREDENTIALS);
    if (!/^[^/]+$/.test(name) || name === "." || name === "..") {
      this.#problem(written, `${written} is no name of a credential — write \${cred:NAME}`);
      return undefined;
    }
    if (folder !== undefined && folder !== "") return `${folder}/${name}`;
    const how = `start runnel from a unit with LoadCredential=${name}:PATH`;
    this.#problem(written, `${written} cannot be read: ${CREDENTIALS} is not set — ${how}`);
    return undefined;
  }

  #unreadable(start: number): Piece {
    const end = this.#text.indexOf("}", start);
    const written = end < 0 ? this.#text.slice(start) : this.#text.slice(start, end + 1);
    const forms =
      "write ${V}, ${V:-default}, ${V:?message}, ${file:PATH} or ${cred:NAME}, and $$ for a dollar sign";
    const shown = end < 0 ? "${ is not closed" : "this ${...} cannot be read";
    this.#problem(written, `${shown} — ${forms}`);
    this.#at = start + written.length;
    return NOTHING;
  }

  #problem(written: string, text: string): void {
    this.problems.push({ place: withinScalar(this.#node.place, written), text });
  }
}

type Piece = { readonly text: string; readonly inserted: boolean; readonly private: boolean };

const NOTHING: Piece = { text: "", inserted: false, private: false };

/** The place of a piece within a scalar's own line; the scalar's, where it is written another way. */
function withinScalar(place: Place, written: string): Place {
  if (place.kind !== "recipe") return place;
  const line = place.text.lines[place.line - 1] ?? "";
  const at = line.indexOf(written, place.column - 1);
  if (at < 0 || at + written.length > place.column - 1 + place.length) return place;
  return { ...place, column: at + 1, length: written.length };
}
