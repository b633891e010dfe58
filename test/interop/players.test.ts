/**
 * `--serve`: ffprobe, ffmpeg, rtmpdump, GStreamer and runnel itself play what a job carries. Each gets headers and a
 * keyframe first, whenever it comes, and none is felt by the others.
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
  readGrowing,
} from "../support/flv-compare.ts";
import { LISTEN_KEY, type ListeningRelay, startListening } from "../support/listening.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { freePort, until, untilBound } from "../support/ports.ts";
import { type Child, run, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { WireClient } from "../support/rtmp-client.ts";
import { expectExit, expectNoSecret, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

type Live = AsyncDisposable & { relay: ListeningRelay; publisher: Child; sent: FlvTag[]; url: string };

/** A relay that serves a live show, some of which has been already. */
async function live(wish: Parameters<typeof show>[0] = { seconds: 8 }): Promise<Live> {
  const relay = await startListening(["--serve"]);
  const file = await show(wish);
  const publisher = publish(file, relay.url());
  await until("the relay records", () => {
    const path = `${relay.file}.part`;
    // A recording begins with 73 KiB of room for its keyframe index.
    return existsSync(path) && Bun.file(path).size > 105_000;
  });
  return {
    relay,
    publisher,
    sent: await readFlvFile(file),
    url: relay.url("live"),
    [Symbol.asyncDispose]: () => relay.process.stop(),
  };
}

/** Expects a join of what was sent: headers, a keyframe, then every frame, in order, and more than a moment of it. */
function expectJoin(sent: readonly FlvTag[], got: readonly FlvTag[]): void {
  expect(joinDifferences(sent, got)).toEqual([]);
  expect(backwards(got)).toEqual([]);
  expect(lengthOf(got)).toBeGreaterThan(1_000);
}

/** Waits until a file holds some media. */
async function untilGrown(path: string): Promise<void> {
  await until(`${path} does not grow`, () => existsSync(path) && Bun.file(path).size > 100_000, 20_000);
}

