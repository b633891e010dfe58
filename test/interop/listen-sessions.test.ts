/**
 * Publishers that come, go and come again: within the grace the show goes on, after it a new one begins; and those
 * that fall silent, begin without a keyframe or come back with another picture.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  backwards,
  differences,
  type FlvTag,
  joinDifferences,
  mediaOf,
  readFlvFile,
} from "../support/flv-compare.ts";
import { LISTEN_KEY, type ListeningRelay, startListening } from "../support/listening.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { until } from "../support/ports.ts";
import { needs } from "../support/programs.ts";
import { WireClient } from "../support/rtmp-client.ts";
import { expectExit, expectLastLine } from "../support/runnel.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const isFrame = (tag: FlvTag) => tag.role === "key" || tag.role === "frame";

/**
 * Expects `tags` to be a part of the beginning of `first`, cut anywhere, and then all of `second`, each frame once
 * and at its own distance from its neighbours.
 */
function expectJoined(tags: readonly FlvTag[], first: readonly FlvTag[], second: readonly FlvTag[]): void {
  expect(backwards(tags)).toEqual([]);
  for (const kind of ["video", "audio"] as const) {
    const pick = (all: readonly FlvTag[]) => all.filter((tag) => tag.kind === kind && isFrame(tag));
    const [got, before, after] = [pick(tags), pick(first), pick(second)];
    const cut = got.length - after.length;
    expect(cut).toBeGreaterThan(10);
    expect(differences(before.slice(0, cut), got.slice(0, cut))).toEqual([]);
    expect(differences(after, got.slice(cut))).toEqual([]);
  }
}

/** A recording begins with 73 KiB of room for its keyframe index. */
const HEAD_BYTES = 75_000;

/** Waits until the recording holds some media. */
async function untilRecorded(relay: ListeningRelay, bytes = 30_000): Promise<void> {
  await until(`${relay.file} does not grow`, () => {
    const path = `${relay.file}.part`;
    return existsSync(path) && Bun.file(path).size > HEAD_BYTES + bytes;
  });
}

/** A client that publishes and was let in. */
async function comeIn(relay: ListeningRelay): Promise<WireClient> {
  const client = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
  await client.hears("NetStream.Publish.Start");
  return client;
}

const TWO_ENDS = /ended: the publisher left[\s\S]*ended: the publisher left/;

