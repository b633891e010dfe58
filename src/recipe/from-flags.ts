/**
 * planFromFlags: what stood on the command line becomes a Plan, or a UsageError with every problem. Pure: files,
 * variables and the clock come in with the request.
 */

import { collect, problemLine, UsageError, type UsageProblem } from "../errors.ts";
import type { NamedOptions } from "../rtmp/librtmp.ts";
import type { RtmpUrl } from "../rtmp/url.ts";
import { parseSource, secretsOf, type ParsedSource } from "./addresses.ts";
import { audioOfFlags, withAudio } from "./audio.ts";
import { applyCaptureFlags, captureJobName, refuseCaptureFlags, type CaptureTexts } from "./capture.ts";
import { DEFAULT_GRACE_MS, DEFAULT_RETRY, DEFAULT_STALL_MS, retryOf } from "./defaults.ts";
import { readSinks, type SinkRequest } from "./flag-sinks.ts";
import { listenJobName, planListener, type ListenerRequest } from "./listen.ts";
import type { NetPlan, Plan, SinkPlan, SourcePlan } from "./plan.ts";
import { readRecording, type RecordingTexts } from "./recording.ts";
import { secretsOfCommands } from "./secrets.ts";
import { isProblem, parseDuration, parseUntil, type Problem } from "./units.ts";

/** A command line, parsed but not understood. Texts as typed; undefined where a flag was not given. */
export type JobRequest = SinkRequest & {
  readonly named: NamedOptions;
  readonly durations: Readonly<Record<DurationFlag, string | undefined>>;
  readonly until: string | undefined;
  readonly recording: RecordingTexts;
  /** rtmpdump's --stop and --timeout, in seconds. */
  readonly stopSeconds: string | undefined;
  readonly timeoutSeconds: string | undefined;
  readonly follow: boolean;
  readonly loop: boolean;
  readonly realtime: boolean;
  readonly silentAudio: boolean;
  readonly audio: string | undefined;
  readonly capture: CaptureTexts;
  readonly listener: ListenerRequest;
  readonly ca: string | undefined;
  readonly insecure: boolean;
  readonly bind: string | undefined;
  readonly force: boolean;
  readonly now: Date;
  /** What of it could not be read. */
  readonly problems: readonly UsageProblem[];
};

/** Flags whose value is a duration. */
export type DurationFlag = "for" | "wait" | "stall" | "grace" | "retry-min" | "retry-max";

const CONNECT_TIMEOUT_MS = 10_000;
const STEP_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 15_000;

/** Each problem once: two readers may find the same. */
function withoutRepeats(problems: readonly UsageProblem[]): UsageProblem[] {
  return [...new Map(problems.map((problem) => [problemLine(problem), problem])).values()];
}

/** Names in URLs from this length on are masked wherever they stand. */
const MASKED_NAME_LENGTH = 10;

const SOURCES: Readonly<Record<JobRequest["verb"], readonly SourcePlan["kind"][]>> = {
  pull: ["rtmp", "http", "listen"],
  push: ["file", "stdin", "testcard", "capture"],
  relay: ["rtmp", "http", "listen"],
};

/** Understands a command line. Throws UsageError with all problems. */
export function planFromFlags(request: JobRequest): Plan {
  const problems: UsageProblem[] = [...request.problems];
  const tried = <T>(read: () => T): T | undefined => collect(problems, read)[0];
  const parsed = tried(() => readSource(request, problems));
  const audio = tried(() => audioOfFlags(request));
  const heard = tried(() => parsed && withAudio(parsed.source, audio));
  const recorded = tried(() => readSinks(request, problems)) ?? [];
  const job = tried(() => parsed && jobName(parsed.source, request.source ?? "")) ?? "";
  const listen = tried(() => planListener(request.source, request.listener, job));
  const sinks: SinkPlan[] =
    listen?.playName === undefined ? recorded : [...recorded, { kind: "players", name: "players" }];
  const times = readTimes(request, parsed?.timeout, problems);
  const record = readRecording(request.recording, sinks, problems);
  if (sinks.length === 0 && problems.length === 0) {
    problems.push({
      what: `${request.verb} needs a destination: runnel ${request.verb} SOURCE rtmp://HOST/APP/KEY`,
    });
  }
  if (problems.length > 0 || heard === undefined) throw new UsageError(withoutRepeats(problems));
  const source = heard;
  return {
    job,
    verb: request.verb,
    source,
    sinks,
    listen,
    for: times.for,
    until: times.until,
    wait: times.wait,
    follow: request.follow,
    grace: times.grace,
    retry: times.retry,
    net: netPlan(request, times.stall),
    realtime: request.realtime,
    loop: request.loop,
    ...(audio === "silent" ? { silentAudio: true } : {}),
    force: request.force,
    record,
    hooks: {},
    secrets: secretsOfRequest(request, source, sinks, listen?.key),
  };
}

