/**
 * A client's connection with its bytes in memory: one that asks for a stream again and again is watched once, and a
 * publisher's bodies are lent for the call.
 */
import { expect, test } from "bun:test";
import { type Slab, SLAB_BYTES } from "../../src/bytes/slab-pool.ts";
import { ServerLink } from "../../src/net/rtmp-listen.ts";
import type { ByteTransport } from "../../src/net/transport.ts";
import { audio, publishing } from "../rtmp/server-driver.ts";

/** Takes nothing. */
class DeafTransport implements ByteTransport {
  readonly writable = false;
  readonly bufferedBytes = 1;
  readonly takenBytes = 0;
  send(): void {}
  unacknowledgedBytes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  pause(): void {}
  resume(): void {}
  finish(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {}
}

test("a stream that is asked for again ends the watch over the one before", async () => {
  const owner = { onConnect: () => undefined, onPublish: () => {}, onPlay: () => {}, onNotice: () => {} };
  const link = new ServerLink(new DeafTransport(), "a player", 60_000, { owner, onGone: () => {} });
  const stuck: number[] = [];
  await new Promise<void>((resolve) => {
    for (let stream = 1; stream <= 3; stream++) {
      link.watchSending(1, () => {
        stuck.push(stream);
        resolve();
      });
    }
  });
  expect(stuck).toEqual([3]);
  link.close();
});

test("a publisher's bodies are lent for the call, and their memory goes when the connection does", () => {
  const slabs: (Slab | undefined)[] = [];
  const holds: (number | undefined)[] = [];
  const owner = {
    onConnect: () => undefined,
    onPublish: (link: ServerLink, request: { readonly id: number }) => {
      link.accept(request.id, {
        onMedia: ({ slab }) => {
          slabs.push(slab);
          holds.push(slab?.holds);
        },
        onSegmentEnd: () => {},
        onDrain: () => {},
        onEnd: () => {},
      });
    },
    onPlay: () => {},
    onNotice: () => {},
  };
  const link = new ServerLink(new DeafTransport(), "a publisher", 60_000, { owner, onGone: () => {} });
  const handler = link.begin();
  handler.onData(publishing());
  handler.onData(audio);
  handler.onData(audio);
  expect([holds, slabs.map((slab) => slab?.holds)]).toEqual([
    [1, 1],
    [0, 0],
  ]);
  slabs[0]!.hold();
  // A message that is not complete holds its slab too.
  handler.onData(audio.subarray(0, audio.length - 1));
  link.close();
  expect(slabs[0]!.bytes).toHaveLength(SLAB_BYTES);
  slabs[0]!.release();
  expect(slabs[0]!.bytes).toHaveLength(0);
});
