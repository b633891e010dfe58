/**
 * The codec table: one row for each codec that an FLV tag can carry, legacy or enhanced. In goes a legacy codec id
 * (4 bits of the first body byte) or a FourCC (32 bits), out comes the row. Used by the tag reader for every
 * message and by the makers of connect for what runnel announces. A codec that is not here still passes through.
 *
 * To add a codec, add a row here and one to test/media/fourcc.test.ts; nothing else needs to know.
 */

/** Which kind of message carries a codec. */
export type CodecKind = "audio" | "video";

/** What is known of a codec. */
export type CodecRow = {
  /** FourCC as text; made up where `enhanced` is false, so that every codec has one name of four letters. */
  readonly fourcc: string;
  readonly kind: CodecKind;
  /** Legacy FLV codec id, the usual one where there are several; undefined when the codec needs enhanced FLV. */
  readonly legacyId: number | undefined;
  /** Further legacy ids of the same codec. */
  readonly otherLegacyIds: readonly number[];
  /** Whether the FourCC is one of Enhanced RTMP v2, and so announced in connect. */
  readonly enhanced: boolean;
  /** Whether enhanced CodedFrames begin with an SI24 composition time. E-RTMP v2, "ExVideoTagBody". */
  readonly hasCompositionTime: boolean;
  /** Whether the legacy body has a packet type byte after the first one, and for video a composition time. */
  readonly legacyPacketType: boolean;
  /** Whether a sequence header without a configuration record is of no use. */
  readonly needsConfig: boolean;
  /** The name for people. */
  readonly label: string;
};

type Traits = "compositionTime" | "legacyPacketType" | "needsConfig";

function row(
  fourcc: string,
  label: string,
  rest: { kind: CodecKind; legacy?: readonly number[]; enhanced?: boolean; traits?: readonly Traits[] },
): CodecRow {
  const legacy = rest.legacy ?? [];
  const traits = rest.traits ?? [];
  return {
    fourcc,
    kind: rest.kind,
    legacyId: legacy[0],
    otherLegacyIds: legacy.slice(1),
    enhanced: rest.enhanced ?? true,
    hasCompositionTime: traits.includes("compositionTime"),
    legacyPacketType: traits.includes("legacyPacketType"),
    needsConfig: traits.includes("needsConfig"),
    label,
  };
}

const video = { kind: "video" } as const;
const audio = { kind: "audio" } as const;

/**
 * All codecs. Video ids 12 to 15 are the extension of Chinese CDNs, 12 and 13 with the header of AVC; audio id 13 is
 * ZLMediaKit's. E-RTMP v2 "FourCC"; FLV 10.1 E.4.2.1, E.4.3.1.
 */
export const CODECS: readonly CodecRow[] = [
  row("avc1", "H.264", {
    ...video,
    legacy: [7],
    traits: ["compositionTime", "legacyPacketType", "needsConfig"],
  }),
  row("hvc1", "H.265", {
    ...video,
    legacy: [12],
    traits: ["compositionTime", "legacyPacketType", "needsConfig"],
  }),
  row("av01", "AV1", { ...video, legacy: [13], traits: ["legacyPacketType"] }),
  row("vp08", "VP8", { ...video, legacy: [14] }),
  row("vp09", "VP9", { ...video, legacy: [15] }),
  row("vvc1", "H.266", { ...video, traits: ["compositionTime", "needsConfig"] }),
  row("FLV1", "Sorenson H.263", { ...video, legacy: [2], enhanced: false }),
  row("FSV1", "Screen video", { ...video, legacy: [3], enhanced: false }),
  row("VP6F", "VP6", { ...video, legacy: [4], enhanced: false }),
  row("VP6A", "VP6 with alpha", { ...video, legacy: [5], enhanced: false }),
  row("FSV2", "Screen video 2", { ...video, legacy: [6], enhanced: false }),
  row("h263", "H.263", { ...video, legacy: [8], enhanced: false }),
  row("mp4v", "MPEG-4 part 2", { ...video, legacy: [9], enhanced: false }),
  row("mp4a", "AAC", { ...audio, legacy: [10], traits: ["legacyPacketType", "needsConfig"] }),
  row(".mp3", "MP3", { ...audio, legacy: [2, 14] }),
  row("ac-3", "AC-3", { ...audio }),
  row("ec-3", "E-AC-3", { ...audio }),
  row("Opus", "Opus", { ...audio, legacy: [13] }),
  row("fLaC", "FLAC", { ...audio }),
  row("lpcm", "PCM", { ...audio, legacy: [3, 0], enhanced: false }),
  row("ADSW", "ADPCM", { ...audio, legacy: [1], enhanced: false }),
  row("NELL", "Nellymoser", { ...audio, legacy: [6, 4, 5], enhanced: false }),
  row("alaw", "G.711 A-law", { ...audio, legacy: [7], enhanced: false }),
  row("ulaw", "G.711 mu-law", { ...audio, legacy: [8], enhanced: false }),
  row("spex", "Speex", { ...audio, legacy: [11], enhanced: false }),
];

