/**
 * A publisher for the benchmark, in a process of its own: sends paced streams (paced.ts) to a server that does not fetch
 * them itself, and ends when all are sent. Says how many marked frames each had, as JSON.
 *
 *   bun test/bench/feed.ts FILE.flv SECONDS PORT [STREAMS]
 */
import { amf, frame, u32 } from "../support/rtmp-wire.ts";
import { CHUNK_SIZE, prepare, type Stream } from "./media.ts";
import { sendPaced } from "./paced.ts";

const HANDSHAKE = 1_536;
const [file = "", seconds = "0", port = "0", count = "1"] = process.argv.slice(2);
const stream = await prepare(file, true);

function request(name: string): Buffer {
  const command = (streamId: number, ...values: Parameters<typeof amf>) =>
    frame(3, { type: 20, streamId, timestamp: 0, payload: amf(...values) }, CHUNK_SIZE);
  return Buffer.concat([
    frame(2, { type: 1, streamId: 0, timestamp: 0, payload: u32(CHUNK_SIZE) }),
    command(0, "connect", 1, { app: "live", tcUrl: `rtmp://127.0.0.1:${port}/live` }),
    command(0, "createStream", 2, null),
    command(1, "publish", 3, null, name, "live"),
  ]);
}

/** Publishes one stream from beginning to end. */
async function publish(show: Stream, name: string): Promise<void> {
  const done = Promise.withResolvers<void>();
  let heard = Buffer.alloc(0);
  let phase: "shaking" | "asking" | "live" = "shaking";
  let rest: Uint8Array[] = [];
  let leaving = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      data: (_socket, bytes) => onData(bytes),
      drain: () => flush(),
      close: () => done.resolve(),
      error: () => {},
    },
  });
  const flush = (): void => {
    for (let head = rest[0]; head !== undefined; head = rest[0]) {
      const written = Math.max(0, socket.write(head));
      if (written < head.length) {
        rest[0] = head.subarray(written);
        return;
      }
      rest.shift();
    }
    if (leaving) socket.end();
  };
  const send = (bytes: Uint8Array): void => {
    rest.push(bytes);
    if (rest.length === 1) flush();
  };
  const onData = (bytes: Buffer): void => {
    if (phase === "live") return;
    heard = Buffer.concat([heard, bytes]);
    if (phase === "shaking" && heard.length >= 1 + 2 * HANDSHAKE) {
      send(Buffer.concat([heard.subarray(1, 1 + HANDSHAKE), request(name)]));
      phase = "asking";
    }
    if (phase !== "asking" || !heard.includes("NetStream.Publish.Start")) return;
    phase = "live";
    const finish = (marked: number): void => {
      console.log(JSON.stringify({ marked }));
      leaving = true;
      flush();
    };
    sendPaced(show, Number(seconds), { send, finish });
  };
  send(Buffer.concat([Buffer.from([3]), Buffer.alloc(HANDSHAKE)]));
  await done.promise;
}

await Promise.all(Array.from({ length: Number(count) }, (_, i) => publish(stream, `s${i}`)));