describe.skipIf(!needs("ffmpeg"))("players", () => {
  test("ffprobe reads codecs and size without a complaint", async () => {
    await using show = await live();
    const entries = ["-show_entries", "stream=codec_name,width", "-of", "csv=p=0"];
    const result = await run(["ffprobe", "-v", "warning", ...entries, show.url]);
    expect(Buffer.from(result.stdout).toString().trim().split("\n").toSorted()).toEqual(["aac", "h264,320"]);
    expect(result.stderr).toBe("");
  });

  test("ffmpeg gets every frame from a keyframe on, and decodes it without a complaint", async () => {
    await using show = await live();
    const out = join(scratch(), "out.flv");
    const argv = ["-i", show.url, "-t", "2", "-c", "copy", "-f", "flv", out, "-t", "2", "-f", "null", "-"];
    const result = await run(["ffmpeg", "-nostdin", "-v", "warning", ...argv]);
    expect([result.code, result.stderr]).toEqual([0, ""]);
    // What it writes has times of its own: they are not compared.
    const video = (tags: FlvTag[]) => mediaOf(tags).filter((tag) => tag.kind === "video");
    const got = video(await readFlvFile(out)).map((tag) => tag.hash);
    const sent = video(show.sent);
    const at = sent.findIndex((tag) => tag.hash === got[1]);
    expect(sent[at]?.role).toBe("key");
    expect(got.slice(1)).toEqual(sent.slice(at, at + got.length - 1).map((tag) => tag.hash));
    expect(got.length).toBeGreaterThan(25);
    expect(await decodingErrors(out)).toBe("");
  });

  test("runnel pull gets the same bits", async () => {
    await using show = await live();
    const out = join(scratch(), "out.flv");
    expectExit(await runnel(["pull", show.url, out, "--for", "2s"]), 0);
    expectJoin(show.sent, await readFlvFile(out));
    expect(await decodingErrors(out)).toBe("");
  });

  test.skipIf(!needs("rtmpdump"))("rtmpdump gets the same bits", async () => {
    await using show = await live();
    const out = join(scratch(), "dump.flv");
    await using reader = start(["rtmpdump", "-q", "-v", "-r", show.url, "-o", out]);
    await untilGrown(out);
    await reader.stop("SIGINT");
    expectJoin(show.sent, await readGrowing(out));
    expect(await decodingErrors(out)).toBe("");
  });

  test.skipIf(!needs("gstreamer"))("GStreamer gets the same bits", async () => {
    await using show = await live();
    const out = join(scratch(), "out.flv");
    const pipeline = `rtmp2src location=${show.url} ! filesink location=${out} buffer-mode=unbuffered`;
    await using reader = start(["gst-launch-1.0", "-q", "-e", ...pipeline.split(" ")]);
    await untilGrown(out);
    await reader.stop("SIGINT");
    expectJoin(show.sent, await readGrowing(out));
  });

  test("metadata and headers come first, then a keyframe, then the rest", async () => {
    await using show = await live();
    using player = await WireClient.playing(show.relay.port, "live", "live");
    await until("no media", () => player.media.length > 100);
    const order = player.media.filter((tag) => tag.kind !== "script" || !isSampleAccess(tag));
    expect(order.slice(0, 4).map((tag) => `${tag.kind} ${tag.role}`)).toEqual([
      "script data",
      "video header",
      "audio header",
      "video key",
    ]);
    expect(joinDifferences(show.sent, order)).toEqual([]);
  });

  test("one that waits for the show is there from its first frame on", async () => {
    await using relay = await startListening(["--serve"]);
    const out = join(scratch(), "out.flv");
    await using early = await startRunnel(["pull", relay.url("live"), out, "--wait", "30s"]);
    using player = await WireClient.playing(relay.port, "live", "live");
    await player.hears("NetStream.Play.Start");
    const file = await show({ seconds: 3 });
    expect((await publish(file, relay.url()).finished).code).toBe(0);
    await relay.lostPublisher();
    const sent = await readFlvFile(file);
    await until("not everything came", () => mediaOf(player.media).length >= mediaOf(sent).length);
    expect(differences(sent, player.media)).toEqual([]);
    expectExit(await relay.end(), 0);
    expectExit(await early.finished, 0);
    expect(joinDifferences(sent, await readFlvFile(out))).toEqual([]);
  });

  test("an unknown stream or application is refused, and nobody else notices", async () => {
    await using show = await live({ seconds: 5 });
    const stranger = show.relay.url("other");
    for (const url of [stranger, stranger.replace("/live/", "/other/"), show.relay.url()]) {
      const result = await run(["ffprobe", "-v", "error", url]);
      expect(result.code).not.toBe(0);
      expectExit(await runnel(["pull", url, join(scratch(), "out.flv"), "--for", "4s"]), 4, 5);
    }
    expect((await show.publisher.finished).code).toBe(0);
    await show.relay.lostPublisher();
    const result = await show.relay.end();
    expect(result.stderr).toMatch(/127\.0\.0\.1: a player asked for a stream that is not served, refused/);
    expectNoSecret(result, LISTEN_KEY);
    expect(differences(show.sent, await readFlvFile(show.relay.file))).toEqual([]);
  });

  test("without --serve nobody plays", async () => {
    await using relay = await startListening();
    using player = await WireClient.playing(relay.port, "live", "live");
    await player.hears("NetStream.Play.StreamNotFound");
    await player.left();
  });

  test("they hear the end of the job, with everything that there was", async () => {
    await using show = await live({ seconds: 6 });
    const [dump, out] = [join(scratch(), "dump.flv"), join(scratch(), "out.flv")];
    await using pull = await startRunnel(["pull", show.url, out]);
    await using ffmpeg = start(["ffmpeg", "-nostdin", "-v", "error", "-i", show.url, "-f", "null", "-"]);
    await using reader = start(["rtmpdump", "-q", "-v", "-r", show.url, "-o", dump]);
    using player = await WireClient.playing(show.relay.port, "live", "live");
    await until("the players play", () => existsSync(`${out}.part`) && existsSync(dump));
    await show.relay.lostPublisher();
    expectExit(await show.relay.end(), 0);
    await player.hears("NetStream.Play.UnpublishNotify");
    await player.left();
    expectExit(await pull.finished, 0);
    expect((await ffmpeg.finished).stderr).toBe("");
    await reader.finished;
    const last = mediaOf(show.sent).at(-1)?.hash;
    for (const got of [await readFlvFile(out), await readGrowing(dump), player.media]) {
      expect(joinDifferences(show.sent, got)).toEqual([]);
      expect(mediaOf(got).at(-1)?.hash).toBe(last!);
    }
  });
});

