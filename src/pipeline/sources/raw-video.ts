/**
 * Source: raw H.264 or H.265 from a file, a pipe, a command or a camera. Access units get their times from a clock
 * (arrival, a frame counter, a list of times) and become FLV tags. Files are paced by those times and wait for sinks;
 * live pipes go on as they come, and a picture does not wait for the next one where the pipe writes whole frames. Sound
 * of another command may be joined with them.
 */

import { AccessUnits, type AccessUnit } from "../../media/access-units.ts";
import { captureMetadata } from "../../media/capture-metadata.ts";
import {
  ArrivalClock,
  DEFAULT_FPS,
  FrameClock,
  PtsClock,
  type CaptureClock,
} from "../../media/capture-clock.ts";
import { H264Rules } from "../../media/h264-rules.ts";
import { HevcRules } from "../../media/hevc-rules.ts";
import { TYPE_ID_OF_KIND } from "../../media/packet.ts";
import type { AudioFacts } from "../../media/raw-audio.ts";
import type { PictureFacts } from "../../media/video-rules.ts";
import type { Ingest } from "../ingest.ts";
import { Pacer } from "../pacer.ts";
import type { Source } from "../source.ts";
import { JoinedAudio, type JoinedAudioOptions, type Pictures } from "./joined-audio.ts";
import { RateReport } from "./rate-report.ts";
import { untilTurn, type Turns } from "./turn.ts";

/** How raw video is read. */
export type RawVideoOptions = {
  /** For people, without secrets. */
  readonly name: string;
  readonly nature: Source["nature"];
  /** Opens the input anew and yields its bytes, which nobody writes to again. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly codec: "h264" | "hevc";
  /** `pts` are times in ms. */
  readonly clock:
    { readonly kind: "arrival" | "fps" } | { readonly kind: "pts"; readonly times: readonly number[] };
  /** Frames per second that are known or expected; undefined: as the stream says. */
  readonly fps: number | undefined;
  /** Bits per second that were asked for; undefined when nothing was. */
  readonly bitrate: number | undefined;
  /** Not live: paced by its times. */
  readonly realtime: boolean;
  /** Starts over at the end, for ever. */
  readonly loop: boolean;
  /** Sound to join; only where pictures are timed by arrival. */
  readonly audio: JoinedAudioOptions | undefined;
  readonly trace: (line: string) => void;
  readonly notice: (line: string) => void;
};

/** Rates that a parameter set may claim and be believed. */
const PLAUSIBLE = { least: 1, most: 240 } as const;

/** Raw video as a source. */
export function rawVideoSource(options: RawVideoOptions): Source {
  return {
    name: options.name,
    nature: options.nature,
    run: (ingest, signal) => new RawRun(options, ingest, signal).run(),
  };
}

/** A picture with its time; the body is made when it is due. */
type TimedUnit = { readonly unit: AccessUnit; readonly time: number; readonly frameMs: number };

/** One reading of raw video, or many in a loop. */
class RawRun implements Pictures {
  readonly #options: RawVideoOptions;
  readonly #ingest: Ingest;
  readonly #signal: AbortSignal;
  readonly #live: boolean;
  readonly #turns: Turns;
  readonly #report: RateReport;
  #clock: CaptureClock | undefined;
  /** The clock of arrival at time 0. */
  #origin: number | undefined;
  #facts: PictureFacts | undefined;
  #audioFacts: AudioFacts | undefined;
  #waiting: TimedUnit[] = [];
  #untimed = 0;
  /** When this round of a loop began, and its latest picture's place in it: media times in ms. */
  #roundStart = 0;
  #lastTime = 0;

  constructor(options: RawVideoOptions, ingest: Ingest, signal: AbortSignal) {
    this.#options = options;
    this.#ingest = ingest;
    this.#signal = signal;
    this.#live = options.clock.kind === "arrival";
    this.#turns = { ingest, pacer: options.realtime && !this.#live ? new Pacer() : undefined, signal };
    const wanted = this.#live ? options.fps : undefined;
    this.#report = new RateReport({ wanted, live: this.#live, trace: options.trace, notice: options.notice });
  }

