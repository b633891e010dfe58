/**
 * AMF3 values as they are met inside AMF0, behind marker 0x11: bytes in, the same value types as AMF0 out. Called
 * by amf0.ts alone; never written. Byte arrays become null and externalizable objects end the message: nothing
 * that RTMP needs is in them. RangeError on broken input; the caller gives it a place.
 */
import type { ByteReader } from "../bytes/reader.ts";
import { type Amf0Object, type Amf0Value, type AmfBudget, SharedValues } from "./value.ts";

const Marker = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  integer: 0x04,
  double: 0x05,
  string: 0x06,
  xmlDocument: 0x07,
  date: 0x08,
  array: 0x09,
  object: 0x0a,
  xml: 0x0b,
  byteArray: 0x0c,
  vectorInt: 0x0d,
  vectorUint: 0x0e,
  vectorDouble: 0x0f,
  vectorObject: 0x10,
  dictionary: 0x11,
} as const;

/** The class of an object: its name, the names of its fixed properties, whether free ones follow. */
type Traits = { readonly className: string; readonly names: readonly string[]; readonly dynamic: boolean };

/** Decodes one AMF3 value; `depth` is that of the AMF0 container around it. */
export function decodeAmf3(reader: ByteReader, budget: AmfBudget, depth: number): Amf0Value {
  return new Amf3Decoder(reader, budget).value(depth);
}

