/**
 * Addresses that runnel itself listens on: `listen:HOST:PORT/APP[/KEY]` as a source, `HOST:PORT/APP/NAME` for
 * players. Pure.
 */

import { UsageError } from "../errors.ts";
import { formatHostPort } from "../host-text.ts";
import type { ListenPlan } from "./plan.ts";

/** What flags say of the listener. Certificates are PEM texts. */
export type ListenerRequest = {
  readonly serve: boolean;
  /** --serve=HOST:PORT/APP/NAME, where the source does not listen itself. */
  readonly serveAddress: string | undefined;
  /** -k source=KEY: the key of publishers, apart from the address. */
  readonly key: string | undefined;
  readonly noKey: boolean;
  readonly cert: string | undefined;
  readonly certKey: string | undefined;
};

/** The name that -k uses for the listener's own key. */
export const LISTEN_KEY_NAME = "source";

const EXAMPLE = "listen:127.0.0.1:1935/live/KEY";
const SERVE_EXAMPLE = "--serve=127.0.0.1:1935/live/NAME";

/** An address as written; parts that were left out have their defaults. */
export type ListenAddressText = {
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** What stood behind the application: a key, or the name for players. */
  readonly rest: string | undefined;
};

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 1935;
const DEFAULT_APP = "live";

/** Parses `[HOST:][PORT][/APP[/REST]]`. Throws UsageError; the rest may be a key and is never shown. */
export function parseListenAddress(text: string, example: string): ListenAddressText {
  const slash = text.indexOf("/");
  const authority = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? "" : text.slice(slash + 1);
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:/[\]]*):)?(\d*)$/.exec(authority);
  if (match === null)
    throw new UsageError({ what: `cannot listen on "${authority}"`, instead: `write ${example}` });
  const port = match[2] === "" ? DEFAULT_PORT : Number(match[2]);
  if (port > 65535)
    throw new UsageError({ what: `cannot listen on port ${match[2]}`, instead: "ports end at 65535" });
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  const cut = path.indexOf("/");
  const app = cut < 0 ? path : path.slice(0, cut);
  const rest = cut < 0 ? "" : path.slice(cut + 1);
  return {
    host: host === "" ? DEFAULT_HOST : host,
    port,
    app: app === "" ? DEFAULT_APP : app,
    rest: rest === "" ? undefined : rest,
  };
}

/** Whether only programs on this machine reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function listenUrl(where: { host: string; port: number; app: string }, tls: boolean): string {
  return `${tls ? "rtmps" : "rtmp"}://${formatHostPort(where)}/${where.app}`;
}

/** The job's name where the source listens: its application. */
export function listenJobName(text: string): string {
  return parseListenAddress(text.replace(/^listen:/i, ""), EXAMPLE).app;
}

/** The listener of a job, if it has one. `source` is as written. Throws UsageError. */
export function planListener(
  source: string | undefined,
  request: ListenerRequest,
  job: string,
): ListenPlan | undefined {
  const listens = source !== undefined && /^listen:/i.test(source);
  const serves = request.serve || request.serveAddress !== undefined;
  if (!listens) {
    if (request.key !== undefined)
      throw new UsageError({
        what: [{ flag: "-k" }, " source=KEY is for a source that listens (listen:...)"],
      });
    if (request.noKey)
      throw new UsageError({ what: [{ flag: "--no-key" }, " is for a source that listens (listen:...)"] });
    if (!serves && request.cert !== undefined)
      throw new UsageError({ what: [{ flag: "--cert" }, " is for a listener, and there is none"] });
  }
  if (!listens && !serves) return undefined;
  if (listens && request.serveAddress !== undefined) {
    throw new UsageError({
      what: [{ flag: "--serve" }, " takes no address here: players come to the source's own listener"],
    });
  }
  if (!listens && request.serveAddress === undefined) {
    throw new UsageError({
      what: [{ flag: "--serve" }, " needs an address, because the source does not listen"],
      instead: `write ${SERVE_EXAMPLE}`,
    });
  }
  const where = listens
    ? parseListenAddress(source.replace(/^listen:/i, ""), EXAMPLE)
    : parseListenAddress(request.serveAddress ?? "", SERVE_EXAMPLE);
  const key = listens ? (request.key ?? where.rest) : undefined;
  if (listens) requireKey(where.host, key, request.noKey);
  const playName = listens ? job : (where.rest ?? job);
  return listenPlan(where, { key, playName: serves ? playName : undefined, tls: listenerTls(request) });
}

/** A listener at an address. */
export function listenPlan(
  { host, port, app }: ListenAddressText,
  parts: Pick<ListenPlan, "key" | "playName" | "tls">,
): ListenPlan {
  return { name: listenUrl({ host, port, app }, parts.tls !== undefined), host, port, app, ...parts };
}

function requireKey(host: string, key: string | undefined, noKey: boolean): void {
  if (key !== undefined && noKey)
    throw new UsageError({ what: [{ flag: "--no-key" }, " and a key: only one of them"] });
  if (key !== undefined || noKey || isLoopback(host)) return;
  throw new UsageError({
    what: `anybody who reaches ${host} could publish`,
    instead: "add a key (listen:HOST:PORT/APP/KEY or -k source=env:VAR), or say --no-key",
  });
}

function listenerTls({ cert, certKey }: ListenerRequest): ListenPlan["tls"] {
  if (cert === undefined && certKey === undefined) return undefined;
  if (cert === undefined || certKey === undefined)
    throw new UsageError({ what: [{ flag: "--cert" }, " and ", { flag: "--cert-key" }, " go together"] });
  return { cert, key: certKey };
}
