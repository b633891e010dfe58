/**
 * A stream whose frames can be told apart: each says which session of the source it is of and which place it has
 * there. What came out of the program is held against what went in, frame by frame.
 */
import type { FlvTag } from "../support/flv-compare.ts";
import { amf } from "../support/rtmp-wire.ts";

/** A frame as it was sent; `at` is when, in ms. */
export type Frame = { kind: "audio" | "video"; index: number; key: boolean; timestamp: number; at: number };

/** One session of a source. What was sent up to `sureUntil` (ms) cannot have been lost under way. */
export type SourceSession = { number: number; frames: Frame[]; sureUntil: number };

const VIDEO_MS = 40;
const AUDIO_MS = 20;
/** Frames from keyframe to keyframe. */
const GOP = 10;

const HEX = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
/** Baseline, 320x180, and AAC at 44.1 kHz. */
export const HEADERS = {
  avc: HEX(
    "17 00000000 0142c00dffe1 0018 6742c00dd90141fb011000000300100000030320f1429920 0100 0468cb83cb20",
  ),
  /** The same picture under another level: a change of the encoder's settings. */
  avcChanged: HEX(
    "17 00000000 0142c01effe1 0018 6742c01ed90141fb011000000300100000030320f1429920 0100 0468cb83cb20",
  ),
  hevc: HEX("90 68766331 01 01600000009000000000003cf000fcfdf8f800000f00"),
  aac: HEX("af00 1210"),
} as const;

/** The metadata of a source, as a play server sends it. */
export function metadata(): Buffer {
  return Buffer.concat([
    amf("onMetaData"),
    amf({ width: 320, height: 180, framerate: 25, videocodecid: 7, audiocodecid: 10, server: "a test" }),
  ]);
}

/** How the frames of a source look. `enhanced` is the form of HEVC in enhanced RTMP. */
export type Look = { videoBytes: number; audioBytes: number; codec: "avc" | "hevc" };

export const SMALL: Look = { videoBytes: 1200, audioBytes: 150, codec: "avc" };

const VIDEO_HEADS = {
  avc: { key: HEX("17 01 000000"), frame: HEX("27 01 000000") },
  hevc: { key: HEX("91 68766331 000000"), frame: HEX("a1 68766331 000000") },
} as const;
const MARK = HEX("f00df00d");

/** The body of a frame. */
export function bodyOf(frame: Frame, session: number, look: Look): Buffer {
  const head = frame.kind === "audio" ? HEX("af 01") : VIDEO_HEADS[look.codec][frame.key ? "key" : "frame"];
  const size = frame.kind === "audio" ? look.audioBytes : look.videoBytes;
  const body = Buffer.alloc(Math.max(size, head.length + 12), frame.index & 0xff);
  head.copy(body);
  MARK.copy(body, head.length);
  body.writeUInt32BE(session, head.length + 4);
  body.writeUInt32BE(frame.index, head.length + 8);
  return body;
}

/** The frames of a session one after the other, in the order of their times. */
export function* frames(from = 0): Generator<Omit<Frame, "at">> {
  for (let video = 0, audio = 0; ;) {
    if (video * VIDEO_MS <= audio * AUDIO_MS) {
      const key = video % GOP === 0;
      yield { kind: "video", index: video, key, timestamp: from + video * VIDEO_MS };
      video += 1;
    } else {
      yield { kind: "audio", index: audio, key: false, timestamp: from + audio * AUDIO_MS };
      audio += 1;
    }
  }
}

/** What came out: a frame with its marks, or the state before frames. */
export type Got =
  | { what: "metadata" }
  | { what: "header"; kind: "audio" | "video"; hash: string }
  | {
      what: "frame";
      kind: "audio" | "video";
      key: boolean;
      session: number;
      index: number;
      timestamp: number;
    };

/** Reads the marks of a tag; undefined for what is none of ours. */
export function gotOf(tag: FlvTag): Got | undefined {
  const { kind, role, payload, timestamp, hash } = tag;
  if (kind === "script")
    return Buffer.from(payload).includes("onMetaData") ? { what: "metadata" } : undefined;
  if (role === "header") return { what: "header", kind, hash };
  if (role === "end") return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const mark = bytes.subarray(0, 16).indexOf(MARK);
  if (mark < 0) throw new Error(`a frame that nobody sent: ${kind} at ${timestamp} ms`);
  const [session, index] = [bytes.readUInt32BE(mark + 4), bytes.readUInt32BE(mark + 8)];
  return { what: "frame", kind, key: role === "key", session, index, timestamp };
}

