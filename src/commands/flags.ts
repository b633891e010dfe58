/**
 * The table of flags: one row each. The strict parser, the environment names, --help and the suggestions all
 * come from it.
 */

import { WORDS } from "../recipe/words.ts";

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
  value("wait", "15m", WORDS.wait, ["pull", "relay"]),
  toggle("follow", WORDS.follow, ["pull", "relay"]),
  value("stall", "15s", WORDS.stall, ALL),
  value("retry-min", "1s", WORDS.retryMin),
  value("retry-max", "60s", WORDS.retryMax),
  value("grace", "10s", WORDS.grace, ["pull", "relay"]),
  value("segment", "30m", WORDS.segment),
  value("align", "clock", WORDS.align),
  value("join", "90s", WORDS.join),
  value("keep-age", "14d", WORDS.keepAge),
  value("keep-size", "200GiB", WORDS.keepSize),
  value("keep-free", "2GiB", WORDS.keepFree),
  toggle("loop", WORDS.loop, ["push"]),
  value("audio", "silent|exec:COMMAND", WORDS.audio, ["push", "relay"]),
  toggle("silent-audio", "add a track of silence where the source has no sound", ["push", "relay"]),
  value("fps", "25", WORDS.fps, ["push"]),
  value("format", "flv|h264|hevc", WORDS.format, ["push"]),
  value("clock", "arrival|fps|FILE", WORDS.clock, ["push"]),
  value("size", "1280x720", WORDS.size, ["push"]),
  value("bitrate", "3M", WORDS.bitrate, ["push"]),
  value("keyframe", "2s", WORDS.keyframe, ["push"]),
  value("rotation", "180", WORDS.rotation, ["push"]),
  value("exposure", "sport", WORDS.exposure, ["push"]),
  toggle("no-realtime", "send the file as fast as the slowest destination takes it", ["push"]),
  {
    name: "serve",
    kind: "optional",
    hint: "HOST:PORT/APP/NAME",
    doc: "let players watch the stream, at --serve=HOST:PORT/APP/NAME or at the address of a source that listens",
    verbs: ["push", "relay"],
  },
  toggle("no-key", WORDS.noKey, ["pull", "relay"]),
  value("cert", "FILE", WORDS.cert),
  value("cert-key", "FILE", WORDS.certKey),
  value("ca", "FILE", "trust this certificate authority (PEM) too", ALL),
  toggle("insecure", "accept any certificate", ALL),
  value("bind", "ADDR", "connect from this local address", ALL),
  toggle("force", WORDS.force, [...JOBS, "repair"]),
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
  value("playpath", "NAME", WORDS.playpath, FROM_SERVER),
  value("app", "NAME", "the application, where the URL leaves it open", FROM_SERVER),
  value("tcUrl", "URL", WORDS.tcUrl, FROM_SERVER),
  value("pageUrl", "URL", WORDS.pageUrl, FROM_SERVER),
  value("swfUrl", "URL", WORDS.swfUrl, FROM_SERVER),
  value("flashVer", "TEXT", WORDS.flashVer, FROM_SERVER),
  {
    name: "conn",
    kind: "list",
    hint: "TYPE:DATA",
    doc: `${WORDS.conn} (repeatable)`,
    verbs: FROM_SERVER,
  },
  value("stop", "SECONDS", "the same as --for, in seconds, as rtmpdump has it", ["pull", "relay"]),
  value("timeout", "SECONDS", "the same as --stall, in seconds, as rtmpdump has it", FROM_SERVER),
  toggle("live", WORDS.live, FROM_SERVER),
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
