/**
 * What goes wrong outside: each failure has its exit code (0 to 7, see the README) and one last line that names what
 * and where, and the stream key stands nowhere.
 */
import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { freePort } from "../support/ports.ts";
import type { Finished } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { serveRtmp } from "../support/rtmp-server.ts";
import { commandBytes, statusBytes } from "../support/rtmp-wire.ts";
import { expectExit, expectLastLine, expectNoSecret, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const KEY = "live_524_sEcReT-kEy";
/** What a pull asks for: its name is no secret (it names the file), its token is. */
const STREAM = `show?token=${KEY}`;
const NOISE = [[], ["-vv"], ["--json"]] as const;

/** A TCP server that takes connections and says nothing. */
async function silentServer(): Promise<{ port: number } & Disposable> {
  const server = createServer((socket) => socket.on("error", () => {}));
  const port = await freePort();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(port, "127.0.0.1", resolve);
  await promise;
  return { port, [Symbol.dispose]: () => server.close() };
}

/** Pulls `url` in all degrees of noise and checks code, words and secrets. */
async function pullFails(url: string, codes: number[], pattern: RegExp, flags: string[] = []): Promise<void> {
  for (const noise of NOISE) {
    const out = join(scratch(), "out.flv");
    const result = await runnel(["pull", url, out, ...flags, ...noise]);
    expectExit(result, ...codes);
    expectWords(result, pattern);
    expect(await Bun.file(out).exists()).toBe(false);
  }
}

function expectWords(result: Finished, pattern: RegExp): void {
  expectNoSecret(result, KEY);
  expectLastLine(result, pattern);
}

describe("pull fails", () => {
  test("nothing listens at the port: 6", async () => {
    const port = await freePort();
    await pullFails(`rtmp://127.0.0.1:${port}/live/${STREAM}`, [6], /127\.0\.0\.1/);
  });

  test("the name does not resolve: 6", async () => {
    await pullFails(`rtmp://no-such-host.invalid/live/${STREAM}`, [6], /no-such-host\.invalid/);
  });

  test("the server takes the connection and never answers: 6", async () => {
    using server = await silentServer();
    await pullFails(`rtmp://127.0.0.1:${server.port}/live/${STREAM}`, [6], /127\.0\.0\.1/, ["--stall", "2s"]);
  });

  test("the server says that there is no such stream: 4 or 5", async () => {
    using server = serveRtmp({
      play: (peer) => {
        peer.send(statusBytes("error", "NetStream.Play.StreamNotFound"));
        peer.leave();
      },
    });
    await pullFails(`rtmp://127.0.0.1:${server.port}/live/${STREAM}`, [4, 5], /127\.0\.0\.1/);
  });

  test("the server repeats the token in its refusal: it is shown neither by pull nor by probe", async () => {
    using server = serveRtmp({
      play: (peer) => {
        const description = `no such stream: ${peer.stream}`;
        const status = { level: "error", code: "NetStream.Play.StreamNotFound", description };
        peer.send(commandBytes(1, "onStatus", 0, null, status));
        peer.leave();
      },
    });
    const url = `rtmp://127.0.0.1:${server.port}/live/${STREAM}`;
    const words = /no such stream: show\?\*\*\*/;
    await pullFails(url, [4, 5], words);
    for (const noise of NOISE) {
      const result = await runnel(["probe", url, ...noise]);
      expectExit(result, 4, 5);
      expectWords(result, words);
    }
  });

  test("a password in the URL is a secret too", async () => {
    const port = await freePort();
    await pullFails(`rtmp://me:${KEY}@127.0.0.1:${port}/live/show`, [6], /127\.0\.0\.1/);
  });
});

describe.skipIf(!needs("nginx-rtmp"))("nginx refuses", () => {
  test("nobody publishes the stream: 4", async () => {
    const nginx = await startNginx();
    await pullFails(nginx.url("live", STREAM), [4], /127\.0\.0\.1/, ["--stall", "2s"]);
  });

  test("the application is unknown, so nginx closes: 5", async () => {
    const nginx = await startNginx();
    await pullFails(nginx.url("nope", STREAM), [5], /127\.0\.0\.1/);
  });

  // nginx answers Play.Start before it looks at its rules, and then closes: no more can be said than that nothing came.
  test("players are denied: 4, nothing came", async () => {
    const nginx = await startNginx();
    await pullFails(nginx.url("hidden", STREAM), [4], /127\.0\.0\.1/);
  });

  test("there is no such file: 4 or 5", async () => {
    const nginx = await startNginx();
    await pullFails(nginx.url("vod", STREAM), [4, 5], /127\.0\.0\.1/);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("push fails", () => {
  // Here it says Publish.Start and closes.
  test("publishers are denied by nginx: 5", async () => {
    const nginx = await startNginx();
    for (const noise of NOISE) {
      const result = await runnel(["push", await show(), nginx.url("closed", KEY), "--for", "8s", ...noise]);
      expectExit(result, 5);
      expectWords(result, /127\.0\.0\.1/);
    }
  });

  test("the server names the reason: it is passed on", async () => {
    using server = serveRtmp({
      publish: (peer) => {
        peer.send(statusBytes("error", "NetStream.Publish.BadName"));
        peer.leave();
      },
    });
    const url = `rtmp://127.0.0.1:${server.port}/live/${KEY}`;
    const result = await runnel(["push", await show(), url, "--for", "8s"]);
    expectExit(result, 5);
    expectNoSecret(result, KEY);
    expect(result.stderr).toContain("BadName");
  });

  test("nothing listens at the port: 6", async () => {
    const url = `rtmp://127.0.0.1:${await freePort()}/live/${KEY}`;
    for (const noise of NOISE) {
      const result = await runnel(["push", await show(), url, "--for", "4s", ...noise]);
      expectExit(result, 6);
      expectWords(result, /127\.0\.0\.1/);
    }
  });

  test("the file is not there: a clear line, and not an internal error", async () => {
    const url = `rtmp://127.0.0.1:${await freePort()}/live/${KEY}`;
    const result = await runnel(["push", join(scratch(), "none.flv"), url]);
    expect(result.code).not.toBe(0);
    expect(result.code).not.toBe(1);
    expectWords(result, /none\.flv/);
  });

  test("the file is not FLV: a clear line, and not an internal error", async () => {
    const file = join(scratch(), "text.flv");
    await Bun.write(file, "this is no FLV file at all\n".repeat(100));
    using server = serveRtmp({});
    const result = await runnel(["push", file, `rtmp://127.0.0.1:${server.port}/live/${KEY}`]);
    expect(result.code).not.toBe(0);
    expect(result.code).not.toBe(1);
    expectWords(result, /FLV/);
  });
});

describe("the command line is wrong: 2", () => {
  const URL = `rtmp://127.0.0.1:1/live/${KEY}`;
  test.each([
    ["an unknown flag", ["pull", URL, "--fro", "5s"], /--for/],
    ["a number without a unit", ["pull", URL, "--for", "5"], /5s/],
    ["an unknown command", ["pul", URL], /pull/],
    ["no source", ["pull"], /source|URL/i],
    ["no destination", ["push", "file.flv"], /dest/i],
    ["a scheme that is not known", ["pull", `rtmx://127.0.0.1/live/${KEY}`], /rtmp/],
    ["an application without a stream", ["pull", "rtmp://127.0.0.1"], /rtmp/],
    [
      "a key that is not set",
      ["push", "file.flv", "rtmp://127.0.0.1/live", "-k", "env:NOT_SET_HERE"],
      /NOT_SET_HERE/,
    ],
    ["a value for a flag is missing", ["pull", URL, "--for"], /--for/],
  ])("%s", async (_name, args, suggestion) => {
    const result = await runnel([...args]);
    expectExit(result, 2);
    expectNoSecret(result, KEY);
    expect(result.stdout).toHaveLength(0);
    expect(result.stderr).toMatch(suggestion);
    expect(result.stderr.trim().split("\n").length).toBeLessThan(12);
  });
});
