/**
 * Counts the bytes that are copied from one buffer to another, and the bytes of new buffers, while it lives: every way
 * that JavaScript has to copy many bytes in one call goes through here. Bytes that a loop moves one by one are not seen.
 */

type Bytes = ArrayBufferView | ArrayBuffer | ArrayLike<number>;
type Method = (this: unknown, ...args: unknown[]) => unknown;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Record<string, Method>;

function lengthOf(bytes: unknown): number {
  const { byteLength, length } = bytes as { byteLength?: number; length?: number };
  return byteLength ?? length ?? 0;
}

/** Counts from its construction until it is disposed of. */
export class CopyCounter implements Disposable {
  copied = 0;
  allocated = 0;
  readonly #undo: (() => void)[] = [];

  constructor() {
    const buffer = Buffer as unknown as Record<string, Method>;
    const own = Buffer.prototype as unknown as Record<string, Method>;
    this.#wrap(typedArray, "set", (_result, [source]) => this.#copy(lengthOf(source)));
    this.#wrap(typedArray, "slice", (result) => this.#copyNew(lengthOf(result)));
    this.#wrap(typedArray, "copyWithin", (_result, _args, self) => this.#copy(lengthOf(self)));
    this.#wrap(own, "copy", (result) => this.#copy(Number(result)));
    this.#wrap(buffer, "concat", (result) => this.#copyNew(lengthOf(result)));
    this.#wrap(buffer, "alloc", (result) => this.#allocate(lengthOf(result)));
    this.#wrap(buffer, "allocUnsafe", (result) => this.#allocate(lengthOf(result)));
    this.#wrap(buffer, "allocUnsafeSlow", (result) => this.#allocate(lengthOf(result)));
    this.#wrap(buffer, "from", (result, [source]) => {
      if (!(source instanceof ArrayBuffer)) this.#copyNew(lengthOf(result));
    });
    this.#wrapConstructor();
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo) undo();
  }

  #copy(bytes: number): void {
    this.copied += bytes;
  }

  #allocate(bytes: number): void {
    this.allocated += bytes;
  }

  #copyNew(bytes: number): void {
    this.#copy(bytes);
    this.#allocate(bytes);
  }

  #wrap(
    owner: Record<string, Method>,
    name: string,
    count: (result: unknown, args: unknown[], self: unknown) => void,
  ): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    const original = owner[name]!;
    const value: Method = function (...args) {
      const result = original.apply(this, args);
      count(result, args, this);
      return result;
    };
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
    this.#undo.push(() => {
      if (before === undefined) delete owner[name];
      else Object.defineProperty(owner, name, before);
    });
  }

  /** `new Uint8Array(n)` makes a buffer, `new Uint8Array(bytes)` copies into one, of an ArrayBuffer it is a view. */
  #wrapConstructor(): void {
    const original = Uint8Array;
    globalThis.Uint8Array = new Proxy(original, {
      construct: (target, args: [(number | Bytes)?], newTarget) => {
        const [source] = args;
        if (typeof source === "number") this.#allocate(source);
        else if (source !== undefined && !(source instanceof ArrayBuffer)) this.#copyNew(lengthOf(source));
        const made: Uint8Array = Reflect.construct(
          target,
          args,
          newTarget === Uint8Array ? target : newTarget,
        );
        return made;
      },
    });
    this.#undo.push(() => (globalThis.Uint8Array = original));
  }
}
