/**
 * AAC: the AudioSpecificConfig that is the sequence header, the ADTS header of raw streams, and frames of silence.
 * Bytes in, plain objects out. For the facts about a track, for raw audio, and for sound that is made here.
 * ISO 14496-3 1.6.2, 1.A.2; protocol.md 8.7.
 */
import { BitReader } from "../bytes/bits.ts";
import { MediaError } from "../errors.ts";

/** Hz by sampling frequency index; 13 and 14 are reserved, 15 says that the rate follows. ISO 14496-3 table 1.18. */
const SAMPLE_RATES = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
] as const;
const EXPLICIT_RATE = 15;
/** Channels by channel configuration; 0 is described by a program config element. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8] as const;

const AOT_SBR = 5;
const AOT_PS = 29;
const AOT_ESCAPE = 31;
/** Marks a backward compatible extension behind the base configuration. */
const SYNC_EXTENSION = 0x2b7;
/** Object types with a GASpecificConfig: Main, LC, SSR, LTP, Scalable, TwinVQ and the error resilient ones. */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** What an AudioSpecificConfig says. */
export type AudioSpecificConfig = {
  /** Audio object type of the core coder: 2 is LC. */
  readonly objectType: number;
  /** Hz of the core coder. */
  readonly sampleRate: number;
  /** Hz that comes out: twice the above with spectral band replication. */
  readonly outputSampleRate: number;
  /** Undefined when the configuration does not tell. */
  readonly channels: number | undefined;
  /** HE-AAC, when it is signalled: explicitly or by an extension. */
  readonly sbr: boolean;
  /** HE-AAC v2. */
  readonly ps: boolean;
  /** Samples of the core coder in a frame: 1024 or 960. */
  readonly frameLength: number;
};

/** Reads an AudioSpecificConfig of 2 or more bytes. Throws MediaError. */
export function readAudioSpecificConfig(bytes: Uint8Array): AudioSpecificConfig {
  try {
    return readConfig(new BitReader(bytes));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MediaError(`Cannot read AAC sequence header: ${cause.message}`, undefined, { cause });
  }
}

function readConfig(reader: BitReader): AudioSpecificConfig {
  const signalled = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const channelConfig = reader.bits(4);
  const explicit = signalled === AOT_SBR || signalled === AOT_PS;
  const extensionRate = explicit ? readSampleRate(reader) : undefined;
  const objectType = explicit ? readObjectType(reader) : signalled;
  let channels: number | undefined = CHANNELS[channelConfig];
  let frameLength = 1024;
  let sbrRate = extensionRate;
  if (GENERAL_AUDIO.has(objectType)) {
    if (reader.bit() === 1) frameLength = 960;
    if (reader.bit() === 1) reader.skip(14); // coreCoderDelay
    reader.bit(); // extensionFlag
    if (channelConfig === 0) channels = readProgramChannels(reader);
    if (!explicit) sbrRate = readExtension(reader);
  }
  return {
    objectType,
    sampleRate,
    outputSampleRate: sbrRate ?? sampleRate,
    channels: channels === 0 ? undefined : channels,
    sbr: sbrRate !== undefined,
    ps: signalled === AOT_PS,
    frameLength,
  };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === AOT_ESCAPE ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rate = index === EXPLICIT_RATE ? reader.bits(24) : SAMPLE_RATES[index];
  if (rate === undefined || rate === 0) throw new RangeError(`sampling frequency index ${index}`);
  return rate;
}

/** The rate of a backward compatible SBR extension; undefined when there is none or it says "off", as ffmpeg's. */
function readExtension(reader: BitReader): number | undefined {
  if (reader.remaining < 17 || reader.bits(11) !== SYNC_EXTENSION) return undefined;
  if (readObjectType(reader) !== AOT_SBR || reader.remaining < 1 || reader.bit() === 0) return undefined;
  return reader.remaining < 4 ? undefined : readSampleRate(reader);
}

