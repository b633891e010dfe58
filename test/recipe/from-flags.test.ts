/**
 * Command lines to plans: what each means, or exactly what is wrong with it. Every problem is said at once, and no
 * message shows a key.
 */
import { describe, expect, test } from "bun:test";
import { NOW, planOf, problemsOf } from "../support/command-line.ts";

const RTMP = "rtmp://h/live/cam";
const DEST = "rtmp://d/app/KEY";

describe("what a command line means", () => {
  const HOUR = 3_600_000;
  const CASES: [line: string, plan: object][] = [
    [
      `pull ${RTMP}`,
      {
        job: "cam",
        verb: "pull",
        source: { kind: "rtmp", url: { host: "h", port: 1935, app: "live", streamName: "cam" } },
        sinks: [{ kind: "file", template: "{app}-{stream}_%Y-%m-%d_%H-%M-%S.flv" }],
        retry: { min: 1000, max: 60_000 },
        grace: 10_000,
        realtime: true,
        loop: false,
        force: false,
      },
    ],
    [`pull ${RTMP} -`, { sinks: [{ kind: "stdout", name: "stdout" }] }],
    [
      `pull ${RTMP} a.flv b/c.flv`,
      { sinks: [{ template: "a.flv" }, { template: "b/c.flv", name: "c.flv" }] },
    ],
    [`pull ${RTMP} -o a.flv --output=b.flv`, { sinks: [{ template: "a.flv" }, { template: "b.flv" }] }],
    [`pull ${RTMP} a.flv -t own=${DEST}`, { sinks: [{ kind: "file" }, { kind: "rtmp", name: "own" }] }],
    [`pull ${RTMP}?token=abcd`, { job: "cam", secrets: ["token=abcd", "abcd"] }],
    ["pull http://h/live/cam.flv", { job: "cam", source: { kind: "http", name: "http://h/live/cam.flv" } }],
    ["pull https://u:pw@h/cam.flv?key=abc", { secrets: ["key=abc", "pw"] }],
    ["pull listen:1935/live", { job: "live", listen: { host: "127.0.0.1", port: 1935, key: undefined } }],
    ["pull listen:0.0.0.0:1936/app/KEY", { listen: { host: "0.0.0.0", port: 1936, app: "app", key: "KEY" } }],
    [
      "pull listen:[::]:1935/app --no-key",
      { listen: { host: "::", key: undefined, name: "rtmp://[::]:1935/app" } },
    ],
    ["pull listen:0.0.0.0:1935/app -k source=KEY", { listen: { key: "KEY" }, secrets: ["KEY"] }],
    [`pull ${RTMP} --for 2h`, { for: 2 * HOUR, until: undefined }],
    [`pull ${RTMP} --until 15:00`, { until: NOW.getTime() + HOUR / 2 }],
    [`pull ${RTMP} --wait 15m`, { wait: 900_000 }],
    [`pull ${RTMP} --wait 0s --grace 0s`, { wait: 0, grace: 0 }],
    [
      `pull ${RTMP} --stall 5s`,
      { net: { stall: 5000, connectTimeout: 5000, stepTimeout: 5000, startTimeout: 5000 } },
    ],
    [
      `pull ${RTMP}`,
      { net: { stall: 15_000, connectTimeout: 10_000, stepTimeout: 10_000, startTimeout: 15_000 } },
    ],
    [`pull ${RTMP} --retry-min 2s --retry-max 5s`, { retry: { min: 2000, max: 5000 } }],
    [`pull ${RTMP} --retry-max 500ms`, { retry: { min: 500, max: 500 } }],
    [`pull ${RTMP} --retry-min 2m`, { retry: { min: 120_000, max: 120_000 } }],
    [
      `pull ${RTMP} --force --insecure --bind 10.0.0.1`,
      { force: true, net: { insecure: true, bind: "10.0.0.1" } },
    ],
    [
      "pull --rtmp rtmp://h/live --playpath cam a.flv",
      { source: { url: { streamName: "cam" } }, job: "cam" },
    ],
    [`pull ${RTMP} --stop 90 --timeout 7`, { for: 90_000, net: { stall: 7000 } }],
    [`pull ${RTMP} --for 2h --stop 90`, { for: 2 * HOUR }],
    [
      "pull 'rtmp://h/live/cam live=1 timeout=30'",
      { source: { url: { live: true } }, net: { stall: 30_000 } },
    ],
    [
      "pull rtmp://h/a/b --app a --tcUrl rtmp://x/a --flashVer X --conn S:one --conn N:2 --live",
      {
        source: {
          url: { app: "a", tcUrl: "rtmp://x/a", flashVer: "X", connectArgs: ["one", 2], live: true },
        },
      },
    ],
    [
      `push show.flv ${DEST}`,
      {
        job: "show",
        source: { kind: "file", path: "show.flv" },
        sinks: [{ kind: "rtmp", name: "d" }],
        secrets: [],
      },
    ],
    [`push - ${DEST}`, { job: "stdin", source: { kind: "stdin" } }],
    [`push testcard: ${DEST}`, { job: "testcard", source: { kind: "testcard" } }],
    [`push show.flv ${DEST} --loop --no-realtime`, { loop: true, realtime: false }],
    ["push show.flv out.flv", { sinks: [{ kind: "file", name: "out.flv" }] }],
    ["push -- -odd.flv out.flv", { source: { path: "-odd.flv" } }],
    [
      "push show.flv rtmp://d/app -k KEY",
      { sinks: [{ url: { app: "app", streamName: "KEY" } }], secrets: ["KEY"] },
    ],
    [
      "push show.flv -t a=rtmp://d/x -t b=rtmp://d/y -k b=B=1 -k a=A",
      {
        sinks: [
          { name: "a", url: { streamName: "A" } },
          { name: "b", url: { streamName: "B=1" } },
        ],
      },
    ],
    ["push show.flv rtmp://d/x/1 rtmp://d/x/2", { sinks: [{ name: "d" }, { name: "d-2" }] }],
    [
      "push show.flv --serve=0.0.0.0:80/x/y",
      { listen: { host: "0.0.0.0", port: 80, app: "x", playName: "y" } },
    ],
    [`relay ${RTMP} ${DEST}`, { verb: "relay", sinks: [{ kind: "rtmp" }] }],
    [`relay ${RTMP} rtmp://d/app/cam`, { secrets: [] }],
    [
      `relay listen:1935/live/IN ${DEST} --serve`,
      { listen: { key: "IN", playName: "live" }, sinks: [{}, { kind: "players" }] },
    ],
    [
      `relay rtmps://u:p%40ss@h/live/cam ${DEST}`,
      { source: { url: { tls: true, user: "u", password: "p@ss" } } },
    ],
  ];

  test.each(CASES)("%s", (line, plan) => {
    expect(planOf(line)).toMatchObject(plan);
  });

  test("a flag from the environment", () => {
    const environment = { RUNNEL_FOR: "5s", RUNNEL_KEY: "env:K", RUNNEL_FORCE: "1", K: "SECRET" };
    expect(planOf("pull rtmp://h/live/cam -t rtmp://d/app --for 9s", environment)).toMatchObject({
      for: 9000,
      force: true,
      sinks: [{ url: { streamName: "SECRET" } }],
    });
  });
});

