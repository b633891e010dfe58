/**
 * RawAudio: sound as it comes out of an encoder's pipe, turned into FLV tag bodies: AAC with ADTS headers, or Opus in
 * Ogg. Which of the two it is, the bytes say: both readers look until one of them finds a frame. Segments go in, frames
 * come out, each with its length in samples and with the sequence header that it needs when that is new. Called by the
 * source that joins sound with pictures. FLV 10.1 E.4.2, E-RTMP v2 "ExAudioTagHeader"; protocol.md 8.7.
 */
import { join } from "../bytes/join.ts";
import { holdsAt } from "../bytes/same-bytes.ts";
import { MediaError } from "../errors.ts";
import { AdtsSplitter, type AdtsFrame } from "./adts-splitter.ts";
import { fourCcNumber } from "./fourcc.ts";
import { OggSplitter, type OggPacket } from "./ogg-splitter.ts";
import { isOpusTags, opusChannels, OPUS_HEAD, OPUS_RATE, opusSamples } from "./opus.ts";
import { AAC_FORMAT, AAC_PACKET, AUDIO_PACKET } from "./tag-audio.ts";

/** What is known of the sound. */
export type AudioFacts = {
  /** FourCC as in MediaPacket. */
  readonly codec: "mp4a" | "Opus";
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number | undefined;
};

/** A frame, ready to become a tag. */
export type AudioFrame = {
  /** The body of the sequence header that belongs to it; the same object until it changes. */
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  /** How long it is, at the rate of the facts. */
  readonly samples: number;
  readonly facts: AudioFacts;
};

/** Samples of a frame of AAC. */
const AAC_SAMPLES = 1024;
const ENHANCED = 0x90;
const ENHANCED_HEAD = 5;
/** What has shown no frame after this many bytes is something else. */
const MAX_STRAY_BYTES = 256 * 1024;

/** What is said of something else. */
export const NEITHER = "neither AAC with ADTS headers nor Opus in Ogg";

type Format = { readonly header: Uint8Array; readonly facts: AudioFacts };

/** Reads raw audio; see the head of this file. */
export class RawAudio {
  readonly #onFrame: (frame: AudioFrame) => void;
  readonly #adts: AdtsSplitter;
  readonly #ogg: OggSplitter;
  /** The reader that found a frame. */
  #found: "adts" | "ogg" | undefined;
  #strayBytes = 0;
  #config: Uint8Array | undefined;
  #format: Format | undefined;

  constructor(onFrame: (frame: AudioFrame) => void) {
    this.#onFrame = onFrame;
    this.#adts = new AdtsSplitter((frame) => this.#takeAac(frame));
    this.#ogg = new OggSplitter(
      (first) => holdsAt(first, 0, OPUS_HEAD),
      (packet) => this.#takeOpus(packet),
    );
  }

  /** Whether bytes came, and nothing was found in them. */
  get isForeign(): boolean {
    return this.#found === undefined && this.#strayBytes > 0;
  }

  /** Bytes that belonged to nothing that was understood. */
  get skippedBytes(): number {
    if (this.#found === "adts") return this.#adts.skippedBytes;
    return this.#found === "ogg" ? this.#ogg.skippedBytes : this.#strayBytes;
  }

  /** Takes the next bytes. Throws MediaError if this is no such sound at all. */
  feed(segment: Uint8Array): void {
    if (this.#found !== "ogg") this.#adts.feed(segment);
    if (this.#found !== "adts") this.#ogg.feed(segment);
    if (this.#found !== undefined) return;
    this.#strayBytes += segment.length;
    if (this.#strayBytes <= MAX_STRAY_BYTES) return;
    throw new MediaError(`this is ${NEITHER}`);
  }

  /** The stream is over: hands out what is held. */
  end(): void {
    if (this.#found !== "ogg") this.#adts.end();
  }

  #takeAac({ config, sampleRate, channels, payload }: AdtsFrame): void {
    if (this.#found === "ogg") return;
    this.#found = "adts";
    if (this.#config !== config || this.#format === undefined) {
      this.#config = config;
      const header = join([AAC_FORMAT, AAC_PACKET.sequenceHeader], config);
      this.#format = { header, facts: { codec: "mp4a", sampleRate, channels } };
    }
    const body = join([AAC_FORMAT, AAC_PACKET.raw], payload);
    this.#onFrame({ ...this.#format, body, samples: AAC_SAMPLES });
  }

  #takeOpus({ bytes, first }: OggPacket): void {
    if (this.#found === "adts") return;
    if (first) {
      const channels = opusChannels(bytes);
      if (channels === undefined) return;
      this.#found = "ogg";
      const header = join(opusStart(AUDIO_PACKET.sequenceStart), bytes);
      this.#format = { header, facts: { codec: "Opus", sampleRate: OPUS_RATE, channels } };
      return;
    }
    const samples = isOpusTags(bytes) ? 0 : opusSamples(bytes);
    if (this.#format === undefined || samples === 0) return;
    const body = join(opusStart(AUDIO_PACKET.codedFrames), bytes);
    this.#onFrame({ ...this.#format, body, samples });
  }
}

function opusStart(packetType: number): Uint8Array {
  const start = new Uint8Array(ENHANCED_HEAD);
  start[0] = ENHANCED | packetType;
  new DataView(start.buffer).setUint32(1, fourCcNumber("Opus"));
  return start;
}
