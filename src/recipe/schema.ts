/**
 * The recipe as one definition: its keys, their types, what they are for and what holds where they are not given. The
 * TypeScript types, the checks, the JSON Schema and the README's table of keys all come from here. A new key is a row,
 * and a place in from-recipe.ts where it reaches the plan.
 */

import * as z from "zod";
import { DEFAULTS } from "./defaults.ts";
import {
  amount,
  choice,
  command,
  duration,
  FIELDS,
  flag,
  keys,
  named,
  secret,
  size,
  span,
  text,
  type FieldMeta,
} from "./fields.ts";
import { keySentence, WORDS } from "./words.ts";

const retry = keys(
  {
    min: span(WORDS.retryMin).optional(),
    max: span(WORDS.retryMax).optional(),
  },
  "how long to wait before trying again",
  "{ min: 1s, max: 60s }",
);

const ownRetry = keys(
  {
    min: span("first wait before trying this destination again; the job's, if not given", {
      example: "1s",
    }).optional(),
    max: span("longest wait before trying it again; the job's, if not given", { example: "60s" }).optional(),
  },
  "how long to wait before trying this destination again",
  "{ min: 1s, max: 60s }",
);

/** A short form and a long one. */
function either<Short extends z.ZodType, Long extends z.ZodType>(short: Short, long: Long, field: FieldMeta) {
  const union = z.union([short, long]);
  FIELDS.add(union, field);
  return union;
}

/** A command as a text or as a list of its words. */
function commandLine(description: string, words: readonly string[]) {
  const [line, list] = [`"${words.join(" ")}"`, `[${words.map((word) => `"${word}"`).join(", ")}]`];
  return either(
    text("a command line; no shell reads it", { example: line }),
    command("a command and its arguments", { example: list }),
    { description, kind: "a text or a list", example: list },
  );
}

/** What belongs to taking media from somewhere, whatever the source is. */
const fromShape = {
  url: text("rtmp:// rtmps:// http(s)://….flv, listen:…, testcard:, an FLV file, or - for stdin", {
    example: "rtmp://cam.lan/live/porch",
  }).optional(),
  listen: text("wait for a publisher (OBS, ffmpeg) at this address", {
    example: '"0.0.0.0:1935"',
  }).optional(),
  app: text(WORDS.app).optional(),
  key: secret("what publishers to a listener must know", { example: '"${OBS_KEY}"' }).optional(),
  "no-key": flag(WORDS.noKey).optional(),
  cert: text(WORDS.cert).optional(),
  "cert-key": text(WORDS.certKey).optional(),
  wait: span(WORDS.wait).optional(),
  follow: flag(WORDS.follow).optional(),
  stall: span(WORDS.stall).optional(),
  grace: duration(WORDS.grace).optional(),
  loop: flag(WORDS.loop).optional(),
  realtime: flag(WORDS.realtime, { shown: "true" }).optional(),
  playpath: text(WORDS.playpath).optional(),
  tcUrl: text(WORDS.tcUrl).optional(),
  pageUrl: text(WORDS.pageUrl).optional(),
  swfUrl: text(WORDS.swfUrl).optional(),
  flashVer: text(WORDS.flashVer).optional(),
  conn: command(WORDS.conn).optional(),
  live: flag(WORDS.live).optional(),
  camera: text("a camera: rpicam, v4l2 or v4l2:/dev/video0", { example: "rpicam" }).optional(),
  exec: commandLine("a command whose output is the source; its words as a text or a list, without a shell", [
    "my-camera",
    "--hd",
  ]).optional(),
  h264: text("raw H.264: a file, or - for stdin", { example: "clip.h264" }).optional(),
  format: choice(["flv", "h264", "hevc"], WORDS.format).optional(),
  clock: text(WORDS.clock).optional(),
  size: text(WORDS.size).optional(),
  fps: amount(WORDS.fps).optional(),
  bitrate: text(WORDS.bitrate, {}, "a bit rate").optional(),
  keyframe: text(WORDS.keyframe, {}, "a duration").optional(),
  rotation: amount(WORDS.rotation).optional(),
  exposure: text(WORDS.exposure).optional(),
};

const keep = keys(
  {
    age: span(WORDS.keepAge).optional(),
    size: size(WORDS.keepSize).optional(),
    free: size(WORDS.keepFree).optional(),
  },
  "which finished files of this recording may be deleted; without it all are kept",
  "{ age: 14d, size: 200GiB, free: 2GiB }",
);

const segmentShape = {
  every: span(WORDS.segment).optional(),
  align: choice(["clock"], WORDS.align).optional(),
};

const recordShape = {
  path: z.union([text(WORDS.output), z.array(z.string()).min(1)]).optional(),
  segment: z
    .union([
      span(WORDS.segment),
      keys(segmentShape, "when a new file begins", "{ every: 30m, align: clock }"),
    ])
    .optional(),
  join: duration(WORDS.join).optional(),
  keep: keep.optional(),
  force: flag(WORDS.force).optional(),
};

const on = keys(
  {
    start: command("run when the job begins; {job} is its name, here and in the others", {
      example: '["logger", "start {job}"]',
    }).optional(),
    segment: command("run for each finished file; {path} is its name, {duration} its length in seconds", {
      example: '["./upload.sh", "{path}"]',
    }).optional(),
    gap: command("run when the source was away; {duration} is how long, in seconds", {
      example: '["logger", "gap {job}"]',
    }).optional(),
    end: command(
      "run when the job is over; {path} is its last file, {duration} the length of all, in seconds",
      { example: '["logger", "done {job}"]' },
    ).optional(),
  },
  "commands to run",
  '{ end: ["logger", "done {job}"] }',
);

