/**
 * What a server's session tells its owner: requests to answer, media, and the ends of streams. Made by RtmpServer,
 * read by net/rtmp-listen.ts.
 */

import type { MediaEvent } from "./events.ts";

/** What every request has: `id` is what accept and reject are called with. */
type Request = {
  readonly id: number;
  /** Without query, slash at its end and `/_definst_`. */
  readonly app: string;
  /** Everything behind the first `?` of app and name (or of tcUrl), with that mark; "" when there is none. */
  readonly query: string;
};

/**
 * A client connects. `app` may still have the stream name in it (`live/name`, as OBS and gortmplib send with an
 * empty name): only the next request tells them apart. A query or tcUrl may hold secrets.
 */
export type ConnectRequest = Request & {
  readonly type: "connect-request";
  readonly tcUrl: string;
  readonly flashVer: string;
};

/** What a request for a stream has; the name is a secret where it is a key. */
type StreamRequest = Request & {
  readonly streamName: string;
  /** The virtual host that a client may name in a query. */
  readonly vhost: string | undefined;
};

/** A client wants to publish; `publishType` is "live" unless it says otherwise. */
export type PublishRequest = StreamRequest & {
  readonly type: "publish-request";
  readonly publishType: string;
};

/** A client wants to play; `start` is negative for live (-2 or -2000: live, else recorded; -1: live only). */
export type PlayRequest = StreamRequest & { readonly type: "play-request"; readonly start: number };

/** What happened on a server's session, in order. */
export type ServerEvent =
  | ConnectRequest
  | PublishRequest
  | PlayRequest
  /** Only between an accepted publish request and its end; `@setDataFrame` is still in front of metadata. */
  | MediaEvent
  /** The publisher ended its stream; `reason` is the command that did. It may publish again. */
  | { readonly type: "unpublish"; readonly reason: string }
  /** The player wants no more; it may play again. */
  | { readonly type: "stop-play"; readonly reason: string }
  | { readonly type: "ignored"; readonly typeId: number; readonly length: number };

/** Why a request is denied: a code of the protocol, and a sentence for the person at the other end. */
export type Denial = { readonly code: string; readonly description: string };
