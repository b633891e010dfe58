/**
 * What clients ask a server for: the values of connect, publish and play in, plain requests out. Clients differ in
 * where they put application, key and query; here is where that ends. Pure; called by RtmpServer.
 */

import { getProperty, isAmfObject, stringOf, type Amf0Value } from "../amf/amf0.ts";
import { ProtocolError } from "../errors.ts";
import { parseServedStream, type ServedStream } from "./url.ts";

/** Who connected. `app` is as the client wrote it, query included. */
export type ConnectInfo = { readonly app: string; readonly tcUrl: string; readonly flashVer: string };

/** Nobody's application, key or address is longer; ffmpeg ends at 1024. */
const MAX_TEXT = 4096;
/** play's start when the client gives none: live if there is such a stream, else a recording. */
const PLAY_ANY = -2;
/** What players put in front of a name, or behind it, because Flash Media Server wanted it so. */
const FILE_PREFIX = /^(?:mp4|flv|mp3):/;
const FILE_SUFFIX = /\.flv$/;

/** Reads the command object of connect. Without an app the path of tcUrl is it. */
export function readConnect(values: readonly Amf0Value[]): ConnectInfo {
  const object = values.find(isAmfObject);
  // Some hardware encoders write tcurl, and some put quotes around it.
  const tcUrl = unquote(text(getProperty(object, "tcUrl") ?? getProperty(object, "tcurl"), "tcUrl"));
  const app = text(getProperty(object, "app"), "app") || pathOf(tcUrl);
  const flashVer = text(getProperty(object, "flashVer"), "flashVer");
  return { app: app.replace(/^\/+/, ""), tcUrl, flashVer };
}

/** The application alone, and the query that came with it. */
export function readApp(info: ConnectInfo): Pick<ServedStream, "app" | "query"> {
  // With some name nothing of the app is taken for one.
  const { app, query } = parseServedStream(withQuery(info, ""), "-");
  return { app, query };
}

/** Reads the values of publish: which stream, and what kind of publishing. */
export function readPublish(
  info: ConnectInfo,
  values: readonly Amf0Value[],
): ServedStream & { readonly publishType: string } {
  const [name, publishType] = values.map(stringOf).filter((value) => value !== undefined);
  return {
    ...servedStream(info, text(name, "stream name")),
    publishType: text(publishType, "publishing type") || "live",
  };
}

/** Reads the values of play: which stream, and from where. */
export function readPlay(
  info: ConnectInfo,
  values: readonly Amf0Value[],
): ServedStream & { readonly start: number } {
  const start = values.find((value) => typeof value === "number" && Number.isFinite(value));
  const name = values.map(stringOf).find((value) => value !== undefined);
  return {
    ...servedStream(info, text(name, "stream name")),
    start: typeof start === "number" ? start : PLAY_ANY,
  };
}

/** The names under which a requested stream may be known, best first: `mp4:show.flv` is also `show`. */
export function servedNames(streamName: string): readonly string[] {
  const plain = streamName.replace(FILE_PREFIX, "").replace(FILE_SUFFIX, "");
  return plain === streamName || plain === "" ? [streamName] : [streamName, plain];
}

function servedStream(info: ConnectInfo, name: string): ServedStream {
  const served = parseServedStream(withQuery(info, name), name);
  if (served.streamName !== "" || name !== "") return served;
  // "live/name?token=1" with an empty name, from clients that take all of an address for the app.
  const inApp = parseServedStream(served.app, "");
  return { ...inApp, query: served.query, vhost: served.vhost };
}

/** The app with tcUrl's query where the client said it nowhere else. */
function withQuery({ app, tcUrl }: ConnectInfo, name: string): string {
  const query = tcUrl.indexOf("?");
  return query < 0 || app.includes("?") || name.includes("?") ? app : app + tcUrl.slice(query);
}

function pathOf(tcUrl: string): string {
  return /^[a-z]+:\/\/[^/]*\/(.*)$/is.exec(tcUrl)?.[1] ?? "";
}

function unquote(value: string): string {
  return value.replace(/^"(.*)"$/s, "$1");
}

function text(value: Amf0Value, what: string): string {
  const said = stringOf(value) ?? "";
  if (said.length <= MAX_TEXT) return said;
  throw new ProtocolError(`The client gives ${said.length} characters as ${what}`, { layer: "command" });
}
