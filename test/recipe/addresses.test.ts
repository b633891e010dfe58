/** Addresses as people write them: sources, destinations with names and keys, and what of them is secret. */
import { describe, expect, test } from "bun:test";
import { problemLine, UsageError } from "../../src/errors.ts";
import {
  isRtmpAddress,
  parseDestination,
  parseSource,
  recordingSink,
  secretsOf,
  splitName,
} from "../../src/recipe/addresses.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";

/** What is thrown, as its problems. */
function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

describe("parseSource", () => {
  test.each([
    ["-", { kind: "stdin" }],
    ["show.flv", { kind: "file", path: "show.flv" }],
    ["/a/b c.flv", { kind: "file", path: "/a/b c.flv" }],
    ["C:\\show.flv", { kind: "file", path: "C:\\show.flv" }],
    ["testcard:", { kind: "testcard" }],
    ["listen:1935/live/secret-key", { kind: "listen" }],
    ["rtmp://h/live/cam", { kind: "rtmp", url: { host: "h", app: "live", streamName: "cam", tls: false } }],
    ["RTMPS://h/live/cam", { kind: "rtmp", url: { tls: true, port: 443 } }],
    ["rtmp://h/live/my cam", { kind: "rtmp", url: { streamName: "my%20cam" } }],
    ["rtmp://h/live/cam?token=abc", { kind: "rtmp", url: { streamName: "cam?token=abc" } }],
    [
      "rtmp://h/live playpath=cam live=1",
      { kind: "rtmp", url: { app: "live", streamName: "cam", live: true } },
    ],
    ["http://h:8080/live/cam.flv", { kind: "http", name: "http://h:8080/live/cam.flv" }],
    ["https://user:pass@h/cam.flv?token=abc", { kind: "http", name: "https://h/cam.flv" }],
  ])("%p", (text, expected) => {
    expect(parseSource(text, {}).source).toMatchObject(expected);
  });

  test("librtmp's timeout comes out in ms", () => {
    expect(parseSource("rtmp://h/live/cam timeout=30", {}).timeout).toBe(30_000);
    expect(parseSource("rtmp://h/live/cam", {}).timeout).toBeUndefined();
  });

  test("flags take the place of what the URL says", () => {
    const { source } = parseSource("rtmp://h/live", { playpath: "mp4:show", app: "vod" });
    expect(source).toMatchObject({ url: { app: "vod", streamName: "mp4:show" } });
  });

  test.each([
    [
      "rtsp://cam/1",
      'sources of the kind "rtsp:" are not in this version of runnel; push takes them from ffmpeg: "exec:ffmpeg -nostdin -v error -i ADDRESS -c copy -f flv -"',
    ],
    ["show.yaml", '"show.yaml" is a recipe; it can only stand alone, where SOURCE stands'],
    ["show.yml", '"show.yml" is a recipe; it can only stand alone, where SOURCE stands'],
    ["testcard:big", '"testcard:" takes nothing behind it; write testcard:'],
    [
      "srt://h/live?passphrase=secret",
      '"srt://h/live?***" is no source that runnel knows; rtmp:// rtmps:// http(s):// or a file',
    ],
    ["rtmp://h/live", '"rtmp://h/live" names no stream; add /NAME, or --playpath NAME'],
    ["http://", '"http://" is no URL'],
  ])("%p is refused", (text, problem) => {
    expect(problemsOf(() => parseSource(text, {}))).toEqual([problem]);
  });

  test.each([
    "rtmpe://h/live/SECRETKEY",
    "rtmp://h:99999/live/SECRETKEY",
    "rtmp:///live/SECRETKEY",
    "srt://h/live/SECRETKEY",
  ])("%p is refused without showing its key", (text) => {
    const problems = problemsOf(() => parseSource(text, {}));
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain("SECRETKEY");
  });
});

