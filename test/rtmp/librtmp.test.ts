import { describe, expect, test } from "bun:test";
import { amfObject, type Amf0Value } from "../../src/amf/amf0.ts";
import { problemLine, UsageError } from "../../src/errors.ts";
import { isLibrtmpAddress, parseConnArgs, parseLibrtmpAddress } from "../../src/rtmp/librtmp.ts";
import { mutations } from "../support/mutate.ts";

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

describe("parseLibrtmpAddress", () => {
  test("reads all options", () => {
    const { url, timeout } = parseLibrtmpAddress(
      "rtmps://host:1936/app playpath=mp4:a/b?c=d tcUrl=rtmp://x/y pageUrl=http://p/ swfUrl=http://s/p.swf " +
        "flashVer=LNX\\2010,0,32,18 live=1 timeout=20 pubUser=u pubPasswd=p@\\5c conn=S:a\\20b conn=B:1",
    );
    expect(timeout).toBe(20_000);
    expect(url).toEqual({
      scheme: "rtmps",
      tls: true,
      host: "host",
      port: 1936,
      explicitPort: true,
      app: "app",
      streamName: "mp4:a/b?c=d",
      tcUrl: "rtmp://x/y",
      pageUrl: "http://p/",
      swfUrl: "http://s/p.swf",
      flashVer: "LNX 10,0,32,18",
      live: true,
      user: "u",
      password: "p@\\",
      connectArgs: ["a b", true],
    });
  });

  test.each([
    ["rtmp://h/app playpath=x live=1", "app", "x"],
    ["rtmp://h/app/s live=1", "app", "s"],
    ["rtmp://h/app/inst/ playpath=x", "app/inst", "x"],
    ["rtmp://h/app/s playpath=x", "app", "x"],
    ["rtmp://h app=a/b playpath=x", "a/b", "x"],
    ["rtmp://h/a/b/c/d app=a/b", "a/b", "c/d"],
    ["  rtmp://h/a/b  ", "a", "b"],
    ["rtmp://h/a\tPLAYPATH=x   App=y", "y", "x"],
    ["rtmp://h/a playpath=x=y", "a", "x=y"],
    ["rtmp://h/a playpath=\\c3\\a9\\20\\zz", "a", "é \\zz"],
    ["rtmp://h/a playpath=", "a", ""],
  ])("%j", (text, app, streamName) => {
    const { url, timeout } = parseLibrtmpAddress(text);
    expect([url.app, url.streamName]).toEqual([app, streamName]);
    expect(timeout).toBeUndefined();
  });

  test.each([
    ["1", true],
    ["yes", true],
    ["TRUE", true],
    ["0", false],
    ["off", false],
  ])("live=%s", (word, live) => {
    expect(parseLibrtmpAddress(`rtmp://h/a/b live=${word}`).url.live).toBe(live);
  });

  test("flags win over the text", () => {
    const flags = { playpath: "flag", conn: ["N:2"], live: false, swfUrl: undefined };
    const { url } = parseLibrtmpAddress("rtmp://h/a playpath=text swfUrl=s conn=N:1 live=1", flags);
    expect(url).toMatchObject({ streamName: "flag", connectArgs: [2], live: false, swfUrl: "s" });
  });

  test.each([
    ["swfVfy=1", "swfVfy= SWF verification is not supported"],
    ["token=hush", "token= secure tokens are not supported"],
    ["jtv=hush", "jtv= Justin.tv is gone"],
    ["stop=10", "stop= not supported here: write --for"],
    ["frobnicate=hush", "frobnicate= is no option of librtmp's"],
    ["live=maybe", "live= takes 1 or 0"],
    ["timeout=soon", "timeout= takes a number of seconds"],
    ["timeout=0", "timeout= takes a number of seconds"],
    ["hush", "word 1 behind the URL is not like playpath=name"],
    ["=hush", "word 1 behind the URL is not like playpath=name"],
    ["conn=hush", "item 1 is not like B:1"],
  ])("refuses %s by name", (option, reason) => {
    const [problem, ...more] = problemsOf(() => parseLibrtmpAddress(`rtmp://u:hush@h/a/hush ${option}`));
    expect(problem).toContain(reason);
    expect(problem).not.toContain("hush");
    expect(more).toEqual([]);
  });

  test("tells all problems at once", () => {
    const problems = problemsOf(() => parseLibrtmpAddress("rtmp://h/a token=x jtv=y live=z"));
    expect(problems).toHaveLength(3);
    expect(problems[0]).toStartWith('Cannot use "rtmp://h/a/***": token= ');
  });

  test("damaged text with UsageError only", () => {
    const text = "rtmp://h/a playpath=x\\20y live=1 conn=O:1 conn=NS:a:b conn=O:0 timeout=3";
    for (const copy of mutations(new TextEncoder().encode(text), 2000, 11)) {
      const damaged = new TextDecoder("latin1").decode(copy);
      problemsOf(() => parseLibrtmpAddress(damaged));
    }
  });
});

describe("isLibrtmpAddress", () => {
  test.each([
    ["rtmp://h/a playpath=x", true],
    ["rtmps://h/a  live=1", true],
    ["rtmp://h/a/b", false],
    ["rtmp://h/a/b?c=d", false],
    ["file name=x.flv", false],
  ])("%j: %p", (text, is) => {
    expect(isLibrtmpAddress(text)).toBe(is);
  });
});

describe("parseConnArgs", () => {
  test.each<[string, Amf0Value[]]>([
    ["B:1", [true]],
    ["B:0", [false]],
    ["B:TRUE", [true]],
    ["N:3", [3]],
    ["N:-1.5e3", [-1500]],
    ["S:", [""]],
    ["S:a:b c", ["a:b c"]],
    ["Z:", [null]],
    ["B:1|S:text|N:3", [true, "text", 3]],
    ["O:1|O:0", [amfObject({})]],
    ["O:1|NB:b:1|NN:n:1.23|NS:s:x:y|NZ:z:|O:0", [amfObject({ b: true, n: 1.23, s: "x:y", z: null })]],
    ["O:1|NO:in:1|NS:a:b|O:0|NN:n:1|O:0|N:2", [amfObject({ in: amfObject({ a: "b" }), n: 1 }), 2]],
    ["", []],
  ])("%s", (text, values) => {
    expect(parseConnArgs(text === "" ? [] : text.split("|"))).toEqual(values);
  });

  test.each([
    ["X:1", "item 1 is not like"],
    ["text", "item 1 is not like"],
    ["B:", "item 1 has no value that type B can have"],
    ["B:2", "item 1 has no value that type B can have"],
    ["N:", "item 1 has no value that type N can have"],
    ["N:x", "item 1 has no value that type N can have"],
    ["O:2", "item 1 has no value that type O can have"],
    ["S:a|NS:k:v", "item 2 has a name, but no O:1"],
    ["O:1|S:a|O:0", "item 2 is within an object and needs a name"],
    ["O:0", "item 1 ends an object that did not begin"],
    ["O:1", "an O:1 without O:0"],
  ])("refuses %s", (text, reason) => {
    const problems = problemsOf(() => parseConnArgs(text.split("|")));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(reason);
  });
});
