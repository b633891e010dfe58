/**
 * The architecture as a test. It reads the source text of every file and holds it against tables: who may import
 * whom, who may touch the runtime, clocks, randomness, and what a file may look like. To add a folder or a
 * dependency, add or change a row; a row that surprises is worth a sentence in the commit.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dir, "..");
const SRC = join(ROOT, "src");
const MAX_LINES = 400;

type Import = { readonly path: string; readonly typeOnly: boolean };
type Source = {
  readonly file: string;
  readonly text: string;
  readonly code: string;
  readonly imports: Import[];
};

/**
 * A row: files whose path begins with one of `files`, and what they may import, values and types. `types` may be
 * imported as types only. A path ends in .ts or names a folder; files of one row may import each other.
 */
type Row = {
  readonly files: readonly string[];
  readonly may: readonly string[];
  readonly types?: readonly string[];
};

const CORE = [
  ...[
    "aborted",
    "queue",
    "hub",
    "headers",
    "ingest",
    "report",
    "pacer",
    "sleep",
    "supervise",
    "faults",
    "file-name",
  ],
  ...[
    "source",
    "source-patience",
    "sink-runner",
    "loss-report",
    "episodes",
    "file-tally",
    "silence",
    "name-pattern",
    "hooks",
  ],
].map((name) => `pipeline/${name}.ts`);

/** The first row that fits a file counts. */
const ROWS: readonly Row[] = [
  { files: ["errors.ts", "last-tier.ts", "secret-text.ts", "host-text.ts"], may: [] },
  { files: ["bytes/"], may: ["last-tier.ts"] },
  { files: ["amf/"], may: ["bytes/", "errors.ts"] },
  { files: ["rtmp/"], may: ["amf/", "bytes/", "errors.ts", "last-tier.ts", "host-text.ts"] },
  // Not rtmp: the tag body is FLV's, RTMP only carries it.
  { files: ["media/"], may: ["amf/", "bytes/", "errors.ts", "last-tier.ts"] },
  { files: ["net/rtmp-"], may: ["net/", "rtmp/", "errors.ts"] },
  { files: ["net/"], may: ["errors.ts", "host-text.ts"] },
  { files: CORE, may: ["media/", "amf/amf0.ts", "bytes/same-bytes.ts", "errors.ts", "last-tier.ts"] },
  {
    files: ["pipeline/sources/", "pipeline/sinks/"],
    may: [...CORE, "net/", "rtmp/", "media/", "bytes/same-bytes.ts", "errors.ts", "last-tier.ts"],
  },
  { files: ["pipeline/job.ts"], may: [...CORE, "errors.ts"], types: ["recipe/plan.ts"] },
  {
    files: ["pipeline/registry.ts"],
    may: [...CORE, "pipeline/sources/", "pipeline/sinks/", "net/", "errors.ts"],
    types: ["recipe/plan.ts", "pipeline/job.ts"],
  },
  {
    files: ["recipe/"],
    may: ["rtmp/url.ts", "rtmp/librtmp.ts", "errors.ts", "secret-text.ts", "host-text.ts"],
  },
  {
    files: ["face/"],
    may: ["errors.ts", "secret-text.ts"],
    types: ["pipeline/report.ts", "pipeline/hub.ts"],
  },
  // What looks at files and peers itself, and runs no job.
  {
    files: ["commands/probe", "commands/repair", "commands/check-p"],
    may: [
      ...["commands/", "recipe/", "face/", "media/", "errors.ts"],
      ...["net/http-flv.ts", "net/rtmp-dial.ts", "net/tcp-listen.ts", "rtmp/url.ts", "rtmp/connect.ts"],
      ...["registry", "file-name", "hub", "ingest", "sleep"].map((name) => `pipeline/${name}.ts`),
      ...["pipeline/sources/", "pipeline/sinks/disk.ts"],
    ],
  },
  {
    files: ["commands/"],
    may: [
      ...["recipe/", "face/", "media/fourcc.ts", "rtmp/url.ts", "errors.ts"],
      ...["job", "registry", "file-name", "sleep", "sinks/lock"].map((name) => `pipeline/${name}.ts`),
    ],
    types: ["rtmp/librtmp.ts", "pipeline/report.ts"],
  },
  { files: ["main.ts"], may: ["commands/", "face/", "errors.ts", "../package.json"] },
];

/** Packages, and who may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  citty: ["commands/"],
  consola: ["face/"],
  yaml: ["recipe/"],
  zod: ["recipe/"],
  // flock has no other way into the runtime.
  "bun:ffi": ["pipeline/sinks/lock.ts"],
  // Speed alone depends on it.
  "bun:jsc": ["last-tier.ts"],
};
/** Commands hand a log through that face has made: they know its type. */
const PACKAGE_TYPES: Readonly<Record<string, readonly string[]>> = { consola: ["commands/"] };

