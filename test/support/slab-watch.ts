/** Sees every slab that bodies are put into while it lives, whoever made it. */
import { Slab } from "../../src/bytes/slab-pool.ts";

export class SlabWatch implements Disposable {
  readonly slabs = new Set<Slab>();
  readonly #take = Slab.prototype.take;

  constructor() {
    const { slabs } = this;
    const take = this.#take;
    Slab.prototype.take = function (length) {
      slabs.add(this);
      return take.call(this, length);
    };
  }

  /** Holds of all slabs. */
  get holds(): number {
    return [...this.slabs].reduce((sum, { holds }) => sum + holds, 0);
  }

  /** Bytes of memory that have not been given back. */
  get bytes(): number {
    return [...this.slabs].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  [Symbol.dispose](): void {
    Slab.prototype.take = this.#take;
  }
}
