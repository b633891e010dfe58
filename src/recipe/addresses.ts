/**
 * Addresses as people write them on a command line or in a recipe: where media comes from and where it goes.
 * Problems are collected, so that all of them can be said at once.
 */

import { UsageError, type UsageProblem, type Words } from "../errors.ts";
import { isLibrtmpAddress, parseLibrtmpAddress, type NamedOptions } from "../rtmp/librtmp.ts";
import { parseRtmpServer, parseRtmpUrl, redactText, redactUrl, withKey, type RtmpUrl } from "../rtmp/url.ts";
import { isCaptureAddress, parseCapture } from "./capture.ts";
import type { SinkPlan, SourcePlan } from "./plan.ts";
import { SHORTEST_TOKEN } from "./secrets.ts";

/** Sources that the specification names and this version does not have yet. */
const LATER = /^(rtsp):/i;

/** The address of a source with nothing in it that could be a secret. */
export const HARMLESS_SOURCE = /^[^@?\s]*\/[a-z][a-z-]{0,8}\/?$/;

/** A source and what its text said beside the address; `timeout` in ms. */
export type ParsedSource = { readonly source: SourcePlan; readonly timeout: number | undefined };

/** Parses a SOURCE; `named` are rtmpdump's flags. Throws UsageError. */
export function parseSource(text: string, named: NamedOptions): ParsedSource {
  if (text === "-") return { source: { kind: "stdin" }, timeout: undefined };
  if (/^rtmp\w*:\/\//i.test(text)) return parseRtmpSource(text, named);
  if (/^https?:\/\//i.test(text)) {
    return { source: { kind: "http", url: text, name: httpName(text) }, timeout: undefined };
  }
  if (/^testcard:/i.test(text)) return { source: testCard(text), timeout: undefined };
  if (/^(testcard|rpicam|v4l2|camera)$/i.test(text)) {
    const kind = text.toLowerCase();
    const write = kind === "testcard" ? "testcard:" : `camera:${kind === "camera" ? "rpicam" : kind}`;
    throw new UsageError({
      value: text,
      what: "is no source",
      instead: `write ${write}, or ./${text} for a file of that name`,
    });
  }
  if (isCaptureAddress(text)) return { source: parseCapture(text), timeout: undefined };
  if (isListenAddress(text)) return { source: { kind: "listen" }, timeout: undefined };
  const later = LATER.exec(text);
  if (later !== null)
    throw new UsageError({
      what: `sources of the kind "${later[1]}:" are not in this version of runnel`,
      instead: 'push takes them from ffmpeg: "exec:ffmpeg -nostdin -v error -i ADDRESS -c copy -f flv -"',
    });
  if (/\.ya?ml$/i.test(text))
    throw new UsageError({
      value: text,
      what: "is a recipe",
      instead: "it can only stand alone, where SOURCE stands",
    });
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new UsageError({
      value: redactText(text),
      what: "is no source that runnel knows",
      instead: "rtmp:// rtmps:// http(s):// or a file",
    });
  }
  return { source: { kind: "file", path: text }, timeout: undefined };
}

/** Whether this source waits for publishers. */
function isListenAddress(text: string): boolean {
  return /^listen:/i.test(text);
}

function testCard(text: string): SourcePlan {
  if (text.length > "testcard:".length)
    throw new UsageError({ value: "testcard:", what: "takes nothing behind it", instead: "write testcard:" });
  return { kind: "testcard" };
}

/** A stream that is played has a name and seldom a key: what is a plain word need not be hidden in messages. */
function parseRtmpSource(text: string, named: NamedOptions): ParsedSource {
  try {
    return readRtmpSource(text, named);
  } catch (error) {
    if (!(error instanceof UsageError) || !HARMLESS_SOURCE.test(text)) throw error;
    throw new UsageError(error.problems.map((problem) => shown(problem, text)));
  }
}

/** A problem of an address with the address as it was written. */
function shown(problem: UsageProblem, text: string): UsageProblem {
  const redacted = redactText(text);
  if (problem.value === redacted) return { ...problem, value: text };
  if (typeof problem.what === "string") return problem;
  const isIt = (words: Words): boolean => typeof words === "object" && "address" in words;
  return { ...problem, what: problem.what.map((words) => (isIt(words) ? { address: text } : words)) };
}

