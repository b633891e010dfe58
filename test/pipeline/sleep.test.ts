/** Sleeps: what ends them, and what they leave behind on that. */
import { expect, test } from "bun:test";
import { sleep, sleepUntil } from "../../src/pipeline/sleep.ts";

const never = new AbortController().signal;

test("a sleep ends when its signal aborts, also one that aborted before", async () => {
  const controller = new AbortController();
  const asleep = sleep(60_000, controller.signal);
  controller.abort();
  await asleep;
  await sleep(60_000, controller.signal);
});

test("a sleep of nothing ends by itself", async () => {
  await sleep(0, never);
});

test("a sleep ends with its event, however that ends", async () => {
  await sleepUntil(Promise.resolve(), 60_000, never);
  await sleepUntil(Promise.reject(new Error("no")), 60_000, never);
});

test("a sleep leaves nothing on a signal that outlives it", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...args: unknown[]) => (
    listeners.add(args[1]),
    add.apply(signal, args as never)
  );
  signal.removeEventListener = (...args: unknown[]) => (
    listeners.delete(args[1]),
    remove.apply(signal, args as never)
  );
  const asleep = sleep(1, signal);
  expect(listeners.size).toBe(1);
  await asleep;
  expect(listeners.size).toBe(0);
});

test("a sleep of more than 24.8 days does not end at once", async () => {
  const controller = new AbortController();
  let over = false;
  const asleep = sleep(2 ** 31, controller.signal).then(() => (over = true));
  await sleep(20, never);
  expect(over).toBe(false);
  controller.abort();
  await asleep;
});
