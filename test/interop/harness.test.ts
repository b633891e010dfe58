/**
 * The harness held up against itself: ffmpeg and nginx-rtmp alone, without runnel. When these fail, the other tests
 * of this folder say nothing about runnel.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  backwards,
  differences,
  joinDifferences,
  lengthOf,
  mediaOf,
  readFlv,
  readFlvFile,
} from "../support/flv-compare.ts";
import { decodingErrors, publish, putShow, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { run, runWell, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { makeAuthority, startStunnel } from "../support/tls.ts";

tidy();

describe.skipIf(!needs("ffmpeg"))("comparing", () => {
  test("a file equals itself, and a changed bit, time or missing frame is found", async () => {
    const tags = await readFlvFile(await show());
    expect(differences(tags, tags)).toEqual([]);
    const at = tags.findIndex((tag) => tag.role === "frame");
    const changed = (change: Partial<(typeof tags)[number]>) =>
      tags.map((tag, i) => (i === at ? { ...tag, ...change } : tag));
    const payload = Uint8Array.from(tags[at]!.payload);
    payload[payload.length - 1]! ^= 1;
    expect(differences(tags, changed({ payload }))).toHaveLength(1);
    expect(differences(tags, changed({ timestamp: tags[at]!.timestamp + 1 }))).toHaveLength(1);
    expect(differences(tags, tags.toSpliced(at, 1))).toHaveLength(1);
    expect(backwards(tags)).toEqual([]);
    expect(lengthOf(tags)).toBeGreaterThan(3_500);
  });

  test("a part is a join only when it begins with headers and a keyframe", async () => {
    const tags = mediaOf(await readFlvFile(await show()));
    const headers = tags.filter((tag) => tag.role === "header");
    const frames = tags.filter((tag) => tag.role !== "header");
    const second = frames.findLastIndex((tag) => tag.role === "key");
    expect(second).toBeGreaterThan(0);
    const part = [...headers, ...frames.slice(second, second + 30)];
    expect(joinDifferences(tags, part)).toEqual([]);
    expect(joinDifferences(tags, part.slice(headers.length))).not.toEqual([]);
    expect(joinDifferences(tags, [...headers, ...frames.slice(second + 1)])).not.toEqual([]);
    expect(joinDifferences(tags, part.toSpliced(headers.length + 5, 1))).not.toEqual([]);
  });

  test("a cut file is no FLV", async () => {
    const bytes = await Bun.file(await show()).bytes();
    expect(() => readFlv(bytes.subarray(0, -7))).toThrow("cut at offset");
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("nginx and ffmpeg", () => {
  test("what ffmpeg publishes is recorded bit for bit", async () => {
    const nginx = await startNginx();
    const file = await show();
    await publish(file, nginx.url("live", "show"), { realtime: false }).finished;
    const recording = await nginx.recording("show");
    expect(differences(await readFlvFile(file), await readFlvFile(recording))).toEqual([]);
    expect(await decodingErrors(recording)).toBe("");
  });

  test("a live join by ffmpeg is a part of the recording", async () => {
    const nginx = await startNginx();
    const out = join(scratch(), "part.flv");
    const publisher = publish(await show({ seconds: 6 }), nginx.url("live", "show"));
    await nginx.sees("publish", "show");
    const pull = ["-i", nginx.url("live", "show"), "-t", "2", "-c", "copy", "-f", "flv", out];
    await runWell(["ffmpeg", "-nostdin", "-v", "error", ...pull]);
    await publisher.stop();
    const whole = await readFlvFile(await nginx.recording("show"));
    const part = await readFlvFile(out);
    console.log(
      joinDifferences(whole, part),
      part.slice(0, 8).map((t) => [t.kind, t.role, t.timestamp, t.hash]),
    );
    expect(mediaOf(part).length).toBeGreaterThan(40);
  });

  test.skipIf(!needs("rtmpdump"))("rtmpdump takes a whole file from the play module", async () => {
    const nginx = await startNginx();
    const file = await putShow(nginx.vod, "file.flv");
    const out = join(scratch(), "dump.flv");
    await run(["rtmpdump", "-q", "-r", nginx.url("vod", "file.flv"), "-o", out]);
    expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
  });

  const tlsHere = needs("stunnel", "openssl");
  test.skipIf(!tlsHere)(
    "stunnel and a private authority carry a stream that ffmpeg's TLS accepts",
    async () => {
      const nginx = await startNginx();
      const authority = await makeAuthority();
      const tls = await startStunnel(nginx.port, authority);
      const url = `rtmps://localhost:${tls.port}/live/show`;
      const file = await show();
      const argv = ["-i", file, "-c", "copy", "-f", "flv", url];
      await using publisher = start(["ffmpeg", "-nostdin", "-v", "error", ...argv]);
      expect((await publisher.finished).code).toBe(0);
      expect(differences(await readFlvFile(file), await readFlvFile(await nginx.recording("show")))).toEqual(
        [],
      );
    },
  );
});
