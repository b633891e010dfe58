/**
 * UsedNames: which names a run has given to its files, so that none is used twice, not even when a file was moved away or
 * may be overwritten. A name that is taken gets a number, and numbers only grow: of each name the highest is enough.
 */

/**
 * Names that are remembered. Those with a time in them come again only when the clock goes back, and not by as many
 * files as these.
 */
const MOST_NAMES = 10_000;

/** The names of a run; see the head of this file. */
export class UsedNames {
  /** The name used last stands last. */
  readonly #numbers = new Map<string, number>();

  /** The highest number that `name` was used with; 1 is the name without a number, 0 one that was not used. */
  last(name: string): number {
    return this.#numbers.get(name) ?? 0;
  }

  /** `name` was used with this number. */
  note(name: string, number: number): void {
    const highest = Math.max(number, this.last(name));
    this.#numbers.delete(name);
    this.#numbers.set(name, highest);
    if (this.#numbers.size <= MOST_NAMES) return;
    for (const oldest of this.#numbers.keys()) {
      this.#numbers.delete(oldest);
      return;
    }
  }
}
