/**
 * An RTMP server to play from, for the benchmark, in a process of its own: it sends a show over and over, then says that
 * the stream has ended and hangs up, so that every client ends by itself. Whoever does not begin with RTMP's handshake
 * (the bare loops) gets the same bytes without it.
 *
 *   flood N    N bytes as fast as the client takes them: when the client does not read, TCP makes this server wait
 *   paced N    N seconds as an encoder would send them, see paced.ts
 *   broken N   the same, but the line breaks without a goodbye, and the server goes on for the next client
 *
 * The port stands on the first line of stdout; then comes a line of JSON for each client that was served: when its first
 * byte came (clock.ts), the bytes of media that a whole stream has, the number of its marked frames, and whether
 * all was sent.
 *
 *   bun test/bench/flood-server.ts FILE.flv flood|paced|broken N
 */
import { type Peer, serveRtmp } from "../support/rtmp-server.ts";
import { controlBytes, statusBytes, u32 } from "../support/rtmp-wire.ts";
import { now } from "./clock.ts";
import { prepare, stamped } from "./media.ts";
import { countMarked, type Paced, sendPaced, stopPaced } from "./paced.ts";

/** What one client has been sent. */
type Progress = {
  hello: number;
  bytes: number;
  rounds: number;
  current: Buffer;
  at: number;
  paced: Paced | undefined;
  playing: boolean;
  done: boolean;
};

const SLICE = 256 * 1_024;
/** From here on timestamps are extended; 13 GB of the show. */
const LONGEST_MS = 0xffffff;
const RTMP_VERSION = 3;
const [file = "", mode = "flood", amount = "0"] = process.argv.slice(2);
if (!["flood", "paced", "broken"].includes(mode)) throw new Error(`flood, paced or broken, not ${mode}`);
const stream = await prepare(file);
const roundPayload = stream.round.pieces.reduce((sum, piece) => sum + piece.payload, 0);
const rounds = Math.max(1, Math.ceil(Number(amount) / stream.round.bytes.length));
if (mode === "flood" && rounds * stream.round.length >= LONGEST_MS) {
  throw new Error("so long a stream has timestamps of more than 24 bits, which this server does not write");
}
const whole =
  mode === "flood"
    ? { payload: stream.headPayload + rounds * roundPayload, marked: 0 }
    : { payload: 0, marked: countMarked(stream, Number(amount)) };
const progress = new Map<Peer, Progress>();

function finish(peer: Peer, state: Progress): void {
  state.done = true;
  const eof = controlBytes(4, Buffer.concat([Buffer.from([0, 1]), u32(1)]));
  peer.send(Buffer.concat([eof, statusBytes("status", "NetStream.Play.UnpublishNotify")]));
  peer.leave();
}

/** Sends until the client does not take more; `drained` goes on. */
function flood(peer: Peer, state: Progress): void {
  while (!state.done) {
    if (state.at === state.current.length) {
      // The end comes only between two messages.
      state.rounds += 1;
      if (state.rounds === rounds) return finish(peer, state);
      state.current = stamped(stream.round, state.rounds);
      state.at = 0;
    }
    const slice = state.current.subarray(state.at, state.at + SLICE);
    state.at += slice.length;
    state.bytes += slice.length;
    if (peer.send(slice) > 0) return;
  }
}

function play(peer: Peer): void {
  const state = progress.get(peer)!;
  state.playing = true;
  if (mode === "flood") {
    peer.send(stream.head);
    return flood(peer, state);
  }
  state.paced = sendPaced(stream, Number(amount), {
    send: (bytes) => void peer.send(bytes),
    finish: () => {
      if (mode === "paced") return finish(peer, state);
      state.done = true;
      peer.socket.terminate();
    },
  });
}

const server = serveRtmp({
  opened: (peer) => {
    const current = stamped(stream.round, 0);
    progress.set(peer, {
      ...{ hello: 0, bytes: 0, rounds: 0, current, at: 0 },
      ...{ paced: undefined, playing: false, done: false },
    });
    const receive = peer.receive.bind(peer);
    peer.receive = (bytes) => {
      const state = progress.get(peer)!;
      const first = state.hello === 0;
      state.hello ||= now();
      if (!first || bytes[0] === RTMP_VERSION) return receive(bytes);
      peer.discard = true;
      play(peer);
    };
  },
  play,
  drained: (peer) => {
    const state = progress.get(peer);
    if (state !== undefined && mode === "flood" && state.bytes > 0) flood(peer, state);
  },
  closed: (peer) => {
    const state = progress.get(peer);
    progress.delete(peer);
    if (state?.paced !== undefined) stopPaced(state.paced);
    if (state?.playing === true) {
      console.log(JSON.stringify({ hello: state.hello, ...whole, complete: state.done }));
    }
  },
});
console.log(server.port);