describe.skipIf(!needs("ffmpeg"))("players that are a burden", () => {
  test("ten that never read change nothing for the one that does, nor for the recording", async () => {
    await using show = await live({ seconds: 6, bitrate: "8M" });
    const idle = await Promise.all(
      Array.from({ length: 10 }, () => WireClient.playing(show.relay.port, "live", "live")),
    );
    for (const player of idle) {
      await player.hears("NetStream.Play.Start");
      player.stopReading();
    }
    using reader = await WireClient.playing(show.relay.port, "live", "live");
    expect((await show.publisher.finished).code).toBe(0);
    await show.relay.lostPublisher();
    const last = mediaOf(show.sent).at(-1)!.hash;
    await until("the last frame", () => reader.media.some((tag) => tag.hash === last));
    expectExit(await show.relay.end(), 0);
    for (const player of idle) player[Symbol.dispose]();
    expectJoin(show.sent, reader.media);
    expect(differences(show.sent, await readFlvFile(show.relay.file))).toEqual([]);
  });

  test("one that comes and goes a hundred times", async () => {
    await using show = await live({ seconds: 5 });
    for (let i = 0; i < 100; i++) {
      using player = await WireClient.playing(show.relay.port, "live", "live");
      if (i % 10 === 0) await until("no keyframe", () => player.media.some((tag) => tag.role === "key"));
    }
    expect((await show.publisher.finished).code).toBe(0);
    await show.relay.lostPublisher();
    expectExit(await show.relay.end(), 0);
    expect(differences(show.sent, await readFlvFile(show.relay.file))).toEqual([]);
  });
});

describe.skipIf(!needs("ffmpeg"))("push --serve", () => {
  test("serves a file under the name that it was given", async () => {
    const port = await freePort();
    const file = await show({ seconds: 6 });
    const flag = `--serve=127.0.0.1:${port}/stage/show`;
    await using push = await startRunnel(["push", file, flag]);
    await untilBound(port);
    const out = join(scratch(), "out.flv");
    const url = `rtmp://127.0.0.1:${port}/stage/show`;
    const result = await runnel(["pull", url, out, "--wait", "10s"]);
    expectExit(result, 0);
    expectExit(await push.finished, 0);
    expectJoin(await readFlvFile(file), await readFlvFile(out));
    expect(mediaOf(await readFlvFile(out)).at(-1)?.hash).toBe(mediaOf(await readFlvFile(file)).at(-1)!.hash);
  });

  test("takes no publisher", async () => {
    const port = await freePort();
    await using push = await startRunnel(["push", "testcard:", `--serve=127.0.0.1:${port}/live/show`]);
    await untilBound(port);
    using client = await WireClient.publishing(port, "live", "show");
    await client.hears("NetStream.Publish.BadName");
    await client.left();
    push.signal("SIGINT");
    expectExit(await push.finished, 0);
  });
});

/** The permission that Flash players wait for. */
function isSampleAccess(tag: FlvTag): boolean {
  return Buffer.from(tag.payload).includes("|RtmpSampleAccess");
}
