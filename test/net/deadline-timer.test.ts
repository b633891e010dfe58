/** The clock of a session: it is called at a deadline, unless the session is over. */
import { expect, spyOn, test } from "bun:test";
import { DeadlineTimer } from "../../src/net/deadline-timer.ts";

test("a timer that was stopped is set by no later deadline", async () => {
  const called: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = new DeadlineTimer(() => called.push("over"));
  const other = new DeadlineTimer(() => {
    called.push("other");
    resolve();
  });
  over.arm(performance.now() + 60_000);
  over.stop();
  over.arm(performance.now());
  other.arm(performance.now() + 20);
  await promise;
  expect(called).toEqual(["other"]);
});

test("a deadline further off than a timer can be set for is not called at once", () => {
  const waits: unknown[] = [];
  using _spy = spyOn(globalThis, "setTimeout").mockImplementation(((_call: () => void, ms: number) => {
    waits.push(ms);
    return undefined;
  }) as unknown as typeof setTimeout);
  const timer = new DeadlineTimer(() => {});
  timer.arm(performance.now() + 25 * 24 * 3600 * 1000);
  expect(waits).toEqual([2 ** 31 - 1]);
});
