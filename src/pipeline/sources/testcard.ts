/**
 * Source: the test card, made in the program and paced by the clock. How people try a stream key.
 */

import { TYPE_ID_OF_KIND } from "../../media/packet.ts";
import { TestCard } from "../../media/testcard.ts";
import type { Ingest } from "../ingest.ts";
import { Pacer } from "../pacer.ts";
import type { Source } from "../source.ts";
import { untilTurn } from "./turn.ts";

const MINUTE_MS = 60_000;

/** Colour bars, a moving bar, the time of day and silence. */
export function testCardSource(): Source {
  return { name: "testcard:", nature: "made", run: show };
}

async function show(ingest: Ingest, signal: AbortSignal): Promise<string> {
  const now = new Date();
  const card = new TestCard({ startClockMs: now.getTime() - now.getTimezoneOffset() * MINUTE_MS });
  const { metadata, video, audio } = card.headers();
  ingest.push(TYPE_ID_OF_KIND.data, 0, metadata);
  ingest.push(TYPE_ID_OF_KIND.video, 0, video);
  ingest.push(TYPE_ID_OF_KIND.audio, 0, audio);
  const turns = { ingest, pacer: new Pacer(), signal };
  while (!signal.aborted) {
    const frame = card.next();
    const turn = untilTurn(turns, frame.dts);
    if (turn !== undefined) await turn;
    ingest.push(TYPE_ID_OF_KIND[frame.kind], frame.dts >>> 0, frame.body);
  }
  ingest.flush();
  return "stopped";
}
