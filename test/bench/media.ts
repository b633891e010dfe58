/**
 * The media of the benchmark: a short show made by ffmpeg once per run, the same show cut into RTMP chunks as a server
 * would send it over and over, and the same show as one long FLV file.
 *
 * A frame can carry a mark (when it was sent, by clock.ts) inside its payload, where every relay has to leave it alone.
 */
import { type FlvTag, mediaOf, readFlvFile } from "../support/flv-compare.ts";
import { QUIET_FFMPEG } from "../support/media.ts";
import { runWell } from "../support/process.ts";
import { amf, controlBytes, frame, u32 } from "../support/rtmp-wire.ts";

/** What nginx-rtmp and many others send with. */
export const CHUNK_SIZE = 4_096;
/** Where in a video payload the mark stands: in the first chunk, whatever the chunk size. */
export const MARK_AT = 64;
/** A word to know it by, the number of the frame, the time as a double. */
export const MARK_SIZE = 16;
export const MARK_WORD = 0x6d61726b;

const CHUNK_HEADER = 12;
const FRAME_MS = 33;

/** Makes an FLV file: 720p, 30 frames a second, a keyframe every two seconds, with sound. */
export async function makeMedia(path: string, bitrate: string): Promise<string> {
  // Noise, because a test pattern alone does not use up a high bitrate.
  const picture = "testsrc2=size=1280x720:rate=30,noise=alls=30:allf=t";
  const rate = ["-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate];
  await runWell(
    [
      ...["ffmpeg", ...QUIET_FFMPEG, "-f", "lavfi", "-i", picture],
      ...["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-t", "4"],
      ...["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "60"],
      ...["-sc_threshold", "0", ...rate, "-c:a", "aac", "-b:a", "96k", "-f", "flv", "-y", path],
    ],
    { timeout: 120_000 },
  );
  return path;
}

/** Where in a round one message stands, its time, and how long its payload is. */
export type Piece = { from: number; to: number; time: number; payload: number; video: boolean };

/** One round of the show as chunks. `length` is in ms. */
export type Round = { bytes: Buffer; pieces: Piece[]; length: number };

/** What a stream begins with, and what is then sent over and over. `headPayload` is the media in `head`. */
export type Stream = { head: Buffer; headPayload: number; round: Round };

function framed(tag: FlvTag): Buffer {
  const type = tag.kind === "video" ? 9 : 8;
  const message = { type, streamId: 1, timestamp: tag.timestamp, payload: tag.payload };
  return frame(type === 9 ? 6 : 4, message, CHUNK_SIZE);
}

/** Reads a show and cuts it into chunks. `publisher` says whether metadata goes to a server or to a player. */
export async function prepare(file: string, publisher = false): Promise<Stream> {
  const media = mediaOf(await readFlvFile(file));
  const headers = media.filter((tag) => tag.role === "header");
  const words = publisher ? ["@setDataFrame", "onMetaData"] : ["onMetaData"];
  const metadata = { type: 18, streamId: 1, timestamp: 0, payload: amf(...words, { encoder: "bench" }) };
  const parts: Buffer[] = [];
  const pieces: Piece[] = [];
  let at = 0;
  const frames = media.filter((tag) => tag.role !== "header").toSorted((a, b) => a.timestamp - b.timestamp);
  for (const tag of frames) {
    const part = framed(tag);
    const video = tag.kind === "video";
    pieces.push({ from: at, to: at + part.length, time: tag.timestamp, payload: tag.payload.length, video });
    parts.push(part);
    at += part.length;
  }
  const announced = controlBytes(1, u32(CHUNK_SIZE));
  const head = Buffer.concat([announced, frame(4, metadata, CHUNK_SIZE), ...headers.map(framed)]);
  const headPayload = headers.reduce((sum, tag) => sum + tag.payload.length, 0);
  const length = (pieces.at(-1)?.time ?? 0) + FRAME_MS;
  return { head, headPayload, round: { bytes: Buffer.concat(parts), pieces, length } };
}

/** A copy of the round with its timestamps moved to where the timeline is. */
export function stamped(round: Round, number: number): Buffer {
  const bytes = Buffer.from(round.bytes);
  for (const { from, time } of round.pieces) bytes.writeUIntBE(time + number * round.length, from + 1, 3);
  return bytes;
}

/** Writes the mark into a video message of a stamped round. */
export function mark(bytes: Buffer, piece: Piece, index: number, time: number): void {
  const at = piece.from + CHUNK_HEADER + MARK_AT;
  bytes.writeUInt32BE(MARK_WORD, at);
  bytes.writeUInt32BE(index, at + 4);
  bytes.writeDoubleBE(time, at + 8);
}

/** Writes the show over and over as one FLV file of about `size` bytes; returns the bytes of its media. */
export async function makeLongFile(file: string, path: string, size: number): Promise<number> {
  const media = mediaOf(await readFlvFile(file));
  const frames = media.filter((tag) => tag.role !== "header").toSorted((a, b) => a.timestamp - b.timestamp);
  const length = (frames.at(-1)?.timestamp ?? 0) + FRAME_MS;
  const writer = Bun.file(path).writer({ highWaterMark: 4 * 2 ** 20 });
  let written = 0;
  let payload = 0;
  const put = (tag: FlvTag, timestamp: number): void => {
    const head = Buffer.alloc(11);
    head.writeUInt8(tag.kind === "video" ? 9 : 8);
    head.writeUIntBE(tag.payload.length, 1, 3);
    head.writeUIntBE(timestamp & 0xffffff, 4, 3);
    head.writeUInt8(timestamp >>> 24, 7);
    writer.write(head);
    writer.write(tag.payload);
    writer.write(u32(tag.payload.length + 11));
    written += tag.payload.length + 15;
    payload += tag.payload.length;
  };
  writer.write(Buffer.from([0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0]));
  for (const tag of media) if (tag.role === "header") put(tag, 0);
  for (let round = 0; written < size; round++) {
    for (const tag of frames) put(tag, tag.timestamp + round * length);
    await writer.flush();
  }
  await writer.end();
  return payload;
}

/** The bytes of audio and video in an FLV file that may be cut at its end. */
export async function payloadOfFile(path: string): Promise<number> {
  const bytes = Buffer.from(await Bun.file(path).arrayBuffer());
  let payload = 0;
  for (let at = 13; at + 15 <= bytes.length;) {
    const size = bytes.readUIntBE(at + 1, 3);
    if (at + 15 + size > bytes.length) break;
    if (bytes[at] === 8 || bytes[at] === 9) payload += size;
    at += 15 + size;
  }
  return payload;
}