const required = flag("false: losing this destination does not make the job incomplete", { shown: "true" });
const buffer = keys(
  {
    max: span("media time that may wait", { example: "8s", shown: DEFAULTS.bufferMax }).optional(),
    bytes: size("bytes that may wait", { shown: DEFAULTS.bufferBytes }).optional(),
  },
  "what may wait for a slow destination before it skips to the next keyframe",
  "{ max: 8s, bytes: 16MiB }",
);

const toShape = {
  url: text(WORDS.to).optional(),
  key: secret(WORDS.key).optional(),
  required: required.optional(),
  retry: ownRetry.optional(),
  buffer: buffer.optional(),
};

const scheduleShape = {
  cron: text("minute, hour, day, month, weekday: when the job begins", {
    example: '"0 23 * * MON-FRI"',
  }).optional(),
  for: span("how long from then on", { example: "7h" }).optional(),
  tz: text("time zone of the cron line; the machine's, if not given", {
    example: "Europe/Berlin",
  }).optional(),
};

const serveShape = {
  at: text("HOST:PORT/APP/NAME, where the source does not listen itself", {
    example: '"127.0.0.1:1935/live/show"',
  }).optional(),
  cert: text("certificate (PEM file): players come with RTMPS", { example: "cert.pem" }).optional(),
  "cert-key": text(WORDS.certKey).optional(),
};

const audioMap = keys(
  {
    exec: commandLine("a command that writes sound: AAC with ADTS headers, or Opus in Ogg; without a shell", [
      "my-microphone",
      "--mono",
    ]),
  },
  "where sound comes from",
  '{ exec: ["my-microphone", "--mono"] }',
);

const fromMap = keys(fromShape, "where media comes from", "{ url: rtmp://cam.lan/live/porch, wait: 15m }");
const recordMap = keys(recordShape, "the recording", "{ path: show.flv, segment: { every: 30m } }");
const scheduleMap = keys(scheduleShape, "when the job runs", '{ cron: "0 23 * * MON-FRI", for: 7h }');
const toMap = keys(toShape, "a destination", "{ url: rtmps://live.twitch.tv/app, key: ... }");

const oneText = (example: string) => text("the short form", { example });

/** What jobs and defaults have in common. */
const jobShape = {
  schedule: either(oneText('"0 23 * * *"'), scheduleMap, {
    description: "when the job runs; a text is the cron line",
    kind: "a cron line or a map",
    example: '{ cron: "0 23 * * MON-FRI", for: 7h, tz: Europe/Berlin }',
  }).optional(),
  record: either(oneText("recordings/{job}_{date}_{time}.flv"), recordMap, {
    description: "the recording; a text is its path",
    kind: "a path or a map",
    example: "recordings/{job}/{date}_{time}.flv",
  }).optional(),
  on: on.optional(),
  for: span(WORDS.for).optional(),
  until: text(WORDS.until).optional(),
  grace: duration(WORDS.grace).optional(),
  retry: retry.optional(),
  serve: z
    .union([
      flag("the short form"),
      oneText('"127.0.0.1:1935/live/show"'),
      keys(serveShape, "let players watch", "{ at: ... }"),
    ])
    .register(FIELDS, {
      description: keySentence(WORDS.serve),
      kind: "true, an address or a map",
      example: "true",
      shown: "false",
    })
    .optional(),
  ca: text(WORDS.ca).optional(),
  insecure: flag(WORDS.insecure).optional(),
  bind: text(WORDS.bind).optional(),
  audio: either(oneText("silent"), audioMap, {
    description: keySentence(WORDS.audio),
    kind: "silent, exec:COMMAND or a map",
    example: WORDS.audio.example,
  }).optional(),
};

/** A job as it is after its defaults were put in. */
export const jobSchema = keys(
  {
    from: either(oneText("rtmp://cam.lan/live/porch"), fromMap, {
      description: "where media comes from; a text is the url",
      kind: "an address or a map",
      example: "rtmp://cam.lan/live/porch",
    }),
    ...jobShape,
    to: named(
      either(oneText("rtmp://nginx.lan/live/show"), toMap, {
        description: "a destination; a text is its url",
        kind: "an address or a map",
        example: "rtmp://nginx.lan/live/show",
      }),
      "destinations by name: the name is the log tag and the identity",
      "{ own: rtmp://nginx.lan/live/show }",
    ).optional(),
  },
  "one job",
  "{ from: rtmp://cam.lan/live/porch, record: porch.flv }",
);

const defaultsSchema = keys(
  { from: fromMap.optional(), ...jobShape, to: toMap.optional() },
  "what holds for every job (and, in to, for every destination) that does not say otherwise",
  "{ to: { retry: { min: 1s, max: 60s } } }",
);

/** A whole recipe. */
export const recipeSchema = keys(
  {
    version: z
      .literal(1)
      .register(FIELDS, { description: "the version of this format", kind: "1", example: "1" }),
    extends: z
      .union([oneText("base.yaml"), z.array(z.string()).min(1)])
      .register(FIELDS, {
        description: "recipes below this one, relative to it; maps are joined key by key",
        kind: "a path or a list",
        example: "base.yaml",
      })
      .optional(),
    defaults: defaultsSchema.optional(),
    jobs: named(
      jobSchema,
      "the jobs by name",
      "{ porch: { from: rtmp://cam.lan/live/porch, record: porch.flv } }",
    ),
  },
  "a recipe of runnel",
  "{ version: 1, jobs: ... }",
);

/** A job as plans are made of it: durations in ms, sizes in bytes, keys as secrets. */
export type JobRecipe = z.output<typeof jobSchema>;
