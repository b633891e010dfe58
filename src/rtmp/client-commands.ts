/**
 * What a client says: the commands of publishing and playing in the order and form that all known servers accept
 * (protocol.md 5.1 to 5.3). Pure; called by RtmpClient, which numbers the calls.
 */

import type { Amf0Value } from "../amf/amf0.ts";
import { connectObject, type ConnectOptions } from "./connect.ts";

/** A command before it has a transaction id. */
export type Call = {
  readonly name: string;
  /** The command object (or null) and the arguments. */
  readonly values: readonly Amf0Value[];
  readonly messageStreamId: number;
};

/** play's start argument: live if there is such a stream, else a recording; and live only. */
const PLAY_ANY = -2000;
const PLAY_LIVE = -1000;

/** What a client wants with which stream; a part of ConnectOptions. */
export type Wish = Pick<ConnectOptions, "url" | "intent">;

/** The call that everything begins with. */
export function connectCall(options: ConnectOptions): Call {
  return call("connect", [connectObject(options), ...(options.url.connectArgs ?? [])]);
}

/** createStream and what belongs around it. Nothing waits for the answers to the other calls. */
export function createCalls({ url, intent }: Wish): readonly Call[] {
  const name = url.streamName;
  const create = call("createStream", [null]);
  // SRS waits for FCPublish once it has seen releaseStream, so both or none.
  if (intent === "publish")
    return [call("releaseStream", [null, name]), call("FCPublish", [null, name]), create];
  // Akamai and Limelight send nothing to a player that did not subscribe; others ignore it.
  return [create, call("FCSubscribe", [null, name])];
}

/** publish or play, on the message stream that createStream gave. */
export function startCall({ url, intent }: Wish, messageStreamId: number): Call {
  if (intent === "publish") return call("publish", [null, url.streamName, "live"], messageStreamId);
  return call("play", [null, url.streamName, url.live === true ? PLAY_LIVE : PLAY_ANY], messageStreamId);
}

/** The end of a stream in good order. */
export function goodbyeCalls({ url, intent }: Wish, messageStreamId: number): readonly Call[] {
  const remove = call("deleteStream", [null, messageStreamId]);
  return intent === "publish" ? [call("FCUnpublish", [null, url.streamName]), remove] : [remove];
}

function call(name: string, values: readonly Amf0Value[], messageStreamId = 0): Call {
  return { name, values, messageStreamId };
}
