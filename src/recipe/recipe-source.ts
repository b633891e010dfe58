/**
 * The source of a recipe's job: `from` becomes a SourcePlan, and a ListenPlan where runnel itself listens. A part
 * of planFromRecipe.
 */

import { redactText } from "../rtmp/url.ts";
import { parseConnArgs, type NamedOptions } from "../rtmp/librtmp.ts";
import { parseSource, type ParsedSource } from "./addresses.ts";
import type { FromRecipe, JobReader } from "./job-reader.ts";
import { isLoopback, listenPlan, parseListenAddress, type ListenAddressText } from "./listen.ts";
import type { ListenPlan, SourcePlan } from "./plan.ts";
import { CAPTURE_KEYS, CAPTURE_SOURCES, readCapture, withCaptureKeys } from "./recipe-capture.ts";

/** What `from` and `serve` come to; `timeout` in ms, from a librtmp text. */
export type PlannedSource = {
  readonly source: SourcePlan;
  readonly listen: ListenPlan | undefined;
  readonly timeout: number | undefined;
};

/** Keys that name a source. */
const SOURCES = ["url", "listen", ...CAPTURE_SOURCES] as const;

type Kind = SourcePlan["kind"];
const SERVERS: readonly Kind[] = ["rtmp", "http", "listen"];

/** Keys that are for some sources only. */
const ONLY_FOR: Readonly<Partial<Record<keyof FromRecipe, readonly Kind[]>>> = {
  app: ["listen", "rtmp"],
  key: ["listen"],
  "no-key": ["listen"],
  cert: ["listen"],
  "cert-key": ["listen"],
  wait: SERVERS,
  follow: ["rtmp", "http"],
  loop: ["file", "capture"],
  realtime: ["file", "stdin", "capture"],
  ...Object.fromEntries(CAPTURE_KEYS.map((key) => [key, ["capture"] as const])),
  playpath: ["rtmp"],
  tcUrl: ["rtmp"],
  pageUrl: ["rtmp"],
  swfUrl: ["rtmp"],
  flashVer: ["rtmp"],
  conn: ["rtmp"],
  live: ["rtmp"],
};

const KIND_NAMES: Readonly<Record<Kind, string>> = {
  rtmp: "an RTMP stream",
  http: "an HTTP stream",
  listen: "a listener",
  file: "a file",
  stdin: "stdin",
  testcard: "the test card",
  capture: "a camera, command or raw video",
};

const LISTEN_EXAMPLE = 'listen: "127.0.0.1:1935"';
const SERVE_EXAMPLE = 'serve: "127.0.0.1:1935/live/NAME"';

/** Plans the source; undefined if there are problems. */
export function planSource(reader: JobReader, from: Partial<FromRecipe>): PlannedSource | undefined {
  if (!isKnown(reader, from)) return undefined;
  const parsed = readSource(reader, from);
  if (parsed === undefined) return undefined;
  const { kind } = parsed.source;
  for (const [key, kinds] of Object.entries(ONLY_FOR)) {
    if (kinds.includes(kind) || !reader.owns(["from", key])) continue;
    reader.say(["from", key], `"${key}" means nothing for ${KIND_NAMES[kind]} — leave it out`);
  }
  if (parsed.source.kind === "capture" && parsed.source.input.kind !== "file" && from.loop === true) {
    reader.say(["from", "loop"], '"loop" needs a file: a pipe cannot be read twice — leave it out');
  }
  const where = kind === "listen" ? listenAddress(reader, from) : undefined;
  if (kind === "listen" && where === undefined) return undefined;
  const listen = where === undefined ? planPlayers(reader) : planPublishers(reader, from, where);
  return { ...parsed, listen };
}

/** Whether it is certain what the source is, so that it can be said what fits it. */
function isKnown(reader: JobReader, from: Partial<FromRecipe>): boolean {
  const given = SOURCES.filter((key) => from[key] !== undefined);
  if (given.length === 0) return !reader.isInDoubt(["from", "url"]);
  return !given.some((key) => reader.isInDoubt(["from", key]));
}

function readSource(reader: JobReader, from: Partial<FromRecipe>): Omit<PlannedSource, "listen"> | undefined {
  const [first, second] = SOURCES.filter((key) => from[key] !== undefined);
  if (first === undefined) {
    reader.say(["from"], '"from" names no source — write url: rtmp://HOST/APP/NAME or listen: "HOST:PORT"');
    return undefined;
  }
  if (second !== undefined) {
    reader.say(["from", second], `"${first}" and "${second}" are two sources — keep one of them`);
    return undefined;
  }
  if (first === "listen") return { source: { kind: "listen" }, timeout: undefined };
  const parsed = from.url === undefined ? undefined : readUrl(reader, from, from.url);
  const source = from.url === undefined ? readCapture(reader, from) : parsed?.source;
  if (source === undefined) return undefined;
  const whole = source.kind === "capture" ? withCaptureKeys(reader, source, from) : source;
  return { source: whole, timeout: parsed?.timeout };
}

