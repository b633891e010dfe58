/**
 * Adobe and Limelight authentication: the server refuses connect with a challenge in the description, the client
 * connects again with an answer behind app and tcUrl. One refusal goes in, the query of the next connection comes
 * out. Called by net/rtmp-dial.ts, once for each refusal that isAuthChallenge knows.
 *
 *     connect app                               ->  code=403 need auth; authmod=adobe
 *     connect app?authmod=adobe&user=U          ->  authmod=adobe :?reason=needauth&salt=S&challenge=C&opaque=O
 *     connect app?authmod=adobe&user=U&challenge=..&response=..&opaque=O    ->  welcome, or reason=authfailed
 *
 * Values are Base64 as it comes; nothing is percent-encoded, since Wowza compares the text.
 */
import { RemoteError } from "../errors.ts";
import { md5 } from "./handshake.ts";
import type { RtmpUrl } from "./url.ts";

/** A refusal and what is needed to answer it. */
export type AuthChallenge = {
  /** The description in the server's `_error` or onStatus. */
  readonly description: string;
  readonly url: RtmpUrl;
  /** The query that the refused connection had; "" for none. */
  readonly previous: string;
  /** Four bytes. */
  readonly random: Uint8Array;
};

type Credentials = { readonly user: string; readonly password: string };
type Answer = (
  credentials: Credentials,
  asked: ReadonlyMap<string, string>,
  challenge: AuthChallenge,
) => string;

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
  ["adobe", answerAdobe],
  ["llnw", answerLimelight],
]);

/** What a server's reason means to the person who typed the password. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["authfailed", "the server does not accept the user and password (authfailed)"],
  ["nosuchuser", "the server does not know this user (nosuchuser)"],
]);

/** Limelight asks for these in so many words; no other values are known. */
const REALM = "live";
const METHOD = "publish";
const QOP = "auth";
const NONCE_COUNT = "00000001";

/** Whether a refusal is about user and password in one of these ways. */
export function isAuthChallenge(description: string): boolean {
  return /\bauthmod=/.test(description);
}

/**
 * What the next connection appends to app and tcUrl. Throws RemoteError (refusal "auth") when there is nothing
 * left to try; its message never holds the password.
 */
export function nextAuthQuery(challenge: AuthChallenge): string {
  const { description, url, previous } = challenge;
  const method = /\bauthmod=([^\s;:&\]]*)/.exec(description)?.[1] ?? "";
  const answer = ANSWERS.get(method);
  if (answer === undefined)
    throw refusal(`the server asks for a kind of login that is not supported (${method})`);
  const asked = readChallenge(description);
  const reason = asked.get("reason");
  if (reason !== undefined && reason !== "needauth") {
    throw refusal(REASONS.get(reason) ?? `the server refuses to log in (${reason})`);
  }
  if (previous.includes("&response=")) throw refusal("the server does not accept the user and password");
  const credentials = credentialsOf(url);
  const mark = url.app.includes("?") ? "&" : "?";
  const begin = `${mark}authmod=${method}&user=${credentials.user}`;
  if (reason === "needauth") return begin + answer(credentials, asked, challenge);
  if (previous !== "") throw refusal("the server asks for user and password again and again");
  return begin;
}

function credentialsOf(url: RtmpUrl): Credentials {
  const { user = "", password } = url;
  if (user !== "" && password !== undefined) return { user, password };
  const given = user === "" ? "no user is given" : "no password is given";
  throw refusal(`the server asks for user and password, ${given}: write rtmp://user:password@host/app/name`);
}

/** The parameters behind `?`; values hold "=", so only the first of a pair divides. */
function readChallenge(description: string): Map<string, string> {
  const query = /\?([^\s\]]*)/.exec(description)?.[1] ?? "";
  const asked = new Map<string, string>();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals > 0) asked.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return asked;
}

function answerAdobe(
  credentials: Credentials,
  asked: ReadonlyMap<string, string>,
  from: AuthChallenge,
): string {
  const { user, password } = credentials;
  const opaque = asked.get("opaque");
  const ours = from.random.toHex();
  const secret = md5(user + (asked.get("salt") ?? "") + password).toBase64();
  const response = md5(secret + (opaque ?? asked.get("challenge") ?? "") + ours).toBase64();
  return `&challenge=${ours}&response=${response}${opaque === undefined ? "" : `&opaque=${opaque}`}`;
}

/** HTTP's digest authentication in another place. */
function answerLimelight(
  credentials: Credentials,
  asked: ReadonlyMap<string, string>,
  from: AuthChallenge,
): string {
  const { user, password } = credentials;
  const nonce = asked.get("nonce") ?? "";
  const ours = from.random.toHex();
  const app = from.url.app.replace(/\?.*/s, "");
  const place = app.includes("/") ? app : `${app}/_definst_`;
  const secret = md5(`${user}:${REALM}:${password}`).toHex();
  const action = md5(`${METHOD}:/${place}`).toHex();
  const response = md5([secret, nonce, NONCE_COUNT, ours, QOP, action].join(":")).toHex();
  return `&nonce=${nonce}&cnonce=${ours}&nc=${NONCE_COUNT}&response=${response}`;
}

function refusal(message: string): RemoteError {
  return new RemoteError(message, { code: "NetConnection.Connect.Rejected", refusal: "auth" });
}
