/** How recipes are put together: anchors, merge keys, free keys, `extends`, defaults. */
import { describe, expect, test } from "bun:test";
import { plansOf, problemsOf, read } from "../support/recipes.ts";

const url = (plan: ReturnType<typeof plansOf>[number]) =>
  plan.source.kind === "rtmp" ? plan.source.url.host : plan.source.kind;

describe("anchors", () => {
  test("stand for what they name, in any place above", () => {
    const plans = plansOf(`version: 1
x-cam: &cam { url: rtmp://cam/live/x, wait: 15m }
jobs:
  a: { from: *cam, record: &file x.flv }
  b: { from: *cam, record: *file }
`);
    expect(plans.map((plan) => [url(plan), plan.wait, plan.sinks[0]])).toEqual([
      ["cam", 900_000, { kind: "file", name: "x.flv", template: "x.flv" }],
      ["cam", 900_000, { kind: "file", name: "x.flv", template: "x.flv" }],
    ]);
  });

  test("may be named again", () => {
    const plans = plansOf(
      "version: 1\njobs:\n  a: { from: &f rtmp://one/l/x, record: x.flv }\n  b: { from: &f rtmp://two/l/x, record: x.flv }\n  c: { from: *f, record: x.flv }\n",
    );
    expect(plans.map(url)).toEqual(["one", "two", "two"]);
  });

  test("of anchors of anchors cannot fill the memory", () => {
    const rows = Array.from(
      { length: 30 },
      (_, i) => `x-${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}]`,
    );
    const bomb = `x-0: &a0 [1, 2, 3, 4]\n${rows.join("\n")}\nversion: 1\njobs: { a: { from: *a30, record: x.flv } }\n`;
    expect(problemsOf(bomb)[0]).toContain("aliases of aliases make this recipe too large — write it out");
  });

  test("cannot nest without end", () => {
    const deep = `version: 1\nx-deep: ${"[".repeat(20_000)}\n`;
    expect(problemsOf(deep).length).toBeGreaterThan(0);
  });
});

describe("merge keys", () => {
  test("put a map below a map: what stands there wins, of several maps the first", () => {
    const [plan] = plansOf(`version: 1
x-slow: &slow { retry: { min: 5s, max: 9s }, grace: 1s }
x-calm: &calm { grace: 2s, insecure: true }
jobs:
  a:
    <<: [*slow, *calm]
    from: rtmp://h/l/x
    record: x.flv
    retry: { min: 3s }
`);
    // A merge key knows whole values only: retry is replaced, not joined.
    expect(plan).toMatchObject({ grace: 1000, retry: { min: 3000, max: 60_000 }, net: { insecure: true } });
  });

  test("are a key like any other in quotes", () => {
    expect(problemsOf('version: 1\njobs:\n  a: { from: rtmp://h/l/x, record: x.flv, "<<": 1 }\n')).toEqual([
      '3:43 unknown key "<<" in jobs.a — there are from, schedule, record, on, for, until, grace, retry, serve, ca, insecure, bind, audio, to',
    ]);
  });

  test("may stand in a place of their own several times", () => {
    const text =
      "version: 1\nx-a: &a { grace: 1s }\nx-b: &b { wait: 1s }\njobs:\n  a: { <<: *a, from: { <<: *b, url: rtmp://h/l/x }, record: x.flv }\n";
    expect(plansOf(text)[0]).toMatchObject({ grace: 1000, wait: 1000 });
  });
});

describe("free keys", () => {
  test("may stand everywhere, and what they hold is nobody's business", () => {
    const text = `version: 1
x-note: "\${NOT_SET}"
x-list: [1, { x-y: 2 }]
defaults: { x-a: 1, to: { x-b: 2 } }
jobs:
  x-job: { nonsense: true }
  a:
    x-1: 1
    from: { url: rtmp://h/l/x, x-2: "\${NOT_SET}" }
    record: { path: x.flv, x-3: 1, segment: { every: 30m, x-4: 1 }, keep: { x-5: 1, age: 14d } }
    on: { x-6: 1, end: [logger] }
    to: { x-7: 1, own: { url: rtmp://h/a/k, x-8: 1, retry: { x-9: 1 }, buffer: { x-10: 1 } } }
    schedule: { cron: "0 0 * * *", x-11: 1 }
`;
    expect(plansOf(text).map((plan) => [plan.job, plan.sinks.map((sink) => sink.name)])).toEqual([
      ["a", ["x.flv", "own"]],
    ]);
  });
});

