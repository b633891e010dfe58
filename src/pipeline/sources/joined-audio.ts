/**
 * JoinedAudio: sound from a command beside the pictures of another program. The command is started, watched, and started
 * again by itself: the picture goes on without it, and what is missing is said. Its frames get their times from an
 * AudioClock and the pictures' own beginning, so both run on the clock of arrival. Called by the source of raw video.
 */

import { sameBytes } from "../../bytes/same-bytes.ts";
import { describe, MediaError } from "../../errors.ts";
import { AudioClock } from "../../media/audio-clock.ts";
import { TYPE_ID_OF_KIND } from "../../media/packet.ts";
import { NEITHER, RawAudio, type AudioFacts, type AudioFrame } from "../../media/raw-audio.ts";
import type { Ingest } from "../ingest.ts";
import { realSupervision, supervise, type Failure, type RetryPolicy } from "../supervise.ts";
import { childSegments } from "./child.ts";

/** Where sound comes from and who hears of it. */
export type JoinedAudioOptions = {
  readonly argv: readonly string[];
  /** A program that gives nothing for this long has failed, in ms. */
  readonly stall: number;
  readonly retry: RetryPolicy;
  /** The first sound of each start of the command. */
  readonly onLive: () => void;
  /** It failed and will be started again. */
  readonly onFailure: (failure: Failure) => void;
  readonly trace: (line: string) => void;
  readonly notice: (line: string) => void;
};

/** What the source of the pictures is asked for. */
export type Pictures = {
  /** When the time 0 of the session was, on the clock of performance.now(); undefined before the first picture. */
  readonly origin: number | undefined;
  /** What the sound is, as soon as it is known. */
  onAudioFacts(facts: AudioFacts): void;
};

/** The header of sound that was away for so many ms is placed beside the picture. */
const AWAY_MS = 1000;
/** More sound than this within such a time, both in ms, is no live sound. */
const RUSH_MS = 30_000;
const RUSH_WINDOW_MS = 10_000;

/** Sound beside pictures; see the head of this file. */
export class JoinedAudio {
  readonly #options: JoinedAudioOptions;
  readonly #ingest: Ingest;
  readonly #pictures: Pictures;
  #sent: Uint8Array | undefined;
  /** No sound from before this time goes out: its header stands there. */
  #from = 0;
  /** The end of what was sent, on the clock of arrival. */
  #end: number | undefined;

  constructor(options: JoinedAudioOptions, ingest: Ingest, pictures: Pictures) {
    this.#options = options;
    this.#ingest = ingest;
    this.#pictures = pictures;
  }

