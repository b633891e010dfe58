/**
 * onMetaData, the script message that describes a stream: reading what encoders and servers send, and turning one
 * form into another; recording-head.ts builds the one of a recording. Bytes are AMF0 as in an FLV script tag or RTMP
 * data message. What is read goes to probe, recordings and repair; publishMetadata is for RTMP servers, playMetadata
 * for players and files. protocol.md 7.5, 4.6.
 *
 * What metadata claims is a hint: encoders lie in it (DJI sends codec ids that do not exist). Tracks are decided by
 * the media.
 */
import { join } from "../bytes/join.ts";
import {
  type Amf0Value,
  decodeAmf0,
  encodeAmf0,
  getProperty,
  isAmfObject,
  numberOf,
  stringOf,
} from "../amf/amf0.ts";
import { ProtocolError } from "../errors.ts";
import {
  audioCodecByLegacyId,
  codecByFourCc,
  codecByName,
  type CodecKind,
  videoCodecByLegacyId,
} from "./fourcc.ts";
import { isPlainAmf0 } from "./metadata-plain.ts";
import { isMetadata, setDataFrameLength, setDataFramePrefix } from "./tag.ts";

/** One key and value of onMetaData. */
export type MetadataEntry = readonly [key: string, value: Amf0Value];

/** What a source says about itself; a field is undefined when it says nothing usable. */
export type Metadata = {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Frames per second. */
  readonly framerate: number | undefined;
  /** Kilobits per second. */
  readonly videodatarate: number | undefined;
  /** Kilobits per second. */
  readonly audiodatarate: number | undefined;
  /** FourCC as in MediaPacket.codec. */
  readonly videoCodec: string | undefined;
  /** FourCC as in MediaPacket.codec. */
  readonly audioCodec: string | undefined;
  /** Hz. */
  readonly audiosamplerate: number | undefined;
  readonly audiochannels: number | undefined;
  /** Seconds. */
  readonly duration: number | undefined;
  readonly encoder: string | undefined;
  /** Every key in its order, duplicates included. */
  readonly entries: readonly MetadataEntry[];
};

/** Reads an onMetaData body, with or without @setDataFrame; undefined when it is none or cannot be decoded. */
export function readMetadata(body: Uint8Array): Metadata | undefined {
  if (!isMetadata(body)) return undefined;
  const values = decodeOrUndefined(body.subarray(setDataFrameLength(body)));
  if (values === undefined) return undefined;
  const value = values[1];
  const number = (...keys: string[]): number | undefined => firstNumber(value, keys);
  return {
    width: number("width", "displayWidth"),
    height: number("height", "displayHeight"),
    framerate: number("framerate", "fps", "videoframerate"),
    videodatarate: number("videodatarate"),
    audiodatarate: number("audiodatarate"),
    videoCodec: codecOf(getProperty(value, "videocodecid"), "video"),
    audioCodec: codecOf(getProperty(value, "audiocodecid"), "audio"),
    audiosamplerate: number("audiosamplerate"),
    audiochannels: number("audiochannels") ?? channelsOf(getProperty(value, "stereo")),
    duration: number("duration"),
    encoder: stringOf(getProperty(value, "encoder")),
    entries: isAmfObject(value) ? value.entries : [],
  };
}

/** Broken metadata is dropped, never the stream; our own mistakes still surface. */
function decodeOrUndefined(body: Uint8Array): Amf0Value[] | undefined {
  try {
    return decodeAmf0(body);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function firstNumber(value: Amf0Value, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const number = numberOf(getProperty(value, key));
    if (number !== undefined) return number;
  }
  return undefined;
}

function channelsOf(stereo: Amf0Value): number | undefined {
  if (typeof stereo !== "boolean" && typeof stereo !== "number") return undefined;
  return stereo ? 2 : 1;
}

/** Names by which encoders call codecs in text. */
const CODEC_NAMES: Readonly<Record<string, string>> = {
  h264: "avc1",
  avc: "avc1",
  h265: "hvc1",
  hevc: "hvc1",
  hev1: "hvc1",
  av1: "av01",
  vp8: "vp08",
  vp9: "vp09",
  aac: "mp4a",
  mp3: ".mp3",
  opus: "Opus",
  flac: "fLaC",
};

/** A codec id is a legacy id, a FourCC as number, or text: a FourCC, a nickname or digits. */
function codecOf(id: Amf0Value, kind: CodecKind): string | undefined {
  const number = numberOf(id);
  if (number !== undefined) {
    const legacy = kind === "video" ? videoCodecByLegacyId(number) : audioCodecByLegacyId(number);
    return (legacy ?? codecByFourCc(number))?.fourcc;
  }
  const text = stringOf(id);
  if (text === undefined) return undefined;
  const name = Object.hasOwn(CODEC_NAMES, text.toLowerCase()) ? CODEC_NAMES[text.toLowerCase()]! : text;
  return codecByName(name)?.fourcc;
}

/** What runnel knows about a recording better than its source; everything optional. */
export type RecordingFacts = {
  readonly width?: number;
  readonly height?: number;
  /** Legacy id, or FourCC as a number for enhanced codecs. */
  readonly videocodecid?: number;
  /** Legacy id, or FourCC as a number for enhanced codecs. */
  readonly audiocodecid?: number;
  readonly audiosamplerate?: number;
  readonly audiochannels?: number;
  readonly stereo?: boolean;
};

/** Keys that describe the source's own file or moment, in any capitals: false in a recording of it. */
const STALE: ReadonlySet<string> = new Set([
  "duration",
  "filesize",
  "lasttimestamp",
  "lastkeyframetimestamp",
  "lastkeyframelocation",
  "datasize",
  "videosize",
  "audiosize",
  "keyframes",
  "haskeyframes",
  "hasmetadata",
  "hascuepoints",
  "canseektoend",
  "starttime",
  "totalduration",
  "totaldatarate",
  "headroom",
]);

/** Whether a key says something about the file or moment that it was read from, and about no recording of it. */
export function isStaleKey(key: string): boolean {
  return STALE.has(key.toLowerCase());
}

/** Metadata of this size, in bytes, is looked through for the index of a file. */
const INDEXED_BYTES = 4096;
const INDEX_KEYS: ReadonlySet<string> = new Set(["keyframes", "headroom"]);

/**
 * The form for publishing over RTMP: @setDataFrame in front. Source bytes stay as they are, unless they hold types
 * that make nginx-rtmp drop the whole message (dates, long strings, XML and rarer ones), or the index of a file, which
 * is false for a stream and many times the rest: then they are written anew as 4.6 says. Bodies other than onMetaData
 * come back untouched: ZLMediaKit closes the connection when anything else follows @setDataFrame.
 */
export function publishMetadata(body: Uint8Array): Uint8Array {
  if (!isMetadata(body)) return body;
  const prefix = setDataFrameLength(body);
  const rest = body.subarray(prefix);
  const values = isPlainAmf0(rest) && rest.length < INDEXED_BYTES ? undefined : decodeOrUndefined(rest);
  if (values !== undefined) return encodeAmf0(["@setDataFrame", ...values.map(asEcmaArray)]);
  return prefix > 0 ? body : join(setDataFramePrefix(), body);
}

/** The form for players and FLV files: without @setDataFrame. A view into the body. */
export function playMetadata(body: Uint8Array): Uint8Array {
  return body.subarray(setDataFrameLength(body));
}

function asEcmaArray(value: Amf0Value): Amf0Value {
  if (!isAmfObject(value)) return value;
  return { kind: "ecma", entries: value.entries.filter(([key]) => !INDEX_KEYS.has(key)) };
}
