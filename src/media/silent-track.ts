/**
 * SilentTrack adds an audio track of silence to a stream that has none: constant AAC-LC frames on the clock of the
 * video, counted in samples, so that they are exact over days. Times of packets go in, times of the frames to add
 * come out. Services such as YouTube refuse a stream without sound. The stage of the pipeline that asks it makes
 * packets of the times. protocol.md 8.7; spec.md `--silent-audio`.
 */
import { SILENT_AAC } from "./aac.ts";
import { AAC_FORMAT, AAC_PACKET } from "./tag-audio.ts";

/** A source that brings no sound within this much video, in ms, has none. */
const PATIENCE_MS = 1000;

/** Hz. */
export const SILENT_RATE = 44_100;
/** The sequence header: AAC-LC, 44.1 kHz, stereo. Read-only. */
export const SILENT_HEADER = Uint8Array.of(AAC_FORMAT, AAC_PACKET.sequenceHeader, 0x12, 0x10);
/** 1024 samples of silence. Read-only. */
export const SILENT_FRAME = Uint8Array.of(AAC_FORMAT, AAC_PACKET.raw, ...SILENT_AAC.stereo);

/** What is to be added before a packet of video. */
export type Silence = {
  /** The sequence header comes first, at the time of the first frame. */
  readonly header: boolean;
  /** When frames begin, in ms, in order. */
  readonly times: readonly number[];
};

const NOTHING: Silence = { header: false, times: [] };

/** Decides what silence is due; see the head of this file. */
export class SilentTrack {
  /** dts of the session's first video; undefined before. */
  #firstVideo: number | undefined;
  /** The source has sound. */
  #heard = false;
  /** The time that frames are counted from; undefined while there are none. */
  #base: number | undefined;
  #frames = 0;
  /** The next video packet brings the sequence header. */
  #fresh = false;
  #last = -1;
  readonly #patience: number;

  /** `certain`: the source is known to have no sound, so there is nothing to wait for. */
  constructor(options: { readonly certain: boolean }) {
    this.#patience = options.certain ? 0 : PATIENCE_MS;
  }

  /** Whether silence is being added. */
  get running(): boolean {
    return this.#base !== undefined;
  }

  /** A new session of the source: it may have sound now, or none. Silence that runs goes on until sound comes. */
  newSession(): void {
    this.#firstVideo = undefined;
    this.#heard = false;
  }

  /** The timeline begins at 0 again. */
  startOver(): void {
    this.newSession();
    this.#base = undefined;
    this.#last = -1;
  }

  /** Video of time `dts` (ms) comes: what silence is due up to then. */
  onVideo(dts: number): Silence {
    if (this.#heard) return NOTHING;
    this.#firstVideo ??= dts;
    if (this.#base === undefined) {
      if (dts - this.#firstVideo < this.#patience) return NOTHING;
      this.#base = Math.max(dts, this.#last);
      this.#frames = 0;
      this.#fresh = true;
    }
    return this.#due(this.#base, dts);
  }

  /** Sound of time `dts` (ms) comes from the source; false if it lies before silence that is out already. */
  onAudio(dts: number): boolean {
    this.#heard = true;
    this.#base = undefined;
    return dts >= this.#last;
  }

  #due(base: number, dts: number): Silence {
    const times: number[] = [];
    for (;;) {
      const time = base + silenceTime(this.#frames);
      if (time > dts) break;
      times.push(time);
      this.#frames += 1;
      this.#last = time;
    }
    const header = this.#fresh;
    this.#fresh = false;
    return times.length === 0 && !header ? NOTHING : { header, times };
  }
}

/**
 * When frame `index` begins, in ms from the first: 1024 samples at 44.1 kHz each, counted as a whole so that no error
 * adds up. The fraction is reduced: a division by 441 rounds the right way for centuries.
 */
export function silenceTime(index: number): number {
  return Math.floor((index * 10_240) / 441);
}
