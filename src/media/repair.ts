/**
 * Mender reads a damaged FLV file and hands out the tags of a sound one: what is no tag is left out, times begin at 0
 * and never go back, sequence headers that come again unchanged are dropped, a second recording in the file goes on
 * where the first ended. Bodies are handed on bit for bit. Everything that is not as it should be is a finding.
 *
 * Bytes go in, tags and findings come out; there is no file in here. A file is read twice, each time by a Mender of
 * its own that says the same: first to know what the head of the new file has to say (repair-survey.ts), then to
 * write. onMetaData is not handed out but kept in `metadata`: it belongs to that head.
 */
import { sameBytes } from "../bytes/same-bytes.ts";
import { FlvReader } from "./flv-reader.ts";
import type { FlvDamage, FlvTag } from "./flv-tag.ts";
import { codecByName } from "./fourcc.ts";
import { kindOfTypeId, type MediaKind, type PacketRole } from "./packet.ts";
import { RepairClock, type StampedFrame } from "./repair-clock.ts";
import { damageFinding, type DamagePlace, type Finding } from "./repair-finding.ts";
import { RepairMetadata } from "./repair-metadata.ts";
import { readTagHeader, type TagHeader } from "./tag.ts";

/** A tag of the mended file. `time` is in ms, `body` is valid only while onTag runs. */
export type MendedTag = {
  readonly typeId: number;
  readonly filtered: boolean;
  readonly kind: MediaKind;
  readonly role: PacketRole;
  readonly codec: string;
  readonly track: number;
  readonly time: number;
  readonly body: Uint8Array;
  /** Where the tag stands in the damaged file. */
  readonly offset: number;
};

/** A sequence header that comes after the first frames it is for: to be written first, and told to the next Mender. */
export type LateHeader = { readonly key: string; readonly tag: MendedTag };

/** Who hears of mended tags, and of what was wrong. */
export type MenderHandlers = {
  readonly onTag: (tag: MendedTag) => void;
  readonly onFinding: (finding: Finding) => void;
};

/** A frame that waits for the next one, and everything needed to hand it out then. */
type Odd = { readonly frame: StampedFrame; readonly tag: FlvTag; readonly header: TagHeader };

/** Different tracks whose headers are remembered, and the size of one, in bytes: a file may name many. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 1 << 20;

/** Mends one reading of a file; see the head of this file. */
export class Mender {
  /** What the file says about itself. */
  readonly metadata: RepairMetadata;
  readonly #reader: FlvReader;
  readonly #clock: RepairClock;
  readonly #onTag: (tag: MendedTag) => void;
  readonly #onFinding: (finding: Finding) => void;
  /** The sequence header that counts, by kind and track. */
  readonly #headers = new Map<string, Uint8Array>();
  /** Tracks with frames that need a header and had none, by the offset of the first; then what became of them. */
  readonly #headless = new Map<string, { offset: number; kind: MediaKind; found: boolean }>();
  readonly #late: LateHeader[] = [];
  #odd: Odd | undefined;
  /** Damage whose wording depends on whether anything follows. */
  #damage: FlvDamage | undefined;
  /** A second file header came and no frame since: what is repeated here is no finding of its own. */
  #joining = false;
  #begun = false;
  #flags: number | undefined;
  #fed = 0;

