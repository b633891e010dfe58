/**
 * RecordingTally: counts what a recording holds while it is written or read again: its length, what each kind of
 * media takes, its keyframes. The counts become the numbers of its onMetaData (recording-head.ts), at its end and
 * every few seconds before. protocol.md 7.5.
 */
import { skipLastTier, skipLastTierIn } from "../last-tier.ts";
import { FLV_TAG_HEADER_SIZE, PREVIOUS_TAG_SIZE } from "./flv-writer.ts";
import { KeyframeIndex } from "./keyframe-index.ts";
import type { MediaPacket } from "./packet.ts";

/** What of a packet counts. */
export type Counted = Pick<MediaPacket, "kind" | "role" | "track" | "body">;

/** Counts at one moment; times in ms from the recording's start, sizes and places in bytes. */
export type RecordingCounts = {
  /** Where the last counted tag ends. */
  end: number;
  /** Time of the latest packet. */
  last: number;
  audioBytes: number;
  videoBytes: number;
  dataBytes: number;
  audioFrames: number;
  videoFrames: number;
  /** From the first to the latest video frame, and whether that is a keyframe. */
  firstVideo: number;
  lastVideo: number;
  endsWithKey: boolean;
  lastKey: number;
  lastKeyAt: number;
};

/** Counts of one recording; see the head of this file. */
export class RecordingTally {
  readonly counts: RecordingCounts = {
    end: 0,
    last: 0,
    audioBytes: 0,
    videoBytes: 0,
    dataBytes: 0,
    audioFrames: 0,
    videoFrames: 0,
    firstVideo: 0,
    lastVideo: 0,
    endsWithKey: false,
    lastKey: 0,
    lastKeyAt: 0,
  };
  readonly index: KeyframeIndex;
  /** Of several video tracks the first is the one whose frames and keyframes count. */
  #videoTrack: number | undefined;

  /** `capacity` is that of the keyframe index. */
  constructor(capacity?: number) {
    skipLastTier(this.#addFrame);
    this.index = new KeyframeIndex(capacity);
  }

  /** Counts a packet that stands at `time` (ms), its tag header at byte `at`. */
  add(packet: Counted, time: number, at: number): void {
    const counts = this.counts;
    const size = FLV_TAG_HEADER_SIZE + packet.body.length + PREVIOUS_TAG_SIZE;
    counts.end = at + size;
    if (time > counts.last) counts.last = time;
    if (packet.kind === "video") {
      counts.videoBytes += size;
      if (packet.role !== "key" && packet.role !== "frame") return;
      if ((this.#videoTrack ??= packet.track) === packet.track)
        this.#addFrame(packet.role === "key", time, at);
    } else if (packet.kind === "audio") {
      counts.audioBytes += size;
      if (packet.role === "frame") counts.audioFrames += 1;
    } else {
      counts.dataBytes += size;
    }
  }

  #addFrame(key: boolean, time: number, at: number): void {
    const counts = this.counts;
    if (counts.videoFrames === 0) counts.firstVideo = time;
    counts.videoFrames += 1;
    counts.lastVideo = time;
    counts.endsWithKey = key;
    if (!key) return;
    counts.lastKey = time;
    counts.lastKeyAt = at;
    this.index.add(time, at);
  }
}

skipLastTierIn(RecordingTally);
