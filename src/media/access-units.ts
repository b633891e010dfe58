/**
 * AccessUnits: raw H.264 or H.265 as it comes out of an encoder, turned into FLV tag bodies. Segments of a pipe or
 * file go in with the time they came, access units come out, each with what is needed to make its tag: parameter sets
 * become the sequence header when they are new, AUD and filler are left out, everything else is kept bit for bit.
 * Called by the sources of raw video. FLV 10.1 E.4.3, E-RTMP v2; protocol.md 8.1 to 8.6.
 */
import { sameBytes } from "../bytes/same-bytes.ts";
import { MediaError } from "../errors.ts";
import { AnnexBSplitter, copyNal, MAX_NAL_BYTES, type Nal } from "./annexb-splitter.ts";
import { fourCcNumber } from "./fourcc.ts";
import { PictureOrder } from "./picture-order.ts";
import { AVC_PACKET, VIDEO_PACKET } from "./tag-video.ts";
import { type PictureFacts, type VideoConfig, type VideoRules } from "./video-rules.ts";

/** A picture, ready to become a tag. */
export type AccessUnit = {
  readonly key: boolean;
  /** When its first byte was there, in ms of the caller's clock. */
  readonly at: number;
  /** Frames between decoding and showing it. */
  readonly distance: number;
  /** The body of the sequence header to send before it, when that is new. */
  readonly header: Uint8Array | undefined;
  readonly facts: PictureFacts;
  /** The tag body: the only copy of the payload. `compositionTime` in ms. */
  body(compositionTime: number): Uint8Array;
};

/** What was left out, and why. */
export type VideoLosses = {
  /** Pictures before the first key frame whose parameter sets are known. */
  beforeKey: number;
  /** Pictures that are too large or damaged. */
  damaged: number;
};

/** An access unit: what fits into a tag of 24-bit length with its head. */
const MAX_UNIT_BYTES = MAX_NAL_BYTES;
/** NAL units in one access unit: far more than slices of any level. */
const MAX_UNIT_NALS = 4096;
/** A stream that has shown nothing after this many bytes is something else. */
const MAX_STRAY_BYTES = 4 * 1024 * 1024;

/** Gathers access units; see the head of this file. */
export class AccessUnits {
  readonly losses: VideoLosses = { beforeKey: 0, damaged: 0 };
  readonly splitter: AnnexBSplitter;
  readonly #rules: VideoRules;
  readonly #onUnit: (unit: AccessUnit) => void;
  readonly #order: PictureOrder;
  #nals: Nal[] = [];
  #bytes = 0;
  #hasPicture = false;
  #damaged = false;
  #oversized = 0;
  #sent: VideoConfig | undefined;
  /** The last unit was handed out because nothing followed. */
  #early = false;

