/** Programs as sources: their bytes, their end, their failures, and that nothing of them stays. */
import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  childSegments,
  findProgram,
  outputOf,
  type ChildOptions,
} from "../../../src/pipeline/sources/child.ts";
import { groupSize } from "../../support/rpicam.ts";
import { until } from "../../support/ports.ts";
import { removeScratch, scratch } from "../../support/scratch.ts";

afterAll(removeScratch);

const traces: string[] = [];

function options(script: string, changes: Partial<ChildOptions> = {}): ChildOptions {
  return {
    argv: ["sh", "-c", script],
    stall: 5000,
    endless: false,
    trace: (line) => traces.push(line),
    ...changes,
  };
}

/** All that a program writes; `onBytes` sees it come. */
async function read(
  given: ChildOptions,
  signal = new AbortController().signal,
  onBytes = (_text: string) => {},
) {
  let text = "";
  for await (const segment of childSegments(given, signal)) {
    text += new TextDecoder().decode(segment);
    onBytes(text);
  }
  return text;
}

const pidIn = (text: string): number => Number(/pid (\d+)\n/.exec(text)![1]);

describe("childSegments", () => {
  test("gives what the program writes, to the end", async () => {
    expect(await read(options("printf one; printf two; echo words >&2"))).toBe("onetwo");
    expect(traces).toContain("words");
  });

  test("words with spaces and quotes arrive as they are", async () => {
    const argv = ["printf", "%s|", "a b", "c'd", 'e"f', "$HOME", ""];
    expect(await read(options("", { argv }))).toBe("a b|c'd|e\"f|$HOME||");
  });

  test("stdin is empty", async () => {
    expect(await read(options("cat; echo end"))).toBe("end\n");
  });

  test.each([
    ["an exit code", "echo x >&2; exit 3", '"sh" ended with exit code 3: x'],
    ["a signal", "kill -SEGV $$", '"sh" ended by SIGSEGV'],
    [
      "only its last words",
      "for i in 1 2 3 4 5; do echo line $i >&2; done; exit 1",
      '"sh" ended with exit code 1: line 3; line 4; line 5',
    ],
  ])("a failure is told: %s", async (_name, script, message) => {
    await expect(read(options(script))).rejects.toThrow(message);
  });

  test("an end is a failure of a camera", async () => {
    await expect(read(options("echo done", { endless: true }))).rejects.toThrow('"sh" ended by itself');
  });

  test("silence is a failure", async () => {
    await expect(read(options("echo pid $$; sleep 60", { stall: 300 }))).rejects.toThrow(
      '"sh" gave nothing for 0.3s',
    );
  });

  test("a reader that takes its time is not the program's silence", async () => {
    // Time passes only while nobody reads, so that a slow start of the program is no silence either.
    let now = 0;
    using _clock = spyOn(performance, "now").mockImplementation(() => now);
    const given = options("for i in 1 2 3 4 5; do echo $i; done", { stall: 50 });
    let text = "";
    for await (const segment of childSegments(given, new AbortController().signal)) {
      text += new TextDecoder().decode(segment);
      now += 1000;
      // Longer than from one look at the clock to the next.
      await Bun.sleep(50);
    }
    expect(text).toBe("1\n2\n3\n4\n5\n");
  });

  test("stops when it is told to, children and watchdog included", async () => {
    const stop = new AbortController();
    let pid = 0;
    const all = read(options("echo pid $$; sleep 60 & sleep 60"), stop.signal, (sofar) => {
      pid = pidIn(sofar);
    });
    // The words come before the children are forked.
    await until("the group is whole", () => pid > 0 && groupSize([pid]) >= 3, 4000);
    stop.abort();
    expect(pidIn(await all)).toBe(pid);
    await until("the group is gone", () => groupSize([pid]) === 0, 1000);
  });

  test("stops although something that left its group holds the pipes", async () => {
    const stop = new AbortController();
    let daemon = 0;
    await read(options("setsid sleep 60 & echo pid $!; sleep 60"), stop.signal, (sofar) => {
      daemon = pidIn(sofar);
      setTimeout(() => stop.abort(), 50);
    });
    expect(daemon).toBeGreaterThan(0);
    process.kill(daemon);
  });

  test("nothing stays of a program whose reader leaves", async () => {
    let pid = 0;
    for await (const segment of childSegments(
      options("echo pid $$; exec cat /dev/zero"),
      new AbortController().signal,
    )) {
      pid ||= pidIn(new TextDecoder().decode(segment.subarray(0, 64)));
      break;
    }
    await until("the group is gone", () => groupSize([pid]) === 0, 1000);
  });

  test("all that was written before the end comes, and a straggler outside the group does not hold it up", async () => {
    const file = join(scratch("child"), "straggler");
    const big = `head -c 3000000 /dev/zero | tr '\\0' x; setsid sleep 60 & echo $! >${file}; exit 0`;
    expect((await read(options(big))).length).toBe(3_000_000);
    // It is still there, and this would throw if it were not.
    process.kill(Number(readFileSync(file, "utf8")));
  });

  test("does not begin when it is told to stop already", async () => {
    expect(await read(options("sleep 1; echo x"), AbortSignal.abort())).toBe("");
  });
});

describe("programs", () => {
  test("are found in the PATH or not", () => {
    expect(findProgram("sh")).toMatch(/\/sh$/);
    expect(findProgram("no-such-program")).toBeUndefined();
  });

  test("answer questions", async () => {
    expect(await outputOf(["echo", "yes"], () => {})).toBe("yes\n");
    expect(await outputOf(["no-such-program"], () => {})).toBe("");
  });

  test("that do not answer at once are said to be waited for", async () => {
    const go = join(scratch(), "go");
    const argv = ["sh", "-c", `until [ -e '${go}' ]; do sleep 0.05; done; echo late`];
    const said: string[] = [];
    const answer = outputOf(argv, (line) => said.push(line));
    await until("it is said", () => said.length > 0, 8000);
    writeFileSync(go, "");
    expect(await answer).toBe("late\n");
    expect(said).toEqual([`waiting for "${argv.join(" ")}" to answer, 8s more at most`]);
  });
});
