/**
 * The keys of a recipe that a flag can give too: what they do in one sentence, an example, and what holds where they are
 * not given. The recipe's definition, so its JSON Schema and the README's table, and the flag with its --help all have
 * it from here. Apart from schema.ts, because --help must not load zod.
 */

import { CAMERA_DEFAULTS } from "./capture.ts";
import { DEFAULTS } from "./defaults.ts";

/** What is known of a key and its flag alike. */
export type KeyWords = {
  /** Where the key stands in a job. */
  readonly path: string;
  /** What it does, in one line. */
  readonly says: string;
  /** What recipes have to say beside it. */
  readonly also?: string;
  /** How a value may look, as YAML; a key without one is true or false. */
  readonly example?: string;
  /** What stands for a value in --help; the example, if not given. */
  readonly hint?: string;
  /** What holds where nothing is said, as YAML. */
  readonly shown?: string;
  /** The sentence is about false. */
  readonly negated?: true;
};

/** The sentence about a key in a recipe. */
export function keySentence({ says, also, negated }: KeyWords): string {
  return `${negated ? "false: " : ""}${says}${also === undefined ? "" : `; ${also}`}`;
}

/** What stands for a key's value in --help; undefined if it takes none. */
export function valueHint({ example, hint }: KeyWords): string | undefined {
  return hint ?? example?.replace(/^"(.*)"$/, "$1");
}

const { width, height, bitrate, keyframeMs } = CAMERA_DEFAULTS;

