/**
 * An RTMP server to publish to, for the benchmark, in a process of its own: it takes every publisher and throws away
 * what comes. Its first line of stdout is the port; then one line of JSON for every publisher that has left.
 *
 *   bun test/bench/sink-server.ts
 */
import { serveRtmp } from "../support/rtmp-server.ts";

const server = serveRtmp({
  publish: (peer) => {
    peer.discard = true;
  },
  closed: (peer) => {
    if (peer.stream !== "") console.log(JSON.stringify({ stream: peer.stream, bytes: peer.received }));
  },
});
console.log(server.port);
