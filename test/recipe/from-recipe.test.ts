/** What recipes come to: pairs of a job and the plan that it is. */
import { expect, test } from "bun:test";
import { planOf } from "../support/recipes.ts";

/** Of a plan only what the expectation names is looked at. */
type Pair = readonly [name: string, job: string, plan: Record<string, unknown>];

const RETRY = { min: 1000, max: 60_000 };
const QUEUE = { bytes: 16 * 1024 * 1024, ms: 8000 };

const PAIRS: readonly Pair[] = [
  [
    "a pull",
    "from: rtmp://h:1936/live/x\nrecord: x.flv",
    {
      job: "a",
      verb: "pull",
      source: { kind: "rtmp", url: { host: "h", port: 1936, app: "live", streamName: "x" } },
      sinks: [{ kind: "file", name: "x.flv", template: "x.flv" }],
      listen: undefined,
      for: undefined,
      until: undefined,
      wait: undefined,
      grace: 10_000,
      retry: RETRY,
      net: { stall: 15_000, connectTimeout: 10_000, insecure: false },
      realtime: true,
      loop: false,
      force: false,
      record: { segment: undefined, join: undefined, keep: undefined },
      hooks: {},
      secrets: [],
    },
  ],
  [
    "a relay",
    "from: { url: rtmps://h/live/x, wait: 15m, stall: 4s }\nto:\n  own: rtmp://h/live/y\n  tw: { url: rtmps://t/app, key: abc?x=1, required: false, retry: { min: 2s }, buffer: { max: 3s, bytes: 1MiB } }",
    {
      verb: "relay",
      wait: 900_000,
      net: { stall: 4000, connectTimeout: 4000 },
      sinks: [
        {
          kind: "rtmp",
          name: "own",
          url: { app: "live", streamName: "y", tls: false },
          queue: QUEUE,
          retry: undefined,
          required: true,
        },
        {
          kind: "rtmp",
          name: "tw",
          url: { app: "app", streamName: "abc?x=1", tls: true, port: 443 },
          queue: { bytes: 1024 * 1024, ms: 3000 },
          retry: { min: 2000, max: 60_000 },
          required: false,
        },
      ],
      secrets: ["abc?x=1", "abc", "x=1"],
    },
  ],
  [
    "a listener",
    'from: { listen: "0.0.0.0:1936", app: studio, key: sesame, grace: 30s }\nserve: true\nrecord: x.flv',
    {
      verb: "relay",
      source: { kind: "listen" },
      grace: 30_000,
      listen: {
        name: "rtmp://0.0.0.0:1936/studio",
        host: "0.0.0.0",
        port: 1936,
        app: "studio",
        key: "sesame",
        playName: "a",
        tls: undefined,
      },
      sinks: [{ kind: "file" }, { kind: "players", name: "players" }],
      secrets: ["sesame"],
    },
  ],
  [
    "a listener in one text",
    "from: listen:1936/studio/sesame\nrecord: x.flv",
    {
      verb: "pull",
      listen: { host: "127.0.0.1", port: 1936, app: "studio", key: "sesame", playName: undefined },
    },
  ],
  [
    "a listener without a key, on purpose",
    'from: { listen: "0.0.0.0:1935", no-key: true }\nrecord: x.flv',
    { listen: { app: "live", key: undefined } },
  ],
  [
    "a file that is sent",
    "from: { url: show.flv, loop: true, realtime: false }\nto: { own: rtmp://h/live/y }",
    { verb: "push", source: { kind: "file", path: "show.flv" }, loop: true, realtime: false },
  ],
  ["stdin that is recorded", 'from: "-"\nrecord: x.flv', { verb: "push", source: { kind: "stdin" } }],
  [
    "the test card",
    'from: "testcard:"\nserve: "127.0.0.1:1936/live/card"',
    {
      verb: "push",
      source: { kind: "testcard" },
      listen: { port: 1936, app: "live", playName: "card", key: undefined },
      sinks: [{ kind: "players" }],
    },
  ],
  [
    "a camera with sound of a command",
    "from: { camera: rpicam }\naudio: \"exec:mic --name 'my mic'\"\nrecord: x.flv",
    { source: { kind: "capture", audio: { argv: ["mic", "--name", "my mic"] } } },
  ],
  [
    "raw video with sound of a command, its words in a list",
    "from: { exec: cam, format: hevc }\naudio: { exec: [mic, a b] }\nrecord: x.flv",
    { source: { kind: "capture", audio: { argv: ["mic", "a b"] } } },
  ],
  [
    "a camera",
    "from: { camera: rpicam, size: 1920x1080, fps: 30, bitrate: 4M, keyframe: 1s, rotation: 180 }\naudio: silent\nto: { own: rtmp://h/live/y }",
    {
      verb: "push",
      silentAudio: true,
      source: {
        kind: "capture",
        name: "camera:rpicam",
        fps: 30,
        input: {
          kind: "rpicam",
          settings: { width: 1920, height: 1080, fps: 30, bitrate: 4e6, keyframeMs: 1000, rotation: 180 },
        },
      },
    },
  ],
  [
    "a camera in one text",
    "from: camera:v4l2:/dev/video2\nrecord: x.flv",
    { source: { input: { kind: "v4l2", device: "/dev/video2" } } },
  ],
  [
    "a camera in one text, with keys",
    "from: { url: camera:rpicam, fps: 15 }\nrecord: x.flv",
    { source: { fps: 15 } },
  ],
  [
    "a command as a text",
    "from: { exec: \"cam --name 'a b'\", format: h264 }\nrecord: x.flv",
    { source: { name: "exec:cam", format: "h264", input: { kind: "exec", argv: ["cam", "--name", "a b"] } } },
  ],
  [
    "a command as a list",
    'from: { exec: [cam, --name, "a b \'c"] }\nrecord: x.flv',
    { source: { name: "exec:cam", format: "flv", input: { argv: ["cam", "--name", "a b 'c"] } } },
  ],
  [
    "raw video",
    "from: { h264: clip.h264, fps: 50, loop: true }\nto: { own: rtmp://h/live/y }",
    { loop: true, source: { input: { kind: "file", path: "clip.h264" }, clock: { kind: "fps" }, fps: 50 } },
  ],
  [
    "HTTP-FLV",
    'from: "https://me:pass1234@h/x.flv?token=abcd"\nrecord: { path: ["x.flv", "-"] }',
    {
      source: { kind: "http", name: "https://h/x.flv" },
      sinks: [{ kind: "file" }, { kind: "stdout", name: "stdout" }],
      secrets: ["token=abcd", "pass1234"],
    },
  ],
  [
    "rtmpdump's words",
    "from: { url: rtmp://h/a/b/c, app: a/b, playpath: x, tcUrl: rtmp://h/t, pageUrl: http://p/, swfUrl: http://s/, flashVer: F, conn: [S:one, N:2], live: true }\nrecord: x.flv",
    {
      source: {
        url: {
          app: "a/b",
          streamName: "x",
          tcUrl: "rtmp://h/t",
          pageUrl: "http://p/",
          swfUrl: "http://s/",
          flashVer: "F",
          connectArgs: ["one", 2],
          live: true,
        },
      },
    },
  ],
  [
    "librtmp's text",
    'from: "rtmp://h/live playpath=x timeout=7"\nrecord: x.flv',
    { source: { url: { app: "live", streamName: "x" } }, net: { stall: 7000 } },
  ],
  [
    "recordings",
    "from: rtmp://h/live/x\nrecord: { path: [a.flv, b.flv], segment: { every: 30m, align: clock }, join: 90s, keep: { age: 14d, size: 200GiB, free: 2GiB }, force: true }",
    {
      sinks: [{ template: "a.flv" }, { template: "b.flv" }],
      record: {
        segment: { every: 1_800_000, align: "clock" },
        join: 90_000,
        keep: { ageMs: 14 * 86_400_000, bytes: 200 * 1024 ** 3, freeBytes: 2 * 1024 ** 3 },
      },
      force: true,
    },
  ],
  [
    "a segment in short",
    "from: rtmp://h/live/x\nrecord: { path: a.flv, segment: 30m, join: 0s }",
    {
      record: { segment: { every: 1_800_000, align: "media" }, join: 0, keep: undefined },
    },
  ],
  [
    "hooks",
    'from: rtmp://h/live/x\nrecord: x.flv\non: { start: [a], segment: [./up.sh, "{path}"], gap: [b], end: ["logger", "done {job}"] }',
    { hooks: { start: ["a"], segment: ["./up.sh", "{path}"], gap: ["b"], end: ["logger", "done {job}"] } },
  ],
  [
    "times",
    "from: rtmp://h/live/x\nrecord: x.flv\nfor: 1h30m\nuntil: 2026-11-20T18:00:00Z\nretry: { min: 100ms, max: 3s }",
    { for: 5_400_000, until: Date.parse("2026-11-20T18:00:00Z"), retry: { min: 100, max: 3000 } },
  ],
  [
    "only the longest wait",
    "from: rtmp://h/live/x\nrecord: x.flv\nretry: { max: 500ms }",
    { retry: { min: 500, max: 500 } },
  ],
  [
    "only the shortest wait",
    "from: rtmp://h/live/x\nrecord: x.flv\nretry: { min: 5m }",
    { retry: { min: 300_000, max: 300_000 } },
  ],
  [
    "a way out",
    "from: rtmp://h/live/x\nrecord: x.flv\ninsecure: true\nbind: 192.0.2.7",
    {
      net: { insecure: true, bind: "192.0.2.7" },
    },
  ],
];

test.each(PAIRS.map((pair) => [...pair] as const))("%s", (_name, job, plan) => {
  expect(planOf(job)).toMatchObject(plan);
});
