/**
 * AMF0, the encoding of RTMP commands, data messages and FLV script tags. Message bodies go in and values come
 * out, or the other way round.
 *
 * Reading is wide (protocol.md 4.2): counts of ECMA arrays are hints, an object may end with the message, junk
 * after the last value is ignored. Writing is narrow (4.6), only what every peer can read: see encodeAmf0.
 */
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { decodeAmf3 } from "./amf3.ts";
import {
  type Amf0Object,
  type Amf0Value,
  AmfBudget,
  type AmfLimits,
  asAmfError,
  DEFAULT_AMF_LIMITS,
  SharedValues,
} from "./value.ts";

export type { Amf0Array, Amf0Object, Amf0Value, AmfLimits } from "./value.ts";
export {
  amfEcmaArray,
  amfObject,
  DEFAULT_AMF_LIMITS,
  getProperty,
  isAmfObject,
  numberOf,
  stringOf,
} from "./value.ts";

const Marker = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xmlDocument: 0x0f,
  typedObject: 0x10,
  amf3: 0x11,
} as const;

/** Movie clip, object end and record set: never the beginning of a value. */
const NO_VALUE: ReadonlySet<number> = new Set([0x04, Marker.objectEnd, 0x0e]);

/** Message types whose body has one byte before its values: data, shared object, command "for AMF3". */
const AMF3_MESSAGE_TYPES: ReadonlySet<number> = new Set([15, 16, 17]);

/**
 * The AMF0 in the body of a data message for AMF3 (type 15): it stands behind a byte that is 0, which some peers forget.
 * What records or forwards data knows type 18 only, whose body this is.
 */
export function amf0In(body: Uint8Array): Uint8Array {
  return body[0] === 0 ? body.subarray(1) : body;
}

/** The longest text that its two-byte length can announce. */
const MAX_TEXT_BYTES = 0xffff;

const UTF8 = new TextEncoder();

/** All values of a message body. ProtocolError (layer "amf", with the offset) when it is broken. */
export function decodeAmf0(bytes: Uint8Array, limits: AmfLimits = DEFAULT_AMF_LIMITS): Amf0Value[] {
  return decodeValues(bytes, 0, limits);
}

/**
 * All values of a message body of any type. Types 15, 16 and 17 have a byte in front of the values, which some
 * peers forget: a body that begins like text or an AMF3 value is read from its first byte.
 */
export function decodeAmf0Message(
  typeId: number,
  body: Uint8Array,
  limits: AmfLimits = DEFAULT_AMF_LIMITS,
): Amf0Value[] {
  const plain = body[0] === Marker.string || body[0] === Marker.amf3;
  return decodeValues(body, AMF3_MESSAGE_TYPES.has(typeId) && !plain ? 1 : 0, limits);
}

/**
 * A message body: the values one after the other, each with the types that every peer reads. So dates become their
 * number of milliseconds, undefined becomes null, typed objects lose their class, text is cut at 65535 bytes between
 * two characters, entries with an empty key are left out (others take one for the end), and what is nested deeper than
 * 16 becomes null.
 */
export function encodeAmf0(values: readonly Amf0Value[]): Uint8Array {
  const encoder = new Amf0Encoder();
  for (const value of values) encoder.write(value);
  return encoder.take();
}

function decodeValues(bytes: Uint8Array, start: number, limits: AmfLimits): Amf0Value[] {
  const decoder = new Amf0Decoder(bytes, start, limits);
  decoder.checkLength();
  const values: Amf0Value[] = [];
  while (decoder.position < bytes.length) {
    if (values.length > 0 && isJunk(bytes, decoder.position)) break;
    values.push(decoder.next());
  }
  return values;
}

/** Bytes after a complete value that are no value: an unknown type, or a number or boolean without room. */
function isJunk(bytes: Uint8Array, at: number): boolean {
  const marker = bytes[at]!;
  const left = bytes.length - at - 1;
  if (marker === Marker.number) return left < 8;
  if (marker === Marker.boolean) return left < 1;
  return marker > Marker.amf3 || NO_VALUE.has(marker);
}

/** Reads values of one message body: references and limits count through all of them. */
class Amf0Decoder {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  readonly #limits: AmfLimits;
  readonly #budget: AmfBudget;
  readonly #shared: SharedValues;

