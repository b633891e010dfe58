/**
 * How fast ChunkReader takes a stream apart: GB/s for three chunk sizes, messages of 60 KB (video) and 400 bytes
 * (audio) in turn, in segments of 64 KiB as sockets give them. For people: `bun test/bench/chunk-reader.ts`.
 */
import { ChunkReader } from "../../src/rtmp/chunk-reader.ts";
import { MEDIA_LIMITS } from "../../src/rtmp/constants.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";

const SEGMENT = 65_536;
const STREAM = 16 * 2 ** 20;
const ROUNDS = 40;
const REPEATS = 5;

/** A stream of about STREAM bytes, cut into segments. */
function segments(chunkSize: number): Uint8Array[] {
  const video = { typeId: 9, timestamp: 40, payload: new Uint8Array(60_000).fill(0x5a) };
  const audio = { typeId: 8, timestamp: 40, payload: new Uint8Array(400).fill(0xa5) };
  const pair = Buffer.concat([
    frameMessage(video, { csid: 6, messageStreamId: 1, chunkSize }),
    frameMessage(audio, { csid: 4, messageStreamId: 1, chunkSize }),
  ]);
  const whole = Buffer.concat(Array.from({ length: Math.ceil(STREAM / pair.length) }, () => pair));
  const cut: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += SEGMENT) {
    cut.push(new Uint8Array(whole.subarray(at, at + SEGMENT)));
  }
  return cut;
}

for (const chunkSize of [128, 4096, 65_536]) {
  const input = segments(chunkSize);
  const bytes = input.reduce((sum, segment) => sum + segment.length, 0);
  let best = 0;
  let messages = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const begun = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const reader = new ChunkReader(() => (messages += 1), MEDIA_LIMITS);
      reader.chunkSize = chunkSize;
      for (const segment of input) reader.feed(segment);
    }
    best = Math.max(best, (bytes * ROUNDS) / (performance.now() - begun) / 1e6);
  }
  console.log(`chunk ${chunkSize}: ${best.toFixed(2)} GB/s (${messages} messages)`);
}