describe("extends", () => {
  const BASE = `version: 1
defaults: { to: { retry: { min: 2s } } }
jobs:
  a:
    from: { url: rtmp://base/live/x, wait: 15m }
    record: { path: base.flv, join: 90s, keep: { age: 14d } }
    on: { end: [logger, base] }
`;

  test("joins maps key by key, and replaces everything else", () => {
    const text = `extends: base.yaml
jobs:
  a:
    from: { url: rtmp://main/live/x }
    record: { keep: { size: 1GiB } }
    on: { end: [main] }
  b: { from: rtmp://main/live/y, to: { own: rtmp://h/a/k } }
`;
    const [a, b] = plansOf(text, { files: { "base.yaml": BASE } });
    expect(a).toMatchObject({
      wait: 900_000,
      record: { join: 90_000, keep: { ageMs: 14 * 86_400_000, bytes: 1024 ** 3 } },
      hooks: { end: ["main"] },
    });
    expect(url(a!)).toBe("main");
    expect(b?.sinks[0]).toMatchObject({ name: "own", retry: { min: 2000, max: 60_000 } });
  });

  test("begins at the file that says it, and goes on from there", () => {
    const files = {
      "conf/mid.yaml": "extends: lower/base.yaml\njobs: { a: { grace: 3s } }\n",
      "conf/lower/base.yaml": BASE,
    };
    expect(plansOf("extends: conf/mid.yaml\n", { files })[0]).toMatchObject({ grace: 3000, wait: 900_000 });
  });

  test("takes several files, of which later ones win", () => {
    const files = { "base.yaml": BASE, "calm.yaml": "jobs: { a: { grace: 7s, from: { wait: 1s } } }\n" };
    expect(plansOf("extends: [base.yaml, calm.yaml]\n", { files })[0]).toMatchObject({
      grace: 7000,
      wait: 1000,
    });
  });

  test("may meet the same file twice, but not itself", () => {
    const files = {
      "base.yaml": BASE,
      "one.yaml": "extends: base.yaml\n",
      "two.yaml": "extends: base.yaml\n",
    };
    expect(plansOf("extends: [one.yaml, two.yaml]\n", { files })).toHaveLength(1);
    const circle = { "one.yaml": "extends: two.yaml\n", "two.yaml": "x-a: 1\nextends: one.yaml\n" };
    expect(problemsOf("extends: one.yaml\n", { files: circle })).toEqual([
      'two.yaml:2:10 "one.yaml" extends this recipe in turn — break the circle',
    ]);
  });

  test("says problems where they stand, and not those that are replaced", () => {
    const files = { "base.yaml": BASE.replace("15m", "15").replace("base.flv", '"${NOT_SET}"') };
    const text = "extends: base.yaml\njobs: { a: { record: { path: x.flv } } }\n";
    expect(problemsOf(text, { files })).toEqual(["base.yaml:5:44 15 has no unit — write 15s or 15m"]);
  });

  test("reads files of variables beside the recipe that names them", () => {
    const files = {
      "conf/base.yaml":
        'version: 1\njobs: { a: { from: rtmp://h/l/x, to: { own: { url: rtmp://h/a, key: "${file:k}" } } } }\n',
      "conf/k": "thekey",
    };
    expect(plansOf("extends: conf/base.yaml\n", { files })[0]?.sinks[0]).toMatchObject({
      url: { streamName: "thekey" },
    });
  });

  test("takes a variable", () => {
    const world = { files: { "base.yaml": BASE }, variables: { WHICH: "base" } };
    expect(plansOf('extends: "${WHICH}.yaml"\n', world)).toHaveLength(1);
  });
});

describe("defaults", () => {
  test("hold where a job says nothing, and only for what it has", () => {
    const [a, b, c] = plansOf(`version: 1
defaults:
  from: { wait: 9s, stall: 8s, grace: 7s }
  record: { join: 6s, segment: 5m, force: true }
  schedule: { tz: Europe/Berlin, for: 4h }
  to: { required: false, buffer: { max: 3s } }
  retry: { max: 2s }
  on: { end: [logger] }
jobs:
  a: { from: rtmp://h/l/x, record: x.flv, schedule: "0 0 * * *" }
  b: { from: { url: rtmp://h/l/x, wait: 1s }, grace: 2s, to: { own: { url: rtmp://h/a/k, required: true } } }
  c: { from: show.flv, to: { own: rtmp://h/a/k } }
`);
    expect(a).toMatchObject({
      wait: 9000,
      net: { stall: 8000 },
      grace: 7000,
      record: { join: 6000, segment: { every: 300_000, align: "media" } },
      force: true,
      for: 4 * 3_600_000,
      retry: { min: 1000, max: 2000 },
      hooks: { end: ["logger"] },
    });
    expect(b).toMatchObject({ wait: 1000, grace: 2000, force: false, record: { join: undefined } });
    expect(b?.sinks[0]).toMatchObject({ required: true, queue: { ms: 3000, bytes: 16 * 1024 * 1024 } });
    // A file is not waited for: the default is for other jobs.
    expect(c?.sinks[0]).toMatchObject({ required: false });
  });

  test("do not make a schedule or a recording", () => {
    const text =
      'version: 1\ndefaults: { schedule: { cron: "0 0 * * *" }, record: { path: x.flv } }\njobs:\n  a: { from: rtmp://h/l/x, to: { own: rtmp://h/a/k } }\n';
    const { jobs } = read(text);
    expect(jobs.map((job) => [job.schedule, job.plan.sinks.length])).toEqual([[undefined, 1]]);
  });

  test("are looked at even if no job uses them", () => {
    const text =
      "version: 1\ndefaults: { to: { buffer: { max: 8 } } }\njobs:\n  a: { from: rtmp://h/l/x, record: x.flv }\n";
    expect(problemsOf(text)).toEqual(["2:34 8 has no unit — write 8s or 8m"]);
  });
});
