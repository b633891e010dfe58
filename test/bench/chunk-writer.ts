/**
 * How fast messages are cut into chunks: GB/s for three chunk sizes, once as frameMessage makes them (a buffer for
 * each message) and once as a run of 64 messages into one buffer that is kept. For people:
 * `bun test/bench/chunk-writer.ts`.
 */
import { frameInto, frameMessage, framedSize } from "../../src/rtmp/chunk-writer.ts";

const RUN = 64;
const ROUNDS = 300;
const REPEATS = 5;

/** 60 KB of video and 400 bytes of audio in turn. */
const messages = Array.from({ length: RUN }, (_, i) =>
  i % 2 === 0
    ? { typeId: 9, timestamp: 20 * i, payload: new Uint8Array(60_000).fill(0x5a) }
    : { typeId: 8, timestamp: 20 * i, payload: new Uint8Array(400).fill(0xa5) },
);

/** The best of some repeats, in GB/s; `round` returns how many bytes it wrote. */
function fastest(round: () => number): string {
  let best = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const begun = performance.now();
    let bytes = 0;
    for (let i = 0; i < ROUNDS; i++) bytes += round();
    best = Math.max(best, bytes / (performance.now() - begun) / 1e6);
  }
  return best.toFixed(2);
}

for (const chunkSize of [128, 4096, 65_536]) {
  const framing = { csid: 6, messageStreamId: 1, chunkSize };
  const size = messages.reduce((sum, { payload, timestamp }) => {
    return sum + framedSize(payload.length, timestamp, chunkSize);
  }, 0);
  const kept = new Uint8Array(size);
  const apart = fastest(() => messages.reduce((sum, m) => sum + frameMessage(m, framing).length, 0));
  const run = fastest(() => messages.reduce((at, m) => frameInto(kept, at, m, framing), 0));
  console.log(`chunk ${chunkSize}: ${apart} GB/s each by itself, ${run} GB/s as a run`);
}
