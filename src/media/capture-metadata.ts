/**
 * The onMetaData of a stream that runnel puts together from raw video: what is known, and nothing else. Called by the
 * source of raw video, before the sequence header. protocol.md 7.5.
 */
import { amfEcmaArray, encodeAmf0, type Amf0Value } from "../amf/amf0.ts";
import { codecByName, fourCcNumber } from "./fourcc.ts";
import type { AudioFacts } from "./raw-audio.ts";

/** What is known of the stream. */
export type CaptureFacts = {
  /** FourCC as in MediaPacket. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Frames per second; undefined when nobody knows. */
  readonly fps: number | undefined;
  /** Bits per second that were asked for; undefined when nothing was. */
  readonly bitrate: number | undefined;
  /** The sound beside the pictures; undefined when there is none, or none yet. */
  readonly audio: AudioFacts | undefined;
};

/** The body, without @setDataFrame. */
export function captureMetadata(facts: CaptureFacts): Uint8Array {
  const { codec, width, height, fps, bitrate, audio } = facts;
  const row = codecByName(codec);
  // H.265 has a legacy id that only some servers know; its FourCC is what Enhanced RTMP says.
  const id = codec === "avc1" ? (row?.legacyId ?? 0) : fourCcNumber(codec);
  const values: Record<string, Amf0Value> = { width, height };
  if (fps !== undefined) values["framerate"] = Math.round(fps * 1000) / 1000;
  if (bitrate !== undefined) values["videodatarate"] = bitrate / 1000;
  const heard = audio === undefined ? {} : audioValues(audio);
  return encodeAmf0([
    "onMetaData",
    amfEcmaArray({ ...values, videocodecid: id, ...heard, encoder: "runnel" }),
  ]);
}

function audioValues({ codec, sampleRate, channels }: AudioFacts): Record<string, Amf0Value> {
  const audiocodecid = codec === "mp4a" ? (codecByName(codec)?.legacyId ?? 0) : fourCcNumber(codec);
  const known = channels === undefined ? {} : { audiochannels: channels, stereo: channels === 2 };
  return { audiocodecid, audiosamplerate: sampleRate, ...known };
}