  constructor(rules: VideoRules, onUnit: (unit: AccessUnit) => void) {
    this.#rules = rules;
    this.#onUnit = onUnit;
    this.#order = new PictureOrder(rules.orderStep);
    this.splitter = new AnnexBSplitter((nal) => this.#onNal(nal));
  }

  /**
   * Takes the next bytes, which nobody writes to again. `now` is a clock in ms, `pause` half a frame's time. Throws
   * MediaError if this is no such video at all.
   */
  feed(segment: Uint8Array, now: number, pause: number): void {
    this.splitter.feed(segment, now, pause);
    if (this.#sent === undefined && this.splitter.losses.strayBytes > MAX_STRAY_BYTES) {
      throw new MediaError(`this is no raw ${this.#rules.fourcc === "avc1" ? "H.264" : "H.265"} video`);
    }
  }

  /** Nothing came for half a frame: hands out a picture that must be complete. */
  flushIfIdle(now: number, pause: number): void {
    // What the splitter held tells whether it is the first of two fields, so it must be taken before that is asked.
    if (!this.splitter.flushIfIdle(now, pause)) return;
    if (!this.#hasPicture || !this.#rules.complete) return;
    this.#finish();
    this.#early = true;
  }

  /** The stream is over: hands out what is held. */
  end(): void {
    this.splitter.end();
    this.#finish();
  }

  #onNal(nal: Nal): void {
    if (this.splitter.losses.oversized !== this.#oversized) {
      this.#oversized = this.splitter.losses.oversized;
      this.#damaged = true;
    }
    const kind = this.#rules.kindOf(nal);
    if (kind === "drop") return;
    const begins = kind === "slice" ? this.#rules.beginsUnit(nal) : kind !== "after";
    if (this.#hasPicture && begins) this.#finish();
    // A slice of the picture that was handed out: this encoder pauses within pictures.
    if (this.#early && kind === "slice" && !begins) this.splitter.distrustPauses();
    this.#early = false;
    if (kind === "mark" || (kind === "after" && !this.#hasPicture)) return;
    if (kind === "slice") this.#hasPicture = true;
    this.#keep(nal);
  }

  #keep(nal: Nal): void {
    if (!this.#rules.take(nal)) return;
    this.#nals.push(nal);
    this.#bytes += nal.length + 4;
    if (this.#bytes <= MAX_UNIT_BYTES && this.#nals.length <= MAX_UNIT_NALS) return;
    // Too large: forget the bytes, but not that there was a picture.
    this.#damaged = true;
    this.#nals = [];
    this.#bytes = 0;
  }

  #finish(): void {
    if (!this.#hasPicture) return;
    const nals = this.#nals;
    const unit = this.#damaged ? undefined : this.#makeUnit(nals, this.#bytes);
    if (this.#damaged) this.losses.damaged += 1;
    this.#nals = [];
    this.#bytes = 0;
    this.#hasPicture = false;
    this.#damaged = false;
    this.#rules.startUnit();
    if (unit !== undefined) this.#onUnit(unit);
  }

  /** Nothing before the first key frame with its sets is of use to anybody. */
  #makeUnit(nals: readonly Nal[], bytes: number): AccessUnit | undefined {
    const rules = this.#rules;
    const config = rules.config();
    const { key, fourcc } = rules;
    const distance = this.#order.place(rules.order());
    if (config === undefined || (this.#sent === undefined && !key)) {
      this.losses.beforeKey += 1;
      return undefined;
    }
    const isNew = key && config !== this.#sent && !sameBytes(config.record, this.#sent?.record);
    if (key) this.#sent = config;
    const header = isNew ? headerBody(fourcc, config.record) : undefined;
    const body = (cts: number): Uint8Array => unitBody({ fourcc, key, nals, bytes }, cts);
    return { key, at: nals[0]!.at, distance, header, facts: config.facts, body };
  }
}

const AVC_HEAD = 5;
const ENHANCED_HEAD = 5;
const KEY = 0x10;
const INTER = 0x20;
const AVC_CODEC = 7;
const ENHANCED = 0x80;

/** The body of a sequence header. */
function headerBody(fourcc: VideoRules["fourcc"], record: Uint8Array): Uint8Array {
  const body = new Uint8Array(5 + record.length);
  if (fourcc === "avc1") {
    body[0] = KEY | AVC_CODEC;
    body[1] = AVC_PACKET.sequenceHeader;
  } else {
    body[0] = ENHANCED | KEY | VIDEO_PACKET.sequenceStart;
    writeFourCc(body, fourcc);
  }
  body.set(record, 5);
  return body;
}

type Unit = { fourcc: VideoRules["fourcc"]; key: boolean; nals: readonly Nal[]; bytes: number };

/** The body of a picture: NAL units with 4-byte lengths behind the head of their codec. */
function unitBody(unit: Unit, compositionTime: number): Uint8Array {
  const { fourcc, key, nals, bytes } = unit;
  const avc = fourcc === "avc1";
  const timed = compositionTime !== 0;
  const head = avc ? AVC_HEAD : ENHANCED_HEAD + (timed ? 3 : 0);
  const body = new Uint8Array(head + bytes);
  const frameType = key ? KEY : INTER;
  if (avc) {
    body[0] = frameType | AVC_CODEC;
    body[1] = AVC_PACKET.nalUnits;
    writeU24(body, 2, compositionTime);
  } else {
    body[0] = ENHANCED | frameType | (timed ? VIDEO_PACKET.codedFrames : VIDEO_PACKET.codedFramesX);
    writeFourCc(body, fourcc);
    if (timed) writeU24(body, ENHANCED_HEAD, compositionTime);
  }
  let at = head;
  for (const nal of nals) {
    body[at] = nal.length >>> 24;
    writeU24(body, at + 1, nal.length);
    copyNal(nal, body, at + 4);
    at += 4 + nal.length;
  }
  return body;
}

function writeFourCc(body: Uint8Array, fourcc: string): void {
  const number = fourCcNumber(fourcc);
  body[1] = number >>> 24;
  writeU24(body, 2, number);
}

/** The lowest 24 bits, big-endian. */
function writeU24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 16;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value;
}