  constructor(bytes: Uint8Array, start: number, limits: AmfLimits) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes, start);
    this.#limits = limits;
    this.#budget = new AmfBudget(limits);
    this.#shared = new SharedValues(this.#budget);
  }

  get position(): number {
    return this.#reader.position;
  }

  checkLength(): void {
    const { length } = this.#bytes;
    if (length <= this.#limits.bytes) return;
    throw asAmfError(new RangeError(`${length} bytes, at most ${this.#limits.bytes} are read`), "AMF0", 0);
  }

  next(): Amf0Value {
    try {
      return this.#value(0);
    } catch (error) {
      throw asAmfError(error, "AMF0", this.position);
    }
  }

  #value(depth: number): Amf0Value {
    this.#budget.charge(1);
    const reader = this.#reader;
    const marker = reader.u8();
    switch (marker) {
      case Marker.number:
        return reader.f64();
      case Marker.boolean:
        return reader.u8() !== 0;
      case Marker.string:
        return this.#text(reader.u16());
      case Marker.longString:
      case Marker.xmlDocument:
        return this.#text(reader.u32());
      case Marker.null:
        return null;
      case Marker.undefined:
      case Marker.unsupported:
        return undefined;
      case Marker.date:
        return this.#date();
      case Marker.reference:
        return this.#shared.resolve(reader.u16());
      case Marker.amf3:
        return decodeAmf3(reader, this.#budget, depth);
      default:
        return this.#container(marker, depth + 1);
    }
  }

  #container(marker: number, depth: number): Amf0Value {
    this.#budget.enter(depth);
    switch (marker) {
      case Marker.object:
        return this.#entries({ kind: "object", entries: [] }, depth);
      case Marker.ecmaArray:
        this.#reader.skip(4); // its count, which nobody gets right
        return this.#entries({ kind: "ecma", entries: [] }, depth);
      case Marker.typedObject: {
        const className = this.#text(this.#reader.u16());
        return this.#entries({ kind: "typed", className, entries: [] }, depth);
      }
      case Marker.strictArray:
        return this.#array(depth);
      default:
        throw new RangeError(`unknown type 0x${marker.toString(16).padStart(2, "0")}`);
    }
  }

  #entries(object: Amf0Object, depth: number): Amf0Object {
    const shared = this.#shared.open(object);
    while (this.#reader.remaining > 0) {
      const key = this.#text(this.#reader.u16());
      if (key === "" && this.#atEnd()) break;
      this.#budget.property();
      object.entries.push([key, this.#value(depth)]);
    }
    this.#shared.close(shared);
    return object;
  }

  /** After an empty key: the end mark or the end of the message. Any other type makes it an entry without name. */
  #atEnd(): boolean {
    if (this.#reader.remaining === 0) return true;
    if (this.#bytes[this.#reader.position] !== Marker.objectEnd) return false;
    this.#reader.skip(1);
    return true;
  }

  #array(depth: number): Amf0Value {
    const count = this.#reader.u32();
    if (count > this.#reader.remaining) {
      throw new RangeError(`array of ${count} values, ${this.#reader.remaining} bytes left`);
    }
    const items: Amf0Value[] = [];
    const shared = this.#shared.open(items);
    for (let i = 0; i < count; i++) items.push(this.#value(depth));
    this.#shared.close(shared);
    return items;
  }

  #text(length: number): string {
    const text = this.#reader.utf8(length);
    this.#budget.charge(text.length);
    return text;
  }

  #date(): Date {
    const date = new Date(this.#reader.f64());
    this.#reader.skip(2); // a time zone, always to be ignored
    return date;
  }
}

class Amf0Encoder {
  readonly #writer = new ByteWriter();

  take(): Uint8Array {
    return this.#writer.take();
  }

  write(value: Amf0Value, depth = 0): void {
    const writer = this.#writer;
    if (typeof value === "number" || value instanceof Date) {
      writer.u8(Marker.number);
      writer.f64(Number(value));
    } else if (typeof value === "boolean") {
      writer.u8(Marker.boolean);
      writer.u8(value ? 1 : 0);
    } else if (typeof value === "string") {
      writer.u8(Marker.string);
      this.#text(value);
    } else if (value === null || value === undefined || depth >= DEFAULT_AMF_LIMITS.depth) {
      writer.u8(Marker.null);
    } else if (Array.isArray(value)) {
      writer.u8(Marker.strictArray);
      writer.u32(value.length);
      for (const item of value) this.write(item, depth + 1);
    } else {
      this.#object(value, depth + 1);
    }
  }

  #object(object: Amf0Object, depth: number): void {
    const writer = this.#writer;
    const entries = object.entries.filter(([key]) => key !== "");
    writer.u8(object.kind === "ecma" ? Marker.ecmaArray : Marker.object);
    if (object.kind === "ecma") writer.u32(entries.length);
    for (const [key, value] of entries) {
      this.#text(key);
      this.write(value, depth);
    }
    writer.u16(0);
    writer.u8(Marker.objectEnd);
  }

  #text(text: string): void {
    const bytes = UTF8.encode(text);
    let length = Math.min(bytes.length, MAX_TEXT_BYTES);
    // Never between the bytes of one character: those after its first are 10xxxxxx.
    while (length < bytes.length && (bytes[length]! & 0xc0) === 0x80) length--;
    this.#writer.u16(length);
    this.#writer.bytes(bytes.subarray(0, length));
  }
}
