/**
 * JobReader: what all share that make a plan of a recipe's job. It knows the job's values and where each stands, and
 * gathers problems.
 */

import { collect, type UsageProblem } from "../errors.ts";
import type { Doubts } from "./doubts.ts";
import type { Surroundings } from "./expand.ts";
import type { JobTree } from "./job-tree.ts";
import { advised, type Ground, type RecipeProblem } from "./problems.ts";
import type { JobRecipe } from "./schema.ts";
import { nodeAt, placeOf, type Path } from "./tree.ts";

/** A part of a job that has keys of its own, as the definition types it once short forms are written out. */
type Long<Value> = Exclude<Value, string | number | boolean | readonly unknown[] | undefined>;
/** `from`, written out. */
export type FromRecipe = Long<JobRecipe["from"]>;
/** `record`, written out. */
export type RecordRecipe = Long<JobRecipe["record"]>;
/** `schedule`, written out. */
export type ScheduleRecipe = Long<JobRecipe["schedule"]>;
/** A destination, written out. */
export type ToRecipe = Long<NonNullable<JobRecipe["to"]>[string]>;

/** A job as the definition types it, what is around it, and what of it is in doubt. */
type JobReading = { readonly recipe: JobRecipe; readonly around: Surroundings; readonly doubts: Doubts };

/** One job that is being planned. */
export class JobReader {
  readonly name: string;
  readonly recipe: JobRecipe;
  readonly around: Surroundings;
  readonly problems: RecipeProblem[] = [];
  readonly #tree: JobTree;
  readonly #doubts: Doubts;

  constructor(tree: JobTree, { recipe, around, doubts }: JobReading) {
    this.name = tree.name;
    this.recipe = recipe;
    this.around = around;
    this.#tree = tree;
    this.#doubts = doubts;
  }

  /** Notes a problem of the value at this path; `grounds` are other values, or missing ones, that it rests upon. */
  say(path: Path, text: string, grounds: readonly Path[] = []): void {
    const root = this.#tree.whole;
    const place = nodeAt(root, path.slice(0, 1)) === undefined ? this.#tree.namePlace : placeOf(root, path);
    const all = [...(nodeAt(root, path) === undefined ? [] : [path]), ...grounds];
    this.problems.push({ place, text, grounds: all.map((ground) => this.#ground(ground)) });
  }

  #ground(path: Path): Ground {
    const root = this.#tree.whole;
    const node = nodeAt(root, path);
    if (node !== undefined) return { place: node.place, absent: false };
    for (let length = path.length - 1; length > 0; length--) {
      const map = nodeAt(root, path.slice(0, length));
      if (map !== undefined) return { place: map.place, absent: !this.#doubts.values.has(map.place) };
    }
    return { place: root.place, absent: true };
  }

  /** Whether the value at this path may be another than the one there, or be there in spite of it. */
  isInDoubt(path: Path): boolean {
    const { place, absent } = this.#ground(path);
    return absent ? this.#doubts.everything || this.#doubts.maps.has(place) : this.#doubts.values.has(place);
  }

  /** Whether the job itself has this key, not only the recipe's defaults. */
  owns(path: Path): boolean {
    return nodeAt(this.#tree.own, path) !== undefined;
  }

  /** Does what may throw UsageError; its problems are this path's. `instead` is the advice where they have none. */
  try<T>(path: Path, instead: string, read: () => T): T | undefined {
    const problems: UsageProblem[] = [];
    const [value] = collect(problems, read);
    for (const problem of problems) this.say(path, advised(problem, instead));
    return value;
  }

  /** The PEM text of the file that a path names. */
  pem(path: Path, file: string | undefined, what: "CERTIFICATE" | "PRIVATE KEY"): string | undefined {
    if (file === undefined) return undefined;
    const place = placeOf(this.#tree.whole, path);
    const read = this.around.readFile(file, place.kind === "recipe" ? place.text.folder : "");
    if ("problem" in read) {
      this.say(path, `"${file}" cannot be read: ${read.problem} — the path begins at this recipe's folder`);
      return undefined;
    }
    if (new RegExp(`-----BEGIN [A-Z ]*${what}-----`).test(read.text)) return read.text;
    this.say(path, `"${file}" holds no ${what.toLowerCase()} — name a PEM file`);
    return undefined;
  }
}

/** The long form of a value that job-tree.ts has written out. */
export function long<Value>(value: Value): Partial<Long<Value>> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Partial<Long<Value>>) : {};
}
