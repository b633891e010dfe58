/** `runnel relay` from one nginx to others, one of them behind TLS with a private authority. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { backwards, differences, joinDifferences, lengthOf, readFlvFile } from "../support/flv-compare.ts";
import { decodingErrors, publish, putShow, show } from "../support/media.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import type { Child } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, expectLastLine, lastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";
import { makeAuthority, startStunnel } from "../support/tls.ts";

tidy();

/** A server with a live stream, which is what a relay is for: a file that comes in a burst is over too soon. */
async function liveSource(seconds = 7): Promise<{ source: Nginx; publisher: Child }> {
  const source = await startNginx();
  const publisher = publish(await show({ seconds }), source.url("live", "show"));
  await source.sees("publish", "show");
  return { source, publisher };
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("relay", () => {
  test("a live stream reaches two servers and a file alike", async () => {
    const [{ source, publisher }, first, second] = [
      await liveSource(),
      await startNginx(),
      await startNginx(),
    ];
    const out = join(scratch(), "copy.flv");
    const to = [first.url("live", "one"), "-t", `second=${second.url("live", "two")}`];
    const result = await runnel(["relay", source.url("live", "show"), ...to, "-o", out, "--for", "4s"]);
    await publisher.stop();
    expectExit(result, 0);
    expectLastLine(result);
    const whole = await readFlvFile(await source.recording("show"));
    const files = [out, await first.recording("one"), await second.recording("two")];
    for (const file of files) {
      const tags = await readFlvFile(file);
      expect(joinDifferences(whole, tags)).toEqual([]);
      expect(backwards(tags)).toEqual([]);
      expect(lengthOf(tags)).toBeGreaterThan(1_500);
      expect(await decodingErrors(file)).toBe("");
    }
  });

  test("a destination that is not there changes nothing for the others", async () => {
    const [{ source, publisher }, good, gone] = [await liveSource(), await startNginx(), await startNginx()];
    await gone.stop();
    const out = join(scratch(), "copy.flv");
    const to = [good.url("live", "one"), gone.url("live", "two")];
    const result = await runnel(["relay", source.url("live", "show"), ...to, "-o", out, "--for", "4s"]);
    await publisher.stop();
    // The files are valid, but a required destination never got anything: incomplete.
    expectExit(result, 3, 6);
    const whole = await readFlvFile(await source.recording("show"));
    for (const file of [out, await good.recording("one")]) {
      const tags = await readFlvFile(file);
      expect(joinDifferences(whole, tags)).toEqual([]);
      expect(lengthOf(tags)).toBeGreaterThan(1_500);
    }
  });

  test("a destination that comes back begins with headers and a keyframe", async () => {
    const [first, { source, publisher }] = [await startNginx(), await liveSource(12)];
    const url = first.url("live", "one");
    await using relay = await startRunnel([
      ...["relay", source.url("live", "show"), url, "--retry-min", "250ms", "--retry-max", "500ms"],
    ]);
    await first.sees("publish", "one");
    const again = await first.restart();
    await again.sees("publish", "one");
    await publisher.finished;
    relay.signal("SIGTERM");
    await relay.finished;
    const whole = await readFlvFile(await source.recording("show"));
    expect(joinDifferences(whole, await readFlvFile(await again.recording("one")))).toEqual([]);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp", "stunnel", "openssl"))("relay over TLS", () => {
  test("with its authority a server behind TLS gets the same bits as one without", async () => {
    const [{ source, publisher }, plain, hidden] = [
      await liveSource(),
      await startNginx(),
      await startNginx(),
    ];
    const authority = await makeAuthority();
    const tls = await startStunnel(hidden.port, authority);
    const out = join(scratch(), "copy.flv");
    const to = [plain.url("live", "one"), `rtmps://localhost:${tls.port}/live/two`];
    const flags = ["--ca", authority.ca, "-o", out, "--for", "4s"];
    const result = await runnel(["relay", source.url("live", "show"), ...to, ...flags]);
    await publisher.stop();
    expectExit(result, 0);
    const whole = await readFlvFile(await source.recording("show"));
    for (const file of [out, await plain.recording("one"), await hidden.recording("two")]) {
      const tags = await readFlvFile(file);
      expect(joinDifferences(whole, tags)).toEqual([]);
      expect(lengthOf(tags)).toBeGreaterThan(1_500);
    }
  });

  test("a source behind TLS is pulled, by name and by address", async () => {
    const hidden = await startNginx();
    const authority = await makeAuthority();
    const tls = await startStunnel(hidden.port, authority);
    const file = await putShow(hidden.vod, "file.flv");
    for (const host of ["localhost", "127.0.0.1"]) {
      const out = join(scratch(), "out.flv");
      const result = await runnel([
        "pull",
        `rtmps://${host}:${tls.port}/vod/file.flv`,
        out,
        "--ca",
        authority.ca,
      ]);
      expectExit(result, 0);
      expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
    }
  });

  test("a certificate that nobody vouches for is refused in words, unless --insecure", async () => {
    const hidden = await startNginx();
    const tls = await startStunnel(hidden.port, await makeAuthority());
    const stranger = await makeAuthority("a stranger");
    const file = await putShow(hidden.vod, "file.flv");
    const url = `rtmps://localhost:${tls.port}/vod/file.flv`;
    const out = join(scratch(), "out.flv");
    for (const flags of [[], ["--ca", stranger.ca]]) {
      const result = await runnel(["pull", url, out, ...flags]);
      expectExit(result, 5, 6);
      expect(lastLine(result)).toMatch(/certificate/i);
    }
    expectExit(await runnel(["pull", url, out, "--insecure"]), 0);
    expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
  });
});
