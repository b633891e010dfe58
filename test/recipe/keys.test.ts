/** What single keys do: each has an effect on the plan, from a variable too, and problems stand where they do. */
import { describe, expect, test } from "bun:test";
import type { Plan } from "../../src/recipe/plan.ts";
import { keyRows } from "../support/recipe-keys.ts";
import { jobRecipe, plansOf, read, type World } from "../support/recipes.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
const PRIVATE = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n";
const WORLD: World = { files: { "c.pem": PEM, "k.pem": PRIVATE }, variables: { N: "1", YES: "true" } };

/** For each key a job without it (with `-` for the line), and the line that gives it. */
const EFFECTS: Readonly<Record<string, readonly [rest: string, line: string]>> = {
  "from.url": ["record: x.flv", "from: { url: rtmp://h/live/y }"],
  "from.listen": ["record: x.flv", 'from: { listen: "127.0.0.1:1936" }'],
  "from.app": ["record: x.flv", "from: { url: rtmp://h/a/b/x, app: a }"],
  "from.key": ["record: x.flv", 'from: { listen: "127.0.0.1:1935", key: k }'],
  "from.no-key": ["record: x.flv", 'from: { listen: "0.0.0.0:1935", no-key: true }'],
  "from.cert": ["record: x.flv", 'from: { listen: "127.0.0.1:1935", cert: c.pem, cert-key: k.pem }'],
  "from.cert-key": ["record: x.flv", 'from: { listen: "127.0.0.1:1935", cert: c.pem, cert-key: k.pem }'],
  "from.wait": ["record: x.flv", "from: { url: rtmp://h/live/x, wait: 1s }"],
  "from.stall": ["record: x.flv", "from: { url: rtmp://h/live/x, stall: 1s }"],
  "from.grace": ["record: x.flv", "from: { url: rtmp://h/live/x, grace: 1s }"],
  "from.follow": ["record: x.flv", "from: { url: rtmp://h/live/x, follow: true }"],
  "from.loop": ["record: x.flv", "from: { url: x.flv, loop: true }"],
  "from.realtime": ["record: x.flv", "from: { url: x.flv, realtime: false }"],
  "from.camera": ["record: x.flv", "from: { camera: v4l2 }"],
  "from.exec": ["record: x.flv", "from: { exec: [cam, --hd] }"],
  "from.h264": ["record: x.flv", "from: { h264: clip.h264 }"],
  "from.format": ["record: x.flv", "from: { exec: cam, format: hevc }"],
  "from.clock": ["record: x.flv", "from: { h264: clip.h264, clock: arrival }"],
  "from.size": ["record: x.flv", "from: { camera: rpicam, size: 640x480 }"],
  "from.fps": ["record: x.flv", "from: { camera: rpicam, fps: 30 }"],
  "from.bitrate": ["record: x.flv", "from: { camera: rpicam, bitrate: 1M }"],
  "from.keyframe": ["record: x.flv", "from: { camera: rpicam, keyframe: 1s }"],
  "from.rotation": ["record: x.flv", "from: { camera: rpicam, rotation: 180 }"],
  "from.exposure": ["record: x.flv", "from: { camera: rpicam, exposure: sport }"],
  "from.playpath": ["record: x.flv", "from: { url: rtmp://h/live/x, playpath: y }"],
  "from.tcUrl": ["record: x.flv", "from: { url: rtmp://h/live/x, tcUrl: y }"],
  "from.pageUrl": ["record: x.flv", "from: { url: rtmp://h/live/x, pageUrl: y }"],
  "from.swfUrl": ["record: x.flv", "from: { url: rtmp://h/live/x, swfUrl: y }"],
  "from.flashVer": ["record: x.flv", "from: { url: rtmp://h/live/x, flashVer: y }"],
  "from.conn": ["record: x.flv", "from: { url: rtmp://h/live/x, conn: [S:y] }"],
  "from.live": ["record: x.flv", "from: { url: rtmp://h/live/x, live: true }"],
  "schedule.cron": ["from: rtmp://h/live/x\nrecord: x.flv", 'schedule: { cron: "1 0 * * *" }'],
  "schedule.for": ["from: rtmp://h/live/x\nrecord: x.flv", 'schedule: { cron: "0 0 * * *", for: 1h }'],
  "schedule.tz": ["from: rtmp://h/live/x\nrecord: x.flv", 'schedule: { cron: "0 0 * * *", tz: Asia/Tokyo }'],
  "record.path": ["from: rtmp://h/live/x", "record: { path: y.flv }"],
  "record.segment.every": ["from: rtmp://h/live/x", "record: { path: x.flv, segment: { every: 1m } }"],
  "record.segment.align": [
    "from: rtmp://h/live/x",
    "record: { path: x.flv, segment: { every: 1m, align: clock } }",
  ],
  "record.join": ["from: rtmp://h/live/x", "record: { path: x.flv, join: 1s }"],
  "record.keep.age": ["from: rtmp://h/live/x", "record: { path: x.flv, keep: { age: 1d } }"],
  "record.keep.size": ["from: rtmp://h/live/x", "record: { path: x.flv, keep: { size: 1GiB } }"],
  "record.keep.free": ["from: rtmp://h/live/x", "record: { path: x.flv, keep: { free: 1GiB } }"],
  "record.force": ["from: rtmp://h/live/x", "record: { path: x.flv, force: true }"],
  "audio.exec": ["from: { camera: rpicam }\nrecord: x.flv", "audio: { exec: [mic, --mono] }"],
  "on.start": ["from: rtmp://h/live/x\nrecord: x.flv", "on: { start: [x] }"],
  "on.segment": ["from: rtmp://h/live/x\nrecord: x.flv", "on: { segment: [x] }"],
  "on.gap": ["from: rtmp://h/live/x\nrecord: x.flv", "on: { gap: [x] }"],
  "on.end": ["from: rtmp://h/live/x\nrecord: x.flv", "on: { end: [x] }"],
  for: ["from: rtmp://h/live/x\nrecord: x.flv", "for: 1h"],
  until: ["from: rtmp://h/live/x\nrecord: x.flv", "until: 2030-01-01T00:00"],
  grace: ["from: rtmp://h/live/x\nrecord: x.flv", "grace: 1s"],
  "retry.min": ["from: rtmp://h/live/x\nrecord: x.flv", "retry: { min: 2s }"],
  "retry.max": ["from: rtmp://h/live/x\nrecord: x.flv", "retry: { max: 2s }"],
  "serve.at": ["from: rtmp://h/live/x\nrecord: x.flv", 'serve: { at: "127.0.0.1:1936/live/y" }'],
  "serve.cert": [
    "from: rtmp://h/live/x\nrecord: x.flv",
    'serve: { at: "127.0.0.1:1936", cert: c.pem, cert-key: k.pem }',
  ],
  "serve.cert-key": [
    "from: rtmp://h/live/x\nrecord: x.flv",
    'serve: { at: "127.0.0.1:1936", cert: c.pem, cert-key: k.pem }',
  ],
  ca: ["from: rtmp://h/live/x\nrecord: x.flv", "ca: c.pem"],
  insecure: ["from: rtmp://h/live/x\nrecord: x.flv", "insecure: true"],
  bind: ["from: rtmp://h/live/x\nrecord: x.flv", "bind: 192.0.2.7"],
  "to.NAME.url": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a/l } }"],
  "to.NAME.key": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a, key: l } }"],
  "to.NAME.required": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a/k, required: false } }"],
  "to.NAME.retry.min": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a/k, retry: { min: 2s } } }"],
  "to.NAME.retry.max": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a/k, retry: { max: 2s } } }"],
  "to.NAME.buffer.max": ["from: rtmp://h/live/x", "to: { own: { url: rtmp://h/a/k, buffer: { max: 1s } } }"],
  "to.NAME.buffer.bytes": [
    "from: rtmp://h/live/x",
    "to: { own: { url: rtmp://h/a/k, buffer: { bytes: 1MiB } } }",
  ],
};

