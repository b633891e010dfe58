/** Chunk streams and their messages, for the tests of reader and writer alike, and what reads them as a peer does. */
import { SlabPool } from "../../src/bytes/slab-pool.ts";
import { ChunkReader, type Message } from "../../src/rtmp/chunk-reader.ts";
import { MEDIA_LIMITS, MessageType, type ReaderLimits } from "../../src/rtmp/constants.ts";
import { decodeControl } from "../../src/rtmp/control.ts";
import { fixture, fromHex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { kept } from "../support/kept.ts";

/** A message as a row: type, message stream id, time, payload in hex. */
export type Row = [typeId: number, messageStreamId: number, timestamp: number, payload: string];

export const rowOf = (message: Message): Row => [
  message.typeId,
  message.messageStreamId,
  message.timestamp,
  toHex(message.payload),
];

/** Reads segments to their end; set chunk size and abort are obeyed, as a connection does. */
export function readRows(segments: readonly Uint8Array[], chunkSize = 128, limits = MEDIA_LIMITS): Row[] {
  return readMessages(segments, chunkSize, limits).map(rowOf);
}

/** All messages, whose bodies lie in slabs until they are copied here. */
export function readMessages(
  segments: readonly Uint8Array[],
  chunkSize = 128,
  limits: ReaderLimits = MEDIA_LIMITS,
): Message[] {
  const messages: Message[] = [];
  const reader: ChunkReader = new ChunkReader((message) => {
    messages.push(kept(message));
    obey(reader, message);
  }, limits);
  reader.usePool(new SlabPool());
  reader.chunkSize = chunkSize;
  for (const segment of segments) {
    reader.feed(segment);
    segment.fill(0xa5); // a transport takes its memory back: nothing of it may be kept
  }
  return messages;
}

/** What a message means for the reader that it came through. */
export function obey(reader: ChunkReader, message: Message): void {
  if (message.typeId > MessageType.abort) return;
  const control = decodeControl(message.typeId, message.payload);
  if (control?.type === "set-chunk-size" && control.size > 0) reader.chunkSize = control.size;
  if (control?.type === "abort") reader.abort(control.csid);
}

/** A payload that shows where its bytes come from. */
export function counting(length: number, first = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i);
}

/** One message and its bytes on the wire, exactly as the writer makes them. */
export type ChunkCase = {
  name: string;
  csid: number;
  chunkSize: number;
  row: Row;
  wire: string;
};

const body300 = counting(300);
const part = (from: number, to: number): string => toHex(body300.subarray(from, to));

