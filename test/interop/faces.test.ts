/** What runnel shows and how it obeys signals: terminal, pipe, --json, -q, --help, --version. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runnelBinary } from "../support/binary.ts";
import { joinDifferences, readFlvFile } from "../support/flv-compare.ts";
import { decodingErrors, publish, putShow, show } from "../support/media.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { until } from "../support/ports.ts";
import { type Child, run, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { events, expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const ESCAPE = String.fromCharCode(27);

/** A nginx with a live stream in it. */
async function liveServer(seconds = 12): Promise<{ nginx: Nginx; publisher: Child; url: string }> {
  const nginx = await startNginx();
  const publisher = publish(await show({ seconds }), nginx.url("live", "show"));
  await nginx.sees("publish", "show");
  return { nginx, publisher, url: nginx.url("live", "show") };
}

/** A recording begins with 73 KiB of room for its keyframe index. */
const HEAD_BYTES = 75_000;

async function untilRecording(file: string): Promise<void> {
  const enough = HEAD_BYTES + 30_000;
  await until(`${file} grows`, () => existsSync(`${file}.part`) && Bun.file(`${file}.part`).size > enough);
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("signals", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s finishes the file and ends with 0", async (signal) => {
    const { nginx, publisher, url } = await liveServer();
    const out = join(scratch(), "out.flv");
    await using pull = await startRunnel(["pull", url, out]);
    await untilRecording(out);
    pull.signal(signal);
    const result = await pull.finished;
    await publisher.stop();
    expectExit(result, 0);
    expectLastLine(result);
    expect(existsSync(`${out}.part`)).toBe(false);
    const whole = await readFlvFile(await nginx.recording("show"));
    expect(joinDifferences(whole, await readFlvFile(out))).toEqual([]);
    expect(await decodingErrors(out)).toBe("");
  });

  test("a signal while it waits for the stream ends it at once", async () => {
    const nginx = await startNginx();
    await using pull = await startRunnel(["pull", nginx.url("live", "show"), "--wait", "1h"], {
      cwd: scratch(),
    });
    await nginx.sees("play", "show");
    pull.signal("SIGINT");
    expectExit(await pull.finished, 0, 4, 130);
  });

  test("what a kill leaves behind is a playable file", async () => {
    const { publisher, url } = await liveServer();
    const out = join(scratch(), "out.flv");
    await using pull = await startRunnel(["pull", url, out]);
    await untilRecording(out);
    await pull.stop("SIGKILL");
    await publisher.stop();
    const copy = join(scratch(), "copy.flv");
    const argv = ["-i", `${out}.part`, "-c", "copy", "-f", "flv", copy];
    expect((await run(["ffmpeg", "-nostdin", "-v", "fatal", ...argv])).code).toBe(0);
    expect((await readFlvFile(copy)).length).toBeGreaterThan(50);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp"))("what it says", () => {
  test("not on a terminal: plain lines", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const out = join(scratch(), "out.flv");
    const result = await runnel(["pull", nginx.url("vod", "file.flv"), out]);
    expectExit(result, 0);
    expect(result.stderr).not.toContain(ESCAPE);
    expect(result.stderr).not.toContain("\r");
    expect(result.stdout).toHaveLength(0);
  });

  test("--json: every line of stdout is an event", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const out = join(scratch(), "out.flv");
    const result = await runnel(["pull", nginx.url("vod", "file.flv"), out, "--json"]);
    expectExit(result, 0);
    const all = events(result);
    const names = all.map((event) => event["event"]);
    for (const name of ["start", "live", "summary"]) expect(names).toContain(name);
    expect(names.indexOf("start")).toBeLessThan(names.indexOf("live"));
    const summary = all.at(-1)!;
    expect(summary["event"]).toBe("summary");
    expect(summary["exitCode"]).toBe(0);
    expect(String(summary["text"])).toMatch(/[a-z]{3}/);
  });

  test("--json: a failure has its summary, too", async () => {
    const nginx = await startNginx();
    const result = await runnel(["pull", nginx.url("nope", "show"), "--json"], { cwd: scratch() });
    const summary = events(result).at(-1)!;
    expect(summary["event"]).toBe("summary");
    expect(summary["exitCode"]).toBe(result.code!);
  });

  test("--json with media on stdout: the events do not stand in the media", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const result = await runnel(["pull", nginx.url("vod", "file.flv"), "-", "--json"]);
    // Either is a way out: refuse the pair, or send the events to stderr.
    if (result.code !== 2) expect(Buffer.from(result.stdout).toString("latin1", 0, 3)).toBe("FLV");
    expectExit(result, 0, 2);
  });

  test("-q: quiet when all is well, an error is still said", async () => {
    const nginx = await startNginx();
    await putShow(nginx.vod, "file.flv");
    const out = join(scratch(), "out.flv");
    const good = await runnel(["pull", nginx.url("vod", "file.flv"), out, "-q"]);
    expectExit(good, 0);
    expect(good.stderr.trim().split("\n").length).toBeLessThanOrEqual(1);
    const bad = await runnel(["pull", nginx.url("nope", "show"), out, "-q"]);
    expectExit(bad, 5);
    expectLastLine(bad, /127\.0\.0\.1/);
  });

  test.skipIf(!needs("tmux"))(
    "on a terminal: one line with the stream and its bitrate",
    async () => {
      const { publisher, url } = await liveServer();
      const dir = scratch();
      const socket = join(dir, "tmux");
      const tmux = ["tmux", "-S", socket, "-f", "/dev/null"];
      await using _server = start([...tmux, "-D"], { env: { TERM: "xterm-256color" }, timeout: 60_000 });
      await until("tmux has a socket", () => existsSync(socket));
      const command = `'${await runnelBinary()}' pull ${url} ${join(dir, "out.flv")}; sleep 30`;
      await run([...tmux, "new-session", "-d", "-s", "face", "-x", "120", "-y", "20", command]);
      const screen = async () => Buffer.from((await run([...tmux, "capture-pane", "-p"])).stdout).toString();
      const line = /show.*\d+(\.\d+)? [kM]b\/s/;
      await until("the status line", async () => line.test(await screen()));
      const first = await screen();
      expect(first.split("\n").filter((row) => line.test(row))).toHaveLength(1);
      // It is repainted in place: another screen later there is still one.
      await until("a repaint", async () => (await screen()) !== first);
      expect((await screen()).split("\n").filter((row) => line.test(row))).toHaveLength(1);
      await run([...tmux, "send-keys", "C-c"]);
      await until("the file is finished", () => existsSync(join(dir, "out.flv")));
      await publisher.stop();
      await run([...tmux, "kill-server"]);
    },
    60_000,
  );
});

