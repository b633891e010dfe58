/** Segments whose memory is given back: many small ones at once, none that is a view of something larger. */
import { expect, test } from "bun:test";
import { TcpTransport } from "../../src/net/tcp-transport.ts";
import { SpentSegments } from "../../src/net/spent-segments.ts";

const KIB = 1024;

/** Which of these segments, taken one after the other, have lost their memory at the end. */
function taken(...segments: Uint8Array[]): boolean[] {
  const lengths = segments.map(({ length }) => length);
  const spent = new SpentSegments();
  for (const segment of segments) spent.add(segment);
  return segments.map(({ length }, i) => length !== lengths[i]);
}

test("a large one goes at once", () => {
  expect(taken(new Uint8Array(512 * KIB))).toEqual([true]);
});

test("smaller ones wait until they are worth it, tiny ones are left to the collector", () => {
  const small = Array.from({ length: 8 }, () => new Uint8Array(64 * KIB));
  expect(taken(...small.slice(1))).toEqual(Array<boolean>(7).fill(false));
  expect(taken(...small)).toEqual(Array<boolean>(8).fill(true));
  expect(taken(new Uint8Array(4 * KIB - 1), new Uint8Array(512 * KIB))).toEqual([false, true]);
});

test("a view of something larger is somebody else's", () => {
  const whole = new Uint8Array(600 * KIB);
  expect(taken(whole.subarray(0, 599 * KIB), whole.subarray(1))).toEqual([false, false]);
});

test("a transport takes back what its handler has read", () => {
  const segment = new Uint8Array(512 * KIB).fill(1);
  const transport = new TcpTransport();
  let read = 0;
  transport.handler = { onData: (bytes) => (read += bytes.length), onDrain: () => {}, onClose: () => {} };
  transport.opened();
  transport.onData(segment);
  expect([read, segment.length]).toEqual([512 * KIB, 0]);
});