describe("splitName", () => {
  test.each([
    ["rtmp://h/live/key", undefined, "rtmp://h/live/key"],
    ["own=rtmp://h/live/key", "own", "rtmp://h/live/key"],
    ["a.b-c_1=RTMPS://h/live/k=v", "a.b-c_1", "RTMPS://h/live/k=v"],
    ["rtmp://h/live/key?a=rtmp://x", undefined, "rtmp://h/live/key?a=rtmp://x"],
    ["-x=rtmp://h/live/k", undefined, "-x=rtmp://h/live/k"],
    ["own=show.flv", undefined, "own=show.flv"],
    ["=rtmp://h/live/k", undefined, "=rtmp://h/live/k"],
  ])("%p", (text, name, address) => {
    expect(splitName(text)).toEqual({ name, address });
  });
});

describe("parseDestination", () => {
  test.each([
    ["rtmp://h/live/key", undefined, "live", "key"],
    ["rtmp://h/live", "key", "live", "key"],
    ["rtmp://h/live/", "key", "live", "key"],
    ["rtmp://h/a/b", "key", "a/b", "key"],
    ["rtmp://h/live", "key?auth=1/2", "live", "key?auth=1/2"],
    ["rtmp://h/a/b/key?x=/y", undefined, "a/b", "key?x=/y"],
  ])("%p with key %p", (address, key, app, streamName) => {
    expect(parseDestination(address, key)).toMatchObject({ app, streamName });
  });

  test("without a key says how to give one", () => {
    expect(problemsOf(() => parseDestination("rtmp://h/live", undefined))).toEqual([
      '"rtmp://h/live" has no stream key; add /KEY to it, or -k KEY (env:VAR, @FILE)',
    ]);
  });
});

describe("recordingSink", () => {
  test.each([
    ["-", { kind: "stdout", name: "stdout" }],
    ["show.flv", { kind: "file", name: "show.flv", template: "show.flv" }],
    ["/rec/%F/show.flv", { kind: "file", name: "show.flv", template: "/rec/%F/show.flv" }],
    ["a=b.flv", { kind: "file", name: "a=b.flv", template: "a=b.flv" }],
  ])("%p", (path, sink) => {
    expect(recordingSink(path)).toMatchObject(sink);
  });

  test.each([
    ["rtmp://h/live/SECRETKEY", '"rtmp://h/live/***" is no file; write it as a destination, or behind -t'],
    ["rmtp://h/live/SECRETKEY", '"rmtp://h/live/***" is neither a file nor rtmp://'],
    ["srt://h:9000?passphrase=SECRETKEY", '"srt://***" is neither a file nor rtmp://'],
    ["", "a recording needs a name"],
  ])("%p is refused", (path, problem) => {
    expect(problemsOf(() => recordingSink(path))).toEqual([problem]);
  });
});

test.each([
  ["rtmp://h/a/b", true],
  ["RTMPS://h", true],
  ["rtmpe://h", true],
  ["file.flv", false],
  ["http://h/rtmp://", false],
])("isRtmpAddress(%p) is %p", (text, is) => {
  expect(isRtmpAddress(text)).toBe(is);
});

describe("secretsOf", () => {
  test.each([
    ["rtmp://h/live/key", true, ["key"]],
    ["rtmp://h/live/cam", false, []],
    ["rtmp://h/live/cam?token=abcd&x=1", false, ["token=abcd&x=1", "abcd", "x=1"]],
    ["rtmp://h/live2?backup=1/key", false, ["backup=1"]],
    ["rtmp://h/live/cam?format=flv&backup=", false, ["format=flv&backup=", "format=flv"]],
    ["rtmp://h/live/cam?token=abcd", true, ["cam?token=abcd", "cam", "token=abcd", "abcd"]],
    ["rtmp://user:p%40ss@h/live/cam", false, ["p@ss"]],
    ["rtmp://h/live?auth=wxyz/cam", false, ["auth=wxyz", "wxyz"]],
  ])("of %p (name secret: %p)", (text, nameIsSecret, secrets) => {
    expect([...new Set(secretsOf(parseRtmpUrl(text), { nameIsSecret }))]).toEqual(secrets);
  });
});
