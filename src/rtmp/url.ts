/**
 * RTMP addresses: what a person writes goes in, the parts that a connection needs come out. For what
 * stands in recipes and on command lines, and for where servers redirect to.
 *
 *     rtmp://user:pass@host:1935/app/name?token=1
 *     scheme  credentials  authority  app  streamName
 *
 * Nothing but user and password is ever decoded, encoded, collapsed or lower-cased: servers compare bytes. Where
 * the split is not what a server wants, app and name can be given apart. Stream names are secrets: every text for
 * people goes through redactUrl or redactText.
 */
import type { Amf0Value } from "../amf/amf0.ts";
import { UsageError } from "../errors.ts";
import { bracketed } from "../host-text.ts";

/** Where to connect and what to ask for. The optional parts replace what connect would say by itself. */
export type RtmpUrl = RtmpOverrides & {
  readonly scheme: "rtmp" | "rtmps";
  readonly tls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the port was written: only then is it part of tcUrl. */
  readonly explicitPort: boolean;
  readonly app: string;
  /** "" when the URL names none. */
  readonly streamName: string;
};

/** What options beside the URL may set. */
export type RtmpOverrides = {
  readonly app?: string;
  readonly streamName?: string;
  readonly user?: string;
  readonly password?: string;
  readonly tcUrl?: string;
  readonly flashVer?: string;
  readonly swfUrl?: string;
  readonly pageUrl?: string;
  /** Values after the command object of connect. */
  readonly connectArgs?: readonly Amf0Value[];
  /** Play as live (true) or as recorded (false); unsaid: whichever there is. */
  readonly live?: boolean;
};

const DEFAULT_PORT = { rtmp: 1935, rtmps: 443 } as const;

/** Schemes of the same family, each with what is in the way, and what to write. */
const REFUSED_SCHEMES: ReadonlyMap<string, readonly [reason: string, instead: string]> = new Map([
  [
    "rtmpe",
    ["encrypted RTMP (RTMPE) is not supported", "write rtmps:// if the server has TLS, else rtmp://"],
  ],
  ["rtmpte", ["encrypted and tunnelled RTMP is not supported", "write rtmps:// or rtmp://"]],
  ["rtmpt", ["RTMP tunnelled over HTTP is not supported", "write rtmp:// if the server takes it"]],
  ["rtmpts", ["RTMP tunnelled over HTTPS is not supported", "write rtmps:// if the server takes it"]],
  ["rtmfp", ["RTMFP is not supported", "write rtmp:// if the server takes it"]],
]);

type Authority = Pick<RtmpUrl, "host" | "port" | "explicitPort" | "user" | "password">;

/**
 * Parses the URL of a stream. The name may be empty: the caller knows whether a key comes from elsewhere.
 * Overrides take the place of what the URL says; an app that is a beginning of the path leaves the rest as name.
 */
export function parseRtmpUrl(text: string, overrides: RtmpOverrides = {}): RtmpUrl {
  const { scheme, authority, path } = splitUrl(text);
  const url: RtmpUrl = { scheme, tls: scheme === "rtmps", ...authority, ...splitPath(path) };
  return requireApp(overrideRtmpUrl(url, overrides), text);
}

/** Parses a server whose key is given apart: the whole path but one slash at its end is the app. */
export function parseRtmpServer(text: string): RtmpUrl {
  const { scheme, authority, path } = splitUrl(text);
  const app = path.endsWith("/") ? path.slice(0, -1) : path;
  return requireApp({ scheme, tls: scheme === "rtmps", ...authority, app, streamName: "" }, text);
}

/** The same server with this stream name, byte for byte: a key may hold `?`, `/` or anything else. */
export function withKey(url: RtmpUrl, key: string): RtmpUrl {
  return { ...url, streamName: key };
}

