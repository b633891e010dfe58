/** Jobs that listen beside each other and may: another port or address, or turns by their schedules. */
import { expect, test } from "bun:test";
import { problemsOf } from "../support/recipes.ts";

const job = (name: string, listen: string, more = ""): string =>
  `  ${name}:\n    from: { listen: "${listen}" }\n    record: ${name}.flv\n${more === "" ? "" : `    ${more}\n`}`;

test.each([
  ["on two ports", job("a", "127.0.0.1:1935/live") + job("b", "127.0.0.1:1936/live")],
  ["on two addresses", job("a", "127.0.0.1:1935/live") + job("b", "127.0.0.2:1935/live")],
  ["on any free port", job("a", "127.0.0.1:0/live") + job("b", "127.0.0.1:0/live")],
  [
    "in turns",
    job("a", "127.0.0.1:1935/live", 'schedule: { cron: "0 6 * * *", for: 2h }') +
      job("b", "127.0.0.1:1935/live", 'schedule: { cron: "0 12 * * *", for: 2h }'),
  ],
])("two jobs may listen %s", (_name, jobs) => {
  expect(problemsOf(`version: 1\njobs:\n${jobs}`)).toEqual([]);
});
