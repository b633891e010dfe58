/**
 * Whoever publishes to `runnel relay listen:`: what arrives in the recording and at the destination is what was sent,
 * bit for bit. And who is not let in: a wrong application, a wrong key, a second publisher.
 */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  backwards,
  differences,
  type FlvTag,
  joinDifferences,
  lengthOf,
  mediaOf,
  readFlvFile,
} from "../support/flv-compare.ts";
import {
  encodeAndPublish,
  gstreamerPublish,
  LISTEN_KEY,
  type ListeningOptions,
  type ListeningRelay,
  startListening,
} from "../support/listening.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { run } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { obsPublish, WireClient } from "../support/rtmp-client.ts";
import { expectExit, expectLastLine, expectNoSecret, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { makeAuthority } from "../support/tls.ts";

tidy();

/** 720p at 4 Mbit/s has keyframes of more than 60,000 bytes. */
const LARGE = { seconds: 2, bitrate: "4M" };

/** A relay that records and sends on to a server, which records too. */
async function startRelay(
  options?: ListeningOptions,
  args: readonly string[] = [],
): Promise<{ relay: ListeningRelay; server: Nginx }> {
  const server = await startNginx();
  return { relay: await startListening([server.url("live", "copy"), ...args], options), server };
}

/** Waits for the publisher's end, ends the relay, and expects everything that was sent in both recordings. */
async function expectArrived(relay: ListeningRelay, server: Nginx, sent: readonly FlvTag[]): Promise<void> {
  await relay.lostPublisher();
  const result = await relay.end();
  expectExit(result, 0);
  expectLastLine(result);
  expectNoSecret(result, LISTEN_KEY);
  expect(sent.length).toBeGreaterThan(50);
  for (const file of [relay.file, await server.recording("copy")]) {
    const tags = await readFlvFile(file);
    expect(differences(sent, tags)).toEqual([]);
    expect(backwards(tags)).toEqual([]);
    expect(await decodingErrors(file)).toBe("");
  }
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("what a publisher sends arrives bit for bit", () => {
  test.each(["high", "baseline"] as const)("from ffmpeg, frames copied (%s profile)", async (profile) => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const file = await show({ seconds: 2, profile });
    expect((await publish(file, relay.url()).finished).code).toBe(0);
    await expectArrived(relay, server, await readFlvFile(file));
  });

  test("from ffmpeg, video alone", async () => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const file = await show({ seconds: 2, audio: false });
    expect((await publish(file, relay.url()).finished).code).toBe(0);
    await expectArrived(relay, server, await readFlvFile(file));
  });

  test("from ffmpeg that encodes", async () => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const copy = join(scratch(), "sent.flv");
    expect((await encodeAndPublish(relay.url(), copy, 2).finished).code).toBe(0);
    await expectArrived(relay, server, await readFlvFile(copy));
  });

  test("from runnel push", async () => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const file = await show({ seconds: 2 });
    expectExit(await runnel(["push", file, relay.url()]), 0);
    await expectArrived(relay, server, await readFlvFile(file));
  });

  test("from nginx that pushes on", async () => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const front = await startNginx({ push: [relay.url()] });
    await publish(await show({ seconds: 4 }), front.url("live", LISTEN_KEY)).finished;
    await relay.lostPublisher();
    expectExit(await relay.end(), 0);
    const sent = mediaOf(await readFlvFile(await front.recording(LISTEN_KEY)));
    // nginx does not keep what comes before its own push has connected: it begins in the middle of a GOP.
    for (const file of [relay.file, await server.recording("copy")]) {
      const tags = await readFlvFile(file);
      expect(joinDifferences(sent, tags)).toEqual([]);
      expect(lengthOf(tags)).toBeGreaterThan(1_500);
      expect(mediaOf(tags).at(-1)?.hash).toBe(sent.at(-1)!.hash);
      expect(await decodingErrors(file)).toBe("");
    }
  });

  test("in the words and the order of OBS", async () => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const sent = await readFlvFile(await show({ seconds: 2 }));
    await obsPublish(relay.port, "live", LISTEN_KEY, sent);
    await expectArrived(relay, server, sent);
  });

  test.each([1, 128, 4096, 60_000, 16_777_215])("in chunks of %d bytes", async (chunkSize) => {
    const { relay, server } = await startRelay();
    await using _ = relay;
    const sent = await readFlvFile(await show(LARGE));
    using client = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
    await client.hears("NetStream.Publish.Start");
    client.setChunkSize(chunkSize);
    await client.sendTags(sent);
    await client.unpublish(LISTEN_KEY);
    await expectArrived(relay, server, sent);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp", "gstreamer"))(
  "what GStreamer sends arrives bit for bit",
  () => {
    const sinks = [
      ["rtmp2sink, chunks of 128", (url: string) => ["rtmp2sink", "chunk-size=128", `location=${url}`]],
      ["rtmp2sink, chunks of 4096", (url: string) => ["rtmp2sink", "chunk-size=4096", `location=${url}`]],
      ["rtmp2sink, chunks of 60000", (url: string) => ["rtmp2sink", "chunk-size=60000", `location=${url}`]],
      ["rtmpsink, which is librtmp", (url: string) => ["rtmpsink", `location=${url} live=1`]],
    ] as const;
    test.each(sinks)("%s", async (_name, sink) => {
      const { relay, server } = await startRelay();
      await using _ = relay;
      const copy = join(scratch(), "sent.flv");
      const publisher = gstreamerPublish(await show(LARGE), copy, sink(relay.url()));
      expect((await publisher.finished).code).toBe(0);
      await expectArrived(relay, server, await readFlvFile(copy));
    });
  },
);

describe.skipIf(!needs("ffmpeg", "nginx-rtmp", "openssl"))("over TLS", () => {
  test("a publisher that knows the authority comes in, one that does not turns away", async () => {
    const authority = await makeAuthority();
    const flags = ["--cert", authority.certificate, "--cert-key", authority.key];
    const { relay, server } = await startRelay({ scheme: "rtmps" }, flags);
    await using _ = relay;
    const file = await show({ seconds: 2 });
    const url = relay.url().replace("127.0.0.1", "localhost");
    expectExit(await runnel(["push", file, url, "--for", "8s"]), 6);
    expectExit(await runnel(["push", file, url, "--ca", authority.ca]), 0);
    await expectArrived(relay, server, await readFlvFile(file));
  });

  test("ffmpeg comes in", async () => {
    const authority = await makeAuthority();
    const flags = ["--cert", authority.certificate, "--cert-key", authority.key];
    const { relay, server } = await startRelay({ scheme: "rtmps" }, flags);
    await using _ = relay;
    const file = await show({ seconds: 2 });
    const argv = ["-re", "-i", file, "-c", "copy", "-f", "flv", relay.url()];
    expect((await run(["ffmpeg", "-nostdin", "-v", "error", ...argv])).code).toBe(0);
    await expectArrived(relay, server, await readFlvFile(file));
  });

  test("a client without TLS is closed, and the relay goes on", async () => {
    const authority = await makeAuthority();
    const flags = ["--cert", authority.certificate, "--cert-key", authority.key];
    const { relay, server } = await startRelay({ scheme: "rtmps" }, flags);
    await using _ = relay;
    using stranger = await WireClient.open(relay.port);
    stranger.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]));
    await stranger.left();
    const file = await show({ seconds: 2 });
    expectExit(await runnel(["push", file, relay.url(), "--ca", authority.ca]), 0);
    await expectArrived(relay, server, await readFlvFile(file));
  });
});

