/**
 * From the name of a recipe to one tree: the file is read and parsed, the files that it extends are put below it, free
 * keys are dropped, and variables are filled in. Files and the environment come in as functions.
 */

import { Doubts } from "./doubts.ts";
import { expandScalar, type Surroundings } from "./expand.ts";
import { parseText } from "./parse.ts";
import type { RecipeProblem } from "./problems.ts";
import {
  EMPTY_MAP,
  entryOf,
  mapScalars,
  merge,
  nodeAt,
  withEntry,
  withoutFreeKeys,
  type FilePlace,
  type Node,
  type RecipeText,
} from "./tree.ts";

/** The tree of a recipe, and all that is wrong with it so far. */
export type LoadedRecipe = {
  readonly root: Node;
  readonly problems: RecipeProblem[];
  /** What could not be read, or filled in. */
  readonly doubts: Doubts;
};

/** Recipes build on each other over this many steps at most. */
const LONGEST_CHAIN = 16;

/** Reads a recipe and what it extends. Never throws for what stands in files. */
export function loadRecipe(path: string, around: Surroundings): LoadedRecipe {
  const problems: RecipeProblem[] = [];
  const doubts = new Doubts();
  const read = around.readFile(path, "");
  if ("problem" in read) {
    const text: RecipeText = { name: path, folder: "", lines: [] };
    const place: FilePlace = { kind: "recipe", text, line: 1, column: 1, length: 1 };
    problems.push({ place, text: `the recipe cannot be read: ${read.problem} — is that its name?` });
    doubts.everything = true;
    return { root: EMPTY_MAP, problems, doubts };
  }
  const loader = new Loader(around, { problems, doubts });
  const text: RecipeText = { name: path, folder: read.folder, lines: linesOf(read.text) };
  const whole = withoutFreeKeys(loader.tree(read.text, text, [read.id]));
  const root = mapScalars(whole, (scalar) => {
    const before = problems.length;
    const filled = expandScalar(scalar, around, problems);
    if (problems.length > before) doubts.values.add(scalar.place);
    return filled;
  });
  // What a job lacks may be meant to come from there.
  if (doubts.isWithin(nodeAt(root, ["defaults"]))) doubts.everything = true;
  return { root, problems, doubts };
}

class Loader {
  readonly #around: Surroundings;
  readonly #problems: RecipeProblem[];
  readonly #doubts: Doubts;

  constructor(around: Surroundings, found: { problems: RecipeProblem[]; doubts: Doubts }) {
    this.#around = around;
    this.#problems = found.problems;
    this.#doubts = found.doubts;
  }

  /** The tree of a file with those that it extends below it; `chain` are the files that lead here. */
  tree(content: string, text: RecipeText, chain: readonly string[]): Node {
    const { root, problems } = parseText(content, text, this.#doubts);
    this.#problems.push(...problems);
    if (root.kind !== "map") {
      const { place } = root;
      this.#doubts.everything = true;
      if (!this.#doubts.values.has(place))
        this.#problems.push({ place, text: "a recipe is a map — begin it with version: 1 and jobs:" });
      return EMPTY_MAP;
    }
    const bases = entryOf(root, "extends");
    // Maps of several files are joined, and what is in doubt in one of them may be said of all.
    const isJoined = chain.length > 1 || bases !== undefined;
    if (this.#doubts.maps.has(root.place) || (isJoined && this.#doubts.isWithin(root)))
      this.#doubts.everything = true;
    const own = withEntry(root, "extends", undefined);
    if (bases === undefined) return own;
    const names = bases.value.kind === "list" ? bases.value.items : [bases.value];
    return [...names.map((name) => this.#base(name, text, chain)), own].reduce(merge);
  }

  #base(node: Node, { folder }: RecipeText, chain: readonly string[]): Node {
    const name = node.kind === "scalar" ? expandScalar(node, this.#around, this.#problems).value : undefined;
    const problem = (text: string): Node => {
      this.#doubts.everything = true;
      if (!this.#doubts.values.has(node.place)) this.#problems.push({ place: node.place, text });
      return EMPTY_MAP;
    };
    if (typeof name !== "string" || name === "")
      return problem("extends takes a file — write extends: base.yaml");
    // As it is written: what a variable held may be a secret.
    const written = node.kind === "scalar" ? node.source : name;
    const read = this.#around.readFile(name, folder);
    if ("problem" in read) {
      return problem(
        `"${written}" cannot be read: ${read.problem} — the path begins at this recipe's folder`,
      );
    }
    if (chain.includes(read.id))
      return problem(`"${written}" extends this recipe in turn — break the circle`);
    if (chain.length >= LONGEST_CHAIN)
      return problem("too many recipes extend each other — join some of them");
    const text: RecipeText = { name: read.name, folder: read.folder, lines: linesOf(read.text) };
    return this.tree(read.text, text, [...chain, read.id]);
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}