describe("help", () => {
  const EVERY = [
    "for",
    "until",
    "stall",
    "retry-min",
    "retry-max",
    "ca",
    "insecure",
    "bind",
    "json",
    "quiet",
    "verbose",
  ];
  test.each([
    ["pull", [...EVERY, "output", "wait", "force"]],
    ["push", [...EVERY, "to", "key", "loop", "no-realtime", "output"]],
    ["relay", [...EVERY, "to", "key", "output", "wait", "force"]],
  ])("%s --help lists its flags", async (verb, flags) => {
    const result = await runnel([verb, "--help"]);
    expectExit(result, 0);
    const text = Buffer.from(result.stdout).toString();
    expect(flags.filter((flag) => !text.includes(`--${flag}`))).toEqual([]);
    expect(text).not.toContain(ESCAPE);
    expect(result.stderr).toBe("");
  });

  test("--help names every command, --version one version", async () => {
    const help = Buffer.from((await runnel(["--help"])).stdout).toString();
    for (const verb of ["pull", "push", "relay"]) expect(help).toContain(verb);
    const version = await runnel(["--version"]);
    expectExit(version, 0);
    expect(Buffer.from(version.stdout).toString()).toMatch(/^(runnel )?\d+\.\d+\.\d+.*\n$/);
  });

  test("without a command it says how to be used", async () => {
    const result = await runnel([]);
    expectExit(result, 0, 2);
    expect(Buffer.from(result.stdout).toString() + result.stderr).toContain("pull");
  });
});
