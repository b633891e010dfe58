/**
 * The words of rtmpdump and librtmp, for people who bring their addresses and scripts along:
 * `"rtmp://host/app playpath=name live=1 conn=S:text"` in one text, or the same names as flags. They become
 * parts of an RtmpUrl.
 *
 * In the text a space ends a value; `\20` stands for a space and `\5c` for a backslash (two hex digits each).
 * Values may be secrets: messages name the option, never what it holds.
 */
import { amfObject, isAmfObject, type Amf0Object, type Amf0Value } from "../amf/amf0.ts";
import { UsageError } from "../errors.ts";
import { parseRtmpUrl, redactText, type RtmpOverrides, type RtmpUrl } from "./url.ts";

/** The options that exist as flags too, by librtmp's names; undefined is the same as not given. */
export type NamedOptions = {
  readonly playpath?: string | undefined;
  readonly app?: string | undefined;
  readonly tcUrl?: string | undefined;
  readonly pageUrl?: string | undefined;
  readonly swfUrl?: string | undefined;
  readonly flashVer?: string | undefined;
  /** One item each, such as `S:text`; see parseConnArgs. */
  readonly conn?: string | readonly string[] | undefined;
  readonly live?: boolean | undefined;
};

/** An address and what else its options said. */
export type LibrtmpAddress = {
  readonly url: RtmpUrl;
  /** How long to wait for the server, in ms. */
  readonly timeout: number | undefined;
};

/** What is being gathered from the options of one text. */
type Found = {
  named: { -readonly [Name in keyof NamedOptions]: NamedOptions[Name] };
  conn: string[];
  user: string | undefined;
  password: string | undefined;
  timeout: number | undefined;
};

/** How each option is stored; returns what is wrong with the value. Keys are lower-case. */
const OPTIONS: ReadonlyMap<string, (found: Found, value: string) => string | undefined> = new Map([
  ["playpath", (found, value) => void (found.named.playpath = value)],
  ["app", (found, value) => void (found.named.app = value)],
  ["tcurl", (found, value) => void (found.named.tcUrl = value)],
  ["pageurl", (found, value) => void (found.named.pageUrl = value)],
  ["swfurl", (found, value) => void (found.named.swfUrl = value)],
  ["flashver", (found, value) => void (found.named.flashVer = value)],
  ["conn", (found, value) => void found.conn.push(value)],
  ["pubuser", (found, value) => void (found.user = value)],
  ["pubpasswd", (found, value) => void (found.password = value)],
  ["live", readLive],
  ["timeout", readTimeout],
]);

/** Options of librtmp that runnel does not have, with what to do about it. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ["swfvfy", "SWF verification is not supported: try without it, swfUrl alone is often enough"],
  ["swfage", "SWF verification is not supported: leave it out"],
  ["swfsize", "SWF verification is not supported: leave it out"],
  ["swfhash", "SWF verification is not supported: leave it out"],
  ["token", "secure tokens are not supported"],
  ["jtv", "Justin.tv is gone: leave it out"],
  ["playlist", "playlists are not supported: leave it out"],
  ["subscribe", "not supported: leave it out, live streams are subscribed to by themselves"],
  ["start", "not supported: recordings are played from their beginning"],
  ["stop", "not supported here: write --for"],
  ["buffer", "not supported: leave it out"],
  ["socks", "proxies are not supported"],
]);

const YES: ReadonlySet<string> = new Set(["1", "on", "yes", "true"]);
const NO: ReadonlySet<string> = new Set(["0", "off", "no", "false"]);

/** Whether the text has options behind its URL. */
export function isLibrtmpAddress(text: string): boolean {
  return /^rtmp\w*:\/\/\S+\s+\w+=/i.test(text.trim());
}

/** Parses an address with or without options; `flags` win over what the text says. UsageError with all problems. */
export function parseLibrtmpAddress(text: string, flags: NamedOptions = {}): LibrtmpAddress {
  const [address = "", ...words] = text.trim().split(/\s+/);
  const found: Found = { named: {}, conn: [], user: undefined, password: undefined, timeout: undefined };
  const problems = words.flatMap((word, i) => readWord(found, word, i + 1) ?? []);
  if (problems.length > 0) {
    const address = redactText(text);
    throw new UsageError(problems.map((problem) => ({ what: ["Cannot use ", { address }, `: ${problem}`] })));
  }
  const { named, conn, user, password, timeout } = found;
  const overrides: RtmpOverrides = {
    ...toOverrides(conn.length > 0 ? { ...named, conn } : named),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...toOverrides(flags),
  };
  return { url: parseRtmpUrl(address, overrides), timeout };
}