  /** `late` are sequence headers that have been written before everything else. */
  constructor(handlers: MenderHandlers, late: readonly LateHeader[] = []) {
    this.#onTag = handlers.onTag;
    this.#onFinding = handlers.onFinding;
    this.#clock = new RepairClock(handlers.onFinding);
    this.metadata = new RepairMetadata(handlers.onFinding);
    for (const { key, tag } of late) this.#headers.set(key, tag.body);
    this.#reader = new FlvReader(
      {
        onTag: (tag) => this.#take(tag),
        onDiscontinuity: (offset) => this.#join(offset),
        onDamage: (damage) => this.#hurt(damage),
      },
      { salvage: true, borrow: true },
    );
  }

  /** The flags byte of the file header; undefined when there is no header. */
  get flags(): number | undefined {
    return this.#flags;
  }

  /** Headers that came too late; complete when the file has been read. */
  get lateHeaders(): readonly LateHeader[] {
    return this.#late;
  }

  /** Takes the next bytes. Throws MediaError when the file is of another kind. */
  feed(segment: Uint8Array): void {
    const at = 4 - this.#fed;
    this.#fed += segment.length;
    if (at >= 0 && at < segment.length) this.#flags = segment[at];
    this.#reader.feed(segment);
  }

  /** The file is over. */
  end(): void {
    this.#reader.end();
    this.#reportDamage("end");
    this.#settleOdd(undefined);
    for (const { offset, kind, found } of this.#headless.values()) {
      const text = found
        ? `${kind} begins before its sequence header`
        : `${kind} has no sequence header: nothing can decode it`;
      this.#onFinding({ kind: found ? "late" : "missing", offset, text });
    }
  }

  #hurt(damage: FlvDamage): void {
    this.#reportDamage("inside");
    if (damage.offset <= 4 && damage.kind === "skipped") this.#flags = undefined;
    this.#damage = damage;
  }

  #reportDamage(place: DamagePlace): void {
    if (this.#damage === undefined) return;
    const finding = damageFinding(this.#damage, place);
    this.#damage = undefined;
    this.#onFinding(finding);
  }

  #join(offset: number): void {
    this.#reportDamage("inside");
    this.#settleOdd(undefined);
    this.#onFinding({ kind: "session", offset, text: "a second FLV header: another recording begins" });
    this.#clock.newRecording();
    this.#joining = true;
  }

  #take(tag: FlvTag): void {
    // A wrong back-pointer is reported before its own tag, all else before the tag behind it.
    if (this.#damage?.kind !== "pointer" || this.#damage.offset !== tag.offset) this.#reportDamage("inside");
    const kind = kindOf(tag.typeId);
    const header = readTagHeader(kind, tag.body);
    if (kind === "video" && header.role !== "frame") this.metadata.see(tag.offset);
    if (header.role === "metadata" && this.metadata.take(tag)) return;
    if (kind !== "data" && (header.role === "key" || header.role === "frame")) {
      this.#takeFrame(kind, tag, header);
      return;
    }
    this.#settleOdd(undefined);
    if (header.role === "header" && this.#isKnown(kind, tag, header)) return;
    this.#emit(tag, header, this.#clock.place(kind, header.role, tag.timestamp, header.track));
  }

  #takeFrame(kind: "audio" | "video", tag: FlvTag, header: TagHeader): void {
    const { timestamp: stamp, offset } = tag;
    const track = (kind === "video" ? 0 : 256) + header.track;
    const frame: StampedFrame = { kind, track, role: header.role, stamp, offset };
    this.#settleOdd(frame);
    this.#noteHeadless(kind, tag, header);
    if (!this.#begun) this.metadata.firstStamp = stamp;
    this.#begun = true;
    this.#joining = false;
    if (this.#clock.isOdd(frame)) {
      this.#odd = { frame, tag: { ...tag, body: tag.body.slice() }, header };
      return;
    }
    this.#emit(tag, header, this.#clock.frame(frame));
  }

  /** Hands out the frame that waited, now that the next one is known. */
  #settleOdd(next: StampedFrame | undefined): void {
    const odd = this.#odd;
    if (odd === undefined) return;
    this.#odd = undefined;
    const alone = next !== undefined && this.#clock.standsAlone(odd.frame, next);
    this.#emit(odd.tag, odd.header, alone ? this.#clock.stray(odd.frame) : this.#clock.frame(odd.frame));
  }

  /** Whether this sequence header says again what the last one of its track said. */
  #isKnown(kind: MediaKind, tag: FlvTag, header: TagHeader): boolean {
    const key = keyOf(kind, header);
    const known = this.#headers.get(key);
    if (sameBytes(tag.body, known)) {
      const text = `the ${kind} sequence header comes again unchanged`;
      if (!this.#joining) this.#onFinding({ kind: "doubled", offset: tag.offset, text });
      return true;
    }
    const fits =
      tag.body.length <= MAX_HEADER_BYTES && (known !== undefined || this.#headers.size < MAX_HEADERS);
    if (!fits) {
      this.#headers.delete(key);
      return false;
    }
    const body = tag.body.slice();
    this.#headers.set(key, body);
    const headless = this.#headless.get(key);
    if (headless !== undefined && !headless.found) {
      headless.found = true;
      const { typeId, filtered, offset } = tag;
      const { role, codec, track } = header;
      this.#late.push({ key, tag: { typeId, filtered, kind, role, codec, track, time: 0, body, offset } });
    }
    return false;
  }

  #noteHeadless(kind: MediaKind, tag: FlvTag, header: TagHeader): void {
    if (header.empty || codecByName(header.codec)?.needsConfig !== true) return;
    const key = keyOf(kind, header);
    if (this.#headers.has(key) || this.#headless.has(key) || this.#headless.size >= MAX_HEADERS) return;
    this.#headless.set(key, { offset: tag.offset, kind, found: false });
  }

  #emit(tag: FlvTag, { role, codec, track, empty }: TagHeader, time: number): void {
    const { typeId, filtered, body, offset } = tag;
    const kind = kindOf(typeId);
    // What says nothing is written again, but is no frame to seek to or to count.
    this.#onTag({ typeId, filtered, kind, role: empty ? "end" : role, codec, track, time, body, offset });
  }
}

function keyOf(kind: MediaKind, header: TagHeader): string {
  return `${kind}/${header.track}/${header.multitrack ? "many" : "one"}`;
}

/** A reader hands out nothing else than sound, pictures and data. */
function kindOf(typeId: number): MediaKind {
  return kindOfTypeId(typeId) ?? "data";
}
