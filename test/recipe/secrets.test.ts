/** Secrets of recipes: which texts they are, and that none shows however a recipe is looked at. */
import { describe, expect, test } from "bun:test";
import { resolvedValues } from "../../src/commands/resolved.ts";
import { insertedSecrets, Secret, secretsOfCommands } from "../../src/recipe/secrets.ts";
import { loadRecipe } from "../../src/recipe/load.ts";
import { aroundOf, jobRecipe, read, type World } from "../support/recipes.ts";

describe("a secret", () => {
  const secret = new Secret("hidden");

  test("gives its text to whoever asks for it", () => {
    expect(secret.reveal()).toBe("hidden");
  });

  test.each<[string, string]>([
    ["a text", String(secret)],
    ["a template", `${secret}`],
    ["JSON", JSON.stringify({ secret })],
    ["an inspection", Bun.inspect({ secret })],
    ["its own properties", JSON.stringify(Object.entries(secret))],
  ])("is not shown by %s", (_how, text) => {
    expect(text).not.toContain("hidden");
  });
});

const WORLD: World = {
  variables: { V: "from-env", N: "1", ODD: "a/b@c", HOST: "a-host", CREDENTIALS_DIRECTORY: "/c" },
  files: { "/f": "from-file", "/c/k": "from-cred" },
};

function secretsOf(job: string): string[] {
  const files = { ...WORLD.files, "main.yaml": jobRecipe(job) };
  const { root } = loadRecipe("main.yaml", aroundOf({ ...WORLD, files }));
  return insertedSecrets(root, (name) => name === "key");
}

describe("what came from a variable is a secret", () => {
  test.each<[string, string, string[]]>([
    ["in a key", 'to: { own: { url: rtmp://h/a, key: "x${V}" } }', ["from-env"]],
    ["in a query", 'from: "rtmp://h/l/x?token=${V}"', ["from-env"]],
    ["in a query, with its name if it is short", 'from: "rtmp://h/l/x?a=b&channel=${N}&c=d"', ["channel=1"]],
    ["in a query, at its end, if it is short", 'from: "rtmp://h/l/x?channel=${N}"', ["channel=1"]],
    ["in a key, however short", 'to: { own: { url: rtmp://h/a, key: "${N}" } }', ["1"]],
    ["in a query of the application", 'from: "rtmp://h/l?token=${V}/x"', ["from-env"]],
    ["in a password", 'from: "rtmp://me:${V}@h/l/x"', ["from-env"]],
    ["in a password with a slash and an @", 'from: "rtmp://me:${ODD}@h/l/x?a=b"', ["a/b@c"]],
    ["in a user", 'from: "rtmp://${V}:pw@h/l/x"', ["from-env"]],
    ["in a command's address", 'on: { end: [curl, "https://h/hook?k=${V}"] }', ["from-env"]],
    ["as a whole address that has a query", 'from: "${V}rtmp://h/l/x?a"', []],
    ["not in a host", 'from: "rtmp://${HOST}/l/x"', []],
    ["not in a path", 'record: "${HOST}/x.flv"', []],
    ["not in a path of a URL", 'from: "rtmp://h/${HOST}/x"', []],
    ["wherever a file brings it", 'from: "rtmp://${file:/f}/l/x"', ["from-file"]],
    ["wherever a credential brings it", 'record: "${cred:k}.flv"', ["from-cred"]],
  ])("%s", (_where, job, expected) => {
    expect(secretsOf(job)).toEqual(expected);
  });
});

describe("a command may say what stands in its words", () => {
  test.each<[string, string[]]>([
    ["ffmpeg -i rtsp://me:hidden@cam/x?token=abcdef -f h264 -", ["hidden", "token=abcdef"]],
    ["ffmpeg -i rtsp://me:a/b@c@cam/x", ["a/b@c"]],
    ["curl -fsS https://h/live.flv?k=v&l=w", ["k=v&l=w"]],
    ["sh -c curl 'http://me:hidden@h/x?k=v' | cat", ["hidden", "k=v"]],
    ["ffmpeg -i rtsp://me@cam:554/x -f h264 -", []],
    ["arecord -D plughw:1 x@y?z", []],
  ])("%s", (command, secrets) => {
    const input = { kind: "exec", argv: command.split(" ") };
    expect(secretsOfCommands(input, undefined)).toEqual(secrets);
  });

  test("of sources, of their sound, and of hooks", () => {
    const job = [
      "from: { exec: [cam, 'rtsp://me:of-cam@h/x'], format: h264 }",
      "audio: { exec: [mic, 'rtsp://me:of-mic@h/x'] }",
      "record: x.flv",
      "on: { end: [curl, 'https://h/?k=of-hook'] }",
    ];
    const { jobs, problems } = read(jobRecipe(job.join("\n")));
    expect(problems).toEqual([]);
    expect(jobs[0]?.plan.secrets).toEqual(["of-cam", "of-mic", "k=of-hook"]);
  });
});

describe("nothing of a plan is shown", () => {
  const JOB = [
    'from: { url: "rtmp://me:passw0rd@h/l/x?token=t0kenvalue", tcUrl: "rtmp://h/l?tc=t0kenvalue" }',
    'serve: "127.0.0.1:1936/live/x"',
    'record: "x.flv"',
    "to:",
    '  own: "rtmp://h/l/literal-stream-key"',
    '  two: { url: rtmp://h/l, key: "${V}" }',
    "  three: { url: rtmp://h/l, key: short1 }",
    '  four: "rtmp://h/l/${file:/f}"',
  ].join("\n");
  const HIDDEN = /passw0rd|t0kenvalue|literal-stream-key|from-env|from-file|short1/;
  const { jobs, secrets } = read(jobRecipe(JOB), WORLD);

  test("in --resolved", () => {
    expect(jobs).toHaveLength(1);
    const text = jobs
      .flatMap(resolvedValues)
      .map(({ key, value, from }) => `${key} ${value} ${from}`)
      .join("\n");
    expect(text).toContain("to.two.url rtmp://h/l/***");
    expect(text).not.toMatch(HIDDEN);
  });

  test("that is not known to whoever writes lines", () => {
    for (const text of ["passw0rd", "t0kenvalue", "literal-stream-key", "from-env", "from-file", "short1"]) {
      expect(secrets).toContain(text);
    }
  });

  test("and the names that the log needs are no secrets", () => {
    const named = read(
      "version: 1\njobs:\n  show: { from: rtmp://h/l/show, to: { own: rtmp://h/l/show, b: rtmp://h/l/live } }\n",
    );
    expect(named.secrets).toEqual([]);
  });
});
