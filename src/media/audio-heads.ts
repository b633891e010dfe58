/**
 * Sampling rate and channels of the audio codecs other than AAC: from the heads that Opus and FLAC send first, from
 * the frame header of MP3, and for the oldest from the first byte of the FLV body. Only codec-facts.ts calls it.
 * RFC 7845 5.1, RFC 9639 8.2, ISO 11172-3 2.4.1.3, FLV 10.1 E.4.2.1.
 */
import { BitReader } from "../bytes/bits.ts";
import { ByteReader } from "../bytes/reader.ts";
import type { TagHeader } from "./tag.ts";

/** Hz and number of channels; undefined where nothing is said. */
export type AudioShape = { sampleRate: number | undefined; channels: number | undefined };

const SILENT_ABOUT_IT: AudioShape = { sampleRate: undefined, channels: undefined };

/** An Opus identification header, or nothing at all: Opus always decodes to 48 kHz. RangeError when it is cut. */
export function readOpusHead(head: Uint8Array): AudioShape {
  if (head.length === 0) return { sampleRate: 48_000, channels: undefined };
  const reader = new ByteReader(head);
  reader.skip(9); // "OpusHead", version
  return { sampleRate: 48_000, channels: reader.u8() };
}

/** "fLaC" and a STREAMINFO block. RangeError when it is cut. */
export function readFlacHead(head: Uint8Array): AudioShape {
  if (head.length === 0) return SILENT_ABOUT_IT;
  const reader = new BitReader(head, 4 + 4); // marker, block header
  reader.skip(16 + 16 + 24 + 24); // block and frame sizes
  const sampleRate = reader.bits(20);
  return { sampleRate, channels: reader.bits(3) + 1 };
}

/** FLV's own sampling rates in Hz, by the two bits of the first byte. */
const FLV_RATES = [5512, 11_025, 22_050, 44_100] as const;

/** What a frame without sequence header says; undefined for codecs that have one. */
export function readFirstAudioFrame(
  header: TagHeader,
  body: Uint8Array,
  payload: Uint8Array,
): AudioShape | undefined {
  switch (header.codec) {
    case ".mp3":
      return readMp3Header(payload);
    case "alaw":
    case "ulaw":
      return { sampleRate: 8000, channels: 1 };
    case "spex":
      return { sampleRate: 16_000, channels: 1 };
    case "NELL":
      return { sampleRate: nellymoserRate(body[0]!), channels: (body[0]! & 1) + 1 };
    case "lpcm":
    case "ADSW":
      return { sampleRate: FLV_RATES[(body[0]! >> 2) & 3], channels: (body[0]! & 1) + 1 };
    default:
      return undefined;
  }
}

function nellymoserRate(first: number): number | undefined {
  if (first >> 4 === 4) return 16_000;
  return first >> 4 === 5 ? 8000 : FLV_RATES[(first >> 2) & 3];
}

/** Hz of MPEG-1; MPEG-2 has half, MPEG-2.5 a quarter. */
const MP3_RATES = [44_100, 48_000, 32_000] as const;
/** By the two version bits: 2.5, reserved, 2, 1. */
const MP3_DIVISORS = [4, 0, 2, 1] as const;
const MP3_MONO = 3;

/** The FLV byte says 44.1 kHz for 48 kHz streams, too: the frame header knows. */
function readMp3Header(frame: Uint8Array): AudioShape {
  if (frame.length < 4 || frame[0] !== 0xff || (frame[1]! & 0xe0) !== 0xe0) return SILENT_ABOUT_IT;
  const divisor = MP3_DIVISORS[(frame[1]! >> 3) & 3]!;
  const rate = MP3_RATES[(frame[2]! >> 2) & 3];
  if (divisor === 0 || rate === undefined) return SILENT_ABOUT_IT;
  return { sampleRate: rate / divisor, channels: frame[3]! >> 6 === MP3_MONO ? 1 : 2 };
}
