/**
 * The stage between a source and the hub that adds a track of silence when the source has no sound, and steps aside
 * when it has. Packets go in, the same packets and those of the silence come out. What is decided is decided in
 * media/silent-track.ts; here it becomes packets.
 */

import type { MediaPacket } from "../media/packet.ts";
import { SILENT_FRAME, SILENT_HEADER, SilentTrack } from "../media/silent-track.ts";
import type { Hub } from "./hub.ts";

/** Adds silence; see the head of this file. */
export class SilenceStage {
  readonly #track: SilentTrack;
  /** The source's own audio header, for the moment when its sound begins. */
  #header: MediaPacket | undefined;
  /** The header that sinks have is that of the silence. */
  #silent = false;

  /** `certain`: the source is known to have no sound. */
  constructor(options: { readonly certain: boolean }) {
    this.#track = new SilentTrack(options);
  }

  /** The source begins a new session. */
  newSession(): void {
    this.#track.newSession();
  }

  /** The timeline begins at 0 again. */
  startOver(): void {
    this.#track.startOver();
    this.#header = undefined;
  }

  /** Hands a packet to the hub, after the silence that is due before it. */
  pass(packet: MediaPacket, hub: Hub): void {
    if (packet.kind === "video" && (packet.role === "key" || packet.role === "frame")) {
      this.#addSilence(packet.dts, hub);
    } else if (packet.kind === "audio") {
      if (!this.#admitAudio(packet, hub)) return;
    }
    hub.publish(packet);
  }

  #addSilence(dts: number, hub: Hub): void {
    const { header, times } = this.#track.onVideo(dts);
    if (header) {
      this.#silent = true;
      hub.publish(audio("header", times[0] ?? dts, SILENT_HEADER));
    }
    for (const time of times) hub.publish(audio("frame", time, SILENT_FRAME));
  }

  /** Sound of the source: its header only counts once sound follows, which some sources never bring. */
  #admitAudio(packet: MediaPacket, hub: Hub): boolean {
    if (packet.role === "header") {
      this.#header = packet;
      return !this.#track.running;
    }
    if (!this.#track.onAudio(packet.dts)) return false;
    if (this.#silent && this.#header !== undefined) hub.publish({ ...this.#header, dts: packet.dts });
    this.#silent = false;
    return true;
  }
}

function audio(role: "header" | "frame", dts: number, body: Uint8Array): MediaPacket {
  return { kind: "audio", role, codec: "mp4a", track: 0, dts, body, slab: undefined };
}
