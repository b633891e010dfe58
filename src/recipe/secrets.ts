/**
 * Secrets as a type: a text that shows itself as *** however it is printed, and the rule of which parts of a recipe are
 * secrets. Pure.
 */

import type { Inserted, Node } from "./tree.ts";

const SHOWN = "***";

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
  const pieces = inserted.filter((piece) => piece.private || isKey || isInSecretPart(text, piece));
  return pieces.map(({ start, end }) => text.slice(start, end));
}

/** Whether a piece lies in the query or the userinfo of an address, or holds them. */
function isInSecretPart(text: string, { start, end }: Inserted): boolean {
  const scheme = text.indexOf("://");
  if (scheme < 0) return false;
  const from = scheme + 3;
  const path = text.indexOf("/", from);
  const userinfo = text.lastIndexOf("@", path < 0 ? text.length : path);
  if (userinfo >= from && start < userinfo && end > from) return true;
  const query = text.indexOf("?", from);
  return query >= 0 && end > query;
}