function readUrl(reader: JobReader, from: Partial<FromRecipe>, url: string): ParsedSource | undefined {
  const path = ["from", "url"];
  const { playpath, app, tcUrl, pageUrl, swfUrl, flashVer, conn, live } = from;
  const conns = ["from", "conn"];
  if (conn !== undefined && !reader.try(conns, "write B:1, N:3, S:text or Z:", () => parseConnArgs(conn)))
    return undefined;
  const named: NamedOptions = { playpath, app, tcUrl, pageUrl, swfUrl, flashVer, conn, live };
  if (/^rtmp\w*:/i.test(url) && playpath === undefined && namesNoStream(url)) {
    reader.say(path, `"${redactText(url)}" names no stream — add /NAME to it, or playpath: NAME`, [
      ["from", "playpath"],
    ]);
    return undefined;
  }
  return reader.try(path, "write rtmp://HOST/APP/NAME", () => parseSource(url, named));
}

function namesNoStream(url: string): boolean {
  return /^rtmp\w*:\/\/[^/\s]+\/[^/\s?]+\/?$/i.test(url.trim());
}

/** Where publishers come to: `listen`, or a `url` that begins with listen:. */
function listenAddress(reader: JobReader, from: Partial<FromRecipe>): ListenAddressText | undefined {
  const key = from.listen === undefined ? "url" : "listen";
  const text = (from.listen ?? from.url ?? "").replace(/^listen:/i, "");
  const where = reader.try(["from", key], `write ${LISTEN_EXAMPLE}`, () =>
    parseListenAddress(text, LISTEN_EXAMPLE),
  );
  if (where === undefined || from.app === undefined) return where;
  if (!text.includes("/")) return { ...where, app: from.app };
  reader.say(["from", "app"], 'the application stands behind the address too — keep it in "app"');
  return undefined;
}

function planPublishers(
  reader: JobReader,
  from: Partial<FromRecipe>,
  where: ListenAddressText,
): ListenPlan | undefined {
  const { serve } = reader.recipe;
  const key = from.key?.reveal() ?? where.rest;
  const open = from["no-key"] === true;
  if (from.key !== undefined && where.rest !== undefined) {
    reader.say(["from", "key"], 'a key stands behind the address too — keep it in "key"');
  } else if (key !== undefined && open) {
    reader.say(["from", "no-key"], 'there is a key, and "no-key" — keep one of them');
  } else if (key === undefined && !open && !isLoopback(where.host)) {
    const instead = 'add key: "${OBS_KEY}", or no-key: true';
    reader.say(["from"], `anybody who reaches ${where.host} could publish — ${instead}`, [
      ["from", "key"],
      ["from", "no-key"],
    ]);
  }
  if (serve !== undefined && typeof serve !== "boolean") {
    reader.say(["serve"], "players come to the source's own listener — write serve: true");
  }
  const tls = certificate(reader, ["from"], from);
  return listenPlan(where, { key, playName: serve === true ? reader.name : undefined, tls });
}

/** A listener for players only. */
function planPlayers(reader: JobReader): ListenPlan | undefined {
  const { serve } = reader.recipe;
  if (serve === undefined || serve === false) return undefined;
  const at = typeof serve === "string" ? serve : typeof serve === "object" ? serve.at : undefined;
  if (at === undefined) {
    const instead = `so players need an address — write ${SERVE_EXAMPLE}`;
    reader.say(["serve"], `the source does not listen, ${instead}`, [["serve", "at"]]);
    return undefined;
  }
  const where = reader.try(["serve"], `write ${SERVE_EXAMPLE}`, () => parseListenAddress(at, SERVE_EXAMPLE));
  if (where === undefined) return undefined;
  const tls = typeof serve === "object" ? certificate(reader, ["serve"], serve) : undefined;
  return listenPlan(where, { key: undefined, playName: where.rest ?? reader.name, tls });
}

function certificate(
  reader: JobReader,
  path: readonly string[],
  { cert, "cert-key": certKey }: { cert?: string | undefined; "cert-key"?: string | undefined },
): ListenPlan["tls"] {
  if ((cert === undefined) !== (certKey === undefined)) {
    const given = cert === undefined ? "cert-key" : "cert";
    reader.say([...path, given], '"cert" and "cert-key" go together — give both', [
      [...path, "cert"],
      [...path, "cert-key"],
    ]);
  }
  const certText = reader.pem([...path, "cert"], cert, "CERTIFICATE");
  const keyText = reader.pem([...path, "cert-key"], certKey, "PRIVATE KEY");
  return certText === undefined || keyText === undefined ? undefined : { cert: certText, key: keyText };
}