  /** Runs the command, again and again, until `signal` aborts; resolves when it is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const onFailure = (failure: Failure): "retry" => {
      this.#options.onFailure(failure);
      return "retry";
    };
    // What gives no sound at all will hardly do so a second later.
    const isHopeless = (error: unknown): boolean => error instanceof MediaError;
    const supervision = realSupervision(this.#options.retry, onFailure, isHopeless);
    await supervise((live) => this.#attempt(live, signal), supervision, signal);
  }

  async #attempt(live: () => void, signal: AbortSignal): Promise<void> {
    const { argv, stall, trace, onLive } = this.#options;
    const session = new AudioSession({
      onArrival: (frame, now) => this.#announce(frame, now),
      onFrame: (frame, time) => this.#publish(frame, time),
      onReleased: () => this.#ingest.flush(),
    });
    let began = false;
    try {
      for await (const segment of childSegments({ argv, stall, endless: true, trace }, signal)) {
        session.feed(segment, performance.now());
        if (!began && session.flows) {
          began = true;
          live();
          onLive();
        }
        if (this.#ingest.mustWait) await this.#ingest.room(signal);
      }
    } catch (error) {
      session.close();
      if (signal.aborted || error instanceof MediaError || !session.isForeign) throw error;
      throw new MediaError(`${describe(error)}; what it gave is ${NEITHER}`, undefined, { cause: error });
    } finally {
      session.close();
      if (session.skippedBytes > 0) trace(`${session.skippedBytes} bytes of sound that could not be read`);
    }
  }

  /** The header goes out before frames that are held, so that nothing of them is too late for it. */
  #announce({ header, facts }: AudioFrame, now: number): void {
    this.#pictures.onAudioFacts(facts);
    const { origin } = this.#pictures;
    if (origin === undefined || header === this.#sent) return;
    if (!sameBytes(header, this.#sent)) {
      if (this.#end === undefined || now - this.#end > AWAY_MS) this.#from = now;
      this.#ingest.push(TYPE_ID_OF_KIND.audio, stampOf(now - origin), header);
    }
    this.#sent = header;
  }

  /** Sound from before the first picture is of no use. */
  #publish(frame: AudioFrame, time: number): void {
    if (frame.header !== this.#sent) this.#announce(frame, performance.now());
    const { origin } = this.#pictures;
    if (origin === undefined || time < Math.max(origin, this.#from)) return;
    const ms = (frame.samples * 1000) / frame.facts.sampleRate;
    // Samples were lost, or the command was away.
    if (this.#end !== undefined && time - this.#end > ms)
      this.#options.notice(`${((time - this.#end) / 1000).toFixed(1)}s of sound are missing`);
    this.#end = time + ms;
    this.#ingest.push(TYPE_ID_OF_KIND.audio, stampOf(time - origin), frame.body);
  }
}

function stampOf(ms: number): number {
  return Math.round(ms) >>> 0;
}

/** Who is told of frames: at once, when they have a time, and when all of those are out. */
type SessionHandler = {
  onArrival(frame: AudioFrame, now: number): void;
  onFrame(frame: AudioFrame, time: number): void;
  onReleased(): void;
};

/** One start of the command: reads its sound and gives it times. */
class AudioSession {
  readonly #clock = new AudioClock();
  readonly #audio: RawAudio;
  readonly #handler: SessionHandler;
  #waiting: AudioFrame[] = [];
  #flows = false;
  /** What arrived since when. */
  #arrivedMs = 0;
  #since = -Infinity;
  #timer: Timer | undefined;

  constructor(handler: SessionHandler) {
    this.#handler = handler;
    this.#audio = new RawAudio((frame) => this.#waiting.push(frame));
  }

  /** Whether sound has come. */
  get flows(): boolean {
    return this.#flows;
  }

  /** Whether what has come is no sound. */
  get isForeign(): boolean {
    return this.#audio.isForeign;
  }

  get skippedBytes(): number {
    return this.#audio.skippedBytes;
  }

  /** Takes what arrived at `now`. Throws MediaError. */
  feed(segment: Uint8Array, now: number): void {
    const from = this.#waiting.length;
    this.#audio.feed(segment);
    let ms = 0;
    for (let i = from; i < this.#waiting.length; i++) {
      const { samples, facts } = this.#waiting[i]!;
      ms += (samples * 1000) / facts.sampleRate;
    }
    if (ms === 0) return;
    this.#flows = true;
    this.#handler.onArrival(this.#waiting[from]!, now);
    this.#checkRush(ms, now);
    this.#clock.arrive(ms, now);
    this.#release(now);
  }

  /** Throws MediaError for what is no live sound: it would be held without end. */
  #checkRush(ms: number, now: number): void {
    if (now - this.#since > RUSH_WINDOW_MS) {
      this.#since = now;
      this.#arrivedMs = 0;
    }
    this.#arrivedMs += ms;
    if (this.#arrivedMs > RUSH_MS)
      throw new MediaError("the sound comes faster than it is played; the command must give it in real time");
  }

  /** The command is gone: what is held goes out. */
  close(): void {
    clearTimeout(this.#timer);
    this.#audio.end();
    this.#release(Infinity);
  }

  /** Hands out what arrived, unless it is held. */
  #release(now: number): void {
    this.#clock.settle(now);
    const { heldUntil } = this.#clock;
    clearTimeout(this.#timer);
    if (heldUntil !== undefined) {
      this.#timer = setTimeout(() => this.#release(performance.now()), heldUntil - now + 1);
      return;
    }
    const frames = this.#waiting;
    this.#waiting = [];
    for (const frame of frames)
      this.#handler.onFrame(frame, this.#clock.stamp(frame.samples, frame.facts.sampleRate));
    this.#handler.onReleased();
  }
}
