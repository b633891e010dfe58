/**
 * A live stream as an encoder sends it: every message when it is due, each in a write of its own. After a while, in
 * which peers may connect and look at the codecs, video frames carry marks, and only those count.
 */
import { now } from "./clock.ts";
import { mark, stamped, type Stream } from "./media.ts";

/** How long the stream runs before it counts, in ms. */
export const PREROLL_MS = 2_000;
const TICK_MS = 1;

/** One stream that is being sent. */
export type Paced = {
  stream: Stream;
  send(bytes: Uint8Array): void;
  finish(marked: number): void;
  begun: number;
  current: Buffer;
  rounds: number;
  next: number;
  marked: number;
  end: number;
};

const active = new Set<Paced>();
let timer: Timer | undefined;

/** Starts a stream of `seconds` after the preroll; `finish` hears how many frames were marked. */
export function sendPaced(
  stream: Stream,
  seconds: number,
  peer: { send(bytes: Uint8Array): void; finish(marked: number): void },
): Paced {
  const paced: Paced = {
    stream,
    send: (bytes) => peer.send(bytes),
    finish: (marked) => peer.finish(marked),
    begun: now(),
    current: stamped(stream.round, 0),
    rounds: 0,
    next: 0,
    marked: 0,
    end: PREROLL_MS + seconds * 1_000,
  };
  paced.send(stream.head);
  active.add(paced);
  timer ??= setInterval(() => active.forEach(advance), TICK_MS);
  return paced;
}

/** How many frames of a stream of `seconds` after the preroll are marked. */
export function countMarked({ round }: Stream, seconds: number): number {
  const end = PREROLL_MS + seconds * 1_000;
  let marked = 0;
  for (let start = 0; start < end; start += round.length) {
    for (const { time, video } of round.pieces) {
      if (video && start + time >= PREROLL_MS && start + time < end) marked += 1;
    }
  }
  return marked;
}

/** Nobody takes this stream any more. */
export function stopPaced(paced: Paced): void {
  active.delete(paced);
  if (active.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function advance(paced: Paced): void {
  const { round } = paced.stream;
  const elapsed = now() - paced.begun;
  for (;;) {
    const piece = round.pieces[paced.next]!;
    const due = piece.time + paced.rounds * round.length;
    if (due >= paced.end) {
      stopPaced(paced);
      return paced.finish(paced.marked);
    }
    if (due > elapsed) return;
    if (piece.video && due >= PREROLL_MS) mark(paced.current, piece, paced.marked++, now());
    paced.send(paced.current.subarray(piece.from, piece.to));
    paced.next += 1;
    if (paced.next < round.pieces.length) continue;
    paced.next = 0;
    paced.rounds += 1;
    paced.current = stamped(round, paced.rounds);
  }
}