  /** With the sound beside it, where there is any: both end before this does. */
  async run(): Promise<string> {
    const { audio } = this.#options;
    if (audio === undefined) return this.#runPictures();
    const over = new AbortController();
    const sound = new JoinedAudio(audio, this.#ingest, this);
    const joined = sound.run(AbortSignal.any([this.#signal, over.signal]));
    try {
      return await this.#runPictures();
    } finally {
      over.abort();
      await joined;
    }
  }

  get origin(): number | undefined {
    return this.#origin;
  }

  /** They are told with the first picture, if they are known by then: players take them from the sound itself. */
  onAudioFacts(facts: AudioFacts): void {
    this.#audioFacts = facts;
  }

  async #runPictures(): Promise<string> {
    for (;;) {
      await this.#readOnce();
      if (this.#signal.aborted) return "stopped";
      if (!this.#options.loop)
        return this.#options.nature === "made" ? "the end of the file" : "the program ended";
      const frameMs = this.#clock?.frameMs ?? 1000 / DEFAULT_FPS;
      this.#ingest.newSession(frameMs);
      this.#roundStart += this.#lastTime + frameMs;
      this.#clock = undefined;
      this.#origin = undefined;
    }
  }

  async #readOnce(): Promise<void> {
    const rules = this.#options.codec === "h264" ? new H264Rules() : new HevcRules();
    const units = new AccessUnits(rules, (unit) => this.#take(unit));
    let idle: Timer | undefined;
    const onIdle = (): void => {
      units.flushIfIdle(performance.now(), this.#pause());
      this.#publishWaiting();
    };
    try {
      for await (const segment of this.#options.open(this.#signal)) {
        clearTimeout(idle);
        units.feed(segment, performance.now(), this.#pause());
        await this.#pass();
        if (this.#signal.aborted) return;
        if (this.#live) idle = setTimeout(onIdle, this.#pause() + 1);
      }
    } finally {
      clearTimeout(idle);
      this.#report.losses(units.losses, units.splitter.losses);
    }
    units.end();
    await this.#pass();
    if (this.#untimed > 0)
      this.#options.notice(`${this.#untimed} frames are left out: the list of times is shorter`);
  }

  /** Half a frame, in ms: longer than the writes of one frame are apart. */
  #pause(): number {
    return this.#live ? (this.#clock?.frameMs ?? 1000 / DEFAULT_FPS) / 2 : Infinity;
  }

  #take(unit: AccessUnit): void {
    this.#clock ??= this.#makeClock(unit.facts);
    const time = this.#clock.stamp(unit.at);
    this.#origin ??= unit.at;
    if (time === undefined) this.#untimed += 1;
    else this.#waiting.push({ unit, time, frameMs: this.#clock.frameMs });
  }

  #makeClock(facts: PictureFacts): CaptureClock {
    const { clock, fps } = this.#options;
    const expected = fps ?? claimedFps(facts) ?? DEFAULT_FPS;
    switch (clock.kind) {
      case "arrival":
        return new ArrivalClock(expected);
      case "fps":
        return new FrameClock(expected);
      case "pts":
        return new PtsClock(clock.times);
      default:
        return clock satisfies never;
    }
  }

  /** Publishes what was read, each picture when it is due. */
  async #pass(): Promise<void> {
    if (this.#live) {
      this.#publishWaiting();
      if (this.#ingest.mustWait) await this.#ingest.room(this.#signal);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      this.#lastTime = one.time;
      const turn = untilTurn(this.#turns, this.#roundStart + one.time);
      if (turn !== undefined) await turn;
      if (this.#signal.aborted) return;
      this.#publish(one);
    }
    this.#ingest.flush();
  }

  #publishWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const one of waiting) this.#publish(one);
    this.#ingest.flush();
  }

  #publish({ unit, time, frameMs }: TimedUnit): void {
    const stamp = Math.round(time) >>> 0;
    if (unit.header !== undefined) {
      this.#pushMetadata(unit.facts, stamp);
      this.#ingest.push(TYPE_ID_OF_KIND.video, stamp, unit.header);
    }
    this.#ingest.push(TYPE_ID_OF_KIND.video, stamp, unit.body(Math.round(unit.distance * frameMs)));
    this.#report.frame(time, performance.now());
  }

  #pushMetadata(facts: PictureFacts, stamp: number): void {
    const { width, height } = facts;
    if (this.#facts?.width === width && this.#facts.height === height) return;
    this.#facts = facts;
    const { codec, clock, bitrate } = this.#options;
    const listed = clock.kind === "pts" ? 1000 / (this.#clock?.frameMs ?? Infinity) : undefined;
    const fps = this.#options.fps ?? listed ?? claimedFps(facts);
    const name = codec === "h264" ? "avc1" : "hvc1";
    const known = { codec: name, width, height, fps, bitrate, audio: this.#audioFacts };
    this.#ingest.push(TYPE_ID_OF_KIND.data, stamp, captureMetadata(known));
  }
}

/** The rate that the parameter set claims, if it can be. */
function claimedFps({ fps }: PictureFacts): number | undefined {
  return fps !== undefined && fps >= PLAUSIBLE.least && fps <= PLAUSIBLE.most ? fps : undefined;
}
