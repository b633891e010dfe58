/**
 * RecordingTally: counts what a recording holds while it is written, and turns the counts into the numbers of
 * its onMetaData once it is finished. Units are those of protocol.md 7.5: seconds, bytes, kilobits per second.
 */

import {
  FLV_FLAGS_OFFSET,
  FLV_TAG_HEADER_SIZE,
  PREVIOUS_TAG_SIZE,
  flvFlags,
} from "../../media/flv-writer.ts";
import type { PatchKey, RecordingPatches } from "../../media/metadata.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { Patch } from "./recording-file.ts";

/** Counts of one recording; times in ms from its start. */
export class RecordingTally {
  /** Time of the latest packet. */
  last = 0;
  #audioBytes = 0;
  #videoBytes = 0;
  #dataBytes = 0;
  #frames = 0;
  #lastKey = 0;
  #lastKeyAt = 0;

  /** Counts a packet that is written at `time` (ms), its tag header standing at byte `at`. */
  add(packet: MediaPacket, time: number, at: number): void {
    const size = FLV_TAG_HEADER_SIZE + packet.body.length + PREVIOUS_TAG_SIZE;
    if (time > this.last) this.last = time;
    if (packet.kind === "audio") this.#audioBytes += size;
    else if (packet.kind === "data") this.#dataBytes += size;
    else this.#addVideo(packet, time, at, size);
  }

  #addVideo(packet: MediaPacket, time: number, at: number, size: number): void {
    this.#videoBytes += size;
    if (packet.role === "key" || packet.role === "frame") this.#frames += 1;
    if (packet.role !== "key") return;
    this.#lastKey = time;
    this.#lastKeyAt = at;
  }

  /** What to write where, when the file has `filesize` bytes and its metadata body stands at `bodyAt`. */
  patches(
    filesize: number,
    bodyAt: number,
    places: RecordingPatches,
    claimed: ReadonlySet<PatchKey>,
  ): Patch[] {
    const seconds = this.last / 1000;
    const rate = (bytes: number): number => (seconds > 0 ? (bytes * 8) / 1000 / seconds : 0);
    const numbers: Record<PatchKey, number> = {
      duration: seconds,
      filesize,
      lasttimestamp: seconds,
      lastkeyframetimestamp: this.#lastKey / 1000,
      lastkeyframelocation: this.#lastKeyAt,
      videodatarate: rate(this.#videoBytes),
      audiodatarate: rate(this.#audioBytes),
      framerate: seconds > 0 ? Math.round(((this.#frames - 1) / seconds) * 1000) / 1000 : 0,
      datasize: this.#audioBytes + this.#videoBytes + this.#dataBytes,
      videosize: this.#videoBytes,
      audiosize: this.#audioBytes,
    };
    const flags = flvFlags({ audio: this.#audioBytes > 0, video: this.#videoBytes > 0 });
    const patches: Patch[] = [{ at: FLV_FLAGS_OFFSET, bytes: Uint8Array.of(flags) }];
    for (const [key, value] of Object.entries(numbers) as [PatchKey, number][]) {
      if (!claimed.has(key)) patches.push({ at: bodyAt + places[key], bytes: f64(Math.max(0, value)) });
    }
    return patches;
  }
}

function f64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}
