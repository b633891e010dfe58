/**
 * Command messages: name, transaction id, command object, arguments. RTMP 1.0 §7.2. Decoding is lenient (a
 * command may end after its name: ffmpeg's listener answers FCPublish so); encoding writes only what every
 * server reads.
 */

import { decodeAmf0Message, encodeAmf0, type Amf0Value } from "../amf/amf0.ts";
import { frameMessage } from "./chunk-writer.ts";
import { ChunkStreamId, MessageType } from "./constants.ts";

/** A command as received; `values` is everything behind the transaction id, normally the command object first. */
export type Command = {
  readonly name: string;
  readonly transactionId: number;
  readonly values: readonly Amf0Value[];
};

/**
 * Reads a command message (type 20, or 17 with its leading byte). Undefined if it does not begin with a name;
 * throws ProtocolError if its values are broken.
 */
export function decodeCommand(typeId: number, body: Uint8Array): Command | undefined {
  const [name, ...values] = decodeAmf0Message(typeId, body);
  if (typeof name !== "string") return undefined;
  const [transactionId, ...others] = values;
  if (typeof transactionId === "number") return { name, transactionId, values: others };
  // Without one it is 0, which asks for no answer; data messages such as onPlayStatus never have one.
  return { name, transactionId: 0, values };
}

/** A command in chunks, ready to send. */
export function encodeCommand(
  command: Command,
  framing: { messageStreamId: number; chunkSize: number },
): Uint8Array {
  const payload = encodeAmf0([command.name, command.transactionId, ...command.values]);
  return frameMessage(
    { typeId: MessageType.commandAmf0, timestamp: 0, payload },
    { csid: ChunkStreamId.command, ...framing },
  );
}
