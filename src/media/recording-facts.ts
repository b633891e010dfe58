/**
 * What a recording says of its tracks, learnt from the sequence headers and first frames that go into it: size and
 * frame rate of the picture, codec ids, sound. The media is believed before the source's metadata, in which
 * encoders and servers are often wrong (protocol.md 8.5). Called by whoever writes the head of a recording.
 */
import { skipLastTierIn } from "../last-tier.ts";
import { readCodecFacts, refineFacts, type CodecFacts } from "./codec-facts.ts";
import { fourCcNumber } from "./fourcc.ts";
import type { RecordingFacts } from "./metadata.ts";
import type { MediaPacket } from "./packet.ts";

/** What of a packet tells something. */
export type Telling = Pick<MediaPacket, "kind" | "role" | "codec" | "track" | "body">;

/** Enhanced audio has this in place of a sound format. E-RTMP v2, "ExAudioTagHeader". */
const EX_HEADER_FORMAT = 9;

/** Gathers facts; see the head of this file. */
export class TrackFacts {
  #video: RecordingFacts = {};
  #audio: RecordingFacts = {};
  #videoFacts: CodecFacts | undefined;
  #videoFps: number | undefined;
  #knowsVideo = false;
  #knowsAudio = false;

  /** Everything known so far, but for the frame rate. */
  get known(): RecordingFacts {
    return { ...this.#video, ...this.#audio };
  }

  /** Frames per second as the parameter set has it: what to fall back to where the metadata does not say. */
  get fps(): number | undefined {
    return this.#videoFps;
  }

  /** Looks at a packet. Cheap for all but headers and the first frame of each kind. */
  learn(packet: Telling): void {
    if (packet.role !== "header" && this.#knowsVideo && this.#knowsAudio) return;
    if (packet.track !== 0 || packet.kind === "data") return;
    if (packet.kind === "video") {
      if (packet.role === "header") this.#videoFacts = undefined;
      if (packet.role === "header" || !this.#knowsVideo) this.#learnVideo(packet);
    } else if (packet.role === "header" || !this.#knowsAudio) {
      this.#learnAudio(packet);
    }
  }

  #learnVideo(packet: Telling): void {
    const [first = 0] = packet.body;
    const enhanced = (first & 0x80) !== 0;
    const facts = refineFacts(this.#videoFacts, packet);
    this.#videoFacts = facts;
    // Some codecs tell their size with the first keyframe only.
    this.#knowsVideo = facts?.width !== undefined || packet.role === "key";
    this.#videoFps = facts?.fps;
    this.#video = defined({
      videocodecid: enhanced ? fourCcNumber(packet.codec) : first & 0x0f,
      width: facts?.width,
      height: facts?.height,
    });
  }

  #learnAudio(packet: Telling): void {
    this.#knowsAudio = true;
    const [first = 0] = packet.body;
    const facts = readCodecFacts("audio", packet.body);
    const format = first >> 4;
    this.#audio = defined({
      audiocodecid: format === EX_HEADER_FORMAT ? fourCcNumber(packet.codec) : format,
      audiosamplerate: facts?.sampleRate,
      audiochannels: facts?.channels,
      stereo: facts?.channels === undefined ? undefined : facts.channels >= 2,
    });
  }
}

function defined(facts: {
  readonly [K in keyof RecordingFacts]: RecordingFacts[K] | undefined;
}): RecordingFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

skipLastTierIn(TrackFacts);