describe("what is wrong with a command line", () => {
  const CASES: [line: string, ...problems: string[]][] = [
    ["pull", "pull needs a source: runnel pull SOURCE [FILE...]"],
    ["push", "push needs a source: runnel push FILE DEST..."],
    ["push show.flv", "push needs a destination: runnel push SOURCE rtmp://HOST/APP/KEY"],
    [`relay ${RTMP}`, "relay needs a destination: runnel relay SOURCE rtmp://HOST/APP/KEY"],
    ["pull show.flv", "pull takes a stream from a server, not a file; to send a file use push"],
    [`relay - ${DEST}`, "relay takes a stream from a server, not stdin; to send stdin use push"],
    [
      `relay testcard: ${DEST}`,
      "relay takes a stream from a server, not the test card; to send the test card use push",
    ],
    [
      `push ${RTMP} ${DEST}`,
      "push sends a file, a pipe, a camera or the test card; to send on a stream use relay, to record it pull",
    ],
    [
      "pull camera:rpicam",
      "pull takes a stream from a server, not a camera, a command or raw video; to send or record a camera, a command or raw video use push",
    ],
    ...["127.0.0.1:1935/live/SECRET", "rtmp:/h/live/SECRET"].map((address): [string, string] => [
      `pull ${address}`,
      "pull takes a stream from a server: write rtmp://HOST/APP/NAME; to send a file use push",
    ]),
    [
      "push show.flv rtmp://d/app/KEY SECRET",
      "one destination is neither an address nor an FLV file; write rtmp://HOST/APP/KEY, -k env:VAR for a stream key, or -o FILE to record",
    ],
    [`pull ${RTMP} rec/`, '"rec/" is a folder; write rec/{stream}_{date}_{time}.flv'],
    [`push - ${DEST} --loop`, "--loop needs a file: a pipe cannot be read twice"],
    ["pull rtmp://h/live", '"rtmp://h/live" names no stream; add /NAME, or --playpath NAME'],
    ["pull show.yaml", '"show.yaml" is a recipe; it can only stand alone, where SOURCE stands'],
    [
      `push show.flv rtmp://d/app`,
      '"rtmp://d/app" has no stream key; add /KEY to it, or -k KEY (env:VAR, @FILE)',
    ],
    [`pull ${RTMP} -o - -o -`, "stdout can take one recording only"],
    [`pull ${RTMP} -k KEY`, "-k is for a destination on a server, and there is none"],
    [
      "push s.flv rtmp://d/x rtmp://d/y -k KEY",
      "-k fits several destinations; name them: -t NAME=URL -k NAME=KEY",
    ],
    [
      "push s.flv -t twitch=rtmp://d/x -k twich=KEY",
      '-k: no destination is called "twich": there is twitch; did you mean twitch?',
    ],
    ...["env:K", "@/nowhere/KEY"].flatMap((written): [string, ...string[]][] => [
      [
        `push s.flv -t twitch=rtmp://d/x -k twich=${written}`,
        '-k: no destination is called "twich": there is twitch; did you mean twitch?',
      ],
      [
        `push s.flv -t twitch=rtmp://d/x -t own=rtmp://d/y/KEY -k youtube=${written}`,
        '-k: no destination is called "youtube": there are twitch, own; write one of these names',
      ],
      [
        `push s.flv rtmp://d/x -k twitch=${written}`,
        '-k: no destination is called "twitch": none has a name; write -t twitch=URL to name one',
      ],
      [
        `relay listen:1935/a -t own=rtmp://d/x/KEY -k sorce=${written}`,
        '-k: no destination is called "sorce": there is own; did you mean source?',
      ],
      [`pull ${RTMP} -k twich=${written}`, "-k is for a destination on a server, and there is none"],
    ]),
    [
      "push s.flv -t twitch=rtmp://d/x -t own=rtmp://d/y -k twich=KEY",
      '-k: no destination is called "twich": there are twitch, own; did you mean twitch?',
    ],
    [
      "push s.flv -t twitch=rtmp://d/x -t own=rtmp://d/y -k somethingOTHER=KEY",
      "-k fits several destinations, and what stands before = names none of them; write -k NAME=KEY, with one of twitch, own",
    ],
    [
      "push s.flv -t twitch=rtmp://d/x -t own=rtmp://d/y -k twitchOTHERKEY==",
      "-k fits several destinations; name them: -t NAME=URL -k NAME=KEY",
    ],
    ["push s.flv rtmp://d/x -k KEY -k OTHER", "two keys for the same destination; one is enough"],
    ["push s.flv -t a=rtmp://d/x -k a=KEY -k OTHER", "two keys for a; one is enough"],
    [`push s.flv -t a=${DEST} -t a=${DEST}`, "two destinations are called a"],
    ["push s.flv rmtp://d/app/KEY", '"rmtp://d/app/***" is neither a file nor rtmp://'],
    [
      `pull ${RTMP} -o rtmp://d/app/KEY`,
      '"rtmp://d/app/***" is no file; write it as a destination, or behind -t',
    ],
    [
      "push s.flv rtmpt://d/app/KEY",
      'Cannot use "rtmpt://d/app/***": RTMP tunnelled over HTTP is not supported; write rtmp:// if the server takes it',
    ],
    [`pull ${RTMP} --for 5`, '--for: "5" has no unit; write 5s for seconds or 5m for minutes'],
    [`pull ${RTMP} --for 0s`, "--for: must be longer than nothing"],
    [`pull ${RTMP} --stop 0`, "--stop: must be longer than nothing"],
    [`pull ${RTMP} --stop x`, '--stop: "x" is no number of seconds'],
    [`pull ${RTMP} --stall 0ms`, "--stall: must be longer than nothing"],
    [`pull ${RTMP} --retry-min 0s`, "--retry-min: must be longer than nothing"],
    [`pull ${RTMP} --retry-max 0s`, "--retry-max: must be longer than nothing"],
    [`pull ${RTMP} --retry-min 9s --retry-max 5s`, "--retry-max is shorter than --retry-min"],
    [`pull ${RTMP} --until noon`, '--until: "noon" is no time; write one such as 06:00 or 2026-11-20T06:00'],
    [`pull ${RTMP} --until 2020-01-01T00:00`, '--until: "2020-01-01T00:00" is over; write a time to come'],
    [
      "pull listen:0.0.0.0:1935/app",
      "anybody who reaches 0.0.0.0 could publish; add a key (listen:HOST:PORT/APP/KEY or -k source=env:VAR), or say --no-key",
    ],
    ["pull listen:1935/app/KEY --no-key", "--no-key and a key: only one of them"],
    ["pull listen:99999/app", "cannot listen on port 99999; ports end at 65535"],
    ["pull listen:a:b/app/KEY", 'cannot listen on "a:b"; write listen:127.0.0.1:1935/live/KEY'],
    [`pull ${RTMP} --no-key`, "--no-key is for a source that listens (listen:...)"],
    [
      `relay listen:1935/app ${DEST} --serve=1936/x`,
      "--serve takes no address here: players come to the source's own listener",
    ],
    [
      `relay ${RTMP} ${DEST} --serve`,
      "--serve needs an address, because the source does not listen; write --serve=127.0.0.1:1935/live/NAME",
    ],
    [
      "pull rtmp://h:99999/live/cam show.mp4",
      'Cannot use "rtmp://h:99999/live/cam": port 99999 is not between 1 and 65535',
      '"show.mp4": recordings are FLV, MP4 is not in this version of runnel; write show.flv',
    ],
    [
      `relay ${RTMP} shows/a.MKV`,
      '"shows/a.MKV": recordings are FLV, MKV is not in this version of runnel; write shows/a.flv',
    ],
    [
      "push s.flv rtmp://d/x -k TWITCH_KEY",
      "-k: this looks like a variable's name; write -k env:NAME for what it holds",
    ],
    [
      "push s.flv rtmp://d/x --ca /nowhere/ca -k a=env:NOT_SET -k @/nowhere/key --for 5",
      '-k: cannot read "/nowhere/key": there is no such file',
      '--ca: cannot read "/nowhere/ca": there is no such file',
      '--for: "5" has no unit; write 5s for seconds or 5m for minutes',
      '-k: no destination is called "a": none has a name; write -t a=URL to name one',
    ],
    [
      "pull show.flv --for 5 --until noon --retry-min 0s -k KEY",
      "pull takes a stream from a server, not a file; to send a file use push",
      "-k is for a destination on a server, and there is none",
      '--until: "noon" is no time; write one such as 06:00 or 2026-11-20T06:00',
      "--retry-min: must be longer than nothing",
      '--for: "5" has no unit; write 5s for seconds or 5m for minutes',
    ],
    [
      "relay listen:99999/app rmtp://d/a/KEY rtmp://d/app --stall 5",
      '"rmtp://d/a/***" is neither a file nor rtmp://',
      '"rtmp://d/app" has no stream key; add /KEY to it, or -k KEY (env:VAR, @FILE)',
      "cannot listen on port 99999; ports end at 65535",
      '--stall: "5" has no unit; write 5s for seconds or 5m for minutes',
    ],
    ["pull http://a.example/x.flv --playpath a", "--playpath: only for an RTMP source"],
    [
      "pull listen:127.0.0.1:1935/live --follow",
      "--follow: a source that listens waits for the next publisher anyway",
    ],
    [
      "pull http://a.example/x.flv --bind 127.0.0.9",
      "--bind: not for an HTTP source, whose local address the system chooses",
    ],
    [
      "push show.flv 127.0.0.1/live/secret",
      '"127.0.0.1/***" is neither an address nor an FLV file; write rtmp://HOST/APP/KEY, or -o FILE to record',
    ],
    ["push testcard: rtmp://h/a/b --no-realtime", "--no-realtime: the test card is made in real time"],
  ];

  test.each(CASES)("%s", (line, ...problems) => {
    expect([...problemsOf(line)].sort()).toEqual([...problems].sort());
  });

  test.each(CASES)("shows no key: %s", (line) => {
    const text = problemsOf(line)
      .join("\n")
      .replace(/NAME=KEY|\/KEY|-k KEY|NAME\/KEY/g, "");
    expect(text).not.toMatch(/KEY|OTHER/);
  });
});

test("a plan does not depend on the order of flags", () => {
  const flags = ["--for 5s", "--force", `-t own=${DEST}`, "-o a.flv", "--stall 9s"];
  const plan = planOf(`pull ${RTMP} ${flags.join(" ")}`);
  expect(planOf(`pull ${flags.toReversed().join(" ")} ${RTMP}`)).toEqual(plan);
});
