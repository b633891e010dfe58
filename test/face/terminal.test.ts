/**
 * Terminal and log: secrets and control characters never pass. What is written goes to file descriptors, so those
 * tests run a process of their own and read what comes out of it.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Terminal } from "../../src/face/terminal.ts";
import { run } from "../support/process.ts";

const FACE = join(import.meta.dir, "../../src/face");

/** Runs lines of code that have a terminal `t` and a maker of logs; `tty` makes it believe that somebody watches. */
async function output(code: string, options: { tty?: boolean; env?: Record<string, string> } = {}) {
  const script = `
    Object.defineProperty(process.stderr, "columns", { value: 40, writable: true });
    const { Terminal } = await import(${JSON.stringify(join(FACE, "terminal.ts"))});
    const { createLog } = await import(${JSON.stringify(join(FACE, "log.ts"))});
    const t = new Terminal(process.env, ${options.tty ?? false});
    ${code}`;
  const env = { TERM: "xterm", NO_COLOR: undefined, ...options.env };
  const result = await run([process.execPath, "-e", script], { env });
  expect(result.code).toBe(0);
  return { out: Buffer.from(result.stdout).toString(), err: result.stderr };
}

describe("secrets", () => {
  const masked = (secrets: readonly string[], text: string): string => {
    const terminal = new Terminal({});
    terminal.hide(secrets);
    return terminal.mask(text);
  };

  test.each([
    ["as they are", ["live_12345"], "key live_12345 twice live_12345", "key *** twice ***"],
    ["within other words", ["abcd1234"], "rtmp://h/app/abcd1234?x", "rtmp://h/app/***?x"],
    ["percent-encoded", ["p@ss/w rd"], "rtmp://u:p%40ss%2Fw%20rd@h", "rtmp://u:***@h"],
    ["in JSON", ['a"b\\c\td'], JSON.stringify({ key: 'a"b\\c\td' }), '{"key":"***"}'],
    ["longer ones first", ["abcd", "abcdefgh"], "abcdefgh abcd", "*** ***"],
    ["with characters that patterns use", ["a.*(b)+$"], "x a.*(b)+$ y", "x *** y"],
    ["a replacement's own signs do nothing", ["$&$1"], "x $&$1 y", "x *** y"],
    ["an empty one hides nothing", [""], "abc", "abc"],
    [
      "short ones as words of their own",
      ["abc"],
      "abc abcabc rtmp://h/abc?x=abc",
      "*** abcabc rtmp://h/***?x=***",
    ],
    ["short ones of one character", ["x"], "x=x, xx, max x_1", "***=***, xx, max x_1"],
    ["short ones beside other letters are innocent", ["ä"], "ä Bär ä𝒳", "*** Bär ä𝒳"],
    ["short ones that are no words", ["?!"], "a?!b ?!", "a***b ***"],
    ["short ones that begin with a sign", ["-a"], "x-a x-ab", "x*** x-ab"],
    [
      "digits, not as a part of numbers",
      ["12"],
      "12, 12s 1.12 12:01 10.12.1.9 u:12@h",
      "***, 12s 1.12 12:01 10.12.1.9 u:***@h",
    ],
    ["short ones again and again", ["ab"], "ab,ab,aab,ab", "***,***,aab,***"],
  ])("are masked: %s", (_name, secrets, text, expected) => {
    expect(masked(secrets, text)).toBe(expected);
  });

  test("add up", () => {
    const terminal = new Terminal({});
    terminal.hide(["first-secret"]);
    terminal.hide(["second-secret"]);
    expect(terminal.mask("first-secret second-secret")).toBe("*** ***");
  });

  test("leave JSON what it is: numbers and names of fields stay", async () => {
    const code = `
      t.hide(["12", "true", "size", 'q"x']);
      for (const to of ["stdout", "stderr"])
        t.json(JSON.stringify({ size: 12, ok: true, text: 'size 12 q"x', list: [12] }), to);
      createLog(t, 0, "json").withTag("size").info("12");`;
    const { out, err } = await output(code);
    const expected = { size: 12, ok: true, text: "*** *** ***", list: [12] };
    expect(JSON.parse(out)).toEqual(expected);
    const [event, log] = err
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(event).toEqual(expected);
    expect(log).toMatchObject({ level: "info", tag: "***", text: "***" });
  });

  test("pass neither to stderr, nor stdout, nor the status line, nor the log", async () => {
    const code = `
      t.hide(["SECRETKEY"]);
      t.line("line SECRETKEY"); t.out("out SECRETKEY"); t.status("status SECRETKEY");
      createLog(t, 2, "text").withTag("SECRETKEY").info("log SECRETKEY");
      createLog(t, 2, "json").error(new Error("json SECRETKEY"));`;
    const { out, err } = await output(code, { tty: true });
    expect(out + err).not.toContain("SECRETKEY");
    expect(err.match(/\*\*\*/g)!.length).toBeGreaterThanOrEqual(4);
  });
});

