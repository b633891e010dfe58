/**
 * Secrets as a type: a text that shows itself as *** however it is printed, and the rule of which parts of a recipe are
 * secrets. Pure.
 */

import type { Inserted, Node } from "./tree.ts";

const SHOWN = "***";
/** Values of a query that are shorter say which server or format is meant. */
export const SHORTEST_TOKEN = 4;

/** A text that must not be shown; `reveal` is for whoever sends it to a server. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  /** What Bun.inspect and console print. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}

/**
 * What was put into a recipe's texts and must not be shown: everything from files and credentials, and what came from
 * variables in a key, and in the query or the userinfo of an address. `isKey` says whether a path ends in a key.
 */
export function insertedSecrets(root: Node, isKey: (name: string) => boolean): string[] {
  const found: string[] = [];
  const visit = (node: Node, name: string): void => {
    if (node.kind === "map") for (const entry of node.entries) visit(entry.value, entry.key);
    else if (node.kind === "list") for (const item of node.items) visit(item, name);
    else if (typeof node.value === "string")
      found.push(...secretPieces(node.value, node.inserted, isKey(name)));
  };
  visit(root, "");
  return [...new Set(found)].filter((text) => text !== "");
}

function secretPieces(text: string, inserted: readonly Inserted[], isKey: boolean): string[] {
  return inserted.flatMap((piece) => {
    if (piece.private || isKey) return text.slice(piece.start, piece.end);
    return isInSecretPart(text, piece) ? inAddress(text, piece) : [];
  });
}

/** A short value of a query is none by itself, as `channel=1` would hide each 1 in every line: then the pair is it. */
function inAddress(text: string, { start, end }: Inserted): string {
  const piece = text.slice(start, end);
  const query = text.indexOf("?", text.indexOf("://") + 3);
  if (piece.length >= SHORTEST_TOKEN || query < 0 || start <= query) return piece;
  const from = Math.max(query, text.lastIndexOf("&", start - 1)) + 1;
  const to = text.indexOf("&", end);
  return text.slice(from, to < 0 ? undefined : to);
}

/** Whether a piece lies in the query or the userinfo of an address, or holds them. Passwords may hold an @, or a slash. */
function isInSecretPart(text: string, { start, end }: Inserted): boolean {
  const scheme = text.indexOf("://");
  if (scheme < 0) return false;
  const from = scheme + 3;
  const query = text.indexOf("?", from);
  const userinfo = text.lastIndexOf("@", query < 0 ? text.length : query);
  if (userinfo >= from && start < userinfo && end > from) return true;
  return query >= 0 && end > query;
}

/** Passwords and queries of addresses: what stands between `:` and `@`, and behind `?`. */
const ADDRESS = /[a-z][a-z0-9+.-]*:\/\/(?:[^\s"'?:@/]*:([^\s"'?]*)@)?[^\s"'?]*(?:\?([^\s"']+))?/gi;

/** Something that may run a command. */
type Runs = { readonly argv?: readonly string[]; readonly kind?: string };

/** What of commands must not be shown, though they say it themselves when they fail: secrets of addresses in their words. */
export function secretsOfCommands(...commands: readonly (Runs | undefined)[]): string[] {
  return commands
    .flatMap((command) => command?.argv ?? [])
    .flatMap((word) => [...word.matchAll(ADDRESS)])
    .flatMap(([, password = "", query = ""]) => [password, query].filter((text) => text !== ""));
}