/** The URL with the given options in place of its own parts; undefined leaves a part alone. */
export function overrideRtmpUrl(url: RtmpUrl, overrides: RtmpOverrides): RtmpUrl {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const result: RtmpUrl = { ...url, ...given };
  const path = `${url.app}/${url.streamName}`;
  const { app, streamName } = overrides;
  if (app === undefined || streamName !== undefined || !path.startsWith(`${app}/`)) return result;
  return { ...result, streamName: path.slice(app.length + 1) };
}

/** What connect says as tcUrl: the override, or the server and the app without credentials and name. */
export function formatTcUrl(url: RtmpUrl): string {
  return url.tcUrl ?? `${formatServer(url)}/${url.app}`;
}

/** For people: `rtmp://host/app/***`. Queries are masked; `showName` shows the name without its query. */
export function redactUrl(
  url: RtmpUrl,
  options: { readonly showName: boolean } = { showName: false },
): string {
  const server = formatServer(url);
  const app = maskQuery(url.app);
  if (url.streamName !== "")
    return `${server}/${app}/${options.showName ? maskQuery(url.streamName) : "***"}`;
  // Without a name a key may be anywhere behind the first part: "rtmp://host/live2/key/".
  const [first = "", ...rest] = app.split("/");
  return `${server}/${first}${rest.length > 0 ? "/***" : ""}`;
}

/** The same for text that was not parsed or cannot be: all that may be a secret is masked. */
export function redactText(text: string): string {
  const parts = /^([a-z][a-z0-9+.-]*:\/\/)([^/\s]*)(\/?[^/?\s]*)(.*)$/is.exec(text.trim());
  if (parts === null) return "***";
  const [, scheme = "", authority = "", app = "", rest = ""] = parts;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  // A slash in a password ends the authority too early: what looks like host and app is the password then.
  const readable = /^(\[[^\]]*\]|[0-9a-f:.]*|[^:]*)(:\d*)?$/i.test(host) && !app.includes("@");
  if (!readable) return `${scheme}***`;
  const mask = rest === "" || rest === "/" ? rest : `${rest[0] === "?" ? "?" : "/"}***`;
  return `${scheme}${host}${app}${mask}`;
}

function formatServer(url: RtmpUrl): string {
  return `${url.scheme}://${bracketed(url.host)}${url.explicitPort ? `:${url.port}` : ""}`;
}

function maskQuery(text: string): string {
  const query = text.indexOf("?");
  return query < 0 ? text : `${text.slice(0, query)}?***`;
}

function splitUrl(text: string): { scheme: "rtmp" | "rtmps"; authority: Authority; path: string } {
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)\/?(.*)$/is.exec(text);
  if (parts === null) throw unusable(text, "it does not begin with rtmp:// or rtmps://");
  if (/[\s\x00-\x1f\x7f]/.test(text)) throw unusable(text, "it has a space or a control character in it");
  const [, schemeText = "", authorityText = "", path = ""] = parts;
  const scheme = schemeText.toLowerCase();
  if (scheme !== "rtmp" && scheme !== "rtmps") {
    const [reason, instead] = REFUSED_SCHEMES.get(scheme) ?? [`${scheme}:// is no RTMP address`];
    throw unusable(text, reason, instead);
  }
  return { scheme, authority: parseAuthority(authorityText, DEFAULT_PORT[scheme], text), path };
}

/** `user:pass@host:port`; passwords hold '@', so the last one counts. */
function parseAuthority(authority: string, defaultPort: number, text: string): Authority {
  const at = authority.lastIndexOf("@");
  const parts = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([^\s[\]:?#%\\]+))(?::(\d*))?$/i.exec(
    authority.slice(at + 1),
  );
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined) throw unusable(text, ...hostProblem(authority.slice(at + 1)));
  const portText = parts?.[3] ?? "";
  const port = portText === "" ? defaultPort : Number(portText);
  if (port < 1 || port > 65535) throw unusable(text, `port ${portText} is not between 1 and 65535`);
  const credentials = at < 0 ? {} : parseCredentials(authority.slice(0, at), text);
  return { host, port, explicitPort: portText !== "", ...credentials };
}

