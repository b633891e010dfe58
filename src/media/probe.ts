/**
 * StreamProbe watches a stream and reports what it is made of and how well its timestamps behave: the tracks, their
 * codecs and rates, the GOP length, steps back and jumps. Fed with packets and with the timestamps that the source
 * gave them; it keeps counts, no packets. Called by the probe command; formatProbe in probe-text.ts makes lines.
 */
import { sameBytes } from "../bytes/same-bytes.ts";
import { type CodecFacts, readCodecFacts, refineFacts } from "./codec-facts.ts";
import { codecLabel } from "./fourcc.ts";
import { type Metadata, readMetadata } from "./metadata.ts";
import type { MediaPacket } from "./packet.ts";
import { readTagHeader } from "./tag.ts";
import { VIDEO_PACKET } from "./tag-video.ts";

/** One track; rates and times are undefined when too little was seen. */
export type ProbeTrack = {
  readonly kind: "audio" | "video";
  /** Enhanced track id; 0 for everything legacy. */
  readonly track: number;
  /** FourCC; "" when unknown. */
  readonly codec: string;
  /** The codec for people. */
  readonly label: string;
  readonly profile: string | undefined;
  readonly level: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly bitDepth: number | undefined;
  /** Frames per second as the parameter set says. */
  readonly fps: number | undefined;
  /** Frames per second as counted; of audio, messages per second. */
  readonly measuredFps: number | undefined;
  /** Hz. */
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
  readonly frames: number;
  readonly keyFrames: number;
  /** Bytes of all frames with their tag headers. */
  readonly bytes: number;
  readonly bitrateKbps: number | undefined;
  /** How often the sequence header came with other bytes than before. */
  readonly headerChanges: number;
  /** Whether frames are shown in another order than they are sent: B-frames. */
  readonly reordered: boolean;
  /** Whether it comes in the tags of Enhanced RTMP. */
  readonly enhanced: boolean;
  /** Steps back of the source's timestamps. */
  readonly rollbacks: number;
  /** Steps of the source's timestamps of more than 1 s ahead. */
  readonly jumps: number;
  /** Why the sequence header tells nothing, if so. */
  readonly problem: string | undefined;
};

/** Distances between key frames, in seconds. */
export type ProbeGop = {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
};

/** A step of a track's timestamps that is none of a healthy stream. */
export type ProbeStep = {
  readonly kind: "audio" | "video";
  readonly track: number;
  /** How long the stream had lasted, in ms. */
  readonly atMs: number;
  /** The step in ms; negative when it goes back. */
  readonly stepMs: number;
};

/** What the source's onMetaData claims. */
export type ProbeClaims = Omit<Metadata, "entries"> & { readonly keys: readonly string[] };

/** Everything that can be said about a stream so far; plain data for JSON. */
export type ProbeReport = {
  readonly tracks: readonly ProbeTrack[];
  /** From the first packet to the last, in ms. */
  readonly durationMs: number;
  readonly bitrateKbps: number | undefined;
  /** Of the first video track; undefined before the second key frame. */
  readonly gop: ProbeGop | undefined;
  readonly rollbacks: number;
  readonly jumps: number;
  /** The first of these steps, at most 20. */
  readonly steps: readonly ProbeStep[];
  /** How much later video is first shown than audio is heard, in ms; undefined without both. */
  readonly startSkewMs: number | undefined;
  /** How much later the last frame of video is shown than that of audio is heard, in ms; undefined without both. */
  readonly skewMs: number | undefined;
  /** How far a packet lay behind what came before it, at most, in ms: what players must buffer. */
  readonly lateMs: number;
  /** Data messages other than onMetaData. */
  readonly dataMessages: number;
  readonly metadata: ProbeClaims | undefined;
};

/** Steps ahead of more than this many ms count as jumps. */
const JUMP = 1000;
/** GOPs beyond these change minimum and maximum, but no longer the median: a probe may run for days. */
const MAX_GOPS = 100_000;
/** Steps that are told one by one; all are counted. */
const MAX_STEPS = 20;

