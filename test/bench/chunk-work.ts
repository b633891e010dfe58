/**
 * Work for chunk-count.ts: takes a stream apart, or puts one together, until about BYTES bytes went through. Video
 * messages of 25 KB and sound of 300 bytes in turn, as a stream of 6 Mbit/s has them; segments of 64 KiB.
 *
 *   bun test/bench/chunk-work.ts reader|writer BYTES CHUNK_SIZE
 */
import { ChunkReader } from "../../src/rtmp/chunk-reader.ts";
import { frameInto, frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { MEDIA_LIMITS } from "../../src/rtmp/constants.ts";

const SEGMENT = 65_536;
const [kind = "reader", amount = "0", size = "4096"] = process.argv.slice(2);
const chunkSize = Number(size);
const video = { typeId: 9, timestamp: 40, payload: new Uint8Array(25_000).fill(0x5a) };
const audio = { typeId: 8, timestamp: 40, payload: new Uint8Array(300).fill(0xa5) };
const videoFraming = { csid: 6, messageStreamId: 1, chunkSize };
const audioFraming = { csid: 4, messageStreamId: 1, chunkSize };

function read(bytes: number): number {
  const pair = [frameMessage(video, videoFraming), frameMessage(audio, audioFraming)];
  const round = Buffer.concat(Array.from({ length: 64 }, () => pair).flat());
  let messages = 0;
  const reader = new ChunkReader(() => (messages += 1), MEDIA_LIMITS);
  reader.chunkSize = chunkSize;
  for (let done = 0; done < bytes; done += round.length) {
    for (let at = 0; at < round.length; at += SEGMENT) reader.feed(round.subarray(at, at + SEGMENT));
  }
  return messages;
}

function write(bytes: number): number {
  const target = new Uint8Array(2 * SEGMENT);
  let messages = 0;
  for (let done = 0; done < bytes; messages += 2) {
    const at = frameInto(target, 0, video, videoFraming);
    done += frameInto(target, at, audio, audioFraming);
  }
  return messages;
}

console.log(kind === "reader" ? read(Number(amount)) : write(Number(amount)));
