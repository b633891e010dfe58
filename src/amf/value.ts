/**
 * The values that AMF0 and AMF3 bytes become, how to look into them, and what one message body may cost. Both
 * decoders build on this file; everybody else takes these names from amf0.ts.
 */
import { ProtocolError } from "../errors.ts";

/**
 * An object, an ECMA array or a typed object. Entries keep order and duplicates, so that a decoded value can be
 * encoded again as it was; keys are data, never JavaScript properties.
 */
export type Amf0Object = {
  readonly kind: "object" | "ecma" | "typed";
  readonly entries: [key: string, value: Amf0Value][];
  /** Only of kind "typed". */
  readonly className?: string;
};

/** A strict array. */
export type Amf0Array = Amf0Value[];

/** Any decoded value; XML documents are strings, "unsupported" is undefined. */
export type Amf0Value = number | boolean | string | null | undefined | Date | Amf0Object | Amf0Array;

/** What one message body may hold. */
export type AmfLimits = {
  /** Containers within containers. */
  readonly depth: number;
  /** Entries of objects and ECMA arrays. */
  readonly properties: number;
  /** The length of the body, also as if its references were written out. */
  readonly bytes: number;
};

/** Enough for any command, and for the keyframe index of a day. */
export const DEFAULT_AMF_LIMITS: AmfLimits = { depth: 16, properties: 4096, bytes: 1024 * 1024 };

/** An anonymous object; properties that are undefined are left out. */
export function amfObject(record: Readonly<Record<string, Amf0Value>>): Amf0Object {
  return { kind: "object", entries: definedEntries(record) };
}

/** The same as an ECMA array, the form of onMetaData. */
export function amfEcmaArray(record: Readonly<Record<string, Amf0Value>>): Amf0Object {
  return { kind: "ecma", entries: definedEntries(record) };
}

function definedEntries(record: Readonly<Record<string, Amf0Value>>): [string, Amf0Value][] {
  return Object.entries(record).filter(([, value]) => value !== undefined);
}

/** Whether this is an object of any kind, as against an array, a date or a plain value. */
export function isAmfObject(value: Amf0Value): value is Amf0Object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The last entry with this key; undefined when there is none or the value is no object. */
export function getProperty(value: Amf0Value, key: string): Amf0Value {
  return isAmfObject(value) ? value.entries.findLast(([name]) => name === key)?.[1] : undefined;
}

/** A finite number, also when it came as text or as a boolean, as encoders do in onMetaData. */
export function numberOf(value: Amf0Value): number | undefined {
  if (
    typeof value === "string" ? value.trim() === "" : typeof value !== "number" && typeof value !== "boolean"
  ) {
    return undefined;
  }
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** The text, if it is text. */
export function stringOf(value: Amf0Value): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * Counts what a body being decoded has cost so far; RangeError when that is too much. The cost is one for each
 * value and each character, so without references it never exceeds the body's length. A reference costs as much
 * as what it repeats: else a few bytes could stand for gigabytes once the values are written out again.
 */
export class AmfBudget {
  readonly #limits: AmfLimits;
  #properties = 0;
  #cost = 0;

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  get cost(): number {
    return this.#cost;
  }

  /** Call on entering a container. */
  enter(depth: number): void {
    if (depth > this.#limits.depth) throw new RangeError(`nested deeper than ${this.#limits.depth}`);
  }

  /** Call for each entry of an object. */
  property(): void {
    this.#properties++;
    if (this.#properties > this.#limits.properties) {
      throw new RangeError(`more than ${this.#limits.properties} properties`);
    }
  }

  charge(cost: number): void {
    this.#cost += cost;
    if (this.#cost > this.#limits.bytes)
      throw new RangeError(`more than ${this.#limits.bytes} bytes of values`);
  }
}

/** A value that references may name; its cost is known once it is complete. */
type Shared = { readonly value: Amf0Value; readonly costBefore: number; cost: number | undefined };

/**
 * The table behind AMF references. A reference to a complete value gives that very value; one to a value that is
 * still being read would close a circle and gives null, so no decoded value ever contains itself.
 */
export class SharedValues {
  readonly #budget: AmfBudget;
  readonly #items: Shared[] = [];

  constructor(budget: AmfBudget) {
    this.#budget = budget;
  }

  /** Registers a container before its contents are read. */
  open(value: Amf0Value, costBefore = this.#budget.cost): Shared {
    const item: Shared = { value, costBefore, cost: undefined };
    this.#items.push(item);
    return item;
  }

  close(item: Shared): void {
    item.cost = this.#budget.cost - item.costBefore;
  }

  resolve(index: number): Amf0Value {
    const item = this.#items[index];
    if (item === undefined) throw new RangeError(`reference to object ${index} of ${this.#items.length}`);
    if (item.cost === undefined) return null;
    this.#budget.charge(item.cost);
    return item.value;
  }
}

/** Turns a RangeError of a reader or a budget into the peer's fault; anything else is ours and stays. */
export function asAmfError(error: unknown, format: string, offset: number): unknown {
  if (!(error instanceof RangeError)) return error;
  const place = { layer: "amf", offset } as const;
  return new ProtocolError(`Cannot read ${format}: ${error.message}`, place, { cause: error });
}