/**
 * The secrets of a command line. A short name in a URL is a word like "live" that stands in paths and lines of ours
 * too: it is masked wherever the URL is shown, but not everywhere. What -k gives is hidden in every text, however short
 * it is; of a few characters, where it stands as a word (secret-text.ts).
 */
function secretsOfRequest(
  { keys }: JobRequest,
  source: SourcePlan,
  sinks: readonly SinkPlan[],
  listenKey: string | undefined,
): string[] {
  const given = [...keys.map((key) => key.value), ...(listenKey === undefined ? [] : [listenKey])];
  const words = sinks.flatMap((sink) => (sink.kind === "rtmp" ? [sink.url.streamName] : []));
  const isWord = (text: string): boolean => text.length < MASKED_NAME_LENGTH && words.includes(text);
  const found = secretsOfPlan(source, sinks, []).filter((secret) => !isWord(secret));
  return [...new Set([...found, ...given])];
}

function readSource(request: JobRequest, problems: UsageProblem[]): ParsedSource {
  const { verb, source: text, capture } = request;
  if (text === undefined) throw new UsageError(`${verb} needs a source: runnel ${verb} ${USAGE[verb]}`);
  const parsed = parseSource(text, request.named);
  const { kind } = parsed.source;
  if (!SOURCES[verb].includes(kind)) throw new UsageError(wrongSource(verb, kind, text));
  refuseIdleFlags(request, kind, problems);
  const isFile = kind === "file" || (parsed.source.kind === "capture" && parsed.source.input.kind === "file");
  if (request.loop && !isFile)
    throw new UsageError({ what: [{ flag: "--loop" }, " needs a file: a pipe cannot be read twice"] });
  if (parsed.source.kind === "capture") {
    const source = applyCaptureFlags(parsed.source, capture, problems);
    return { source, timeout: parsed.timeout };
  }
  refuseCaptureFlags(capture, problems);
  return parsed;
}

/** Problems for flags that mean nothing for a source of this kind. */
function refuseIdleFlags(request: JobRequest, kind: SourcePlan["kind"], problems: UsageProblem[]): void {
  const named = Object.entries(request.named).filter(([, value]) => value !== undefined);
  const refuse = (flag: string, what: string): void => void problems.push({ flag, what });
  if (kind !== "rtmp") for (const [name] of named) refuse(`--${name}`, "only for an RTMP source");
  if (request.follow && kind === "listen")
    refuse("--follow", "a source that listens waits for the next publisher anyway");
  if (request.bind !== undefined && kind === "http")
    refuse("--bind", "not for an HTTP source, whose local address the system chooses");
  if (!request.realtime && kind === "testcard") refuse("--no-realtime", "the test card is made in real time");
}

const USAGE = { pull: "SOURCE [FILE...]", push: "FILE DEST...", relay: "SOURCE DEST..." } as const;

function wrongSource(verb: JobRequest["verb"], kind: SourcePlan["kind"], text: string): UsageProblem {
  if (verb === "push")
    return {
      what: "push sends a file, a pipe, a camera or the test card",
      instead: "to send on a stream use relay, to record it pull",
    };
  const others: Partial<Record<SourcePlan["kind"], string>> = {
    file: "a file",
    stdin: "stdin",
    capture: "a camera, a command or raw video",
  };
  // An address that lacks its scheme would be a file name, and may hold a key.
  if (kind === "file" && /[/:]/.test(text) && !/\.flv$/i.test(text))
    return {
      what: `${verb} takes a stream from a server: write rtmp://HOST/APP/NAME`,
      instead: "to send a file use push",
    };
  const other = others[kind] ?? "the test card";
  const does = kind === "capture" ? "send or record" : "send";
  return {
    what: `${verb} takes a stream from a server, not ${other}`,
    instead: `to ${does} ${other} use push`,
  };
}

