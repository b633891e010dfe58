/**
 * A program for last-tier.test.ts, which has the runtime report what it compiles: some thousands of messages run through
 * a relay that records, and a file through the reader of files.
 *
 *   bun test/support/hot-run.ts OUT.flv
 */
import { readFileSync } from "node:fs";
import { FlvReader } from "../../src/media/flv-reader.ts";
import { framed, GOP, messages, relay } from "./memory-relay.ts";

const ROUNDS = 120;
const [out = ""] = process.argv.slice(2);

const LENGTH_MS = 2 * GOP * 20;
const first = messages(2 * GOP, 9000, 600);

await relay(async (give) => {
  for (let round = 0; round < ROUNDS; round++) {
    const list = first.map((one) => ({ ...one, timestamp: one.timestamp + round * LENGTH_MS }));
    const wire = Buffer.concat(list.map(framed));
    // The border of two segments lies within a chunk.
    const middle = wire.length >> 1;
    give(wire.subarray(0, middle));
    give(wire.subarray(middle));
    // The disk has its turn.
    await new Promise(setImmediate);
  }
}, `-o ${out}`);

const file = readFileSync(out);
let tags = 0;
for (let round = 0; round < 3; round++) {
  const reader = new FlvReader({ onTag: () => (tags += 1) });
  for (let at = 0; at < file.length; at += 65_536) reader.feed(file.subarray(at, at + 65_536));
  reader.end();
}
console.log(`read ${tags} tags`);
