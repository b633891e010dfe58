/**
 * From parsed arguments to a plan: reads what flags point to (keys in files and variables, certificates), and leaves the
 * rest to from-flags.ts.
 */

import { readFileSync } from "node:fs";
import { collect, fileFault, UsageError, type UsageProblem } from "../errors.ts";
import { DEFAULT_TEMPLATE } from "../pipeline/file-name.ts";
import type { WrittenKey } from "../recipe/flag-sinks.ts";
import { planFromFlags, type JobRequest } from "../recipe/from-flags.ts";
import { splitName } from "../recipe/addresses.ts";
import { LISTEN_KEY_NAME } from "../recipe/listen.ts";
import type { NamedOptions } from "../rtmp/librtmp.ts";
import type { Plan } from "../recipe/plan.ts";
import { sayingVariables, type Args } from "./args.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The plan of a command line. Throws UsageError with all problems, those of variables under their names. */
export function planFromArgs(
  verb: JobRequest["verb"],
  args: Args,
  { environment, now }: { readonly environment: Environment; readonly now: Date },
): Plan {
  return sayingVariables(args, () => planFromFlags(jobRequest(verb, args, { environment, now })));
}

/** The request that a command line amounts to, with what is wrong about files and variables. */
function jobRequest(
  verb: JobRequest["verb"],
  args: Args,
  { environment, now }: { readonly environment: Environment; readonly now: Date },
): JobRequest {
  const problems: UsageProblem[] = [];
  const { one, many, given, has } = readersOf(args);
  const rtmp = one("rtmp");
  const [first, ...rest] = args.positionals;
  const [source, positional] = rtmp === undefined ? [first, rest] : [rtmp, args.positionals];
  const destinations = [...positional, ...many("to")];
  const keys = readKeys(
    many("key"),
    [...destinations.map((text) => splitName(text).name), LISTEN_KEY_NAME],
    (value) => collect(problems, () => readKey(value, environment))[0] ?? UNREAD,
  );
  const pem = (flag: string, what: string): string | undefined => {
    const read = collect(problems, () => readPem(one(flag), `--${flag}`, what));
    return read.length === 0 ? UNREAD : read[0];
  };
  return {
    verb,
    source,
    destinations,
    outputs: many("output"),
    keys,
    listener: {
      serve: has("serve"),
      serveAddress: one("serve"),
      key: keys.find((key) => key.name === LISTEN_KEY_NAME)?.value,
      noKey: has("no-key"),
      cert: pem("cert", "CERTIFICATE"),
      certKey: pem("cert-key", "PRIVATE KEY"),
    },
    named: namedOptions(args),
    durations: given("for", "wait", "stall", "grace", "retry-min", "retry-max"),
    until: one("until"),
    recording: given("segment", "align", "join", "keep-age", "keep-size", "keep-free"),
    stopSeconds: one("stop"),
    timeoutSeconds: one("timeout"),
    follow: has("follow"),
    loop: has("loop"),
    realtime: !has("no-realtime"),
    silentAudio: has("silent-audio"),
    audio: one("audio"),
    capture: given("fps", "format", "clock", "size", "bitrate", "keyframe", "rotation", "exposure"),
    ca: pem("ca", "CERTIFICATE"),
    insecure: has("insecure"),
    bind: one("bind"),
    force: has("force"),
    now,
    defaultTemplate: DEFAULT_TEMPLATE,
    problems,
  };
}

/** Ways to ask what was given: the text of a flag, all of them, those of several flags, whether a switch stands. */
function readersOf({ values, counts }: Args) {
  const one = (name: string): string | undefined => values.get(name)?.[0];
  return {
    one,
    many: (name: string): readonly string[] => values.get(name) ?? [],
    given: <Name extends string>(...names: readonly Name[]) =>
      Object.fromEntries(names.map((name) => [name, one(name)])) as Record<Name, string | undefined>,
    has: (name: string): boolean => (counts.get(name) ?? 0) > 0,
  };
}

/** Stands for a text that could not be read, so that what is wrong beside it can be found. */
const UNREAD = "unread";

/** rtmpdump's flags. */
export function namedOptions(args: Args): NamedOptions {
  const { one } = readersOf(args);
  const conn = args.values.get("conn");
  return {
    playpath: one("playpath"),
    app: one("app"),
    tcUrl: one("tcUrl"),
    pageUrl: one("pageUrl"),
    swfUrl: one("swfUrl"),
    flashVer: one("flashVer"),
    conn: conn === undefined ? undefined : [...conn],
    live: (args.counts.get("live") ?? 0) > 0 ? true : undefined,
  };
}

/** PEM text that --ca names. */
export function readCertificate(path: string | undefined): string | undefined {
  return readPem(path, "--ca", "CERTIFICATE");
}

function readPem(path: string | undefined, flag: string, what: string): string | undefined {
  if (path === undefined) return undefined;
  const text = readText(path, flag);
  if (!new RegExp(`-----BEGIN [A-Z ]*${what}-----`).test(text)) {
    throw new UsageError({ flag, value: path, what: `holds no PEM ${what.toLowerCase()}` });
  }
  return text;
}

/**
 * Keys hold = themselves, so NAME= counts only if a destination has that name; what could have been meant as one is
 * told apart, and nothing is read for a name that is certainly wrong.
 */
function readKeys(
  texts: readonly string[],
  names: readonly (string | undefined)[],
  read: (value: string) => string,
): WrittenKey[] {
  return texts.map((text) => {
    const [, front = "", rest = ""] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.*)$/s.exec(text) ?? [];
    if (front === "") return { name: undefined, value: read(text) };
    if (names.includes(front)) return { name: front, value: read(rest) };
    // Padding of base64 names nothing.
    if (/^=?$/.test(rest)) return { name: undefined, value: text };
    const certain = /^(?:env:|@)/.test(rest);
    return { name: undefined, value: certain ? UNREAD : text, unknown: { text: front, certain } };
  });
}

function readKey(value: string, environment: Environment): string {
  if (value.startsWith("@")) {
    const key = readText(value.slice(1), "-k").trim();
    if (key === "") throw new UsageError({ flag: "-k", value: value.slice(1), what: "is empty" });
    return key;
  }
  if (!value.startsWith("env:")) {
    refuseVariableName(value, environment);
    return value;
  }
  const key = environment[value.slice(4)];
  if (key === undefined || key === "") {
    throw new UsageError({ flag: "-k", what: `the variable ${value.slice(4)} is not set` });
  }
  return key;
}

/** A key that is the name of a variable was meant to be what the variable holds. */
function refuseVariableName(value: string, environment: Environment): void {
  const isSet = /^[A-Za-z_]\w*$/.test(value) && (environment[value] ?? "") !== "";
  if (!isSet && !/^(?:[A-Z][A-Z0-9]*_)+KEY$/.test(value)) return;
  // What is no variable may be a key after all, and is not repeated.
  if (!isSet)
    throw new UsageError({
      flag: "-k",
      what: "this looks like a variable's name",
      instead: "write -k env:NAME for what it holds",
    });
  throw new UsageError({
    flag: "-k",
    what: `${value} is a variable`,
    instead: `write -k env:${value} for what it holds`,
  });
}

function readText(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError({ flag, what: `cannot read "${path}": ${fileFault(cause)}` });
  }
}