describe("control characters", () => {
  test("of peers do not reach a terminal", async () => {
    const evil = "a\\x1b[2Jb\\x1b]0;title\\x07c\\u009bd\\x00e\\x7ff\\rg\\r\\nh\\ti";
    const { out, err } = await output(
      `t.line("${evil}"); t.out("${evil}"); createLog(t, 0, "text").info("${evil}");`,
      {
        tty: true,
      },
    );
    const clean = "a?[2Jb?]0;title?c?d?e?f?g\n  h\ti\n";
    expect(out).toBe(clean);
    expect(err.startsWith(clean)).toBe(true);
    expect(err.endsWith(clean)).toBe(true);
    expect(err).not.toContain("\x1b");
  });

  test("of our own help do", async () => {
    expect((await output('t.help("\\x1b[1mbold\\x1b[0m\\nnext")')).out).toBe("\x1b[1mbold\x1b[0m\nnext\n");
  });
});

describe("the log", () => {
  const TIME = /\d\d:\d\d:\d\d /g;
  const all = `const log = createLog(t, LEVEL, FORMAT).withTag("show/a");
    log.error("e"); log.warn("w"); log.info("i"); log.debug("d"); log.trace("t");`;
  const logged = async (level: number, format: string) =>
    (await output(all.replace("LEVEL", String(level)).replace("FORMAT", JSON.stringify(format)))).err;

  test.each([
    [-1, "[show/a] e\n[show/a] w\n"],
    [0, "[show/a] e\n[show/a] w\n[show/a] i\n"],
    [1, "[show/a] e\n[show/a] w\n[show/a] i\n[show/a] d\n"],
    [2, "[show/a] e\n[show/a] w\n[show/a] i\n[show/a] d\n[show/a] t\n"],
  ])("at verbosity %p", async (level, text) => {
    expect((await logged(level, "text")).replace(TIME, "")).toBe(text);
  });

  test("for the journal carries priorities", async () => {
    expect(await logged(1, "journal")).toBe("<3>[show/a] e\n<4>[show/a] w\n<6>[show/a] i\n<7>[show/a] d\n");
  });

  test("as JSON is one object a line", async () => {
    const lines = (await logged(0, "json")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", tag: "show/a", text: "e" },
      { level: "warn", text: "w" },
      { level: "info", text: "i" },
    ]);
  });

  test("repeats what is said twice", async () => {
    const { err } = await output(
      'const log = createLog(t, 0, "journal"); for (let i = 0; i < 20; i++) log.info("x");',
    );
    expect(err).toBe("<6>x\n".repeat(20));
  });

  test.each([
    ["on a terminal", { tty: true }, true],
    ["not with NO_COLOR", { tty: true, env: { NO_COLOR: "1" } }, false],
    ["not on a dumb one", { tty: true, env: { TERM: "dumb" } }, false],
    ["not in a pipe", {}, false],
  ])("has colours %s", async (_name, options, coloured) => {
    const { err } = await output('createLog(t, 0, "text").error("x");', options);
    expect(err.includes("\x1b[31m")).toBe(coloured);
    expect(err.endsWith(coloured ? "x\x1b[0m\n" : "x\n")).toBe(true);
  });
});

describe("the status line", () => {
  test("stays below the lines, and is cut at the edge", async () => {
    const { err } = await output(`t.status("${"s".repeat(100)}"); t.line("line"); t.status();`, {
      tty: true,
    });
    const painted = `\r\x1b[2K${"s".repeat(39)}`;
    expect(err).toBe(`${painted}\r\x1b[2Kline\n${"s".repeat(39)}\r\x1b[2K`);
  });

  test("is one for each job, repainted from the first on", async () => {
    const { err } = await output(
      `t.status("a", "b", "c"); t.line("line"); t.status("a2", "b2"); t.status("a3", "b3", "c3"); t.status();`,
      { tty: true },
    );
    const up = (lines: number): string => `\r\x1b[${lines}A\x1b[J`;
    expect(err).toBe(`\r\x1b[2Ka\nb\nc${up(2)}line\na\nb\nc${up(2)}a2\nb2${up(1)}a3\nb3\nc3${up(2)}`);
  });

  test("leaves nothing behind when the terminal becomes narrower: what was broken in two is gone as a whole", async () => {
    const { err } = await output(
      `t.status("${"a".repeat(39)}", "b"); process.stderr.columns = 25; t.status("${"c".repeat(39)}"); process.stderr.columns = 40; t.status();`,
      { tty: true },
    );
    expect(err).toBe(`\r\x1b[2K${"a".repeat(39)}\nb\r\x1b[2A\x1b[J${"c".repeat(24)}\r\x1b[2K`);
  });

  test("counts jobs that there is no room for", async () => {
    const { err } = await output(
      `Object.defineProperty(process.stderr, "rows", { value: 5 });
       t.status("a", "b", "c", "d"); t.status("a", "b", "c", "d", "e", "f");`,
      { tty: true },
    );
    expect(err).toBe(`\r\x1b[2Ka\nb\nc\nd\r\x1b[3A\x1b[Ja\nb\nc\n... and 3 more`);
  });

  test("is not written where nobody watches", async () => {
    expect((await output('t.status("x"); t.line("line");')).err).toBe("line\n");
  });
});