export const CHUNK_CASES: readonly ChunkCase[] = [
  {
    name: "V-10 set chunk size 4096",
    csid: 2,
    chunkSize: 128,
    row: [1, 0, 0, "00001000"],
    wire: "02 000000 000004 01 00000000 00001000",
  },
  {
    name: "V-11 window acknowledgement size 2500000",
    csid: 2,
    chunkSize: 128,
    row: [5, 0, 0, "002625a0"],
    wire: "02 000000 000004 05 00000000 002625a0",
  },
  {
    name: "V-13 publish on message stream 1",
    csid: 8,
    chunkSize: 128,
    row: [20, 1, 0, "0200077075626c697368004014000000000000050200027331" + "0200046c697665"],
    wire:
      "08 000000 000020 14 01000000" +
      "0200077075626c697368004014000000000000050200027331" +
      "0200046c697665",
  },
  {
    name: "V-26 ping",
    csid: 2,
    chunkSize: 128,
    row: [4, 0, 0, "000621f6fbc3"],
    wire: "02 000000 000006 04 00000000 0006 21f6fbc3",
  },
  {
    name: "V-28 buffer empty, truncated",
    csid: 2,
    chunkSize: 128,
    row: [4, 0, 0, "001f"],
    wire: "02 000000 000002 04 00000000 001f",
  },
  {
    name: "V-29 user control on csid 3",
    csid: 3,
    chunkSize: 128,
    row: [4, 0, 0, "000200008ace"],
    wire: "03 000000 000006 04 00000000 0002 00008ace",
  },
  {
    name: "V-30 acknowledgement",
    csid: 2,
    chunkSize: 128,
    row: [3, 0, 0, "02bd33b0"],
    wire: "02 000000 000004 03 00000000 02bd33b0",
  },
  {
    name: "V-21 message stream ids are little-endian",
    csid: 25,
    chunkSize: 128,
    row: [20, 0x3d175d03, 11_641_233, "01020304"],
    wire: "19 b1a191 000004 14 035d173d 01020304",
  },
  {
    name: "V-22 an extended timestamp",
    csid: 25,
    chunkSize: 128,
    row: [15, 0xb2843100, 0xff3486a2, "05060708"],
    wire: "19 ffffff 000004 0f 003184b2 ff3486a2 05060708",
  },
  {
    name: "an empty message",
    csid: 4,
    chunkSize: 128,
    row: [8, 1, 5, ""],
    wire: "04 000005 000000 08 01000000",
  },
  {
    name: "exactly one chunk",
    csid: 63,
    chunkSize: 4,
    row: [9, 1, 0xfffffe, "01020304"],
    wire: "3f fffffe 000004 09 01000000 01020304",
  },
  {
    name: "one byte more than a chunk",
    csid: 6,
    chunkSize: 4,
    row: [9, 1, 0, "0102030405"],
    wire: "06 000000 000005 09 01000000 01020304 c6 05",
  },
  {
    name: "chunks of one byte",
    csid: 6,
    chunkSize: 1,
    row: [9, 1, 0, "010203"],
    wire: "06 000000 000003 09 01000000 01 c6 02 c6 03",
  },
  {
    name: "0xffffff itself needs the extension, in every chunk",
    csid: 6,
    chunkSize: 4,
    row: [9, 1, 0xffffff, "010203040506"],
    wire: "06 ffffff 000006 09 01000000 00ffffff 01020304 c6 00ffffff 0506",
  },
  {
    name: "0x1000000",
    csid: 6,
    chunkSize: 1,
    row: [9, 1, 0x1000000, "0102"],
    wire: "06 ffffff 000002 09 01000000 01000000 01 c6 01000000 02",
  },
  {
    name: "the largest time",
    csid: 6,
    chunkSize: 65536,
    row: [9, 0xffffffff, 0xffffffff, "01"],
    wire: "06 ffffff 000001 09 ffffffff ffffffff 01",
  },
  {
    name: "three chunks of 128",
    csid: 6,
    chunkSize: 128,
    row: [9, 1, 40, toHex(body300)],
    wire: `06 000028 00012c 09 01000000 ${part(0, 128)} c6 ${part(128, 256)} c6 ${part(256, 300)}`,
  },
];

/** The wire bytes of a case. */
export const wireOf = (chunkCase: ChunkCase): Uint8Array => fromHex(chunkCase.wire);

/** The length of the handshake in either direction. */
export const HANDSHAKE = 1 + 2 * 1536;
export const CAPTURES = [
  "ffmpeg-listen.s2c",
  "ffmpeg-play.c2s",
  "ffmpeg-play.s2c",
  "ffmpeg-publish.c2s",
  "ffmpeg-publish.s2c",
  "gstreamer-publish.c2s",
  "nginx-push.c2s",
  "rtmpdump-play.c2s",
  "rtmpdump-play.s2c",
] as const;

/** A capture without its handshake. */
export const chunksOf = (name: string): Uint8Array => fixture(`rtmp/${name}`).subarray(HANDSHAKE);

/** Reads at every cut and returns what came out. */
export function read(wire: Uint8Array, chunkSize = 128): Row[] {
  return everySplit(wire, (segments) => readRows(segments, chunkSize));
}

export const times = (rows: Row[]): number[] => rows.map(([, , timestamp]) => timestamp);
