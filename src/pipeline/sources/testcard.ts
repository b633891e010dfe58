/**
 * Source: the test card, made in the program and paced by the clock. How people try a stream key.
 */

import { TestCard } from "../../media/testcard.ts";
import type { Ingest } from "../ingest.ts";
import { Pacer } from "../pacer.ts";
import type { Source } from "../source.ts";

/** What is due within this many ms goes with what is due now: timers are no finer. */
const DUE_SOON_MS = 4;
const TYPE_ID = { audio: 8, video: 9 } as const;
const DATA = 18;
const MINUTE_MS = 60_000;

/** Colour bars, a moving bar, the time of day and silence. */
export function testCardSource(): Source {
  return { name: "testcard:", nature: "made", run: show };
}

async function show(ingest: Ingest, signal: AbortSignal): Promise<string> {
  const now = new Date();
  const card = new TestCard({ startClockMs: now.getTime() - now.getTimezoneOffset() * MINUTE_MS });
  const { metadata, video, audio } = card.headers();
  ingest.push(DATA, 0, metadata);
  ingest.push(TYPE_ID.video, 0, video);
  ingest.push(TYPE_ID.audio, 0, audio);
  const pacer = new Pacer();
  while (!signal.aborted) {
    const frame = card.next();
    const wait = pacer.due(frame.dts);
    if (wait > DUE_SOON_MS) {
      ingest.flush();
      await Pacer.sleep(wait, signal);
    }
    if (ingest.mustWait) await ingest.room(signal);
    ingest.push(TYPE_ID[frame.kind], frame.dts >>> 0, frame.body);
  }
  ingest.flush();
  return "stopped";
}
