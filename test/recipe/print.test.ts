/** --print-recipe: the recipe of a command line comes to the same plan, and holds none of its secrets. */
import { describe, expect, test } from "bun:test";
import { parseArgs } from "../../src/commands/args.ts";
import { flagsOf } from "../../src/commands/flags.ts";
import { recipeOf } from "../../src/commands/print-recipe.ts";
import { planFromArgs } from "../../src/commands/request.ts";
import type { Plan } from "../../src/recipe/plan.ts";
import { plansOf } from "../support/recipes.ts";

const SECRETS = ["k3y-one", "k3y-two", "p4ssword", "t0ken"];
const ENVIRONMENT = { MY_KEY: "k3y-one" };

function printed(line: string): { plan: Plan; recipe: string } {
  const [verb = "", ...argv] = line.split(" ").map((word) => word.replaceAll("_", " ").replaceAll("~", "_"));
  if (verb !== "pull" && verb !== "push" && verb !== "relay") throw new Error(verb);
  const args = parseArgs(argv, flagsOf(verb), {});
  const plan = planFromArgs(verb, args, { environment: ENVIRONMENT, now: new Date() });
  return { plan, recipe: recipeOf(plan, args) };
}

/** Words are set apart by spaces; `_` is a space within one, `~` an underscore. */
const LINES: readonly (readonly [line: string, variables: Readonly<Record<string, string>>])[] = [
  ["pull rtmp://h/live/x", {}],
  ["pull rtmp://h:1936/live/x?token=t0ken a.flv b.flv", { SOURCE_QUERY: "token=t0ken" }],
  ["pull rtmps://me:p4ssword@h/live/x -o -", { SOURCE_LOGIN: "me:p4ssword" }],
  ["pull https://h/x.flv?token=t0ken x.flv --wait 15m --stall 4s", { SOURCE_QUERY: "token=t0ken" }],
  [
    "pull rtmp://h/live/x x.flv --segment 30m --align clock --join 90s --keep-age 14d --keep-free 2GiB --force",
    {},
  ],
  ["pull rtmp://h/live/x {stream}~{date}.flv --for 2h --retry-min 2s --retry-max 9s --grace 1s", {}],
  ["pull rtmp://h/live/x x.flv --follow --until 2030-01-01T06:00", {}],
  ["pull rtmp://h/live/pa$$word$X x$Y.flv", {}],
  ["pull rtmp://h/live/x x.flv --stop 60 --timeout 7", {}],
  [
    "pull rtmp://h/a --playpath x?t=t0ken --tcUrl rtmp://h/t --flashVer F_1 --conn S:one --conn N:2 --live",
    {
      SOURCE_PLAYPATH_QUERY: "t=t0ken",
    },
  ],
  [
    "pull rtmp://h/a_playpath=x_pubPasswd=p4ssword_pubUser=me",
    {
      SOURCE: "rtmp://h/a playpath=x pubPasswd=p4ssword pubUser=me",
    },
  ],
  ["pull listen:0.0.0.0:1936/studio/k3y-two x.flv", { SOURCE_KEY: "k3y-two" }],
  ["relay listen:0.0.0.0:1936/studio rtmp://d/a/k3y-two --no-key --serve", { STREAM_KEY: "k3y-two" }],
  [
    "relay listen:1936 rtmp://d/a -k env:MY~KEY -k source=k3y-two",
    { MY_KEY: "k3y-one", SOURCE_KEY: "k3y-two" },
  ],
  ["relay rtmp://h/live/x rtmp://d/a/b/k3y-two?x=t0ken", { STREAM_KEY: "k3y-two?x=t0ken" }],
  [
    "relay rtmp://h/live/x -t one=rtmp://d/a -t two=rtmps://me:p4ssword@e:444/a?q=t0ken/k3y-two -k one=env:MY~KEY",
    {
      MY_KEY: "k3y-one",
      TWO_KEY: "k3y-two",
      TWO_LOGIN: "me:p4ssword",
      TWO_QUERY: "q=t0ken",
    },
  ],
  ["relay rtmp://h/live/x --serve=127.0.0.1:1936/live/watch -o x.flv --insecure --bind 192.0.2.7", {}],
  ["push show.flv rtmp://d/a/k3y-two --loop --no-realtime", { STREAM_KEY: "k3y-two" }],
  ["push testcard: rtmp://d/a -k k3y-two", { STREAM_KEY: "k3y-two" }],
  [
    "push camera:rpicam rtmp://d/a/k3y-two --size 640x480 --fps 15 --bitrate 1M --rotation 180 --silent-audio",
    { STREAM_KEY: "k3y-two" },
  ],
  [
    "push exec:cam_--pw=p4ssword rtmp://d/a/k3y-two --format h264 --fps 15",
    {
      STREAM_KEY: "k3y-two",
      SOURCE: "exec:cam --pw=p4ssword",
    },
  ],
  [
    "push camera:rpicam rtmp://d/a/k3y-two --audio exec:mic_--pw=p4ssword",
    { STREAM_KEY: "k3y-two", AUDIO: "exec:mic --pw=p4ssword" },
  ],
  ["push h264:clip.h264 rtmp://d/a/k3y-two --clock fps --loop", { STREAM_KEY: "k3y-two" }],
  ["push - rtmp://[::1]:1936/a/k3y-two", { STREAM_KEY: "k3y-two" }],
];

/** What must be the same: everything but names that a recipe gives, and the order of secrets. */
function essence(plan: Plan): object {
  const { job: _job, secrets: _secrets, listen, ...rest } = plan;
  const own = listen === undefined ? undefined : { ...listen, playName: listen.playName !== undefined };
  // An address without a name may give one that a recipe does not take.
  const sinks = plan.sinks.map((sink) => ({ ...sink, name: sink.name.replace("::1", "1") }));
  return { ...rest, listen: own, sinks };
}

describe("the same plan comes out of", () => {
  test.each(LINES.map(([line, variables]) => [line, variables] as const))("%s", (line, variables) => {
    const { plan, recipe } = printed(line);
    const [again] = plansOf(recipe, { variables });
    expect(essence(again!)).toEqual(essence(plan));
    for (const secret of SECRETS) expect(recipe).not.toContain(secret);
    for (const name of Object.keys(variables)) expect(recipe).toContain(`\${${name}}`);
  });
});

test("a recipe says which variables stand for what was typed", () => {
  const { recipe } = printed("relay rtmp://h/live/x -t own=rtmp://d/a/k3y-two -o x.flv --for 2h");
  expect(recipe).toBe(`# what the command line says of "x"
# set STREAM_KEY to the key that was typed: secrets are not printed
version: 1
jobs:
  x:
    from:
      url: rtmp://h/live/x
    for: 2h
    record:
      path: x.flv
    to:
      own:
        url: rtmp://d/a
        key: \${STREAM_KEY}
`);
});
