/** How problems look: place, source line, caret; and that no secret is shown in any of it. */
import { describe, expect, test } from "bun:test";
import { formatProblems } from "../../src/recipe/problems.ts";
import { jobRecipe, read, type World } from "../support/recipes.ts";

function shown(recipe: string, world: World = {}): string[] {
  const { problems, secrets } = read(recipe, world);
  return formatProblems(problems, secrets);
}

describe("a problem", () => {
  test("is shown with its line and a caret", () => {
    const recipe = jobRecipe("from: rtmp://h/live/x\nto:\n  twitch:\n    url: rtmps://t/app\n    ky: abc");
    expect(shown(recipe)).toEqual([
      'main.yaml:8:9  unknown key "ky" in jobs.a.to.twitch — did you mean "key"?',
      "    8 |         ky: abc",
      "      |         ^^",
      "1 error. Nothing was started.",
    ]);
  });

  test("comes with all others, in the order of the file", () => {
    const lines = shown(
      jobRecipe("from: { url: rtmp://h/live/x, wait: 5 }\nrecrd: x.flv\nretry: { mni: 1s }"),
    );
    expect(lines.filter((line) => line.startsWith("main.yaml"))).toEqual([
      "main.yaml:4:41  5 has no unit — write 5s or 5m",
      'main.yaml:5:5  unknown key "recrd" in jobs.a — did you mean "record"?',
      'main.yaml:6:14  unknown key "mni" in jobs.a.retry — did you mean "min"?',
    ]);
    expect(lines.at(-1)).toBe("3 errors. Nothing was started.");
  });

  test("of a variable points at the variable, and what it would have held is no second problem", () => {
    expect(shown(jobRecipe('from: { url: rtmp://h/live/x, wait: "${WAIT}" }\nrecord: x.flv'))).toEqual([
      "main.yaml:4:42  ${WAIT} is not set — set it in the environment, or use ${file:PATH} or ${cred:NAME}; ${WAIT:-} allows it to be empty",
      '    4 |     from: { url: rtmp://h/live/x, wait: "${WAIT}" }',
      "      |                                          ^^^^^^^",
      "1 error. Nothing was started.",
    ]);
  });

  test("is said of the file that it stands in, and once if it is used twice", () => {
    const files = { "base.yaml": "x-retry: &r { min: 5 }\njobs:\n  a: { retry: *r }\n  b: { retry: *r }\n" };
    const recipe =
      "extends: base.yaml\nversion: 1\njobs:\n  a: { from: rtmp://h/l/x, record: x.flv }\n  b: { from: rtmp://h/l/x, record: x.flv }\n";
    expect(shown(recipe, { files })).toEqual([
      "base.yaml:1:20  5 has no unit — write 5s or 5m",
      "    1 | x-retry: &r { min: 5 }",
      "      |                    ^",
      "1 error. Nothing was started.",
    ]);
  });

  test("in a tabbed line keeps its caret below it", () => {
    const [, line = "", caret = ""] = shown("version: 1\njobs:\n\ta: 1\n");
    expect([line, caret]).toEqual(["    3 | \ta: 1", "      | ^"]);
  });

  test("in a long line shows what is around it", () => {
    const recipe = jobRecipe(`on: { end: [${'"x", '.repeat(60)}5] }\nfrom: rtmp://h/live/x\nrecord: x.flv`);
    const [head, line = "", caret = ""] = shown(recipe);
    expect(head).toStartWith("main.yaml:4:317  5 is a number");
    expect(line.length).toBeLessThan(140);
    expect(line[caret.indexOf("^")]).toBe("5");
  });

  test("of a recipe that cannot be read has no line to show", () => {
    expect(shown("extends: [a.yaml]\n")[0]).toBe(
      'main.yaml:1:11  "a.yaml" cannot be read: there is no such file — the path begins at this recipe\'s folder',
    );
  });
});