type TrackState = {
  readonly kind: "audio" | "video";
  readonly track: number;
  codec: string;
  facts: CodecFacts | undefined;
  header: Uint8Array | undefined;
  headerChanges: number;
  frames: number;
  keyFrames: number;
  bytes: number;
  firstDts: number;
  lastDts: number;
  /** Presentation times: of the first frame, and the latest of all. */
  firstPts: number;
  lastPts: number;
  lastKeyDts: number;
  lastStamp: number;
  rollbacks: number;
  jumps: number;
  reordered: boolean;
  enhanced: boolean;
};

/** Counts what it is shown. */
export class StreamProbe {
  readonly #tracks = new Map<number, TrackState>();
  readonly #gops: number[] = [];
  #gopCount = 0;
  #minGop = Infinity;
  #maxGop = 0;
  #dataMessages = 0;
  readonly #steps: ProbeStep[] = [];
  #firstDts = 0;
  #position = -1;
  #lateMs = 0;
  #metadata: ProbeClaims | undefined;

  /** Takes a packet and its timestamp as the source gave it (ms modulo 2^32). */
  push(packet: MediaPacket, timestamp: number): void {
    if (packet.kind === "data") {
      this.#pushData(packet);
      return;
    }
    const track = this.#trackOf(packet.kind, packet.track);
    if (packet.codec !== "") track.codec = packet.codec;
    if (packet.role === "header") pushHeader(track, packet);
    else if (packet.role === "key" || packet.role === "frame") this.#pushFrame(track, packet, timestamp);
  }

  /** What is known so far. */
  report(): ProbeReport {
    const states = [...this.#tracks.values()].sort(inOrder);
    const seen = states.filter((state) => state.frames > 0);
    const first = Math.min(...seen.map((state) => state.firstDts));
    const last = Math.max(...seen.map((state) => state.lastDts));
    const durationMs = seen.length === 0 ? 0 : last - first;
    const total = seen.reduce((sum, state) => sum + state.bytes, 0);
    const video = seen.find((state) => state.kind === "video");
    const audio = seen.find((state) => state.kind === "audio");
    return {
      tracks: states.map(trackReport),
      durationMs,
      bitrateKbps: durationMs > 0 ? (total * 8) / durationMs : undefined,
      gop: this.#gopReport(),
      rollbacks: states.reduce((sum, state) => sum + state.rollbacks, 0),
      jumps: states.reduce((sum, state) => sum + state.jumps, 0),
      steps: [...this.#steps],
      startSkewMs: video !== undefined && audio !== undefined ? video.firstPts - audio.firstPts : undefined,
      skewMs: video !== undefined && audio !== undefined ? video.lastPts - audio.lastPts : undefined,
      lateMs: this.#lateMs,
      dataMessages: this.#dataMessages,
      metadata: this.#metadata,
    };
  }

  #pushData(packet: MediaPacket): void {
    const metadata = packet.role === "metadata" ? readMetadata(packet.body) : undefined;
    if (metadata === undefined) {
      this.#dataMessages++;
      return;
    }
    const { entries, ...claims } = metadata;
    this.#metadata = { ...claims, keys: entries.map(([key]) => key) };
  }

  #trackOf(kind: "audio" | "video", id: number): TrackState {
    const key = kind === "video" ? id : 256 + id;
    let state = this.#tracks.get(key);
    if (state === undefined) {
      state = newTrack(kind, id);
      this.#tracks.set(key, state);
    }
    return state;
  }

