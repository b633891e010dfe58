/**
 * TestCard makes an endless stream out of nothing, so that a route can be tried without a camera: 640x360 H.264 at 25
 * frames per second with a keyframe every 2 s, and silent AAC. It comes as FLV tag bodies, which are RTMP payloads, in
 * the order of their times; whoever calls decides how fast. There is no clock in here: times count frames and samples,
 * and the time of day that the picture shows is given at the start. Called by the source of the same name.
 * FLV 10.1 E.4.2, E.4.3; protocol.md 7.3, 7.5, 8.3, 8.7.
 */
import { amfEcmaArray, encodeAmf0 } from "../amf/amf0.ts";
import { writeAvcConfig } from "./h264.ts";
import { SILENT_FRAME, SILENT_HEADER, SILENT_RATE, silenceTime } from "./silent-track.ts";
import { AVC_PACKET } from "./tag-video.ts";
import { encodePicture, encodePps, encodeSps, FRAME_RATE } from "./testcard-h264.ts";
import {
  drawPicture,
  type Macroblock,
  paintScenery,
  PICTURE_HEIGHT,
  PICTURE_WIDTH,
} from "./testcard-picture.ts";

/** Frames from one keyframe to the next: 2 s. */
export const TEST_CARD_GOP = 50;

const FRAME_MS = 1000 / FRAME_RATE;

/** First byte of AVC bodies. FLV 10.1 E.4.3.1. */
const AVC_KEY = 0x17;
const AVC_INTER = 0x27;
/** Bytes before what an AVC body carries: format, packet type, composition time. */
const AVC_HEAD = 5;

/** One body of the stream. Nobody writes to it again. */
export type TestCardFrame = {
  readonly kind: "audio" | "video";
  /** Decoding time in ms from the start, which is also the time to show it. */
  readonly dts: number;
  /** RTMP payload = FLV tag data. */
  readonly body: Uint8Array;
};

/** What a stream begins with, each as RTMP payload = FLV tag data. */
export type TestCardHeaders = {
  /** onMetaData, without @setDataFrame. */
  readonly metadata: Uint8Array;
  /** The AVC sequence header. */
  readonly video: Uint8Array;
  /** The AAC sequence header. */
  readonly audio: Uint8Array;
};

/** When video frame `index` is due, in ms from the start. */
export function testCardVideoDts(index: number): number {
  return index * FRAME_MS;
}

/** The same start gives the same bytes. */
export class TestCard {
  readonly #startClockMs: number;
  readonly #scenery = paintScenery();
  #videoIndex = 0;
  #audioIndex = 0;

  /** `startClockMs` is the time of day that the first frame shows, in ms from midnight or from 1970 (shown as UTC). */
  constructor(options: { readonly startClockMs?: number } = {}) {
    const start = options.startClockMs ?? 0;
    if (!Number.isFinite(start)) throw new Error(`Internal: a test card that starts at ${start}`);
    this.#startClockMs = start;
  }

  /** Metadata and sequence headers, to be sent before the first frame. */
  headers(): TestCardHeaders {
    const config = writeAvcConfig([encodeSps()], [encodePps()]);
    return {
      metadata: encodeMetadata(),
      video: avcBody({ first: AVC_KEY, packetType: AVC_PACKET.sequenceHeader, payload: config, prefix: 0 }),
      audio: SILENT_HEADER,
    };
  }

  /** The next body in the order of dts, video before audio where both are due. It never ends. */
  next(): TestCardFrame {
    const videoDts = testCardVideoDts(this.#videoIndex);
    const audioDts = silenceTime(this.#audioIndex);
    if (videoDts <= audioDts) {
      const body = this.#videoBody(this.#videoIndex);
      this.#videoIndex++;
      return { kind: "video", dts: videoDts, body };
    }
    this.#audioIndex++;
    return { kind: "audio", dts: audioDts, body: SILENT_FRAME };
  }

  #videoBody(index: number): Uint8Array {
    const frameNum = index % TEST_CARD_GOP;
    const key = frameNum === 0;
    // A parity is enough to tell each IDR picture from the one before.
    const payload = encodePicture({
      macroblocks: this.#draw(index),
      previous: key ? undefined : this.#draw(index - 1),
      frameNum,
      idrPicId: (index / TEST_CARD_GOP) & 1,
    });
    const first = key ? AVC_KEY : AVC_INTER;
    return avcBody({ first, packetType: AVC_PACKET.nalUnits, payload, prefix: 4 });
  }

  /** Drawing a picture only arranges macroblocks, so the previous one is drawn again instead of being kept. */
  #draw(index: number): Macroblock[] {
    return drawPicture(this.#scenery, index, this.#startClockMs + testCardVideoDts(index));
  }
}

/** `prefix` bytes before the payload say its length: 4 before a NAL unit, 0 before a sequence header. */
type AvcParts = { first: number; packetType: number; payload: Uint8Array; prefix: 0 | 4 };

/** FLV 10.1 E.4.3.1; the composition time stays 0. */
function avcBody(parts: AvcParts): Uint8Array {
  const { payload, prefix } = parts;
  const body = new Uint8Array(AVC_HEAD + prefix + payload.length);
  body[0] = parts.first;
  body[1] = parts.packetType;
  if (prefix === 4) new DataView(body.buffer).setUint32(AVC_HEAD, payload.length);
  body.set(payload, AVC_HEAD + prefix);
  return body;
}

function encodeMetadata(): Uint8Array {
  const facts = amfEcmaArray({
    width: PICTURE_WIDTH,
    height: PICTURE_HEIGHT,
    framerate: FRAME_RATE,
    videocodecid: 7,
    audiocodecid: 10,
    audiosamplerate: SILENT_RATE,
    audiosamplesize: 16,
    audiochannels: 2,
    stereo: true,
    encoder: "runnel",
  });
  return encodeAmf0(["onMetaData", facts]);
}
