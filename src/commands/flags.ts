/**
 * The table of flags: one row each. The strict parser, the environment names, --help and the suggestions all
 * come from it.
 */

/** The subcommands that take flags. */
export type Verb = "pull" | "push" | "relay" | "probe" | "repair" | "check" | "schema" | "run";

/** `switch` takes no value, `count` may be repeated for more, `optional` takes one only behind =, `value` takes one, `list` one each time. */
export type FlagKind = "switch" | "count" | "optional" | "value" | "list";

/** One flag. `hint` stands for its value in --help. */
export type Flag = {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  readonly hint?: string;
  readonly doc: string;
  readonly verbs: readonly Verb[];
};

const JOBS: readonly Verb[] = ["pull", "push", "relay"];
const ALL: readonly Verb[] = ["pull", "push", "relay", "probe"];
/** What every command takes, those that only read a file too. */
const ANY: readonly Verb[] = [...ALL, "run", "repair", "check"];
const FROM_SERVER: readonly Verb[] = ["pull", "relay", "probe"];

const value = (name: string, hint: string, doc: string, verbs: readonly Verb[] = JOBS): Flag => ({
  name,
  kind: "value",
  hint,
  doc,
  verbs,
});
const toggle = (name: string, doc: string, verbs: readonly Verb[] = JOBS): Flag => ({
  name,
  kind: "switch",
  doc,
  verbs,
});

