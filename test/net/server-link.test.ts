/**
 * A client's connection with its bytes in memory: one that asks for a stream again and again is watched once.
 */
import { expect, test } from "bun:test";
import { ServerLink } from "../../src/net/rtmp-listen.ts";
import type { ByteTransport } from "../../src/net/transport.ts";

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