/** One row for each key that has a flag. */
export const WORDS = {
  output: {
    path: "record.path",
    says: "the FLV file to record to; {job} {app} {stream} {n} {date} {time} and %Y %m %d ... are filled in, - is stdout",
    also: "or a list of them",
    example: "recordings/{job}/%Y-%m-%d/%H-%M-%S.flv",
    hint: "PATH",
  },
  to: {
    path: "to.NAME.url",
    says: "send to this address: rtmp:// or rtmps://, with the key at its end or apart",
    example: "rtmps://live.twitch.tv/app",
    hint: "[NAME=]URL",
  },
  key: {
    path: "to.NAME.key",
    says: "stream key, appended to the URL",
    example: '"${TWITCH_KEY}"',
    hint: "[NAME=]KEY|env:VAR|@FILE",
  },
  for: { path: "for", says: "stop this long after the first media", example: "2h" },
  until: { path: "until", says: "stop at this time", example: '"06:00"' },
  wait: { path: "from.wait", says: "the stream is not live yet: keep trying this long", example: "15m" },
  follow: {
    path: "from.follow",
    says: "when the stream ends, wait for the next session; each has files of its own",
  },
  stall: {
    path: "from.stall",
    says: "a connection on which nothing moves for this long is lost",
    example: "15s",
    shown: DEFAULTS.stall,
  },
  grace: {
    path: "grace",
    says: "keep destinations connected this long when the source is lost",
    example: "30s",
    shown: DEFAULTS.grace,
  },
  retryMin: {
    path: "retry.min",
    says: "first wait before trying again; it doubles from attempt to attempt",
    example: "1s",
    shown: DEFAULTS.retryMin,
  },
  retryMax: {
    path: "retry.max",
    says: "longest wait before trying again",
    example: "60s",
    shown: DEFAULTS.retryMax,
  },
  segment: {
    path: "record.segment.every",
    says: "a new file after this long, cut at a keyframe",
    example: "30m",
  },
  align: {
    path: "record.segment.align",
    says: "cut on the clock: 30m at :00 and :30",
    example: "clock",
  },
  join: {
    path: "record.join",
    says: "an outage shorter than this goes on in the same file",
    example: "90s",
  },
  keepAge: { path: "record.keep.age", says: "delete finished files that are older", example: "14d" },
  keepSize: {
    path: "record.keep.size",
    says: "delete the oldest finished files when all of them are larger",
    example: "200GiB",
  },
  keepFree: {
    path: "record.keep.free",
    says: "delete the oldest finished files when the disk has less room",
    example: "2GiB",
  },
  force: { path: "record.force", says: "overwrite existing files" },
  loop: { path: "from.loop", says: "start the file over at its end, for ever" },
  realtime: {
    path: "from.realtime",
    says: "send the file as fast as the slowest destination takes it",
    negated: true,
  },
  fps: {
    path: "from.fps",
    says: "frames per second: asked of a camera (25), counted in raw video",
    example: "25",
  },
  format: {
    path: "from.format",
    says: "what exec writes (flv), what h264 holds (h264)",
    example: "flv",
    hint: "flv|h264|hevc",
  },
  clock: {
    path: "from.clock",
    says: "times of raw video: arrival (pipes), fps (files), or a file with a list in ms",
    example: "arrival",
    hint: "arrival|fps|FILE",
  },
  size: {
    path: "from.size",
    says: "the size of a camera's picture",
    example: "1280x720",
    shown: `${width}x${height}`,
  },
  bitrate: {
    path: "from.bitrate",
    says: "the bit rate of a camera",
    example: "3M",
    shown: `${bitrate / 1e6}M`,
  },
  keyframe: {
    path: "from.keyframe",
    says: "the distance of a camera's keyframes",
    example: "2s",
    shown: `${keyframeMs / 1000}s`,
  },
  rotation: { path: "from.rotation", says: "turns the picture of rpicam, in degrees", example: "180" },
  exposure: { path: "from.exposure", says: "the exposure mode of rpicam", example: "sport" },
  audio: {
    path: "audio",
    says: "silent: a track of silence where the source has no sound; exec:COMMAND: a command's sound beside a camera or raw video (AAC with ADTS headers, or Opus in Ogg)",
    example: '"exec:my-microphone --mono"',
    hint: "silent|exec:COMMAND",
  },
  serve: {
    path: "serve",
    says: "let players watch: at HOST:PORT/APP/NAME, or where the source itself listens",
    also: "true is for the latter",
    hint: "HOST:PORT/APP/NAME",
  },
  noKey: { path: "from.no-key", says: "let anybody who reaches the listener publish" },
  cert: {
    path: "from.cert",
    says: "certificate of the listener (PEM file): it speaks RTMPS",
    example: "cert.pem",
    hint: "FILE",
  },
  certKey: {
    path: "from.cert-key",
    says: "private key of that certificate (PEM file)",
    example: "key.pem",
    hint: "FILE",
  },
  ca: {
    path: "ca",
    says: "trust this certificate authority (PEM file) too",
    example: "ca.pem",
    hint: "FILE",
  },
  insecure: { path: "insecure", says: "accept any certificate" },
  bind: { path: "bind", says: "connect from this local address", example: "192.0.2.7", hint: "ADDR" },
  playpath: {
    path: "from.playpath",
    says: "the stream's name, apart from the URL",
    example: "porch",
    hint: "NAME",
  },
  app: {
    path: "from.app",
    says: "the application, where the URL leaves it open",
    also: "of a listener: live, if not given",
    example: "live",
    hint: "NAME",
  },
  tcUrl: {
    path: "from.tcUrl",
    says: "what to tell the server as tcUrl",
    example: "rtmp://cam.lan/live",
    hint: "URL",
  },
  pageUrl: {
    path: "from.pageUrl",
    says: "what to tell the server as pageUrl",
    example: "https://cam.lan/",
    hint: "URL",
  },
  swfUrl: {
    path: "from.swfUrl",
    says: "what to tell the server as swfUrl",
    example: "https://cam.lan/player.swf",
    hint: "URL",
  },
  flashVer: {
    path: "from.flashVer",
    says: "what to tell the server as flashVer",
    example: "LNX 9,0,124,2",
    hint: "TEXT",
  },
  conn: {
    path: "from.conn",
    says: "further arguments of connect, as rtmpdump writes them",
    example: '["S:text"]',
    hint: "TYPE:DATA",
  },
  live: { path: "from.live", says: "play the live stream only, never a recording" },
} as const satisfies Readonly<Record<string, KeyWords>>;
