/** Other programs around runnel: what GStreamer publishes, what rtmpdump and GStreamer read of what runnel pushes. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { differences, joinDifferences, mediaOf, readFlvFile, readGrowing } from "../support/flv-compare.ts";
import { decodingErrors, show } from "../support/media.ts";
import { startNginx } from "../support/nginx.ts";
import { type Child, start } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { expectExit, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

/** GStreamer takes a file apart, muxes it again and publishes it in real time. */
function gstPublish(file: string, url: string): Child {
  const mux = "flvmux name=mux streamable=true";
  const pipeline = [
    ...`filesrc location=${file} ! flvdemux name=demux`.split(" "),
    ...`demux.video ! queue ! h264parse ! mux.`.split(" "),
    ...`demux.audio ! queue ! aacparse ! mux.`.split(" "),
    ...`${mux} ! identity sync=true ! rtmp2sink location=${url}`.split(" "),
  ];
  return start(["gst-launch-1.0", "-q", ...pipeline], { timeout: 60_000 });
}

describe.skipIf(!needs("ffmpeg", "nginx-rtmp", "gstreamer"))("GStreamer", () => {
  test("what flvmux and rtmp2sink publish is pulled bit for bit", async () => {
    const nginx = await startNginx();
    await using publisher = gstPublish(await show({ seconds: 8 }), nginx.url("live", "show"));
    await nginx.sees("publish", "show");
    const out = join(scratch(), "out.flv");
    const result = await runnel(["pull", nginx.url("live", "show"), out, "--for", "4s"]);
    await publisher.stop();
    expectExit(result, 0);
    const whole = await readFlvFile(await nginx.recording("show"));
    expect(joinDifferences(whole, await readFlvFile(out))).toEqual([]);
    expect(await decodingErrors(out)).toBe("");
  });

  test("rtmp2src reads what runnel pushes", async () => {
    const nginx = await startNginx();
    const out = join(scratch(), "out.flv");
    const url = nginx.url("live", "show");
    const pipeline = `rtmp2src location=${url} ! filesink location=${out} buffer-mode=unbuffered`.split(" ");
    await using reader = start(["gst-launch-1.0", "-q", "-e", ...pipeline]);
    await nginx.sees("play", "show");
    await using push = await startRunnel(["push", await show({ seconds: 6 }), url]);
    expectExit(await push.finished, 0);
    await reader.stop("SIGINT");
    const whole = await readFlvFile(await nginx.recording("show"));
    const read = await readGrowing(out);
    expect(mediaOf(read).length).toBeGreaterThan(100);
    expect(joinDifferences(whole, read)).toEqual([]);
  });
});

describe.skipIf(!needs("ffmpeg", "nginx-rtmp", "rtmpdump"))("rtmpdump", () => {
  test("reads what runnel pushes, whole, when it waits for it", async () => {
    const nginx = await startNginx();
    const out = join(scratch(), "dump.flv");
    const url = nginx.url("live", "show");
    await using reader = start(["rtmpdump", "-q", "-v", "-r", url, "-o", out]);
    await nginx.sees("play", "show");
    const file = await show();
    await using push = await startRunnel(["push", file, url]);
    expectExit(await push.finished, 0);
    const frames = mediaOf(await readFlvFile(file)).length;
    const whole = await readFlvFile(await nginx.recording("show"));
    // rtmpdump writes through a buffer that only its end empties.
    await reader.stop("SIGINT");
    const read = await readGrowing(out);
    expect(differences(await readFlvFile(file), whole)).toEqual([]);
    expect(mediaOf(read).length).toBeGreaterThan(frames / 2);
    expect(joinDifferences(whole, read)).toEqual([]);
  });

  test("its words and its kind of URL are understood", async () => {
    const nginx = await startNginx();
    const file = await show();
    await Bun.write(join(nginx.vod, "file.flv"), Bun.file(file));
    const app = `rtmp://127.0.0.1:${nginx.port}/vod`;
    const [a, b] = [join(scratch(), "a.flv"), join(scratch(), "b.flv")];
    expectExit(await runnel(["pull", `${app} playpath=file.flv`, a]), 0);
    expectExit(await runnel(["pull", "--rtmp", app, "--playpath", "file.flv", "-o", b]), 0);
    for (const out of [a, b])
      expect(differences(await readFlvFile(file), await readFlvFile(out))).toEqual([]);
  });
});