/** Counts the channels of a program config element. ISO 14496-3 4.4.1.1. */
function readProgramChannels(reader: BitReader): number {
  reader.skip(4 + 2 + 4); // instance tag, object type, sampling frequency index
  const paired = reader.bits(4) + reader.bits(4) + reader.bits(4);
  const lfe = reader.bits(2);
  reader.skip(3 + 4); // data and coupling elements
  if (reader.bit() === 1) reader.skip(4); // mono mixdown
  if (reader.bit() === 1) reader.skip(4); // stereo mixdown
  if (reader.bit() === 1) reader.skip(3); // matrix mixdown
  let channels = lfe;
  for (let i = 0; i < paired; i++) {
    channels += 1 + reader.bit();
    reader.skip(4); // element tag
  }
  return channels;
}

/** What an ADTS header says. */
export type AdtsHeader = {
  /** Audio object type: 1 Main, 2 LC, 3 SSR, 4 LTP. */
  readonly objectType: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number | undefined;
  /** Bytes before the payload: 7, or 9 with a checksum. */
  readonly headerLength: number;
  /** Bytes of the whole frame, header included. */
  readonly frameLength: number;
  /** Raw data blocks in the frame; with more than one it cannot become one FLV tag. */
  readonly blocks: number;
  /** The two bytes of AudioSpecificConfig that say the same. */
  readonly config: Uint8Array;
};

/** Reads an ADTS header of 7 bytes. Throws MediaError when none stands here: search for the next one. */
export function readAdtsHeader(bytes: Uint8Array): AdtsHeader {
  if (bytes.length < 7) throw new MediaError(`Cannot read ADTS header: ${bytes.length} of 7 bytes`, 0);
  // Twelve ones, then two zeros for the layer around the version bit.
  if (bytes[0] !== 0xff || (bytes[1]! & 0xf6) !== 0xf0)
    throw new MediaError("Cannot read ADTS header: no sync word", 0);
  const objectType = (bytes[2]! >> 6) + 1;
  const rateIndex = (bytes[2]! >> 2) & 0x0f;
  const channelConfig = ((bytes[2]! & 1) << 2) | (bytes[3]! >> 6);
  const sampleRate = SAMPLE_RATES[rateIndex];
  const headerLength = (bytes[1]! & 1) === 1 ? 7 : 9;
  const frameLength = ((bytes[3]! & 3) << 11) | (bytes[4]! << 3) | (bytes[5]! >> 5);
  if (sampleRate === undefined)
    throw new MediaError(`Cannot read ADTS header: sampling frequency index ${rateIndex}`, 2);
  if (frameLength < headerLength)
    throw new MediaError(`Cannot read ADTS header: a frame of ${frameLength} bytes`, 3);
  const bits = (objectType << 11) | (rateIndex << 7) | (channelConfig << 3);
  return {
    objectType,
    sampleRate,
    channels: channelConfig === 0 ? undefined : CHANNELS[channelConfig],
    headerLength,
    frameLength,
    blocks: (bytes[6]! & 3) + 1,
    config: Uint8Array.of(bits >> 8, bits & 0xff),
  };
}

/** Raw AAC-LC frames that decode to zeros, good for every sampling rate: 1024 samples each. Read-only. */
export const SILENT_AAC = {
  mono: Uint8Array.of(0x01, 0x18, 0x20, 0x07),
  stereo: Uint8Array.of(0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c),
  surround51: Uint8Array.of(
    ...[0x01, 0x18, 0x20, 0x01, 0x08, 0x80, 0x23, 0x04, 0x60, 0x23],
    ...[0x10, 0x04, 0x60, 0x8c, 0x0c, 0x23, 0x00, 0x00, 0xe0],
  ),
} as const;

const PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "LC",
  3: "SSR",
  4: "LTP",
  23: "LD",
  39: "ELD",
  42: "xHE",
};

/** Profile for people: "LC", "HE", "HE v2" or the object type's number. */
export function aacProfileName(config: AudioSpecificConfig): string {
  if (config.ps) return "HE v2";
  if (config.sbr) return "HE";
  return PROFILES[config.objectType] ?? `object type ${config.objectType}`;
}
