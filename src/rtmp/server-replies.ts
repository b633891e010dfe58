/**
 * What a server says: the answers that every known client accepts, in their words (protocol.md 5.4 to 5.6). Pure;
 * called by RtmpServer.
 */

import { amfObject, encodeAmf0, type Amf0Value } from "../amf/amf0.ts";
import { frameMessage } from "./chunk-writer.ts";
import type { Command } from "./command.ts";
import { ChunkStreamId, MessageType } from "./constants.ts";
import type { Denial } from "./server-events.ts";

/** The one message stream of a connection. nginx-rtmp's relay and gortmplib take no other number. */
export const SERVED_STREAM_ID = 1;

/** What servers say they are since Flash Media Server 3; clients look for nothing else. */
const FMS_VERSION = "FMS/3,0,1,123";
const FMS_CAPABILITIES = 31;
/** In a description OBS takes these for a question about credentials, and asks again for ever. */
const MISREAD = /403|need ?auth/i;

/** The answer to a call; without values it is `_result tid null`. */
export function result(transactionId: number, ...values: readonly Amf0Value[]): Command {
  return { name: "_result", transactionId, values: [null, ...values] };
}

/** connect is accepted. AMF0 whatever the client offers: every client reads it. */
export function connectAccepted(transactionId: number): Command {
  const properties = amfObject({ fmsVer: FMS_VERSION, capabilities: FMS_CAPABILITIES });
  const information = amfObject({
    level: "status",
    code: "NetConnection.Connect.Success",
    description: "Connection succeeded.",
    objectEncoding: 0,
  });
  return { name: "_result", transactionId, values: [properties, information] };
}

/** connect is denied. */
export function connectDenied(transactionId: number, denial: Denial): Command {
  return { name: "_error", transactionId, values: [null, information("error", denial)] };
}

/** A status of a stream. */
export function streamStatus(code: string, description: string): Command {
  return status("status", { code, description });
}

/** A stream is denied, or taken away. */
export function streamDenied(denial: Denial): Command {
  return status("error", denial);
}

/** What Flash players wanted before they let a script look at the picture; librtmp expects it too. */
export function sampleAccess(chunkSize: number): Uint8Array {
  return frameMessage(
    {
      typeId: MessageType.dataAmf0,
      timestamp: 0,
      payload: encodeAmf0(["|RtmpSampleAccess", true, true]),
    },
    { csid: ChunkStreamId.data, messageStreamId: SERVED_STREAM_ID, chunkSize },
  );
}

function status(level: "status" | "error", denial: Denial): Command {
  return { name: "onStatus", transactionId: 0, values: [null, information(level, denial)] };
}

function information(level: "status" | "error", { code, description }: Denial): Amf0Value {
  return amfObject({ level, code, description: MISREAD.test(description) ? code : description });
}
