/**
 * readTagHeader looks at the first bytes of an RTMP media message or FLV tag and says what the body is: a sequence
 * header, a key frame, a frame of which codec, or nothing. It never throws: an unknown codec is a value and a body
 * that is cut short is `empty`. Runs once for every message.
 */
import { holdsAt } from "../bytes/same-bytes.ts";
import { skipLastTier } from "../last-tier.ts";
import type { MediaKind } from "./packet.ts";
import { readAudioHeader } from "./tag-audio.ts";
import { newTagHeader, type TagHeader } from "./tag-header.ts";
import { readVideoHeader } from "./tag-video.ts";

export type { TagHeader } from "./tag-header.ts";

/** AMF0 string "onMetaData", with marker and length. */
const ON_META_DATA = amfString("onMetaData");
/** AMF0 string "@setDataFrame", which a publisher puts before what the server shall keep. */
const SET_DATA_FRAME = amfString("@setDataFrame");

/** Says what a body of this kind is. Looks at 16 bytes, further only through a chain of enhanced prefixes. */
export function readTagHeader(kind: MediaKind, body: Uint8Array): TagHeader {
  switch (kind) {
    case "video":
      return readVideoHeader(body);
    case "audio":
      return readAudioHeader(body);
    case "data":
      return readDataHeader(body);
    default:
      throw new Error(`Internal: media kind ${kind satisfies never}`);
  }
}

/** Where the AMF values behind a leading "@setDataFrame" begin; 0 when there is none. */
export function setDataFrameLength(body: Uint8Array): number {
  return holdsAt(body, 0, SET_DATA_FRAME) ? SET_DATA_FRAME.length : 0;
}

/** The bytes to put before an onMetaData when publishing it. */
export function setDataFramePrefix(): Uint8Array {
  return SET_DATA_FRAME;
}

/** Whether a data body is onMetaData, with or without "@setDataFrame" before it. */
export function isMetadata(body: Uint8Array): boolean {
  return holdsAt(body, setDataFrameLength(body), ON_META_DATA);
}

function readDataHeader(body: Uint8Array): TagHeader {
  const header = newTagHeader(body);
  header.payloadOffset = 0;
  if (isMetadata(body)) header.role = "metadata";
  return header;
}

function amfString(text: string): Uint8Array {
  const bytes = new Uint8Array(3 + text.length);
  bytes[0] = 0x02;
  bytes[2] = text.length;
  for (let i = 0; i < text.length; i++) bytes[3 + i] = text.charCodeAt(i);
  return bytes;
}

skipLastTier(readTagHeader);
