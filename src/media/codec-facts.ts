/**
 * What a sequence header, or the first frame of a codec without one, says about its track: codec, profile, size,
 * rates. In goes a message body, out come facts for people and for the metadata of a recording. What cannot be read
 * is a fact without details, never an error: the stream is passed on either way. For probe and file heads.
 */
import { MediaError } from "../errors.ts";
import { aacProfileName, readAudioSpecificConfig } from "./aac.ts";
import { readFirstAudioFrame, readFlacHead, readOpusHead } from "./audio-heads.ts";
import { h264LevelName, h264NalType, h264ProfileName, H264_NAL, readAvcConfig, readH264Sps } from "./h264.ts";
import { HEVC_NAL, hevcLevelName, hevcProfileName, hevcSets, readHevcConfig, readHevcSps } from "./hevc.ts";
import type { MediaKind, MediaPacket } from "./packet.ts";
import { readTagHeader, type TagHeader } from "./tag.ts";
import { readAv1Shape, readVp8Shape, readVp9Shape, type VideoShape } from "./video-heads.ts";

/** Facts about a track; undefined where nothing is said. */
export type CodecFacts = {
  /** FourCC; may correct the tag's: OBS before 29.1 sent HEVC as AVC. */
  readonly codec: string;
  readonly profile: string | undefined;
  readonly level: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Frames per second as the parameter set has it. */
  readonly fps: number | undefined;
  /** Bits of a luma sample. */
  readonly bitDepth: number | undefined;
  /** Hz that come out of the decoder. */
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
  /** Why there are no details, when there should be some. */
  readonly problem: string | undefined;
};

/** What is known of a track with what this packet adds to it: the size, where only keyframes tell it. */
export function refineFacts(
  known: CodecFacts | undefined,
  { kind, role, body }: Pick<MediaPacket, "kind" | "role" | "body">,
): CodecFacts | undefined {
  if (known === undefined) return readCodecFacts(kind, body);
  if (kind !== "video" || role !== "key" || known.width !== undefined) return known;
  const found = readCodecFacts(kind, body);
  if (found === undefined) return known;
  const { width, height } = found;
  return { ...known, width, height, fps: known.fps ?? found.fps, problem: known.problem ?? found.problem };
}

/** Facts from the body of a sequence header or, for codecs without one, of a frame; undefined from other bodies. */
export function readCodecFacts(kind: MediaKind, body: Uint8Array): CodecFacts | undefined {
  const header = readTagHeader(kind, body);
  if (header.empty || header.codec === "") return undefined;
  const payload = body.subarray(header.payloadOffset);
  try {
    if (header.role === "header") return readHeaderFacts(header, payload);
    return kind === "audio" ? frameFacts(header, body, payload) : keyFacts(header, payload);
  } catch (error) {
    if (error instanceof MediaError || error instanceof RangeError) {
      return facts(header.codec, { problem: error.message });
    }
    throw error;
  }
}

function facts(codec: string, known: Partial<CodecFacts>): CodecFacts {
  const none = undefined;
  const video = { profile: none, level: none, width: none, height: none, fps: none, bitDepth: none };
  return { codec, ...video, sampleRate: none, channels: none, problem: none, ...known };
}

function readHeaderFacts(header: TagHeader, payload: Uint8Array): CodecFacts {
  switch (header.codec) {
    case "avc1":
      return avcFacts(payload);
    case "hvc1":
      return hevcFacts(payload);
    case "av01":
      return facts("av01", { ...av1Details(payload), ...av1Shape(payload.subarray(AV1_RECORD_BYTES)) });
    case "vp09":
      return facts("vp09", vp9Details(payload));
    case "mp4a":
      return aacFacts(payload);
    case "Opus":
      return facts("Opus", readOpusHead(payload));
    case "fLaC":
      return facts("fLaC", readFlacHead(payload));
    default:
      return facts(header.codec, {});
  }
}

