/**
 * Opus: how long a packet lasts, and what stands at the beginning of a stream. Packets go in, numbers come out. Called
 * by the reader of raw audio. RFC 6716 3.1, 3.2; RFC 7845 5.1, 5.2.
 */
import { holdsAt } from "../bytes/same-bytes.ts";

/** Opus counts in these samples a second, whatever was recorded. */
export const OPUS_RATE = 48_000;

/** What the first two packets of a stream begin with. */
export const OPUS_HEAD = Uint8Array.from(Buffer.from("OpusHead"));
const OPUS_TAGS = Uint8Array.from(Buffer.from("OpusTags"));

/** The head: magic, version, channels, pre-skip, rate, gain, mapping family. */
const HEAD_BYTES = 19;
/** Two milliseconds to 60 in samples: by the lowest bits of the mode's number. */
const SILK_SAMPLES = [480, 960, 1920, 2880] as const;
const CELT_SAMPLES = [120, 240, 480, 960] as const;
const FIRST_HYBRID = 12;
const FIRST_CELT = 16;
/** No packet lasts longer than 120 ms. */
const MAX_SAMPLES = 5760;

/** Samples (of 48 kHz) that a packet lasts; 0 if it is none. */
export function opusSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const samples = frameSamples(toc >> 3) * frameCount(packet);
  return samples <= MAX_SAMPLES ? samples : 0;
}

function frameSamples(mode: number): number {
  if (mode >= FIRST_CELT) return CELT_SAMPLES[mode & 3]!;
  return SILK_SAMPLES[mode >= FIRST_HYBRID ? mode & 1 : mode & 3]!;
}

/** One, two, or as many as the second byte says. */
function frameCount(packet: Uint8Array): number {
  const code = packet[0]! & 3;
  if (code === 0) return 1;
  return code === 3 ? (packet[1] ?? 0) & 0x3f : 2;
}

/** How many channels an identification header says; undefined if it is none that can be understood. */
export function opusChannels(head: Uint8Array): number | undefined {
  if (head.length < HEAD_BYTES || !holdsAt(head, 0, OPUS_HEAD)) return undefined;
  // The upper half of the version changes when readers of today cannot read on.
  const [version, channels] = [head[8]!, head[9]!];
  return version < 16 && channels > 0 ? channels : undefined;
}

/** Whether a packet is the comment that follows the head. */
export function isOpusTags(packet: Uint8Array): boolean {
  return holdsAt(packet, 0, OPUS_TAGS);
}
