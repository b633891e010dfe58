/** Everything at once for a minute. SEED=... runs the storm of another seed, or one that failed again. */
import { expect, test } from "bun:test";
import { tidy } from "../support/tidy.ts";
import { formatSchedule, runStorm, scheduleOf } from "./storm.ts";

tidy();

const SEED = Number(process.env["SEED"] ?? 1);
const SECONDS = 60;

test("a schedule comes from its seed", () => {
  expect(scheduleOf(7, 60)).toEqual(scheduleOf(7, 60));
  expect(scheduleOf(7, 60)).not.toEqual(scheduleOf(8, 60));
});

test(`a storm of ${SECONDS} s, SEED=${SEED}`, async () => {
  const { problems, told } = await runStorm(SEED, SECONDS);
  console.log(told.join("\n"));
  if (problems.length > 0) console.log(formatSchedule(scheduleOf(SEED, SECONDS)));
  expect(problems).toEqual([]);
}, 180_000);