  #pushFrame(track: TrackState, packet: MediaPacket, timestamp: number): void {
    const tag = readTagHeader(packet.kind, packet.body);
    // HDR metadata is a message of its own between the frames.
    if (packet.kind === "video" && tag.enhanced && tag.packetType === VIDEO_PACKET.metadata) return;
    if (tag.compositionTime !== 0) track.reordered = true;
    if (tag.enhanced) track.enhanced = true;
    track.facts = refineFacts(track.facts, packet);
    this.#countStep(track, timestamp);
    this.#follow(packet.dts);
    const pts = packet.dts + tag.compositionTime;
    if (track.frames === 0) {
      track.firstDts = packet.dts;
      track.firstPts = pts;
    }
    if (pts > track.lastPts) track.lastPts = pts;
    if (packet.role === "key") this.#pushKey(track, packet.dts);
    track.frames++;
    track.bytes += packet.body.length;
    track.lastDts = packet.dts;
  }

  /** Steps are taken modulo 2^32, so that a wrap is none. */
  #countStep(track: TrackState, timestamp: number): void {
    const step = (timestamp - track.lastStamp) | 0;
    track.lastStamp = timestamp >>> 0;
    if (track.frames === 0 || (step >= 0 && step <= JUMP)) return;
    if (step < 0) track.rollbacks++;
    else track.jumps++;
    if (this.#steps.length >= MAX_STEPS) return;
    const atMs = track.lastDts - this.#firstDts;
    this.#steps.push({ kind: track.kind, track: track.track, atMs, stepMs: step });
  }

  #follow(dts: number): void {
    if (this.#position < 0) this.#firstDts = dts;
    else if (this.#position - dts > this.#lateMs) this.#lateMs = this.#position - dts;
    if (dts > this.#position) this.#position = dts;
  }

  #pushKey(track: TrackState, dts: number): void {
    if (track.keyFrames > 0 && track.track === 0) {
      const length = dts - track.lastKeyDts;
      this.#gopCount++;
      this.#minGop = Math.min(this.#minGop, length);
      this.#maxGop = Math.max(this.#maxGop, length);
      if (this.#gops.length < MAX_GOPS) this.#gops.push(length);
    }
    track.keyFrames++;
    track.lastKeyDts = dts;
  }

  #gopReport(): ProbeGop | undefined {
    if (this.#gopCount === 0) return undefined;
    const sorted = this.#gops.toSorted((a, b) => a - b);
    const middle = (sorted.length - 1) / 2;
    const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
    return {
      count: this.#gopCount,
      min: this.#minGop / 1000,
      median: median / 1000,
      max: this.#maxGop / 1000,
    };
  }
}

function newTrack(kind: "audio" | "video", track: number): TrackState {
  return {
    kind,
    track,
    codec: "",
    facts: undefined,
    header: undefined,
    headerChanges: 0,
    frames: 0,
    keyFrames: 0,
    bytes: 0,
    firstDts: 0,
    lastDts: 0,
    firstPts: 0,
    lastPts: 0,
    lastKeyDts: 0,
    lastStamp: 0,
    rollbacks: 0,
    jumps: 0,
    reordered: false,
    enhanced: false,
  };
}

function pushHeader(track: TrackState, packet: MediaPacket): void {
  const body = packet.body;
  if (sameBytes(body, track.header)) return;
  if (track.header !== undefined) track.headerChanges++;
  track.header = body;
  track.facts = readCodecFacts(packet.kind, body) ?? track.facts;
}

/** Video first, then by track id. */
function inOrder(a: TrackState, b: TrackState): number {
  if (a.kind !== b.kind) return a.kind === "video" ? -1 : 1;
  return a.track - b.track;
}

function trackReport(state: TrackState): ProbeTrack {
  const { facts, frames, bytes } = state;
  const codec = facts?.codec ?? state.codec;
  const elapsed = state.lastDts - state.firstDts;
  const measured = frames > 1 && elapsed > 0;
  return {
    kind: state.kind,
    track: state.track,
    codec,
    label: codecLabel(codec),
    profile: facts?.profile,
    level: facts?.level,
    width: facts?.width,
    height: facts?.height,
    bitDepth: facts?.bitDepth,
    fps: facts?.fps,
    measuredFps: measured ? ((frames - 1) * 1000) / elapsed : undefined,
    sampleRate: facts?.sampleRate,
    channels: facts?.channels,
    frames,
    keyFrames: state.keyFrames,
    bytes,
    // The last frame lasts as long as the others did.
    bitrateKbps: measured ? (bytes * 8 * (frames - 1)) / (elapsed * frames) : undefined,
    headerChanges: state.headerChanges,
    reordered: state.reordered,
    enhanced: state.enhanced,
    rollbacks: state.rollbacks,
    jumps: state.jumps,
    problem: facts?.problem,
  };
}
