/**
 * What a client hears: a message of the server goes in, what it says comes out, without regard to where the
 * session stands. Pure; called by RtmpClient for everything but protocol control.
 */

import { ProtocolError } from "../errors.ts";
import { amf0In, type Amf0Value, stringOf } from "../amf/amf0.ts";
import { skipLastTier } from "../last-tier.ts";
import type { Message } from "./chunk-reader.ts";
import { decodeCommand, type Command } from "./command.ts";
import { MessageType } from "./constants.ts";
import type { MediaEvent } from "./events.ts";
import { reactionTo, readStatus, type Status } from "./status.ts";

/** A `_result` or `_error`. */
export type Reply = {
  readonly type: "reply";
  readonly transactionId: number;
  readonly failed: boolean;
  readonly status: Status | undefined;
  /** The first plain text among its values, for servers that give no status. */
  readonly text: string;
  /** What an answer to createStream gives. */
  readonly messageStreamId: number;
};

/** The server waits for `reply`; a transaction id of undefined stands for the client's next one. */
export type Question = {
  readonly type: "question";
  readonly reply: Omit<Command, "transactionId"> & { readonly transactionId: number | undefined };
};

/** What a message says. */
export type Heard =
  | MediaEvent
  | Reply
  | { readonly type: "status"; readonly status: Status }
  /** The stream that is played is over: a recording at its end, or a publisher that left. */
  | { readonly type: "ended"; readonly reason: string }
  /** The server is about to hang up. */
  | { readonly type: "close" }
  | Question
  | { readonly type: "ignored" };

const IGNORED: Heard = { type: "ignored" };

/**
 * Reads a message. A broken command is dropped, unless it is `strict`: then it throws ProtocolError. Aggregates
 * are not read here.
 */
export function hear(message: Message, strict: boolean): Heard {
  const { typeId, timestamp, payload, slab } = message;
  // Some servers send empty messages to say nothing: nobody could write or forward them, and they are no sign
  // of life, since a peer could send nothing else for ever.
  if (payload.length === 0) return IGNORED;
  switch (typeId) {
    case MessageType.audio:
    case MessageType.video:
      return { type: "media", typeId, timestamp, payload, slab };
    case MessageType.dataAmf0:
    case MessageType.dataAmf3:
      return hearData(message, strict);
    case MessageType.commandAmf0:
    case MessageType.commandAmf3: {
      const command = decode(message, strict);
      return command === undefined ? IGNORED : hearCommand(command);
    }
    default:
      return IGNORED;
  }
}

function hearData(message: Message, strict: boolean): Heard {
  const payload = message.typeId === MessageType.dataAmf3 ? amf0In(message.payload) : message.payload;
  if (payload.length === 0) return IGNORED;
  if (beginsWith(payload, "onPlayStatus")) {
    const status = readStatus(decode(message, strict)?.values ?? []);
    const ended = status !== undefined && reactionTo(status, true) === "ended";
    return ended ? { type: "ended", reason: status.code } : IGNORED;
  }
  const { timestamp, slab } = message;
  return { type: "media", typeId: MessageType.dataAmf0, timestamp, payload, slab };
}

/** Whether a message shows that the stream plays, whatever else the server says. Some data comes before that. */
export function provesStart({ typeId, payload }: MediaEvent): boolean {
  return typeId !== MessageType.dataAmf0 || beginsWith(payload, "onMetaData");
}

function hearCommand(command: Command): Heard {
  const { name, transactionId, values } = command;
  switch (name) {
    case "_result":
    case "_error":
      return {
        type: "reply",
        transactionId,
        failed: name === "_error",
        status: readStatus(values),
        text: values.map(stringOf).find((text) => text !== undefined) ?? "",
        messageStreamId: messageStreamIdIn(values),
      };
    case "onStatus":
    case "onFCSubscribe": {
      const status = readStatus(values);
      return status === undefined ? IGNORED : { type: "status", status };
    }
    case "onFCUnsubscribe":
      return { type: "ended", reason: name };
    case "close":
      return { type: "close" };
    // What a server's bandwidth measurement and ping are answered with, as ffmpeg and librtmp do.
    case "onBWDone":
      return { type: "question", reply: { name: "_checkbw", transactionId: undefined, values: [null] } };
    case "_onbwcheck":
    case "onBWCheck":
      return { type: "question", reply: { name: "_result", transactionId, values: [null, 0] } };
    case "ping":
      return { type: "question", reply: { name: "pong", transactionId, values: [null] } };
    default:
      return IGNORED;
  }
}

/** The first number; peers that leave it out mean stream 1. */
function messageStreamIdIn(values: readonly Amf0Value[]): number {
  const id = values.find((value) => typeof value === "number");
  return typeof id === "number" && id >= 0 && id <= 0xffffffff ? id >>> 0 : 1;
}

function decode(message: Message, strict: boolean): Command | undefined {
  try {
    return decodeCommand(message.typeId, message.payload);
  } catch (error) {
    if (error instanceof ProtocolError && !strict) return undefined;
    throw error;
  }
}

/** Whether an AMF0 body begins with this string. */
function beginsWith(body: Uint8Array, name: string): boolean {
  if (body.length < 3 + name.length || body[0] !== 2 || body[1] !== 0 || body[2] !== name.length)
    return false;
  for (let i = 0; i < name.length; i++) if (body[3 + i] !== name.charCodeAt(i)) return false;
  return true;
}

skipLastTier(hear);
