/**
 * OpenFiles: the file that is written, and for a moment the one before it. A file that was cut still takes what is from
 * before the cut but comes after it, and is finished once none of that can come any more.
 *
 *     packets ->  K f a f a | K f a f a        sound often lags: the first `a` behind the cut may belong before it
 *                 ^ file n    ^ file n+1
 *
 * Finished files are the store's, which closes them while the next one is written.
 */

import { skipLastTier, skipLastTierIn } from "../../last-tier.ts";
import type { MediaPacket } from "../../media/packet.ts";
import type { OpenRecording } from "./open-recording.ts";
import type { RecordingStore } from "./recording-store.ts";

/** How long a file that was cut waits for packets from before the cut, in ms of media. */
const LINGER_MS = 1000;

/** Where packets go; see the head of this file. */
export class OpenFiles {
  readonly #store: RecordingStore | undefined;
  #current: OpenRecording | undefined;
  /** Was cut, and still takes what is from before the cut. */
  #previous: OpenRecording | undefined;
  /** Bytes of files that take no more. */
  #bytesDone = 0;

  /** Without a `store` all goes to stdout. */
  constructor(store: RecordingStore | undefined) {
    skipLastTier(this.#isFromBefore);
    this.#store = store;
  }

  /** The file that is written; undefined while there is none. */
  get current(): OpenRecording | undefined {
    return this.#current;
  }

  /** Bytes of all files so far. */
  get bytes(): number {
    return this.#bytesDone + (this.#previous?.size ?? 0) + (this.#current?.size ?? 0);
  }

  /** Whether a file still takes packets. */
  has(file: OpenRecording): boolean {
    return file === this.#current || file === this.#previous;
  }

  /** The next file; there must be none. */
  begin(file: OpenRecording): void {
    this.#current = file;
  }

  /** Writes a packet into the file that was cut if that is where it belongs; false if not. */
  writeBefore(packet: MediaPacket): boolean {
    if (this.#previous === undefined || !this.#isFromBefore(packet)) return false;
    this.#previous.write(packet);
    return true;
  }

  /** Hands what has gathered to the disk. `now` is monotonic, in ms. */
  flush(now: number): void {
    this.#previous?.flush(now);
    this.#current?.flush(now);
  }

  /** The file that is written ends here; from before the cut it still takes what comes. */
  cut(): void {
    this.endPrevious(this.#current?.origin);
    this.#previous = this.#current;
    this.#current = undefined;
  }

  /** Finishes the file that was cut; `cut` is where (dts), if the next one goes on from there. */
  endPrevious(cut: number | undefined): void {
    const previous = this.#previous;
    this.#previous = undefined;
    if (previous === undefined) return;
    this.#bytesDone += previous.size;
    const length = cut === undefined ? undefined : Math.max(previous.length, cut - previous.origin);
    void this.#store?.retire(previous, length);
  }

  /** Takes the file that is written away, to be finished by the caller. */
  takeCurrent(): OpenRecording | undefined {
    const open = this.#current;
    this.#current = undefined;
    this.#bytesDone += open?.size ?? 0;
    return open;
  }

  /** Finishes the file that is written, if there is one. */
  retireCurrent(): void {
    const open = this.takeCurrent();
    if (open !== undefined) void this.#store?.retire(open);
  }

  /** Whether a packet belongs to the file that was cut, which ends once none can come any more. */
  #isFromBefore(packet: MediaPacket): boolean {
    const { origin } = this.#current!;
    const ahead = packet.dts - origin;
    if (packet.kind !== "video" && ahead < 0) return true;
    if (packet.kind === "audio" || ahead >= LINGER_MS) this.endPrevious(origin);
    return false;
  }
}

skipLastTierIn(OpenFiles);