/** A thing that only some files may mention. */
type Ban = { readonly what: string; readonly pattern: RegExp; readonly allowed: readonly string[] };

const PURE = ["bytes/", "amf/", "rtmp/", "media/"];
const RUNTIME = [
  ...["net/", "pipeline/sources/", "pipeline/sinks/", "commands/", "face/", "main.ts"],
  // Runs the user's commands: processes are neither a source nor a sink.
  "pipeline/hooks.ts",
];

const BANS: readonly Ban[] = [
  // Hashing is no input or output, and the digest handshake and digest authentication are nothing else.
  // Bun.cron.parse computes and touches nothing.
  { what: "Bun", pattern: /\bBun\.(?!cron\.parse\b)/, allowed: [...RUNTIME, "rtmp/handshake.ts"] },
  { what: "process", pattern: /\bprocess\./, allowed: RUNTIME },
  { what: "node:", pattern: /from "node:/, allowed: RUNTIME },
  {
    what: "a random source",
    pattern: /\bgetRandomValues\b|\bMath\.random\b/,
    allowed: ["net/", "pipeline/supervise.ts"],
  },
  {
    what: "a timer",
    pattern: /\bset(Timeout|Interval|Immediate)\b/,
    // Of the pipeline: what waits for the world outside, and the job, whose end may be a time.
    allowed: [
      ...[
        "net/",
        "pipeline/sources/",
        "pipeline/sinks/",
        "face/status.ts",
        "face/line-output.ts",
        "commands/jit.ts",
      ],
      ...["job", "episodes", "loss-report", "sleep"].map((name) => `pipeline/${name}.ts`),
    ],
  },
  {
    what: "a clock",
    pattern: /\bDate\.now\b|\bperformance\.now\b/,
    allowed: [
      ...["net/", "pipeline/sources/", "pipeline/sinks/", "face/", "commands/"],
      ...["job", "sink-runner", "pacer", "supervise", "ingest"].map((name) => `pipeline/${name}.ts`),
    ],
  },
  { what: "console", pattern: /\bconsole\./, allowed: [] },
  { what: "a default export", pattern: /^export default\b/m, allowed: [] },
  { what: "an enum", pattern: /^\s*(export )?(declare )?(const )?enum\b/m, allowed: [] },
  { what: "a namespace", pattern: /^\s*(export )?(declare )?namespace\b/m, allowed: [] },
  { what: "any", pattern: /(:|<|\bas|\|)\s*any\b/, allowed: [] },
  {
    what: "a check that is switched off",
    pattern: /@ts-(ignore|expect-error|nocheck)|eslint-disable/,
    allowed: [],
  },
  { what: "import by require", pattern: /\brequire\(/, allowed: [] },
];

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

/** The text without comments and without what stands in strings, imports left alone. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/^(?!.*\bfrom ")(.*)$/gm, (line) => line.replace(/"(?:[^"\\]|\\.)*"/g, '""'))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

const IMPORT = /^\s*(import|export)\s+(type\s+)?([\w*\s,{}$]*?)\s*from\s+"([^"]+)"/gm;
const BARE_IMPORT = /(?:^|[^.\w])import\s*\(?\s*"([^"]+)"/gm;

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  for (const [, , type, names = "", path = ""] of text.matchAll(IMPORT)) {
    const list = /^\{(.*)\}$/s.exec(names.trim())?.[1];
    const parts = list?.split(",").filter((name) => name.trim() !== "");
    const typeOnly = type !== undefined || (parts?.every((name) => name.trim().startsWith("type ")) ?? false);
    found.push({ path: placeOf(file, path), typeOnly });
  }
  for (const [, path = ""] of text.matchAll(BARE_IMPORT))
    found.push({ path: placeOf(file, path), typeOnly: false });
  return found;
}

/** A path of our own as seen from src; a package or node: module as it is written. */
function placeOf(file: string, path: string): string {
  return path.startsWith(".") ? relative(SRC, join(SRC, dirname(file), path)) : path;
}

const SOURCES: readonly Source[] = sourceFiles(SRC).map((path) => {
  const file = relative(SRC, path);
  const text = readFileSync(path, "utf8");
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\//g, "");
  return { file, text, code: codeOf(text), imports: importsOf(file, withoutComments) };
});

const within = (file: string, places: readonly string[]): boolean =>
  places.some((place) => file.startsWith(place));
const isOwn = (path: string): boolean => path.endsWith(".ts") || path.startsWith("../");
const rowOf = (file: string): Row | undefined => ROWS.find((row) => within(file, row.files));

function importProblem(file: string, { path, typeOnly }: Import): string | undefined {
  if (path.startsWith("node:")) return undefined;
  if (isOwn(path)) {
    const row = rowOf(file);
    if (row === undefined) return `${file} has no row in the table`;
    if (within(path, row.files) || within(path, row.may)) return undefined;
    if (within(path, row.types ?? []))
      return typeOnly ? undefined : `${file} may import ${path} for types only`;
    return `${file} may not import ${path}`;
  }
  const name = path.split("/")[0]!;
  if (within(file, PACKAGES[name] ?? [])) return undefined;
  if (typeOnly && within(file, PACKAGE_TYPES[name] ?? [])) return undefined;
  return `${file} may not import the package ${path}`;
}

/** Cycles of imports, each as `a -> b -> a`, types included: a file must be readable without the one above it. */
function cycles(): string[] {
  const graph = new Map(SOURCES.map(({ file, imports }) => [file, imports.map(({ path }) => path)]));
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      found.push([...way.slice(way.indexOf(file)), file].join(" -> "));
      return;
    }
    state.set(file, "open");
    for (const next of graph.get(file) ?? []) if (graph.has(next)) visit(next, [...way, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

describe("the test itself", () => {
  test("sees imports of every form", () => {
    const text = [
      'import { a, type B } from "./values.ts";',
      'import { type A, type B } from "./types.ts";',
      'import type { C } from "../errors.ts";',
      "import {",
      "  type D,",
      '} from "./many.ts";',
      'export type { E } from "./again.ts";',
      'export * from "./all.ts";',
      'import "./effects.ts";',
      'const late = await import("./late.ts");',
      'import consola from "consola/core";',
    ].join("\n");
    expect(importsOf("net/tcp.ts", text)).toEqual([
      { path: "net/values.ts", typeOnly: false },
      { path: "net/types.ts", typeOnly: true },
      { path: "errors.ts", typeOnly: true },
      { path: "net/many.ts", typeOnly: true },
      { path: "net/again.ts", typeOnly: true },
      { path: "net/all.ts", typeOnly: false },
      { path: "consola/core", typeOnly: false },
      { path: "net/effects.ts", typeOnly: false },
      { path: "net/late.ts", typeOnly: false },
    ]);
  });

  test.each([
    ["rtmp/client.ts", { path: "net/tcp.ts", typeOnly: true }, false],
    ["media/tag.ts", { path: "rtmp/constants.ts", typeOnly: false }, false],
    ["pipeline/job.ts", { path: "recipe/plan.ts", typeOnly: true }, true],
    ["pipeline/job.ts", { path: "recipe/plan.ts", typeOnly: false }, false],
    ["pipeline/hub.ts", { path: "pipeline/job.ts", typeOnly: true }, false],
    ["commands/verbs.ts", { path: "citty", typeOnly: false }, true],
    ["face/log.ts", { path: "citty", typeOnly: false }, false],
    ["recipe/schema.ts", { path: "leftpad", typeOnly: false }, false],
    ["elsewhere/x.ts", { path: "errors.ts", typeOnly: false }, false],
  ])("judges an import of %s", (file, imported, allowed) => {
    expect(importProblem(file, imported) === undefined).toBe(allowed);
  });

  test("does not take words in comments and texts for code", () => {
    const code = codeOf(
      'const a = "Bun.serve"; // process.exit\n/* Date.now */ import { b } from "node:fs";',
    );
    expect(code).not.toMatch(/Bun|process|Date/);
    expect(code).toContain('from "node:fs"');
  });
});

describe("imports", () => {
  test("point the allowed way", () => {
    const problems = SOURCES.flatMap(({ file, imports }) =>
      imports.map((one) => importProblem(file, one) ?? []),
    );
    expect(problems.flat()).toEqual([]);
  });

  test("make no circle", () => {
    expect(cycles()).toEqual([]);
  });

  test("of our own files end in .ts and are there", () => {
    const files = new Set(SOURCES.map(({ file }) => file));
    const odd = SOURCES.flatMap(({ file, text }) =>
      [...text.matchAll(/(?:from|import\()\s*"(\.[^"]*)"/g)]
        .map(([, path = ""]) => path)
        .filter((path) => !path.endsWith(".json") && !files.has(placeOf(file, path)))
        .map((path) => `${file}: ${path}`),
    );
    expect(odd).toEqual([]);
  });
});

describe("the tables", () => {
  const imports = SOURCES.flatMap((source) =>
    source.imports.map(({ path }) => ({ file: source.file, path })),
  );
  const isImported = (place: string, by: (file: string) => boolean): boolean =>
    imports.some(({ file, path }) => by(file) && within(path, [place]));

  test("name files that are there", () => {
    const named = [
      ...ROWS.flatMap(({ files, may, types = [] }) => [...files, ...may, ...types]),
      ...[PACKAGES, PACKAGE_TYPES].flatMap((table) => Object.values(table).flat()),
      ...BANS.flatMap(({ allowed }) => allowed),
    ];
    const isThere = (place: string): boolean => SOURCES.some(({ file }) => within(file, [place]));
    expect(named.filter((place) => !place.startsWith("../") && !isThere(place))).toEqual([]);
  });

  test("allow no import that nobody needs", () => {
    const idle = ROWS.flatMap((row) => {
      const isOf = (file: string): boolean => rowOf(file) === row;
      // The core of the pipeline is one thing for whoever uses it.
      const allowed = [...row.may, ...(row.types ?? [])].filter((place) => !CORE.includes(place));
      const files = row.files.filter(
        (place) => !SOURCES.some(({ file }) => isOf(file) && within(file, [place])),
      );
      const unused = allowed.filter((place) => !isImported(place, isOf));
      return [...files, ...unused].map((place) => `${row.files[0]}: ${place}`);
    });
    expect(idle).toEqual([]);
  });

  test("allow no package that nobody needs", () => {
    const idle = [PACKAGES, PACKAGE_TYPES].flatMap((table) =>
      Object.entries(table).flatMap(([name, places]) =>
        places
          .filter((place) => !isImported(name, (file) => within(file, [place])))
          .map((place) => `${name}: ${place}`),
      ),
    );
    expect(idle).toEqual([]);
  });

  test("allow no thing that nobody mentions", () => {
    const mentions = (ban: Ban, place: string): boolean =>
      SOURCES.some(({ file, code }) => within(file, [place]) && ban.pattern.test(code));
    const idle = BANS.flatMap((ban) =>
      ban.allowed
        .filter((place) => {
          // Whoever may use the runtime needs not all of it.
          const bans = RUNTIME.includes(place)
            ? BANS.filter(({ allowed }) => allowed.includes(place))
            : [ban];
          return !bans.some((one) => mentions(one, place));
        })
        .map((place) => `${ban.what}: ${place}`),
    );
    expect(idle).toEqual([]);
  });
});

describe("only where it belongs:", () => {
  test.each(BANS)("$what", ({ pattern, allowed }) => {
    const found = SOURCES.filter(({ file, code }) => !within(file, allowed) && pattern.test(code));
    expect(found.map(({ file }) => file)).toEqual([]);
  });

  test("clocks, timers and randomness are in none of the pure folders", () => {
    const impure = BANS.filter(({ what }) => /clock|timer|random/.test(what)).flatMap(
      ({ allowed }) => allowed,
    );
    expect(impure.filter((place) => within(place, PURE))).toEqual([]);
  });
});

const EXPORTED = /^export (abstract |async )*(const|let|function\*?|class|type \w|interface)/;

describe("every file", () => {
  test(`has at most ${MAX_LINES} lines`, () => {
    const long = SOURCES.filter(({ text }) => text.trimEnd().split("\n").length > MAX_LINES);
    expect(long.map(({ file }) => file)).toEqual([]);
  });

  test("begins with a paragraph that says what it is for", () => {
    const bare = SOURCES.filter(({ text }) => !/^\/\*\*(?:(?!\*\/)[\s\S]){40,}\*\//.test(text));
    expect(bare.map(({ file }) => file)).toEqual([]);
  });

  test("names in its comments only files that are there", () => {
    const isThere = (name: string): boolean =>
      SOURCES.some(({ file }) => file === name || file.endsWith(`/${name}`)) || existsSync(join(ROOT, name));
    const odd = SOURCES.flatMap(({ file, text }) =>
      [...text.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm)]
        .flatMap(([comment]) => comment.match(/(?<![\w/.-])[\w.-]+(?:\/[\w.-]+)*\.ts\b/g) ?? [])
        .filter((name) => !isThere(name))
        .map((name) => `${file}: ${name}`),
    );
    expect(odd).toEqual([]);
  });

  test("says of each thing that it exports what that is", () => {
    const bare = SOURCES.flatMap(({ file, text }) => {
      const lines = text.split("\n");
      return lines
        .filter((line, i) => EXPORTED.test(line) && !lines[i - 1]?.trimEnd().endsWith("*/"))
        .map((line) => `${file}: ${line}`);
    });
    expect(bare).toEqual([]);
  });

  test("has something of its own: no file only hands on what others export", () => {
    const own = /^(export )?(abstract )?(async )?(const|let|function\*?|class|type|interface|void|await)\b/m;
    expect(SOURCES.filter(({ code }) => !own.test(code)).map(({ file }) => file)).toEqual([]);
  });

  test("is named in words with dashes", () => {
    const odd = SOURCES.filter(
      ({ file }) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(file),
    );
    expect(odd.map(({ file }) => file)).toEqual([]);
  });
});
