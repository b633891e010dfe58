/**
 * The floor of a relay on Bun: as bare-loop.c, so that the table shows what Bun's sockets cost and what runnel does.
 *
 *   bun test/bench/bare-loop.ts SOURCE_PORT SINK_PORT N
 */
import type { Socket } from "bun";

const [sourcePort = 0, sinkPort = 0, count = 0] = process.argv.slice(2).map(Number);
const hostname = "127.0.0.1";
/** What each sink has not taken; reading stops meanwhile. */
const rest = new Map<Socket, Uint8Array>();
let source: Socket | undefined;
let over = false;

const ignore = () => {};

function put(sink: Socket, bytes: Uint8Array): void {
  const written = Math.max(0, sink.write(bytes));
  if (written < bytes.length) rest.set(sink, bytes.subarray(written));
  else rest.delete(sink);
}

/** Ends the sinks that have everything once the source is over. */
function endSinks(): void {
  if (over) for (const sink of sinks) if (!rest.has(sink)) sink.end();
}

const onDrain = (sink: Socket): void => {
  const bytes = rest.get(sink);
  if (bytes === undefined) return;
  put(sink, bytes);
  if (rest.size === 0) source?.resume();
  endSinks();
};
const handler = { data: ignore, drain: onDrain, error: ignore };
const sinks = await Promise.all(
  Array.from({ length: count }, () => Bun.connect({ hostname, port: sinkPort, socket: handler })),
);
for (const sink of sinks) sink.write("R");
source = await Bun.connect({
  hostname,
  port: sourcePort,
  socket: {
    data: (socket, bytes) => {
      for (const sink of sinks) {
        const before = rest.get(sink);
        if (before === undefined) put(sink, bytes);
        else rest.set(sink, Buffer.concat([before, bytes]));
      }
      if (rest.size > 0) socket.pause();
    },
    close: () => {
      over = true;
      endSinks();
    },
    error: ignore,
  },
});
source.write("R");
