/**
 * What of a recipe is not known although something stands there: a value whose variable is not set, an alias of nothing,
 * the second value of a key that stands twice, a part in which the YAML is broken, a file that cannot be read. So that
 * every problem is told at once and none that only follows from another, there is one rule:
 *
 *     A value in doubt is not complained about. In a map of which a part is in doubt nothing is said to be missing.
 *     What rests on either is not said. Everything else is.
 *
 * parse.ts and load.ts find out what is in doubt, salvage.ts adds what it had to change, read-recipe.ts asks.
 */

import type { RecipeProblem } from "./problems.ts";
import type { Node, Place } from "./tree.ts";

/** What is in doubt, by place: each node has a place of its own. */
export class Doubts {
  /** Nothing is certain to be missing anywhere, as when a recipe below this one could not be read. */
  everything = false;
  /** Values that are not known. */
  readonly values = new Set<Place>();
  /** Maps that may have further keys. */
  readonly maps = new Set<Place>();

  /** The same doubts, to be added to for one job. */
  copy(): Doubts {
    const copy = new Doubts();
    copy.everything = this.everything;
    for (const place of this.values) copy.values.add(place);
    for (const place of this.maps) copy.maps.add(place);
    return copy;
  }

  /** Whether a problem is more than what follows from a doubt. */
  isNews({ place, grounds = [] }: RecipeProblem): boolean {
    if (this.values.has(place)) return false;
    return !grounds.some((ground) =>
      ground.absent ? this.everything || this.maps.has(ground.place) : this.values.has(ground.place),
    );
  }

  /** Whether anything within a node is in doubt. */
  isWithin(node: Node | undefined): boolean {
    if (node === undefined) return false;
    if (this.values.has(node.place) || this.maps.has(node.place)) return true;
    if (node.kind === "list") return node.items.some((item) => this.isWithin(item));
    return node.kind === "map" && node.entries.some(({ value }) => this.isWithin(value));
  }
}
