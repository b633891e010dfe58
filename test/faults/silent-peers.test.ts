/**
 * Servers that never acknowledge anything in RTMP and read all the same: with the shortest patience and a small stream,
 * whose bytes the kernel could hold for minutes, they are not taken for servers that read nothing.
 */
import { describe, expect, test } from "bun:test";
import { decodingErrors, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { freePort, untilBound } from "../support/ports.ts";
import { start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, runnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** As short as --stall can be told from the interval in which it is looked at. */
const FLAGS = ["--loop", "--for", "6s", "--stall", "1s"];

describe.concurrent.skipIf(!needs("ffmpeg", "nginx-rtmp"))(
  "a server that reads and never acknowledges",
  () => {
    test("nginx", async () => {
      const nginx = await startNginx();
      const result = await runnel([
        "push",
        await show({ bitrate: "100k" }),
        nginx.url("live", "small"),
        ...FLAGS,
      ]);
      expectExit(result, 0);
      expect(await decodingErrors(await nginx.recording("small"))).toBe("");
      expect(nginx.recordings("small")).toHaveLength(1);
    });

    test("ffmpeg", async () => {
      const port = await freePort();
      const out = `${scratch("silent")}/out.flv`;
      const url = `rtmp://127.0.0.1:${port}/live/small`;
      const argv = ["-nostdin", "-v", "error", "-listen", "1", "-i", url, "-c", "copy", out];
      await using listener = start(["ffmpeg", ...argv]);
      await untilBound(port);
      expectExit(await runnel(["push", await show({ bitrate: "100k" }), url, ...FLAGS]), 0);
      await listener.finished;
      expect(await decodingErrors(out)).toBe("");
    });
  },
);
