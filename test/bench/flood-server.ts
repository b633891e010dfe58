/**
 * An RTMP server to play from, for the benchmark, in a process of its own: it sends a prepared show over and over, as
 * fast as the client takes it or at a given rate, then says that the stream has ended, hangs up and is gone, so that
 * every client ends by itself. The port stands on its first line of stdout.
 *
 *   bun test/bench/flood-server.ts FILE.flv BYTES [MBIT_PER_SECOND]
 */
import { type FlvTag, mediaOf, readFlvFile } from "../support/flv-compare.ts";
import { type Peer, serveRtmp } from "../support/rtmp-server.ts";
import { amf, controlBytes, frame, statusBytes, u32 } from "../support/rtmp-wire.ts";

const CHUNK_SIZE = 4_096;

/** One round of the show as chunks, and where the timestamps stand in it. */
type Round = { bytes: Buffer; stamps: { at: number; time: number }[]; length: number };

function prepare(tags: FlvTag[]): { head: Buffer; round: Round } {
  const framed = (tag: FlvTag) => {
    const type = tag.kind === "video" ? 9 : 8;
    const message = { type, streamId: 1, timestamp: tag.timestamp, payload: tag.payload };
    return frame(type === 9 ? 6 : 4, message, CHUNK_SIZE);
  };
  const media = mediaOf(tags);
  const headers = media.filter((tag) => tag.role === "header").map(framed);
  const metadata = { type: 18, streamId: 1, timestamp: 0, payload: amf("onMetaData", { encoder: "flood" }) };
  const parts: Buffer[] = [];
  const stamps: Round["stamps"] = [];
  let at = 0;
  for (const tag of media.filter((tag) => tag.role !== "header")) {
    const part = framed(tag);
    stamps.push({ at: at + 1, time: tag.timestamp });
    parts.push(part);
    at += part.length;
  }
  const last = Math.max(...stamps.map((stamp) => stamp.time));
  const head = Buffer.concat([controlBytes(1, u32(CHUNK_SIZE)), frame(4, metadata, CHUNK_SIZE), ...headers]);
  return { head, round: { bytes: Buffer.concat(parts), stamps, length: last + 40 } };
}

/** A copy of the round with its timestamps moved to where the timeline is. */
function stamped(round: Round, number: number): Buffer {
  const bytes = Buffer.from(round.bytes);
  for (const { at, time } of round.stamps) bytes.writeUIntBE(time + number * round.length, at, 3);
  return bytes;
}

const [file = "", size = "0", rate = "0"] = process.argv.slice(2);
const { head, round } = prepare(await readFlvFile(file));
const bytesPerMs = (Number(rate) * 1_000_000) / 8 / 1_000;
/** A paced stream begins in real time for as long as a relay may need to reach its destinations. */
const LEAD = 1_000;
const SLICE = 256 * 1_024;
const TICK = 10;

/** Where the sending to one client stands. */
type Progress = { sent: number; rounds: number; current: Buffer; at: number; begun: number; done: boolean };

const progress = new Map<Peer, Progress>();

/** How much may be sent now: everything, or what the clock allows. */
function allowance(state: Progress): number {
  if (bytesPerMs === 0) return SLICE;
  const elapsed = performance.now() - state.begun;
  const natural = round.bytes.length / round.length;
  const due = Math.min(elapsed, LEAD) * natural + Math.max(0, elapsed - LEAD) * bytesPerMs;
  return Math.floor(due) - state.sent;
}

function finish(peer: Peer, state: Progress): void {
  state.done = true;
  const eof = controlBytes(4, Buffer.concat([Buffer.from([0, 1]), u32(1)]));
  peer.send(Buffer.concat([eof, statusBytes("status", "NetStream.Play.UnpublishNotify")]));
  peer.leave();
}

function pump(peer: Peer): void {
  const state = progress.get(peer);
  if (state === undefined || state.done) return;
  for (;;) {
    const length = Math.min(SLICE, allowance(state), state.current.length - state.at);
    if (length > 0) {
      const waiting = peer.send(state.current.subarray(state.at, state.at + length));
      state.at += length;
      state.sent += length;
      if (waiting > 0) return; // `drained` goes on
    } else if (state.at < state.current.length) {
      setTimeout(pump, TICK, peer);
      return;
    }
    if (state.at < state.current.length) continue;
    // The end comes only between two messages.
    if (state.sent >= Number(size)) return finish(peer, state);
    state.rounds += 1;
    state.current = stamped(round, state.rounds);
    state.at = 0;
  }
}

const server = serveRtmp({
  play: (peer) => {
    const begun = performance.now();
    progress.set(peer, { sent: 0, rounds: 0, current: stamped(round, 0), at: 0, begun, done: false });
    peer.send(head);
    pump(peer);
  },
  drained: pump,
  closed: (peer) => {
    // A client that calls again after the end (nginx does) must not get it all once more.
    if (progress.delete(peer)) server[Symbol.dispose]();
  },
});
console.log(server.port);