/** What a job would be if the line said as little as it can. */
const PLAIN: readonly (readonly [line: RegExp, plain: string])[] = [
  [/^from: \{ listen: "0/, 'from: { listen: "127.0.0.1:1935" }'],
  [/^from: \{ listen/, 'from: { listen: "127.0.0.1:1935" }'],
  [/^from: \{ camera: rpicam, /, "from: { camera: rpicam }"],
  [/^from: \{ exec: cam, /, "from: { exec: cam }"],
  [/^from: \{ h264: clip.h264, /, "from: { h264: clip.h264 }"],
  [/^from: \{ url: x/, "from: x.flv"],
  [/^from: \{ url: rtmp:\/\/h\/a/, "from: rtmp://h/a/b/x"],
  [/^from/, "from: rtmp://h/live/x"],
  [/^schedule/, 'schedule: "0 0 * * *"'],
  [/align/, "record: { path: x.flv, segment: 1m }"],
  [/^record/, "record: x.flv"],
  [/^to/, "to: { own: rtmp://h/a/k }"],
  [/^serve/, 'serve: "127.0.0.1:1936"'],
  [/^/, ""],
];

describe("every key", () => {
  const leaves = keyRows().filter(({ path }, _, all) => {
    const inner = all.some((other) => other.path.startsWith(`${path}.`));
    return path.startsWith("jobs.") && !inner;
  });

  test("has its row here", () => {
    const paths = leaves.map(({ path }) => path.replace("jobs.NAME.", ""));
    expect(Object.keys(EFFECTS).sort()).toEqual(paths.sort());
  });

  test.each(Object.entries(EFFECTS).map(([key, [rest, line]]) => [key, rest, line] as const))(
    "reaches the plan: %s",
    (_key, rest, line) => {
      const plain = PLAIN.find(([pattern]) => pattern.test(line))![1];
      const seen = (job: string): { plan: Plan; schedule: unknown } => {
        plansOf(jobRecipe(job), WORLD);
        const [first] = read(jobRecipe(job), WORLD).jobs;
        return { plan: first!.plan, schedule: first!.schedule };
      };
      expect(seen(`${line}\n${rest}`)).not.toEqual(seen(`${plain}\n${rest}`));
    },
  );
});

describe("a text from a variable", () => {
  test("may stand for a number or a truth value", () => {
    const job =
      'from: rtmp://h/live/x\nto: { own: { url: rtmp://h/a/k, required: "${NO:-false}" } }\ninsecure: "${YES}"';
    const recipe = jobRecipe(job).replace("version: 1", 'version: "${N}"');
    expect(plansOf(recipe, WORLD)[0]).toMatchObject({
      net: { insecure: true },
      sinks: [{ required: false }],
    });
  });

  test("that was typed may not", () => {
    const { problems } = read(jobRecipe('from: rtmp://h/live/x\nrecord: x.flv\ninsecure: "true"'));
    expect(problems[0]?.text).toBe('"insecure" must be true or false, not "true" — write true');
  });
});

describe("problems that need the disk", () => {
  test("are said where the value stands", () => {
    const inspect = () => [
      { path: ["record", "path"], problem: { what: "no; never" }, instead: "yes" },
      { path: ["from"], problem: { value: "a; b", what: "is bad", instead: "leave" }, instead: "yes" },
    ];
    const { problems, jobs } = read(jobRecipe("from: rtmp://h/live/x\nrecord: x.flv"), {
      options: { inspect },
    });
    expect(jobs).toEqual([]);
    const said = problems.map(({ place, text }) => [place.kind === "recipe" && place.line, text]);
    expect(said).toEqual([
      [4, '"a; b" is bad — leave'],
      [5, "no; never — yes"],
    ]);
  });
});