/** Every flag of every verb, in the order of --help. */
export const FLAGS: readonly Flag[] = [
  {
    name: "output",
    short: "o",
    kind: "list",
    hint: "PATH",
    doc: "record to this FLV file (repeatable; - is stdout; {app} {stream} {job} {date} {time} {n} and %Y %m %d ... are filled in; repair: the mended file, instead of NAME.repaired.flv)",
    verbs: [...JOBS, "repair"],
  },
  toggle("check", "only say what is wrong and where, and exit with 3 if anything is", ["repair"]),
  {
    name: "to",
    short: "t",
    kind: "list",
    hint: "[NAME=]URL",
    doc: "send to this RTMP address (repeatable)",
    verbs: JOBS,
  },
  {
    name: "key",
    short: "k",
    kind: "list",
    hint: "[NAME=]KEY|env:VAR|@FILE",
    doc: "stream key of a destination, appended to its URL (source=KEY: what publishers to listen: must know)",
    verbs: JOBS,
  },
  value("for", "2h", "stop this long after the first media (probe: 5s)", ALL),
  value("until", "06:00", "stop at this time"),
  value("wait", "15m", "the stream is not live yet: keep trying this long", ["pull", "relay"]),
  toggle("follow", "when the stream ends, wait for its next session, each in files of its own", [
    "pull",
    "relay",
  ]),
  value("stall", "15s", "a connection on which nothing moves for this long is lost", ALL),
  value("retry-min", "1s", "first wait before trying again"),
  value("retry-max", "60s", "longest wait before trying again"),
  value("grace", "10s", "keep destinations connected this long when the source is lost", ["pull", "relay"]),
  value("segment", "30m", "a new file after this long, cut at a keyframe"),
  value("align", "clock", "cut on the clock: with --segment 30m at :00 and :30"),
  value("join", "90s", "an outage shorter than this goes on in the same file"),
  value("keep-age", "14d", "delete finished files of this recording that are older"),
  value("keep-size", "200GiB", "delete its oldest finished files when all of them are larger"),
  value("keep-free", "2GiB", "delete its oldest finished files when the disk has less room"),
  toggle("loop", "start the file over at its end, for ever", ["push"]),
  toggle("silent-audio", "add a track of silence where the source has no sound", ["push", "relay"]),
  value("fps", "25", "frames per second: asked of a camera, counted in raw video", ["push"]),
  value("format", "flv|h264|hevc", "what exec: writes (flv), what h264: holds (h264)", ["push"]),
  value(
    "clock",
    "arrival|fps|FILE",
    "times of raw video: as it comes (pipes), counted (files), a list in ms",
    ["push"],
  ),
  value("size", "1280x720", "the size of a camera's picture", ["push"]),
  value("bitrate", "3M", "the bit rate of a camera", ["push"]),
  value("keyframe", "2s", "the distance of a camera's keyframes", ["push"]),
  value("rotation", "180", "turns the picture of camera:rpicam", ["push"]),
  value("exposure", "sport", "the exposure mode of camera:rpicam", ["push"]),
  toggle("no-realtime", "send the file as fast as the slowest destination takes it", ["push"]),
  {
    name: "serve",
    kind: "optional",
    hint: "HOST:PORT/APP/NAME",
    doc: "let players watch the stream, at --serve=HOST:PORT/APP/NAME or at the address of a source that listens",
    verbs: ["push", "relay"],
  },
  toggle("no-key", "let anybody who reaches the listener publish", ["pull", "relay"]),
  value("cert", "FILE", "certificate of the listener (PEM): it speaks RTMPS"),
  value("cert-key", "FILE", "private key of that certificate (PEM)"),
  value("ca", "FILE", "trust this certificate authority (PEM) too", ALL),
  toggle("insecure", "accept any certificate", ALL),
  value("bind", "ADDR", "connect from this local address", ALL),
  toggle("force", "overwrite existing files", [...JOBS, "repair"]),
  toggle("dry-run", "say what would be done, and do nothing"),
  value("job", "NAME", "of a recipe: only this job", [...JOBS, "run", "check"]),
  toggle("print-recipe", "print the recipe that does the same, and do nothing"),
  value("next", "5", "when each job begins, this many times", ["check"]),
  toggle("resolved", "every value of the plan and where it came from", ["check"]),
  toggle("probe", "dial sources and destinations, without going live", ["check"]),
  {
    name: "quiet",
    short: "q",
    kind: "switch",
    doc: "say only what goes wrong, and the last line",
    verbs: ANY,
  },
  { name: "verbose", short: "v", kind: "count", doc: "say more (-vv: what servers say)", verbs: ANY },
  toggle("json", "events as one JSON object a line on stdout", ANY),
  value("log-format", "text|json|journal", "form of the log on stderr", ANY),
  value("stats", "60s", "how often a status line is written where no terminal is", [...JOBS, "run"]),
  value("rtmp", "URL", "the source, as rtmpdump calls it", FROM_SERVER),
  value("playpath", "NAME", "the stream's name, apart from the URL", FROM_SERVER),
  value("app", "NAME", "the application, where the URL leaves it open", FROM_SERVER),
  value("tcUrl", "URL", "what to tell the server as tcUrl", FROM_SERVER),
  value("pageUrl", "URL", "what to tell the server as pageUrl", FROM_SERVER),
  value("swfUrl", "URL", "what to tell the server as swfUrl", FROM_SERVER),
  value("flashVer", "TEXT", "what to tell the server as flashVer", FROM_SERVER),
  {
    name: "conn",
    kind: "list",
    hint: "TYPE:DATA",
    doc: "further argument of connect, as rtmpdump writes it (repeatable)",
    verbs: FROM_SERVER,
  },
  value("stop", "SECONDS", "the same as --for, in seconds, as rtmpdump has it", ["pull", "relay"]),
  value("timeout", "SECONDS", "the same as --stall, in seconds, as rtmpdump has it", FROM_SERVER),
  toggle("live", "play the live stream only, never a recording", FROM_SERVER),
];

/** The environment variable of a flag: --retry-min is RUNNEL_RETRY_MIN. */
export function environmentName(flag: Flag): string {
  const snake = flag.name.replace(/-/g, "_").replace(/([a-z])([A-Z])/g, "$1_$2");
  return `RUNNEL_${snake.toUpperCase()}`;
}

/** The flags of one verb. */
export function flagsOf(verb: Verb): readonly Flag[] {
  return FLAGS.filter((flag) => flag.verbs.includes(verb));
}