/** The four characters of a FourCC as the 32-bit number that stands on the wire, big-endian. */
export function fourCcNumber(fourcc: string): number {
  let number = 0;
  for (let i = 0; i < 4; i++) number = (number << 8) | (fourcc.charCodeAt(i) & 0xff);
  return number >>> 0;
}

function legacyTable(kind: CodecKind): readonly (CodecRow | undefined)[] {
  const table = new Array<CodecRow | undefined>(16).fill(undefined);
  for (const codec of CODECS) {
    if (codec.kind !== kind || codec.legacyId === undefined) continue;
    table[codec.legacyId] = codec;
    for (const id of codec.otherLegacyIds) table[id] = codec;
  }
  return table;
}

const VIDEO_BY_LEGACY_ID = legacyTable("video");
const AUDIO_BY_LEGACY_ID = legacyTable("audio");
const BY_NUMBER: ReadonlyMap<number, CodecRow> = new Map(
  CODECS.filter((codec) => codec.enhanced).map((codec) => [fourCcNumber(codec.fourcc), codec]),
);
const BY_TEXT: ReadonlyMap<string, CodecRow> = new Map(CODECS.map((codec) => [codec.fourcc, codec]));

/** The video codec with this legacy id (0 to 15). FLV 10.1 E.4.3.1. */
export function videoCodecByLegacyId(id: number): CodecRow | undefined {
  return VIDEO_BY_LEGACY_ID[id];
}

/** The audio codec with this legacy id (0 to 15). FLV 10.1 E.4.2.1. */
export function audioCodecByLegacyId(id: number): CodecRow | undefined {
  return AUDIO_BY_LEGACY_ID[id];
}

/** The codec whose FourCC, read as a big-endian u32, is `number`. */
export function codecByFourCc(number: number): CodecRow | undefined {
  return BY_NUMBER.get(number);
}

/** The codec with this name, as it stands in MediaPacket.codec. */
export function codecByName(fourcc: string): CodecRow | undefined {
  return BY_TEXT.get(fourcc);
}

/** What a codec is called for people; the FourCC itself when it is not in the table. */
export function codecLabel(fourcc: string): string {
  return BY_TEXT.get(fourcc)?.label ?? (fourcc === "" ? "unknown codec" : fourcc);
}

/** The video FourCCs to announce in connect (fourCcList, videoFourCcInfoMap). E-RTMP v2 "Enhancing NetConnection". */
export function videoFourCcs(): string[] {
  return announced("video");
}

/** The audio FourCCs to announce in connect (fourCcList, audioFourCcInfoMap). */
export function audioFourCcs(): string[] {
  return announced("audio");
}

function announced(kind: CodecKind): string[] {
  return CODECS.filter((codec) => codec.enhanced && codec.kind === kind).map((codec) => codec.fourcc);
}
