/**
 * The table of flags: one row each. The strict parser, the environment names, --help and the suggestions all
 * come from it. What a recipe can say too has its sentence, hint and default from the recipe's table, words.ts; only
 * flags without a key have their own.
 */

import { valueHint, WORDS, type KeyWords } from "../recipe/words.ts";

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
  /** The key of a recipe that does the same. */
  readonly words?: KeyWords;
  /** What is to be said beside the sentence of the key. */
  readonly note?: string;
  /** What the flag is for where it is for something else. */
  readonly docs?: Partial<Record<Verb, string>>;
  readonly verbs: readonly Verb[];
};

const JOBS: readonly Verb[] = ["pull", "push", "relay"];
/** Those that connect to servers. */
const ONLINE: readonly Verb[] = [...JOBS, "probe"];
/** Those that report on something: all but `schema`, which prints and takes no flags. */
const REPORTING: readonly Verb[] = [...ONLINE, "run", "repair", "check"];
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

/** A flag that does what a key of a recipe does. */
function keyed(
  name: string,
  words: KeyWords,
  verbs: readonly Verb[] = JOBS,
  more: Partial<Pick<Flag, "short" | "kind" | "note" | "docs">> = {},
): Flag {
  const hint = valueHint(words);
  const kind = hint === undefined ? "switch" : "value";
  return { name, kind, ...(hint === undefined ? {} : { hint }), doc: words.says, words, verbs, ...more };
}

/** Every flag of every verb, in the order of --help. */
export const FLAGS: readonly Flag[] = [
  keyed("output", WORDS.output, [...JOBS, "repair"], {
    short: "o",
    kind: "list",
    docs: { repair: "the mended file; NAME.repaired.flv, if not given" },
  }),
  toggle("check", "only say what is wrong and where, and exit with 3 if anything is", ["repair"]),
  keyed("to", WORDS.to, JOBS, { short: "t", kind: "list" }),
  keyed("key", WORDS.key, JOBS, {
    short: "k",
    kind: "list",
    note: "source=KEY: what publishers to listen: must know",
  }),
  keyed("for", WORDS.for, ONLINE, { docs: { probe: "watch a stream this long; 5s, if not given" } }),
  keyed("until", WORDS.until),
  keyed("wait", WORDS.wait, ["pull", "relay"]),
  keyed("follow", WORDS.follow, ["pull", "relay"]),
  keyed("stall", WORDS.stall, ONLINE),
  keyed("retry-min", WORDS.retryMin),
  keyed("retry-max", WORDS.retryMax),
  keyed("grace", WORDS.grace, ["pull", "relay"]),
  keyed("segment", WORDS.segment),
  keyed("align", WORDS.align),
  keyed("join", WORDS.join),
  keyed("keep-age", WORDS.keepAge),
  keyed("keep-size", WORDS.keepSize),
  keyed("keep-free", WORDS.keepFree),
  keyed("loop", WORDS.loop, ["push"]),
  keyed("audio", WORDS.audio),
  toggle("silent-audio", "the same as --audio silent"),
  keyed("fps", WORDS.fps, ["push"]),
  keyed("format", WORDS.format, ["push"]),
  keyed("clock", WORDS.clock, ["push"]),
  keyed("size", WORDS.size, ["push"]),
  keyed("bitrate", WORDS.bitrate, ["push"]),
  keyed("keyframe", WORDS.keyframe, ["push"]),
  keyed("rotation", WORDS.rotation, ["push"]),
  keyed("exposure", WORDS.exposure, ["push"]),
  keyed("no-realtime", WORDS.realtime, ["push"]),
  keyed("serve", WORDS.serve, ["push", "relay"], { kind: "optional" }),
  keyed("no-key", WORDS.noKey, ["pull", "relay"]),
  keyed("cert", WORDS.cert),
  keyed("cert-key", WORDS.certKey),
  keyed("ca", WORDS.ca, ONLINE),
  keyed("insecure", WORDS.insecure, ONLINE),
  keyed("bind", WORDS.bind, ONLINE),
  keyed("force", WORDS.force, [...JOBS, "repair"]),
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
    verbs: REPORTING,
  },
  { name: "verbose", short: "v", kind: "count", doc: "say more (-vv: what servers say)", verbs: REPORTING },
  toggle("json", "events as one JSON object a line on stdout", REPORTING),
  value("log-format", "text|json|journal", "form of the log on stderr", REPORTING),
  value("stats", "60s", "how often a status line is written where no terminal is", [...JOBS, "run"]),
  value("rtmp", "URL", "the source, as rtmpdump calls it", FROM_SERVER),
  keyed("playpath", WORDS.playpath, FROM_SERVER),
  keyed("app", WORDS.app, FROM_SERVER),
  keyed("tcUrl", WORDS.tcUrl, FROM_SERVER),
  keyed("pageUrl", WORDS.pageUrl, FROM_SERVER),
  keyed("swfUrl", WORDS.swfUrl, FROM_SERVER),
  keyed("flashVer", WORDS.flashVer, FROM_SERVER),
  keyed("conn", WORDS.conn, FROM_SERVER, { kind: "list" }),
  value("stop", "SECONDS", "the same as --for, in seconds, as rtmpdump has it", ["pull", "relay"]),
  value("timeout", "SECONDS", "the same as --stall, in seconds, as rtmpdump has it", FROM_SERVER),
  keyed("live", WORDS.live, FROM_SERVER),
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

/** What --help says of a flag of a verb. */
export function flagText({ kind, doc, docs, note, words }: Flag, verb: Verb): string {
  const other = docs?.[verb];
  if (other !== undefined) return other;
  const usual = kind === "value" && words?.shown !== undefined ? `default ${words.shown}` : undefined;
  const notes = [note, kind === "list" ? "repeatable" : undefined, usual].filter(
    (text) => text !== undefined,
  );
  return notes.length === 0 ? doc : `${doc} (${notes.join("; ")})`;
}
