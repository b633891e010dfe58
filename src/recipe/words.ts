/**
 * What a key of a recipe does, in one line. The recipe's definition, so its JSON Schema and the README's table, and the
 * --help of the flag that does the same all have it from here. Apart from schema.ts, because --help must not load zod.
 */

/** One line for each key that has a flag. */
export const WORDS = {
  wait: "the stream is not live yet: keep trying this long",
  follow: "when the stream ends, wait for the next session; each has files of its own",
  stall: "a connection on which nothing moves for this long is lost",
  grace: "keep destinations connected this long when the source is lost",
  retryMin: "first wait before trying again; it doubles from attempt to attempt",
  retryMax: "longest wait before trying again",
  segment: "a new file after this long, cut at a keyframe",
  align: "cut on the clock: 30m at :00 and :30",
  join: "an outage shorter than this goes on in the same file",
  keepAge: "delete finished files that are older",
  keepSize: "delete the oldest finished files when all of them are larger",
  keepFree: "delete the oldest finished files when the disk has less room",
  force: "overwrite existing files",
  loop: "start the file over at its end, for ever",
  fps: "frames per second: asked of a camera (25), counted in raw video",
  format: "what exec writes (flv), what h264 holds (h264)",
  clock: "times of raw video: arrival (pipes), fps (files), or a file with a list in ms",
  size: "the size of a camera's picture",
  bitrate: "the bit rate of a camera",
  keyframe: "the distance of a camera's keyframes",
  rotation: "turns the picture of rpicam, in degrees",
  exposure: "the exposure mode of rpicam",
  audio:
    "silent: a track of silence where the source has no sound; exec:COMMAND: a command's sound beside a camera or raw video (AAC with ADTS headers, or Opus in Ogg)",
  noKey: "let anybody who reaches the listener publish",
  cert: "certificate of the listener (PEM file): it speaks RTMPS",
  certKey: "private key of that certificate (PEM file)",
  playpath: "the stream's name, apart from the URL",
  tcUrl: "what to tell the server as tcUrl",
  pageUrl: "what to tell the server as pageUrl",
  swfUrl: "what to tell the server as swfUrl",
  flashVer: "what to tell the server as flashVer",
  conn: "further arguments of connect, as rtmpdump writes them",
  live: "play the live stream only, never a recording",
} as const;
