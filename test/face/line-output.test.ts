/** Lines to a reader that stalls: nothing spins, the job goes on, and the last line is tried for a bounded time. */
import { expect, test } from "bun:test";
import { LineOutput } from "../../src/face/line-output.ts";

/** A reader that takes `room` bytes and no more until it has room again. */
function makeReader() {
  const reader = { room: Infinity, text: "", tries: 0, gone: false, slept: 0, onSleep: (): void => {} };
  const write = (bytes: Uint8Array): number => {
    reader.tries += 1;
    if (reader.gone) throw Object.assign(new Error("gone"), { code: "EPIPE" });
    if (reader.room === 0) throw Object.assign(new Error("full"), { code: "EAGAIN" });
    const count = Math.min(bytes.length, reader.room);
    reader.room -= count;
    reader.text += Buffer.from(bytes.subarray(0, count)).toString("latin1");
    return count;
  };
  const sleep = (ms: number): void => {
    reader.slept += ms;
    reader.onSleep();
  };
  return { reader, output: new LineOutput(write, 1000, sleep) };
}

test("lines go at once, and short writes go on", () => {
  const { reader, output } = makeReader();
  output.write("one\n");
  reader.room = 2;
  output.write("two\n");
  expect([reader.text, output.stuck]).toEqual(["one\ntw", true]);
  reader.room = Infinity;
  output.flush();
  expect([reader.text, output.stuck]).toEqual(["one\ntwo\n", false]);
});

test("a reader that takes nothing is asked once for each line, and has them all in order later", () => {
  const { reader, output } = makeReader();
  reader.room = 0;
  for (let i = 0; i < 5; i++) output.write(`${i}\n`);
  expect([reader.tries, reader.slept]).toEqual([5, 0]);
  reader.room = Infinity;
  output.write("5\n");
  expect(reader.text).toBe("0\n1\n2\n3\n4\n5\n");
});

test("it is asked again though nobody writes", async () => {
  const { reader, output } = makeReader();
  reader.room = 0;
  output.write("a\n");
  reader.room = Infinity;
  const alive = setInterval(() => {}, 1000);
  while (reader.text === "") await Bun.sleep(5);
  clearInterval(alive);
  expect(reader.text).toBe("a\n");
});

test("the oldest lines go when too much waits, but no half of one", () => {
  const { reader, output } = makeReader();
  reader.room = 5;
  const line = "x".repeat(99_999);
  for (let i = 0; i < 30; i++) output.write(`${String(i).padStart(2, "0")}${line}\n`);
  reader.room = Infinity;
  output.flush();
  const lines = reader.text.trimEnd().split("\n");
  expect(lines.every((one) => one.length === line.length + 2)).toBe(true);
  expect(lines.length).toBeLessThan(12);
  expect([lines[0], lines.at(-1)].map((one) => one!.slice(0, 2))).toEqual(["00", "29"]);
});

test("the end waits for a reader that lags, and only a moment for one that stalls", () => {
  const slow = makeReader();
  slow.reader.room = 0;
  slow.output.write("the last line\n");
  slow.reader.onSleep = () => (slow.reader.room = 1);
  slow.output.finish();
  expect(slow.reader.text).toBe("the last line\n");
  const stalled = makeReader();
  stalled.reader.room = 0;
  stalled.output.write("the last line\n");
  stalled.output.finish();
  expect([stalled.reader.text, stalled.reader.slept]).toEqual(["", 1000]);
});

test("a reader that is gone gets nothing, and nothing is kept for it", () => {
  const { reader, output } = makeReader();
  reader.gone = true;
  output.write("a\n");
  expect(output.stuck).toBe(false);
  output.finish();
  expect(reader.slept).toBe(0);
});
