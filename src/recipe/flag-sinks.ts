/**
 * Where a command line sends its stream: positionals, -o, -t and -k become recordings and destinations. Problems are
 * collected, so that all of them can be said at once. Pure; a part of planFromFlags.
 */

import { collect, type UsageProblem } from "../errors.ts";
import {
  isRtmpAddress,
  OTHER_CONTAINER,
  parseDestination,
  recordingSink,
  splitName,
  type WrittenDestination,
} from "./addresses.ts";
import { DEFAULT_BUFFER } from "./defaults.ts";
import { LISTEN_KEY_NAME } from "./listen.ts";
import { nearest } from "./nearest.ts";
import type { SinkPlan } from "./plan.ts";

/** A key: what -k gives, resolved, and the destination that it names, if it names one. */
export type WrittenKey = {
  readonly name: string | undefined;
  readonly value: string;
  /** What stands before = where it could be a name, and no destination has it. */
  readonly unknown?: UnknownName;
};

/** `certain`: behind = stands where a key is to be read (env:, @), so this is a name and not part of a key. */
export type UnknownName = { readonly text: string; readonly certain: boolean };

/** What of a command line says where the stream goes. Texts as typed. */
export type SinkRequest = {
  readonly verb: "pull" | "push" | "relay";
  readonly source: string | undefined;
  /** Positionals behind the source, then -t. */
  readonly destinations: readonly string[];
  readonly outputs: readonly string[];
  /** -k, with env: and @ already resolved. */
  readonly keys: readonly WrittenKey[];
  readonly defaultTemplate: string;
};

/** The recordings and destinations of a command line; what is wrong with them is added to `problems`. */
export function readSinks(request: SinkRequest, problems: UsageProblem[]): SinkPlan[] {
  const { verb } = request;
  const outputs = [...request.outputs];
  const written: WrittenDestination[] = [];
  for (const text of request.destinations) {
    const destination = splitName(text);
    if (isRtmpAddress(destination.address)) written.push(destination);
    else if (verb === "pull" || isRecording(text) || OTHER_CONTAINER.test(text)) outputs.push(text);
    else problems.push(notADestination(text));
  }
  if (verb === "pull" && outputs.length === 0 && written.length === 0) outputs.push(request.defaultTemplate);
  if (outputs.filter((path) => path === "-").length > 1)
    problems.push({ what: "stdout can take one recording only" });
  const recordings = outputs.flatMap((path) => collect(problems, () => recordingSink(path)));
  return [...recordings, ...readDestinations(written, request, problems)];
}

/** Where an address is expected, only what cannot be a misspelt one is a recording. */
function isRecording(text: string): boolean {
  return text === "-" || /\.flv$/i.test(text) || /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** An address without its scheme would be a file name, and may hold a key; a bare word may be one. */
function notADestination(text: string): UsageProblem {
  const what = "is neither an address nor an FLV file";
  if (!/[./:]/.test(text))
    return {
      what: `one destination ${what}`,
      instead: "write rtmp://HOST/APP/KEY, -k env:VAR for a stream key, or -o FILE to record",
    };
  const host = text.split("/")[0] ?? "";
  const value = `${host}${text.length > host.length ? "/***" : ""}`;
  return { value, what, instead: "write rtmp://HOST/APP/KEY, or -o FILE to record" };
}

function readDestinations(
  written: readonly WrittenDestination[],
  request: SinkRequest,
  problems: UsageProblem[],
): SinkPlan[] {
  const keys = written.length === 0 ? request.keys : knownKeys(written, request, problems);
  checkNames(written, keys, request, problems);
  const sinks: SinkPlan[] = [];
  for (const destination of written) {
    const key = keys.find((candidate) => candidate.name === undefined || candidate.name === destination.name);
    // Where a key is missing because its name is wrong, the name is what there is to say.
    const faults = key === undefined && keys.length < request.keys.length ? [] : problems;
    for (const url of collect(faults, () => parseDestination(destination.address, key?.value))) {
      const name = freeName(destination.name ?? url.host, sinks);
      sinks.push({ kind: "rtmp", name, url, queue: DEFAULT_BUFFER, retry: undefined, required: true });
    }
  }
  return sinks;
}

/** The keys without those whose name no destination has, and that are no part of a key: each of these is a problem. */
function knownKeys(
  written: readonly WrittenDestination[],
  { keys, source = "" }: SinkRequest,
  problems: UsageProblem[],
): WrittenKey[] {
  const names = written.flatMap(({ name }) => name ?? []);
  const candidates = /^listen:/i.test(source) ? [...names, LISTEN_KEY_NAME] : names;
  return keys.filter(({ unknown }) => {
    const isName = unknown?.certain === true || nearest(unknown?.text ?? "", names) !== undefined;
    if (unknown === undefined || !isName) return true;
    problems.push(noSuchName(unknown.text, names, candidates));
    return false;
  });
}

function noSuchName(text: string, names: readonly string[], candidates: readonly string[]): UsageProblem {
  const near = nearest(text, candidates);
  const there =
    names.length === 0 ? "none has a name" : `there ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`;
  const other = names.length === 0 ? `write -t ${text}=URL to name one` : "write one of these names";
  return {
    flag: "-k",
    what: `no destination is called "${text}": ${there}`,
    instead: near === undefined ? other : `did you mean ${near}?`,
  };
}

/** Each name stands for one destination, and each key for one that has no other. */
function checkNames(
  written: readonly WrittenDestination[],
  keys: readonly WrittenKey[],
  { source = "" }: SinkRequest,
  problems: UsageProblem[],
): void {
  const hint = /^listen:/i.test(source) ? { instead: "what publishers must know is -k source=..." } : {};
  const names = written.flatMap(({ name }) => name ?? []);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) problems.push({ what: `two destinations are called ${twice}` });
  const mine = keys.filter((key) => key.name !== LISTEN_KEY_NAME);
  const fits = (key: WrittenKey, { name }: WrittenDestination): boolean =>
    key.name === undefined || key.name === name;
  for (const key of mine) {
    const matches = written.filter((destination) => fits(key, destination)).length;
    if (matches === 0)
      problems.push({
        what: [{ flag: "-k" }, " is for a destination on a server, and there is none"],
        ...hint,
      });
    if (matches > 1 && twice === undefined) problems.push(fitsSeveral(key, names));
  }
  const doubled = written.find((destination) => mine.filter((key) => fits(key, destination)).length > 1);
  if (doubled !== undefined)
    problems.push({
      what: `two keys for ${doubled.name ?? "the same destination"}`,
      instead: "one is enough",
    });
}

/** What stands before = may be part of the key: it is repeated only if it resembles a name. */
function fitsSeveral({ unknown }: WrittenKey, names: readonly string[]): UsageProblem {
  const near = unknown === undefined ? undefined : nearest(unknown.text, names);
  if (unknown !== undefined && near !== undefined) return noSuchName(unknown.text, names, names);
  const none =
    unknown === undefined || names.length === 0 ? "" : `, and what stands before = names none of them`;
  return {
    what: [{ flag: "-k" }, ` fits several destinations${none}`],
    instead:
      none === ""
        ? "name them: -t NAME=URL -k NAME=KEY"
        : `write -k NAME=KEY, with one of ${names.join(", ")}`,
  };
}

function freeName(wanted: string, sinks: readonly SinkPlan[]): string {
  let name = wanted;
  for (let n = 2; sinks.some((sink) => sink.name === name); n++) name = `${wanted}-${n}`;
  return name;
}