/** Names of recordings, the first one first. */
const recordings = (relay: ListeningRelay) =>
  readdirSync(relay.folder).toSorted((a, b) => a.length - b.length);

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("a publisher that is killed", () => {
  test("and is back within the grace goes on in the same file and on the same connection", async () => {
    const server = await startNginx();
    await using relay = await startListening([server.url("live", "copy"), "--grace", "60s"]);
    // Without B-frames: where they are cut off, pictures are missing that were already announced.
    const file = await show({ seconds: 4, profile: "baseline" });
    const first = publish(file, relay.url());
    await untilRecorded(relay);
    await first.stop("SIGKILL");
    await relay.lostPublisher();
    expect((await publish(file, relay.url()).finished).code).toBe(0);
    await relay.process.says(TWO_ENDS);
    const result = await relay.end();
    // The time without a publisher is a gap.
    expectExit(result, 3);
    expectLastLine(result, /1 gap/);
    expect(recordings(relay)).toEqual(["rec.flv"]);
    const copy = await server.recording("copy");
    expect(server.recordings("copy")).toHaveLength(1);
    const sent = await readFlvFile(file);
    for (const path of [relay.file, copy]) {
      expectJoined(await readFlvFile(path), sent, sent);
      expect(await decodingErrors(path)).toBe("");
    }
  });

  test("and is back after the grace begins anew", async () => {
    const server = await startNginx();
    await using relay = await startListening([server.url("live", "copy"), "--grace", "100ms"]);
    const file = await show({ seconds: 2 });
    const first = publish(await show({ seconds: 4 }), relay.url());
    await untilRecorded(relay);
    await first.stop("SIGKILL");
    await relay.process.says(/recorded \S+rec\.flv/);
    const early = await server.recording("copy");
    // nginx names recordings by the second.
    await until("the next second", () => !early.includes(`-${Math.floor(Date.now() / 1000)}.`));
    expect((await publish(file, relay.url()).finished).code).toBe(0);
    await relay.process.says(/recorded \S+rec-2\.flv/);
    const result = await relay.end();
    // Another show is no gap in the one before.
    expectExit(result, 0);
    expect(recordings(relay)).toEqual(["rec.flv", "rec-2.flv"]);
    const late = await until("nginx has no second recording", () => server.recordings("copy")[1]);
    const [whole, second] = [await readFlvFile(await show({ seconds: 4 })), await readFlvFile(file)];
    for (const path of [relay.file, early])
      expect(joinDifferences(whole, await readFlvFile(path))).toEqual([]);
    for (const path of [join(relay.folder, "rec-2.flv"), late]) {
      expect(differences(second, await readFlvFile(path))).toEqual([]);
      expect(await decodingErrors(path)).toBe("");
    }
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("a publisher that comes back with", () => {
  test.each([
    ["another size and profile", {}, { bitrate: "1M", profile: "baseline" }],
    ["audio, which it had not", { audio: false }, {}],
    ["no audio, which it had", {}, { audio: false }],
  ] as const)("%s is received whole, new headers first", async (_name, one, two) => {
    const server = await startNginx();
    await using relay = await startListening([server.url("live", "copy"), "--grace", "60s"]);
    const shows = [await show({ seconds: 2, ...one }), await show({ seconds: 2, ...two })];
    for (const file of shows) expect((await publish(file, relay.url()).finished).code).toBe(0);
    await relay.process.says(TWO_ENDS);
    expectExit(await relay.end(), 0, 3);
    const sent = (await Promise.all(shows.map(readFlvFile))).map(mediaOf);
    const copy = await server.recording("copy");
    const files = recordings(relay).map((name) => join(relay.folder, name));
    // ffmpeg's H.264 parser does not follow a change of size within a file, whoever wrote it.
    const parser = /^(\[NULL @ |    Last message repeated).*\n/gm;
    for (const path of [copy, ...files]) expect((await decodingErrors(path)).replace(parser, "")).toBe("");
    // Whether the recording goes on in a second file is not looked at here.
    const recorded = (await Promise.all(files.map(readFlvFile))).flat();
    for (const got of [recorded, await readFlvFile(copy)]) {
      for (const kind of ["video", "audio"] as const) {
        const hashes = (tags: readonly FlvTag[]) => tags.filter((tag) => tag.kind === kind && isFrame(tag));
        const wanted = sent.flatMap((tags) => hashes(tags));
        expect(hashes(got).map((tag) => tag.hash)).toEqual(wanted.map((tag) => tag.hash));
      }
      const header = sent[1]!.find((tag) => tag.kind === "video" && tag.role === "header")!;
      const key = sent[1]!.find((tag) => tag.role === "key")!;
      const at = got.findLastIndex((tag) => tag.hash === header.hash);
      expect(at).toBeGreaterThan(-1);
      expect(got.findLastIndex((tag) => tag.hash === key.hash)).toBeGreaterThan(at);
    }
  });
});

describe.skipIf(!needs("ffmpeg"))("a publisher", () => {
  test("without a keyframe for 10 seconds is recorded from its first one on", async () => {
    await using relay = await startListening();
    const sent = mediaOf(await readFlvFile(await show({ seconds: 14 })));
    using client = await comeIn(relay);
    const keyless = sent.filter((tag) => tag.role !== "key" || tag.timestamp >= 10_000);
    await client.sendTags(keyless);
    await client.unpublish(LISTEN_KEY);
    await relay.lostPublisher();
    expectExit(await relay.end(), 0);
    const tags = await readFlvFile(relay.file);
    expect(joinDifferences(sent, tags)).toEqual([]);
    const first = tags.find((tag) => tag.kind === "video" && isFrame(tag));
    const key = sent.find((tag) => tag.role === "key" && tag.timestamp >= 10_000);
    expect(first?.hash).toBe(key!.hash);
    expect(mediaOf(tags).at(-1)?.hash).toBe(sent.at(-1)!.hash);
    expect(await decodingErrors(relay.file)).toBe("");
  });

  test("that never sends a keyframe leaves nothing broken behind", async () => {
    await using relay = await startListening();
    const sent = mediaOf(await readFlvFile(await show({ seconds: 2, audio: false })));
    using client = await comeIn(relay);
    await client.sendTags(sent.filter((tag) => tag.role !== "key"));
    await client.unpublish(LISTEN_KEY);
    await relay.lostPublisher();
    expectLastLine(await relay.end());
    for (const name of recordings(relay)) expect(await decodingErrors(join(relay.folder, name))).toBe("");
  });

  test("that leaves and publishes again on the same connection goes on", async () => {
    await using relay = await startListening(["--grace", "60s"]);
    const sent = mediaOf(await readFlvFile(await show({ seconds: 2 })));
    using client = await comeIn(relay);
    await client.sendTags(sent);
    client.command(0, "FCUnpublish", 6, null, LISTEN_KEY);
    await client.hears("NetStream.Unpublish.Success");
    await relay.lostPublisher();
    client.command(0, "createStream", 8, null);
    client.command(1, "publish", 9, null, LISTEN_KEY, "live");
    await client.hears(/Publish\.Start[\s\S]*Publish\.Start/);
    await client.sendTags(sent);
    client.command(0, "deleteStream", 10, null, 1);
    await relay.process.says(TWO_ENDS);
    expectExit(await relay.end(), 3);
    expectJoined(await readFlvFile(relay.file), sent, sent);
  });

  test("that falls silent is replaced by one with the same key, and not before", async () => {
    await using relay = await startListening(["--grace", "60s"]);
    const sent = mediaOf(await readFlvFile(await show({ seconds: 2 })));
    using silent = await comeIn(relay);
    await silent.sendTags(sent);
    await untilRecorded(relay);
    using early = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
    await early.hears("NetStream.Publish.BadName");
    const next = await until(
      "nobody may take over",
      async () => {
        const client = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
        await client.hears("NetStream.Publish.");
        if (client.heard("NetStream.Publish.Start")) return client;
        client[Symbol.dispose]();
        return undefined;
      },
      20_000,
    );
    using _ = next;
    await silent.hears("NetStream.Publish.BadName");
    await silent.left();
    await next.sendTags(sent);
    await next.unpublish(LISTEN_KEY);
    await relay.process.says(TWO_ENDS);
    const result = await relay.end();
    expect(result.stderr).toMatch(/127\.0\.0\.1: a second publisher, refused/);
    expect(result.stderr).toMatch(/127\.0\.0\.1: takes over/);
    expectJoined(await readFlvFile(relay.file), sent, sent);
  });

  test("that falls silent for longer than --stall is lost", async () => {
    await using relay = await startListening(["--stall", "1s"]);
    const sent = mediaOf(await readFlvFile(await show({ seconds: 2 })));
    using client = await comeIn(relay);
    await client.sendTags(sent);
    await relay.lostPublisher();
    await client.left();
    expectExit(await relay.end(), 0);
    expect(differences(sent, await readFlvFile(relay.file))).toEqual([]);
  });
});