function readWord(found: Found, word: string, number: number): string | undefined {
  const equals = word.indexOf("=");
  if (equals < 1) return `word ${number} behind the URL is not like playpath=name; a space is written \\20`;
  const key = word.slice(0, equals);
  const read = OPTIONS.get(key.toLowerCase());
  if (read !== undefined) return read(found, unescapeHex(word.slice(equals + 1)));
  return `${key}= ${UNSUPPORTED.get(key.toLowerCase()) ?? "is no option of librtmp's"}`;
}

function unescapeHex(value: string): string {
  if (!value.includes("\\")) return value;
  // Escapes are bytes of UTF-8, so the text is put together as bytes.
  const latin1 = Array.from(new TextEncoder().encode(value), (byte) => String.fromCharCode(byte)).join("");
  const bytes = latin1.replace(/\\([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  );
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

function readLive(found: Found, value: string): string | undefined {
  const word = value.toLowerCase();
  if (!YES.has(word) && !NO.has(word)) return "live= takes 1 or 0";
  found.named.live = YES.has(word);
  return undefined;
}

function readTimeout(found: Found, value: string): string | undefined {
  const seconds = Number(value);
  if (!/^\d+$/.test(value) || seconds < 1) return "timeout= takes a number of seconds";
  found.timeout = seconds * 1000;
  return undefined;
}

function toOverrides(options: NamedOptions): RtmpOverrides {
  const { playpath, app, tcUrl, pageUrl, swfUrl, flashVer, conn, live } = options;
  const items = typeof conn === "string" ? [conn] : conn;
  return {
    ...(playpath === undefined ? {} : { streamName: playpath }),
    ...(app === undefined ? {} : { app }),
    ...(tcUrl === undefined ? {} : { tcUrl }),
    ...(pageUrl === undefined ? {} : { pageUrl }),
    ...(swfUrl === undefined ? {} : { swfUrl }),
    ...(flashVer === undefined ? {} : { flashVer }),
    ...(items === undefined ? {} : { connectArgs: parseConnArgs(items) }),
    ...(live === undefined ? {} : { live }),
  };
}

/**
 * Values that follow the command object of connect, one per item: `B:1` boolean, `N:3` number, `S:text`, `Z:`
 * null, `O:1` begins an object and `O:0` ends it. Within an object items are named: `NB:key:1`, `NS:key:text`,
 * `NO:key:1`. UsageError with all problems.
 */
export function parseConnArgs(items: readonly string[]): Amf0Value[] {
  const values: Amf0Value[] = [];
  const open: Amf0Object[] = [];
  const problems: string[] = [];
  items.forEach((item, i) => {
    const problem = addItem(values, open, item);
    if (problem !== undefined) problems.push(`Cannot use conn: item ${i + 1} ${problem}`);
  });
  if (open.length > 0 && problems.length === 0)
    problems.push("Cannot use conn: an O:1 without O:0 to end it");
  if (problems.length > 0) throw new UsageError(problems);
  return values;
}

/** Adds to the innermost open object or to the values; returns what is wrong with the item. */
function addItem(values: Amf0Value[], open: Amf0Object[], item: string): string | undefined {
  const parts = /^(?:N([BSNOZ]):([^:]+):(.*)|([BSNOZ]):(.*))$/s.exec(item);
  if (parts === null) return "is not like B:1, N:3, S:text, Z:, O:1 or NS:key:text";
  const type = parts[1] ?? parts[4];
  const text = parts[3] ?? parts[5] ?? "";
  if (type === "O" && text === "0")
    return open.pop() === undefined ? "ends an object that did not begin" : undefined;
  const value = itemValue(type, text);
  if (value === undefined) return `has no value that type ${type} can have`;
  const object = open.at(-1);
  const name = parts[2];
  if (object === undefined) {
    if (name !== undefined) return "has a name, but no O:1 stands before it";
    values.push(value);
  } else {
    if (name === undefined) return `is within an object and needs a name, like N${type}:key:value`;
    object.entries.push([name, value]);
  }
  if (isAmfObject(value)) open.push(value);
  return undefined;
}

/** The value of an item; undefined when the text is none for the type. */
function itemValue(type: string | undefined, text: string): Amf0Value {
  switch (type) {
    case "S":
      return text;
    case "Z":
      return null;
    case "O":
      return text === "1" ? amfObject({}) : undefined;
    case "B":
      return YES.has(text.toLowerCase()) ? true : NO.has(text.toLowerCase()) ? false : undefined;
    default: {
      const number = text.trim() === "" ? NaN : Number(text);
      return Number.isFinite(number) ? number : undefined;
    }
  }
}