class Amf3Decoder {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #shared: SharedValues;
  readonly #strings: string[] = [];
  readonly #traits: Traits[] = [];

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader;
    this.#budget = budget;
    this.#shared = new SharedValues(budget);
  }

  value(depth: number): Amf0Value {
    this.#budget.charge(1);
    const marker = this.#reader.u8();
    switch (marker) {
      case Marker.undefined:
        return undefined;
      case Marker.null:
        return null;
      case Marker.false:
        return false;
      case Marker.true:
        return true;
      case Marker.integer:
        // U29 is 29 bits wide with its sign on top.
        return (this.#u29() << 3) >> 3;
      case Marker.double:
        return this.#reader.f64();
      case Marker.string:
        return this.#string();
      default:
        return this.#sharedValue(marker, depth + 1);
    }
  }

  /** The types that go to the reference table: a U29 in front says reference or contents. */
  #sharedValue(marker: number, depth: number): Amf0Value {
    if (marker > Marker.dictionary) throw new RangeError(`unknown AMF3 type 0x${marker.toString(16)}`);
    this.#budget.enter(depth);
    const head = this.#u29();
    if ((head & 1) === 0) return this.#shared.resolve(head >> 1);
    const count = head >> 1;
    switch (marker) {
      case Marker.xmlDocument:
      case Marker.xml:
        return this.#leaf(this.#text(count));
      case Marker.date:
        return this.#leaf(new Date(this.#reader.f64()));
      case Marker.byteArray:
        this.#reader.skip(count);
        return this.#leaf(null);
      case Marker.array:
        return this.#array(count, depth);
      case Marker.object:
        return this.#object(count, depth);
      case Marker.dictionary:
        return this.#dictionary(count, depth);
      default:
        return this.#vector(marker, count, depth);
    }
  }

  #leaf(value: Date | string | null): Amf0Value {
    const cost = typeof value === "string" ? value.length : 0;
    this.#shared.close(this.#shared.open(value, this.#budget.cost - cost));
    return value;
  }

  /** Plain arrays stay arrays; one with named entries becomes an ECMA array whose numbered entries come last. */
  #array(count: number, depth: number): Amf0Value {
    this.#checkCount(count);
    const firstKey = this.#string();
    if (firstKey === "") {
      const items: Amf0Value[] = [];
      const shared = this.#shared.open(items);
      for (let i = 0; i < count; i++) items.push(this.value(depth));
      this.#shared.close(shared);
      return items;
    }
    const object: Amf0Object = { kind: "ecma", entries: [] };
    const shared = this.#shared.open(object);
    for (let key = firstKey; key !== ""; key = this.#string()) this.#entry(object, key, depth);
    for (let i = 0; i < count; i++) this.#entry(object, String(i), depth);
    this.#shared.close(shared);
    return object;
  }

  #object(head: number, depth: number): Amf0Value {
    const traits = this.#readTraits(head);
    const { className } = traits;
    const object: Amf0Object =
      className === "" ? { kind: "object", entries: [] } : { kind: "typed", className, entries: [] };
    const shared = this.#shared.open(object);
    for (const name of traits.names) this.#entry(object, name, depth);
    if (traits.dynamic) {
      for (let key = this.#string(); key !== ""; key = this.#string()) this.#entry(object, key, depth);
    }
    this.#shared.close(shared);
    return object;
  }

  /** `head` without its lowest bit: 0 = reference to traits, 01 = given here, 11 = externalizable. */
  #readTraits(head: number): Traits {
    if ((head & 1) === 0) {
      const known = this.#traits[head >> 1];
      if (known === undefined)
        throw new RangeError(`reference to traits ${head >> 1} of ${this.#traits.length}`);
      for (const name of known.names) this.#budget.charge(name.length);
      return known;
    }
    if ((head & 2) !== 0) throw new RangeError("externalizable objects are not supported");
    const count = head >> 3;
    this.#checkCount(count);
    const className = this.#string();
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(this.#string());
    const traits: Traits = { className, names, dynamic: (head & 4) !== 0 };
    this.#traits.push(traits);
    return traits;
  }

  #vector(marker: number, count: number, depth: number): Amf0Value {
    this.#checkCount(count);
    this.#reader.skip(1); // whether its length is fixed
    if (marker === Marker.vectorObject) this.#string(); // the class of its items
    const items: Amf0Value[] = [];
    const shared = this.#shared.open(items);
    for (let i = 0; i < count; i++) items.push(this.#vectorItem(marker, depth));
    this.#shared.close(shared);
    return items;
  }

  #vectorItem(marker: number, depth: number): Amf0Value {
    if (marker === Marker.vectorObject) return this.value(depth);
    this.#budget.charge(1);
    if (marker === Marker.vectorDouble) return this.#reader.f64();
    const bits = this.#reader.u32();
    return marker === Marker.vectorInt ? bits | 0 : bits;
  }

  /** Entries whose key is neither text nor a number have no place in our objects and are left out. */
  #dictionary(count: number, depth: number): Amf0Value {
    this.#checkCount(count);
    this.#reader.skip(1); // whether keys are held weakly
    const object: Amf0Object = { kind: "object", entries: [] };
    const shared = this.#shared.open(object);
    for (let i = 0; i < count; i++) {
      const key = this.value(depth);
      this.#budget.property();
      const value = this.value(depth);
      if (typeof key === "string" || typeof key === "number") object.entries.push([String(key), value]);
    }
    this.#shared.close(shared);
    return object;
  }

  #entry(object: Amf0Object, key: string, depth: number): void {
    this.#budget.property();
    object.entries.push([key, this.value(depth)]);
  }

  #string(): string {
    const head = this.#u29();
    if ((head & 1) === 0) {
      const known = this.#strings[head >> 1];
      if (known === undefined)
        throw new RangeError(`reference to string ${head >> 1} of ${this.#strings.length}`);
      this.#budget.charge(known.length);
      return known;
    }
    const text = this.#text(head >> 1);
    if (text !== "") this.#strings.push(text);
    return text;
  }

  #text(length: number): string {
    const text = this.#reader.utf8(length);
    this.#budget.charge(text.length);
    return text;
  }

  /** Every item takes a byte at least: a count beyond that is refused before anything is made of it. */
  #checkCount(count: number): void {
    if (count > this.#reader.remaining) {
      throw new RangeError(`${count} items announced, ${this.#reader.remaining} bytes left`);
    }
  }

  /** One to four bytes, seven bits each while the top bit is set; the fourth gives all eight. */
  #u29(): number {
    let value = 0;
    for (let i = 0; i < 3; i++) {
      const byte = this.#reader.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#reader.u8();
  }
}
