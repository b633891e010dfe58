/**
 * A program for last-tier.test.ts, which has the runtime report what it compiles: some thousands of messages run through
 * a relay that plays, records and publishes, and as many tags through the reader of files. Nothing is published to a
 * listener, nobody plays, no camera is read.
 *
 *   bun test/support/hot-run.ts OUT.flv
 */
import { FlvReader } from "../../src/media/flv-reader.ts";
import { flvHeader, flvTag } from "../../src/media/flv-writer.ts";
import { framed, GOP, messages, relay } from "./memory-relay.ts";

const ROUNDS = 200;
const LENGTH_MS = 2 * GOP * 20;
const SEGMENT = 65_536;
const [out = ""] = process.argv.slice(2);
const first = messages(2 * GOP, 6000, 600);

/** The messages of a round, in two segments: the border lies within a chunk. */
function segmentsOf(round: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (const one of first) chunks.push(framed({ ...one, timestamp: one.timestamp + round * LENGTH_MS }));
  const wire = Buffer.concat(chunks);
  return [wire.subarray(0, wire.length >> 1), wire.subarray(wire.length >> 1)];
}

await relay(async (give) => {
  for (let round = 0; round < ROUNDS; round++) {
    for (const segment of segmentsOf(round)) give(segment);
    // The disk has its turn.
    await new Promise(setImmediate);
  }
}, `-o ${out}`);

const tags: Uint8Array[] = [];
for (const { type, timestamp, payload } of first) tags.push(flvTag(type, timestamp, payload));
const file = Buffer.concat(tags);
let count = 0;
const reader = new FlvReader(
  {
    onTag: ({ slab }) => {
      count += 1;
      slab?.release();
    },
  },
  { lend: true },
);
reader.feed(flvHeader({ audio: true, video: true }));
for (let round = 0; round < ROUNDS; round++) {
  for (let at = 0; at < file.length; at += SEGMENT) reader.feed(file.subarray(at, at + SEGMENT));
}
reader.end();
console.log(`read ${count} of ${ROUNDS * first.length} tags`);