describe.skipIf(!needs("ffmpeg"))("who is not let in", () => {
  const WRONG_KEY = "aN0tHeR-kEy";

  test("wrong keys and applications, and the log names neither", async () => {
    await using relay = await startListening();
    const wrong = [
      ["live", WRONG_KEY, "NetStream.Publish.BadName"],
      ["live", `${LISTEN_KEY}-2`, "NetStream.Publish.BadName"],
      ["live", LISTEN_KEY.slice(0, -1), "NetStream.Publish.BadName"],
      ["live", LISTEN_KEY.toLowerCase(), "NetStream.Publish.BadName"],
      ["live", "", "NetStream.Publish.BadName"],
      ["live/more", WRONG_KEY, "NetStream.Publish.BadName"],
      ["wrong", LISTEN_KEY, "NetConnection.Connect."],
      ["", LISTEN_KEY, "NetConnection.Connect."],
    ] as const;
    await Promise.all(
      wrong.map(async ([app, key, code]) => {
        using client = await WireClient.publishing(relay.port, app, key);
        await client.hears(code);
        await client.left();
        expect(client.heard("NetStream.Publish.Start")).toBe(false);
      }),
    );
    await relay.process.says(/127\.0\.0\.1: wrong application or stream key, refused \(6 times\)/);
    await relay.process.says(/127\.0\.0\.1: wrong application, refused \(2 times\)/);
    const result = await relay.end();
    expectExit(result, 0);
    expectNoSecret(result, WRONG_KEY, LISTEN_KEY, LISTEN_KEY.slice(0, -1), LISTEN_KEY.toLowerCase());
    expect(existsSync(relay.file)).toBe(false);
  });

  test("real programs hear it as a failure", async () => {
    await using relay = await startListening();
    const file = await show();
    expect((await publish(file, relay.url(WRONG_KEY)).finished).code).not.toBe(0);
    expectExit(await runnel(["push", file, relay.url(WRONG_KEY), "--for", "8s"]), 5);
    const wrongApp = relay.url().replace("/live/", "/wrong/");
    expect((await publish(file, wrongApp).finished).code).not.toBe(0);
    expectExit(await runnel(["push", file, wrongApp, "--for", "8s"]), 5);
    expectNoSecret(await relay.end(), WRONG_KEY, LISTEN_KEY);
  });

  test("a second publisher, and the first goes on unharmed", async () => {
    await using relay = await startListening();
    const file = await show({ seconds: 4 });
    const first = publish(file, relay.url());
    await relay.process.says("rec.flv] live");
    using second = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
    await second.hears("NetStream.Publish.BadName");
    await second.left();
    expect(first.ended).toBe(false);
    expect((await first.finished).code).toBe(0);
    await relay.lostPublisher();
    const result = await relay.end();
    expectExit(result, 0);
    expect(result.stderr).toMatch(/127\.0\.0\.1: a second publisher, refused/);
    expect(differences(await readFlvFile(file), await readFlvFile(relay.file))).toEqual([]);
  });

  test("an address that others reach needs a key or a word that it shall have none", async () => {
    for (const address of ["0.0.0.0:1/live", "192.0.2.1:1/live", "[::]:1/live"]) {
      const result = await runnel(["relay", `listen:${address}`, "-o", join(scratch(), "rec.flv")]);
      expectExit(result, 2);
      expect(result.stderr).toMatch(/--no-key/);
    }
  });

  test("a key may come from the environment, and stands nowhere", async () => {
    await using relay = await startListening([], { env: { LISTEN: WRONG_KEY }, source: "env:LISTEN" });
    using wrong = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
    await wrong.hears("NetStream.Publish.BadName");
    using right = await WireClient.publishing(relay.port, "live", WRONG_KEY);
    await right.hears("NetStream.Publish.Start");
    expectNoSecret(await relay.end(), WRONG_KEY, LISTEN_KEY);
  });
});