type GotFrame = Extract<Got, { what: "frame" }>;
const framesOf = (got: readonly Got[], kind: "audio" | "video"): GotFrame[] =>
  got.filter((one): one is GotFrame => one.what === "frame" && one.kind === kind);

const show = (one: { session: number; index: number }): string => `${one.session}/${one.index}`;

/** A session must begin with metadata, the headers and a keyframe, and no time may go back. */
export function formProblems(got: readonly Got[]): string[] {
  const problems: string[] = [];
  if (got.length === 0) return problems;
  const first = got.findIndex((one) => one.what === "frame");
  const head = first < 0 ? got : got.slice(0, first);
  if (head[0]?.what !== "metadata") problems.push(`begins with ${head[0]?.what ?? "a frame"}, not metadata`);
  for (const kind of ["video", "audio"] as const) {
    const own = framesOf(got, kind);
    const headed = got.findIndex((one) => one.what === "header" && one.kind === kind);
    if (own.length > 0 && (headed < 0 || headed > got.indexOf(own[0]!)))
      problems.push(`${kind} begins without its header`);
    if (kind === "video" && own.length > 0 && !own[0]!.key)
      problems.push(`video begins with ${show(own[0]!)}`);
    for (let i = 1; i < own.length; i++) {
      const [a, b] = [own[i - 1]!, own[i]!];
      if (b.timestamp < a.timestamp) problems.push(`${kind} ${show(b)} goes back in time`);
      if (b.session < a.session || (b.session === a.session && b.index <= a.index))
        problems.push(`${kind} ${show(b)} comes after ${show(a)}`);
    }
  }
  return problems;
}

/** Video may only go on with a keyframe where frames are missing: a picture is never broken. */
export function pictureProblems(got: readonly Got[]): string[] {
  const own = framesOf(got, "video");
  return own.flatMap((frame, i) => {
    const before = own[i - 1];
    const follows =
      before !== undefined && before.session === frame.session && before.index + 1 === frame.index;
    return follows || frame.key ? [] : [`video ${show(frame)} follows ${before ? show(before) : "nothing"}`];
  });
}

/** The times of one session of the source keep their distances, audio and video alike. */
export function timeProblems(got: readonly Got[], sessions: readonly SourceSession[]): string[] {
  const problems: string[] = [];
  for (const { number, frames: sent } of sessions) {
    let shift: number | undefined;
    const times = new Map(sent.map((frame) => [`${frame.kind}${frame.index}`, frame.timestamp]));
    for (const one of got) {
      if (one.what !== "frame" || one.session !== number) continue;
      const now = one.timestamp - (times.get(`${one.kind}${one.index}`) ?? NaN);
      shift ??= now;
      if (now !== shift) problems.push(`${one.kind} ${show(one)} is ${now - shift} ms out of step`);
    }
  }
  return problems.slice(0, 5);
}

/** Every frame of every session must be there, up to where its end was cut off. */
export function missing(got: readonly Got[], sessions: readonly SourceSession[]): string[] {
  const problems: string[] = [];
  for (const { number, frames: sent, sureUntil } of sessions) {
    for (const kind of ["video", "audio"] as const) {
      const mine = new Set(
        framesOf(got, kind)
          .filter((one) => one.session === number)
          .map((one) => one.index),
      );
      const last = Math.max(-1, ...mine);
      const lost = sent.filter(
        (frame) =>
          frame.kind === kind && !mine.has(frame.index) && (frame.index < last || frame.at <= sureUntil),
      );
      if (lost.length > 0)
        problems.push(
          `${kind} of session ${number}: ${lost.length} of ${sent.length} lost, from ${lost[0]!.index} on`,
        );
    }
  }
  return problems;
}

/** All that must hold of something that missed nothing. */
export function wholeProblems(got: readonly Got[], sessions: readonly SourceSession[]): string[] {
  return [
    ...formProblems(got),
    ...pictureProblems(got),
    ...missing(got, sessions),
    ...timeProblems(got, sessions),
  ];
}

/** All that must hold of one session of a destination that missed something. */
export function partProblems(got: readonly Got[], sessions: readonly SourceSession[]): string[] {
  return [...formProblems(got), ...pictureProblems(got), ...timeProblems(got, sessions)];
}