function hostProblem(host: string): readonly [reason: string, instead?: string] {
  const bareIpv6 = /^[0-9a-f:.]*$/i.test(host) && /::|(?::.*){7}/.test(host);
  if (bareIpv6) return ["an IPv6 address goes in brackets: rtmp://[::1]/app"];
  if (host === "" || host.startsWith(":")) return ["it names no host"];
  // What stands behind the colon may be a piece of a password: it is not repeated.
  const isHostAndMore = /^(?:\[[0-9a-f:.]+\]|[^\s[\]:?#%\\]+):/i.test(host);
  return isHostAndMore ? ["its port is no number", "write HOST:PORT"] : ["its host or port cannot be read"];
}

function parseCredentials(text: string, url: string): { user: string; password?: string } {
  const colon = text.indexOf(":");
  if (colon < 0) return { user: percentDecode(text, url) };
  return {
    user: percentDecode(text.slice(0, colon), url),
    password: percentDecode(text.slice(colon + 1), url),
  };
}

function percentDecode(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unusable(
      url,
      "a % in its user or password is not followed by a character's code",
      "write %25 for %",
    );
  }
}

/**
 * Splits app and name at a slash that is no part of a query's value: `a/b/c` at the last, `app?x=1/name` at the
 * last behind the query (it is the app's), `app/name?x=/` at the last before the query (it is the name's).
 */
function splitPath(path: string): { app: string; streamName: string } {
  const query = path.indexOf("?");
  const firstSlash = path.indexOf("/");
  const queryOfApp = query >= 0 && (firstSlash < 0 || query < firstSlash);
  const slash = query < 0 || queryOfApp ? path.lastIndexOf("/") : path.lastIndexOf("/", query);
  return slash < 0
    ? { app: path, streamName: "" }
    : { app: path.slice(0, slash), streamName: path.slice(slash + 1) };
}

function requireApp(url: RtmpUrl, text: string): RtmpUrl {
  if (url.app === "") throw unusable(text, "it names no application", "write rtmp://host/app/name");
  return url;
}

function unusable(text: string, reason: string, instead?: string): UsageError {
  const what = ["Cannot use ", { address: redactText(text) }, `: ${reason}`];
  return new UsageError(instead === undefined ? { what } : { what, instead });
}

/** What a client asks a server for, taken apart. */
export type ServedStream = {
  readonly app: string;
  readonly streamName: string;
  /** Everything behind the first `?` of app and name, with that mark; "" when there is none. */
  readonly query: string;
  /** The virtual host that a client may name in a query. */
  readonly vhost: string | undefined;
};

/**
 * Takes apart what a client said in connect and publish or play. Queries stand behind app or name; when the name
 * is empty it may be behind the app's query (`live?secret=x/name`, FMLE and OBS with both in one field) or the
 * last part of the app.
 */
export function parseServedStream(app: string, streamName: string): ServedStream {
  const [appText, appQuery] = cutQuery(app);
  const appPath = appText.replace(/\/$/, "").replace(/\/_definst_$/, "");
  const [name, nameQuery] = cutQuery(streamName);
  if (name !== "" || nameQuery !== "") return served(appPath, name, joinQueries(appQuery, nameQuery));
  if (appQuery !== "") {
    const [query, nameInQuery] = cutAtLastSlash(appQuery);
    return served(appPath, nameInQuery, query);
  }
  const [shorterApp, lastPart] = cutAtLastSlash(appPath);
  return served(shorterApp, lastPart, "");
}

function served(app: string, streamName: string, query: string): ServedStream {
  return { app, streamName, query, vhost: /[?&](?:vhost|domain)=([^&]*)/.exec(query)?.[1] };
}

function cutAtLastSlash(text: string): [before: string, after: string] {
  const slash = text.lastIndexOf("/");
  return slash < 0 ? [text, ""] : [text.slice(0, slash), text.slice(slash + 1)];
}

function cutQuery(text: string): [path: string, query: string] {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

function joinQueries(first: string, second: string): string {
  return first === "" || second === "" ? first + second : `${first}&${second.slice(1)}`;
}