function readTimes(request: JobRequest, timeout: number | undefined, problems: UsageProblem[]) {
  const take = (flag: string, value: number | Problem | undefined): number | undefined => {
    if (!isProblem(value)) return value;
    problems.push({ flag: `--${flag}`, ...value });
    return undefined;
  };
  const duration = (flag: DurationFlag): number | undefined => {
    const text = request.durations[flag];
    return text === undefined ? undefined : take(flag, parseDuration(text));
  };
  const seconds = (flag: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
    problems.push({ flag: `--${flag}`, value: text, what: "is no number of seconds" });
    return undefined;
  };
  const until =
    request.until === undefined ? undefined : take("until", parseUntil(request.until, request.now));
  const retry = {
    min: positive("retry-min", duration("retry-min"), problems),
    max: positive("retry-max", duration("retry-max"), problems),
  };
  const stop = seconds("stop", request.stopSeconds);
  const given = duration("stall") ?? seconds("timeout", request.timeoutSeconds) ?? timeout;
  return {
    for: positive("for", duration("for"), problems) ?? positive("stop", stop, problems),
    until,
    wait: duration("wait"),
    grace: duration("grace") ?? DEFAULT_GRACE_MS,
    stall: positive("stall", given, problems) ?? DEFAULT_STALL_MS,
    retry: checkRetry(retry, problems),
  };
}

function positive(flag: string, ms: number | undefined, problems: UsageProblem[]): number | undefined {
  if (ms === undefined || ms > 0) return ms;
  problems.push({ flag: `--${flag}`, what: "must be longer than nothing" });
  return undefined;
}

function checkRetry(retry: { min: number | undefined; max: number | undefined }, problems: UsageProblem[]) {
  const both = retryOf(retry);
  if (both === undefined)
    problems.push({
      what: [{ flag: "--retry-max" }, " is shorter than ", { flag: "--retry-min" }],
    });
  return both ?? DEFAULT_RETRY;
}

/** How connections are made; no step may take longer than the stall time. */
export function netPlan(request: Pick<JobRequest, "ca" | "insecure" | "bind">, stall: number): NetPlan {
  return {
    ca: request.ca,
    insecure: request.insecure,
    bind: request.bind,
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, stall),
    stepTimeout: Math.min(STEP_TIMEOUT_MS, stall),
    startTimeout: Math.min(START_TIMEOUT_MS, stall),
    stall,
  };
}

/** The job's name in the log: the stream's, or the file's without its folder and ending. */
function jobName(source: SourcePlan, text: string): string {
  switch (source.kind) {
    case "rtmp":
      return plainName(source.url.streamName);
    case "http":
      return plainName(source.name);
    case "file":
      return plainName(source.path);
    case "stdin":
    case "testcard":
      return source.kind;
    case "capture":
      return captureJobName(source);
    case "listen":
      return listenJobName(text);
    default:
      return source satisfies never;
  }
}

function plainName(text: string): string {
  const last = text.replace(/\?.*$/s, "").replace(/\/+$/, "").split("/").at(-1) ?? "";
  return last.replace(/\.(flv|mp4)$/i, "") || "stream";
}

/** What of a plan must never be shown. */
export function secretsOfPlan(
  source: SourcePlan,
  sinks: readonly SinkPlan[],
  keys: readonly string[],
): string[] {
  const shown = source.kind === "rtmp" ? plainName(source.url.streamName) : "";
  const urls: RtmpUrl[] = sinks.flatMap((sink) => (sink.kind === "rtmp" ? [sink.url] : []));
  const secrets = [
    ...(source.kind === "rtmp" ? secretsOf(source.url, { nameIsSecret: false }) : []),
    ...(source.kind === "http"
      ? [URL.parse(source.url)?.search.slice(1) ?? "", URL.parse(source.url)?.password ?? ""]
      : []),
    ...(source.kind === "capture" ? secretsOfCommands(source.input, source.audio) : []),
    ...urls.flatMap((url) => secretsOf(url, { nameIsSecret: true })),
    ...keys,
  ];
  // A relay under the same name: hiding it everywhere would blank out the source's own name.
  return [...new Set(secrets)].filter((secret) => secret !== "" && secret !== shown);
}
