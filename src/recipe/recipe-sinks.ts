/**
 * Where a recipe's job sends and records: `to`, `record` and the rules for recordings. A part of planFromRecipe.
 */

import { parseRtmpServer, parseRtmpUrl, redactUrl, withKey, type RtmpUrl } from "../rtmp/url.ts";
import { isRtmpAddress, recordingSink } from "./addresses.ts";
import { DEFAULT_BUFFER, retryOf } from "./defaults.ts";
import { long, type JobReader, type RecordRecipe, type ToRecipe } from "./job-reader.ts";
import {
  PLAIN_RECORDING,
  type DestinationPlan,
  type RecordPlan,
  type RetryPolicy,
  type SinkPlan,
} from "./plan.ts";

/** Names that the log uses for other parts of a job. */
const TAKEN = ["source", "listener", "players", "stdout"];

/** The recordings of a job. */
export function planRecordings(reader: JobReader, record: Partial<RecordRecipe>): SinkPlan[] {
  if (reader.recipe.record === undefined) return [];
  const { path } = record;
  if (path === undefined) {
    const instead = "write path: recordings/{job}_{date}_{time}.flv";
    reader.say(["record"], `"record" names no file — ${instead}`, [["record", "path"]]);
    return [];
  }
  const paths = typeof path === "string" ? [path] : path;
  if (paths.filter((one) => one === "-").length > 1) {
    reader.say(["record", "path"], "stdout can take one recording only — name a file");
  }
  return paths.flatMap((one, i) => {
    const at = typeof path === "string" ? ["record", "path"] : ["record", "path", i];
    if (isRtmpAddress(one)) {
      reader.say(at, "this is an address, not a file — destinations go under to: { NAME: URL }");
      return [];
    }
    return reader.try(at, "write the path of a file", () => recordingSink(one)) ?? [];
  });
}

/** How recordings are cut, joined and kept. */
export function planRecord(
  reader: JobReader,
  record: Partial<RecordRecipe>,
  sinks: readonly SinkPlan[],
): RecordPlan {
  const segment = long(record.segment);
  const { join, keep } = record;
  if (segment.align !== undefined && segment.every === undefined) {
    reader.say(
      ["record", "segment", "align"],
      '"align" needs "every" — write segment: { every: 30m, align: clock }',
      [["record", "segment", "every"]],
    );
  }
  const rules = (["segment", "join", "keep", "force"] as const).filter((key) => record[key] !== undefined);
  if (sinks.some((sink) => sink.kind === "stdout") && !sinks.some((sink) => sink.kind === "file")) {
    for (const rule of rules) {
      if (reader.owns(["record", rule]))
        reader.say(["record", rule], `"${rule}" is for files — record to one`);
    }
    return PLAIN_RECORDING;
  }
  const { every, align = "media" } = segment;
  const { age, size, free } = keep ?? {};
  const keeps = age !== undefined || size !== undefined || free !== undefined;
  return {
    segment: every === undefined ? undefined : { every, align },
    join,
    keep: keeps ? { ageMs: age, bytes: size, freeBytes: free } : undefined,
  };
}

/** The destinations of a job; each may wait as the job does, or in its own way. */
export function planDestinations(reader: JobReader, jobRetry: RetryPolicy): DestinationPlan[] {
  const { to = {} } = reader.recipe;
  return Object.entries(to).flatMap(([name, value]) => {
    const path = ["to", name];
    const entry: Partial<ToRecipe> = long(value);
    if (TAKEN.includes(name)) {
      reader.say(path, `"${name}" is what the log calls another part of the job — choose another name`);
    }
    const url = destinationUrl(reader, path, entry);
    const retry = entry.retry === undefined ? undefined : planRetry(reader, path, entry.retry, jobRetry);
    const { max = DEFAULT_BUFFER.ms, bytes = DEFAULT_BUFFER.bytes } = entry.buffer ?? {};
    if (url === undefined) return [];
    return { kind: "rtmp", name, url, queue: { bytes, ms: max }, retry, required: entry.required ?? true };
  });
}

/** Waits between attempts; a problem if the longest is shorter than the shortest. */
export function planRetry(
  reader: JobReader,
  path: readonly string[],
  given: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined,
  fallback: RetryPolicy,
): RetryPolicy {
  const both = retryOf({ min: given?.min, max: given?.max }, fallback);
  if (both === undefined)
    reader.say([...path, "retry", "max"], '"max" is shorter than "min" — make it longer', [
      [...path, "retry", "min"],
    ]);
  return both ?? fallback;
}

function destinationUrl(
  reader: JobReader,
  path: readonly string[],
  entry: Partial<ToRecipe>,
): RtmpUrl | undefined {
  const { url: text, key } = entry;
  if (text === undefined) {
    reader.say(path, `"${path.at(-1)}" names no server — write url: rtmps://HOST/APP`, [[...path, "url"]]);
    return undefined;
  }
  if (!isRtmpAddress(text)) {
    const instead = /\.flv$/i.test(text) ? "files go under record:" : "write rtmp:// or rtmps://HOST/APP";
    reader.say([...path, "url"], `this is no RTMP address — ${instead}`);
    return undefined;
  }
  const url = reader.try([...path, "url"], "write rtmp://HOST/APP/KEY, or the key apart", () =>
    key === undefined ? parseRtmpUrl(text) : withKey(parseRtmpServer(text), key.reveal()),
  );
  if (url === undefined || url.streamName !== "") return url;
  const noKey = `"${redactUrl(url)}" has no stream key — add key: "\${KEY}"`;
  reader.say([...path, "url"], noKey, [[...path, "key"]]);
  return undefined;
}