/** A record whose first set is no SPS of H.264 may be HEVC's. */
function avcFacts(record: Uint8Array): CodecFacts {
  let config;
  try {
    config = readAvcConfig(record);
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    return hevcFactsOrUndefined(record) ?? facts("avc1", { problem: error.message });
  }
  const nal = config.sps[0];
  const { constraints } = config;
  const names = {
    profile: h264ProfileName(config.profileIdc, constraints),
    level: h264LevelName(config.levelIdc, constraints),
  };
  if (nal === undefined || h264NalType(nal) !== H264_NAL.sps) {
    const hevc = hevcFactsOrUndefined(record);
    if (hevc !== undefined && hevc.problem === undefined) return hevc;
  }
  if (nal === undefined) return facts("avc1", { ...names, problem: "the sequence header has no SPS" });
  const { width, height, fps, bitDepthLuma } = readH264Sps(nal);
  return facts("avc1", { ...names, width, height, fps, bitDepth: bitDepthLuma });
}

function hevcFactsOrUndefined(record: Uint8Array): CodecFacts | undefined {
  try {
    return hevcFacts(record);
  } catch (error) {
    if (error instanceof MediaError) return undefined;
    throw error;
  }
}

function hevcFacts(record: Uint8Array): CodecFacts {
  const config = readHevcConfig(record);
  const names = {
    profile: hevcProfileName(config.profileIdc),
    level: hevcLevelName(config.levelIdc, config.highTier),
  };
  const nal = hevcSets(config, HEVC_NAL.sps)[0];
  if (nal === undefined) return facts("hvc1", { ...names, problem: "the sequence header has no SPS" });
  const { width, height, fps, bitDepthLuma } = readHevcSps(nal);
  return facts("hvc1", { ...names, width, height, fps, bitDepth: bitDepthLuma });
}

const AV1_PROFILES = ["Main", "High", "Professional"] as const;

/** AV1CodecConfigurationRecord, its fixed four bytes; OBUs follow. AV1 ISOBMFF binding 2.3.3. */
const AV1_RECORD_BYTES = 4;

function av1Details(record: Uint8Array): Partial<CodecFacts> {
  if (record.length < AV1_RECORD_BYTES) return { problem: `an AV1 configuration of ${record.length} bytes` };
  const level = record[1]! & 0x1f;
  const highBitDepth = (record[2]! & 0x40) !== 0;
  const twelveBit = (record[2]! & 0x20) !== 0;
  return {
    profile: AV1_PROFILES[record[1]! >> 5],
    level: `${2 + (level >> 2)}.${level & 3}`,
    bitDepth: highBitDepth ? (twelveBit ? 12 : 10) : 8,
  };
}

/** What is cut there may be whole before a keyframe. */
function av1Shape(obus: Uint8Array): Partial<CodecFacts> {
  try {
    return readAv1Shape(obus) ?? {};
  } catch (error) {
    if (error instanceof RangeError) return { problem: error.message };
    throw error;
  }
}

/** VPCodecConfigurationRecord behind the version and flags of its box. VP Codec ISOBMFF binding 2.2. */
function vp9Details(record: Uint8Array): Partial<CodecFacts> {
  if (record.length < 8) return { problem: `a VP9 configuration of ${record.length} bytes` };
  const level = record[5]!;
  return {
    profile: `Profile ${record[4]!}`,
    level: level === 0 ? undefined : `${Math.floor(level / 10)}.${level % 10}`,
    bitDepth: record[6]! >> 4,
  };
}

function aacFacts(payload: Uint8Array): CodecFacts {
  const config = readAudioSpecificConfig(payload);
  const { outputSampleRate: sampleRate, channels } = config;
  return facts("mp4a", { profile: aacProfileName(config), sampleRate, channels });
}

function frameFacts(header: TagHeader, body: Uint8Array, payload: Uint8Array): CodecFacts | undefined {
  const found = readFirstAudioFrame(header, body, payload);
  return found === undefined ? undefined : facts(header.codec, found);
}

function keyFacts(header: TagHeader, payload: Uint8Array): CodecFacts | undefined {
  const read = header.role === "key" ? SHAPE_READERS[header.codec] : undefined;
  const shape = read?.(payload);
  return shape === undefined ? undefined : facts(header.codec, shape);
}

const SHAPE_READERS: Readonly<Record<string, ((frame: Uint8Array) => VideoShape | undefined) | undefined>> = {
  av01: readAv1Shape,
  vp08: readVp8Shape,
  vp09: readVp9Shape,
};