describe("the name of a stream that is played", () => {
  test.each([
    ["alone", "from: rtmp://cam.lan/live/porch/"],
    ["in a map", "from: { url: rtmp://cam.lan/live/porch, wait: 5 }"],
    ["in quotes", `from: "rtmp://cam.lan:99999/live/porch"`],
  ])("is no secret: %s", (_name, line) => {
    const text = shown(jobRecipe(`${line}\nrecord: x.flv\nfrom: 5`)).join("\n");
    expect(text).not.toContain("***");
  });
});

const KEY = "live_123456_abcdef";

describe("no problem shows", () => {
  test.each<[string, string]>([
    ["a key in its line", `to: { own: { url: rtmp://h/a, key: ${KEY}, retri: 5 } }`],
    ["a quoted key", `to: { own: { url: rtmp://h/a, "key": "${KEY}", retri: 5 } }`],
    ["a key with a space before it", `to: { own: { url: rtmp://h/a, key:   '${KEY}', retri: 5 } }`],
    ["a key that is a number", "to: { own: { url: rtmp://h/a, key: 123456789 } }"],
    ["a default of a key", `to: { own: { url: rtmp://h/a, key: "\${K:-${KEY}}", retri: 5 } }`],
    ["a key behind the server", `to: { own: { url: rtmp://h/a/${KEY}, retri: 5 } }`],
    ["a key behind a server that is wrong", `to: { own: rtmpe://h/a/${KEY} }`],
    ["a destination as a recording", `record: rtmp://h/a/${KEY}`],
    ["a query", `from: { url: "http://h/x.flv?token=${KEY}", wait: 5 }`],
    ["a password", `from: { url: rtmp://me:${KEY}@h/live/x, wait: 5 }`],
    ["a password with a slash", `from: { url: "rtmp://me:${KEY}/${KEY}@h/live/x", wait: 5 }`],
    ["a password with an at sign", `from: { url: "rtmp://me:${KEY}@@h/live/x", wait: 5 }`],
    ["a key in a line that is no YAML", `to: { own: { url: rtmp://h/a, key: ${KEY} ]`],
    ["a listener's key", `from: { listen: "0.0.0.0:1935/live/x", key: ${KEY} }`],
    ["a key behind a listener", `from: { listen: "0.0.0.0:1935/live/${KEY}", wait: 5 }`],
    ["a key behind a listener in short", `from: listen:99999/live/${KEY}`],
    ["a key of a destination beside the source", `x: { from: rtmp://h/l/x, to: { a: rtmp://h/a/${KEY} } }`],
  ])("%s", (_name, line) => {
    const rest = line.startsWith("from") ? "record: x.flv" : "from: rtmp://h/live/x";
    const text = shown(jobRecipe(`${line}\n${rest}`)).join("\n");
    expect(text).toContain("Nothing was started");
    expect(text).toContain("***");
    expect(text).not.toContain(KEY);
    expect(text).not.toContain("123456789");
  });

  test("what a variable, a file or a credential held", () => {
    const world: World = {
      variables: { TOKEN: "tok-from-env", CREDENTIALS_DIRECTORY: "/run/cred", WAIT: "tok-from-env" },
      files: { "/run/k": "key-from-file\n", "/run/cred/k": "key-from-cred\n" },
    };
    const job = [
      'from: { url: "rtmp://h/live/x?t=${TOKEN}", wait: "${WAIT}" }',
      'to: { own: { url: "rtmp://h/${file:/run/k}", retry: { min: "${cred:k}" } } }',
    ].join("\n");
    const text = shown(jobRecipe(job), world).join("\n");
    expect(text).toContain('"***" is no duration');
    expect(text).not.toMatch(/tok-from-env|key-from-file|key-from-cred/);
  });

  test("a secret of two letters, where it is a word of its own", () => {
    const world: World = { variables: { TOKEN: "q7", WAIT: "q7" } };
    const job = [
      'from: { url: rtmp://h/live/x, wait: "${WAIT}" }',
      'to: { own: { url: rtmp://h/a, key: "${TOKEN}" } }',
    ].join("\n");
    const text = shown(jobRecipe(job), world);
    expect(text.join("\n")).toContain('"***" is no duration');
    expect(text.at(-1)).toContain("Nothing was started");
  });
});