function readRtmpSource(text: string, named: NamedOptions): ParsedSource {
  const librtmp = isLibrtmpAddress(text);
  const { url, timeout } = librtmp
    ? parseLibrtmpAddress(text, named)
    : { url: parseLibrtmpAddress(escapeSpaces(text), named).url, timeout: undefined };
  if (url.streamName === "") {
    throw new UsageError({
      value: redactUrl(url),
      what: "names no stream",
      instead: "add /NAME, or --playpath NAME",
    });
  }
  return { source: { kind: "rtmp", url }, timeout };
}

function escapeSpaces(text: string): string {
  return text.trim().replace(/ /g, "%20");
}

/** An HTTP URL for people: no credentials, no query. */
function httpName(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new UsageError({ value: redactText(text), what: "is no URL" });
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** A destination as written, its name apart. */
export type WrittenDestination = { readonly name: string | undefined; readonly address: string };

/** Splits `NAME=URL`; a URL may hold = itself. */
export function splitName(text: string): WrittenDestination {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(rtmp\w*:\/\/.*)$/is.exec(text);
  return match === null ? { name: undefined, address: text } : { name: match[1]!, address: match[2]! };
}

/** Whether this is an RTMP address, as against a file. */
export function isRtmpAddress(address: string): boolean {
  return /^rtmp\w*:\/\//i.test(address);
}

/** Parses a destination on a server. With a key the whole path is the app. Throws UsageError. */
export function parseDestination(address: string, key: string | undefined): RtmpUrl {
  const url = key === undefined ? parseRtmpUrl(address) : withKey(parseRtmpServer(address), key);
  if (url.streamName === "") {
    throw new UsageError({
      value: redactUrl(url),
      what: "has no stream key",
      instead: "add /KEY to it, or -k KEY (env:VAR, @FILE)",
    });
  }
  return url;
}

/** How names of recordings end that other programs make, and runnel does not. */
export const OTHER_CONTAINER = /(?<=[^/])\.(mp4|m4v|mov|mkv|webm|avi|mpg|ts)$/i;

/** A recording as a sink; `-` is stdout. Throws UsageError for an address, which may be misspelt and hold a key. */
export function recordingSink(path: string): SinkPlan {
  if (path === "-") return { kind: "stdout", name: "stdout" };
  if (path === "") throw new UsageError("a recording needs a name");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    const what = isRtmpAddress(path)
      ? { what: "is no file", instead: "write it as a destination, or behind -t" }
      : { what: "is neither a file nor rtmp://" };
    throw new UsageError({ value: redactText(path), ...what });
  }
  if (path.endsWith("/")) throw new UsageError(aFolder(path));
  const other = OTHER_CONTAINER.exec(path);
  if (other !== null) {
    const flv = path.slice(0, other.index);
    throw new UsageError({
      what: `"${path}": recordings are FLV, ${other[1]!.toUpperCase()} is not in this version of runnel`,
      instead: `write ${flv}.flv`,
    });
  }
  const last = path.split("/").at(-1) || path;
  return { kind: "file", name: /[{%]/.test(last) ? "recording" : last, template: path };
}

/** What to say of a recording whose name is that of a folder. */
export function aFolder(path: string): UsageProblem {
  const instead = `write ${path.replace(/\/+$/, "")}/{stream}_{date}_{time}.flv`;
  return { value: path, what: "is a folder", instead };
}

/** What must never be shown of an address: keys, tokens and passwords, longest parts first. */
export function secretsOf(url: RtmpUrl, options: { nameIsSecret: boolean }): string[] {
  const connectArgs = (url.connectArgs ?? []).filter((value) => typeof value === "string");
  const queries = [url.app, url.streamName, url.tcUrl ?? "", url.swfUrl ?? ""].flatMap((text) => {
    const q = text.indexOf("?");
    const query = q < 0 ? "" : text.slice(q + 1);
    return [query, ...query.split("&").map(secretOfPair)];
  });
  const name = options.nameIsSecret ? [url.streamName, url.streamName.replace(/\?.*$/s, "")] : [];
  return [
    ...name,
    ...queries,
    ...connectArgs.filter((text) => text.length >= SHORTEST_TOKEN),
    url.password ?? "",
  ].filter((text) => text !== "");
}

/** What is secret of a part of a query: `token=...` is, but each 1 in every line is none because of `backup=1`. */
function secretOfPair(pair: string): string {
  const value = pair.replace(/^[^=]*=/, "");
  if (value === "") return "";
  return value.length < SHORTEST_TOKEN ? pair : value;
}
