/**
 * What a damaged FLV file says about itself in onMetaData: kept for the head of the mended file, and held against
 * what the file really holds. Called by Mender for each metadata tag and each tag that an index may point to.
 */
import {
  type Amf0Value,
  type AmfLimits,
  decodeAmf0,
  encodeAmf0,
  getProperty,
  isAmfObject,
  numberOf,
} from "../amf/amf0.ts";
import { ProtocolError } from "../errors.ts";
import type { FlvTag } from "./flv-tag.ts";
import { type Metadata, readMetadata } from "./metadata.ts";
import type { Finding } from "./repair-finding.ts";
import { setDataFrameLength } from "./tag.ts";

/** Other tools write an index of every frame of a day: more than is read from a peer. */
const LIMITS: AmfLimits = { depth: 16, properties: 65_536, bytes: 8 << 20 };
/** Keys of later recordings in the same file are added up to this many. */
const MAX_KEYS = 256;

/** The index that the file brings: what it promises, in numbers. */
export type ClaimedIndex = {
  readonly entries: number;
  /** Seconds. */
  readonly lastTime: number;
};

/** Gathers what onMetaData says; see the head of this file. */
export class RepairMetadata {
  readonly #onFinding: (finding: Finding) => void;
  readonly #entries = new Map<string, Amf0Value>();
  readonly #expected = new Set<number>();
  #index: ClaimedIndex | undefined;
  #offset: number | undefined;
  /** The first stamp of audio or video, in ms. */
  firstStamp = 0;

  constructor(onFinding: (finding: Finding) => void) {
    this.#onFinding = onFinding;
  }

  /** Where the first metadata tag stands; undefined when there is none. */
  get offset(): number | undefined {
    return this.#offset;
  }

  /** Every key but the index, as a source would claim them; undefined when there is no metadata. */
  claims(): Metadata | undefined {
    if (this.#entries.size === 0) return undefined;
    return readMetadata(encodeAmf0(["onMetaData", { kind: "ecma", entries: [...this.#entries] }]));
  }

  /** The index, if there is a proper one; `unmet` positions of it do not point to a key frame. */
  get index(): (ClaimedIndex & { readonly unmet: number }) | undefined {
    return this.#index === undefined ? undefined : { ...this.#index, unmet: this.#expected.size };
  }

  /** A number by its key, in any capitals. */
  number(key: string): number | undefined {
    for (const [name, value] of this.#entries) {
      if (name.toLowerCase() === key) return numberOf(value);
    }
    return undefined;
  }

  /** Takes a metadata tag; false when it belongs where it is, as the news of a stream that changed. */
  take({ body, offset }: FlvTag): boolean {
    const first = this.#offset === undefined;
    const value = decode(body);
    if (first) this.#offset = offset;
    if (value === undefined) {
      this.#onFinding({ kind: "metadata", offset, text: "the metadata cannot be read" });
      return true;
    }
    if (!first && !describesAFile(value)) return false;
    const entries = isAmfObject(value) ? value.entries : [];
    for (const [key, item] of entries) {
      if (key === "keyframes" || (!first && (this.#entries.has(key) || this.#entries.size >= MAX_KEYS)))
        continue;
      this.#entries.set(key, item);
    }
    if (first) this.#takeIndex(getProperty(value, "keyframes"));
    return true;
  }

  /** A key frame or sequence header stands at this byte. */
  see(offset: number): void {
    if (this.#expected.size > 0) this.#expected.delete(offset);
  }

  /** The first entry of many tools is the beginning of the file, not a key frame. */
  #takeIndex(index: Amf0Value): void {
    const times = numbersOf(getProperty(index, "times"));
    const positions = numbersOf(getProperty(index, "filepositions"));
    if (times === undefined || positions === undefined || times.length !== positions.length) return;
    // Players take no index of one entry, so nobody misses it.
    if (times.length < 2) return;
    this.#index = { entries: times.length, lastTime: Math.max(times.at(-1)!, times.at(-2)!) };
    for (const position of positions.slice(1)) this.#expected.add(position);
  }
}

/** Whether these are words about a file as a whole, as against a stream. */
function describesAFile(value: Amf0Value): boolean {
  const says = (key: string): boolean => (numberOf(getProperty(value, key)) ?? 0) > 0;
  return getProperty(value, "keyframes") !== undefined || says("duration") || says("filesize");
}

function decode(body: Uint8Array): Amf0Value {
  try {
    return decodeAmf0(body.subarray(setDataFrameLength(body)), LIMITS)[1];
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function numbersOf(value: Amf0Value): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((item) => typeof item === "number") ? value : undefined;
}
