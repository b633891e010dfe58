/** The error classes: what they carry, how they are told from bugs, and what is put in front of them. */
import { describe, expect, test } from "bun:test";
import {
  describe as describeError,
  DiskError,
  isOurs,
  MediaError,
  ProtocolError,
  RemoteError,
  TransportError,
  UsageError,
  fileFault,
  problemLine,
  type UsageProblem,
  withContext,
} from "../src/errors.ts";

const CAUSE = new Error("the system says so");
const OURS = [
  new UsageError("wrong"),
  new ProtocolError("wrong", { layer: "chunk", csid: 4, offset: 9 }, { cause: CAUSE }),
  new RemoteError("wrong", { code: "NetStream.Publish.BadName", refusal: "name" }, { cause: CAUSE }),
  new TransportError("wrong", "refused", { cause: CAUSE }),
  new MediaError("wrong", 7, { cause: CAUSE }),
  new DiskError("wrong", { path: "/a", code: "ENOSPC" }, { cause: CAUSE }),
];

test.each(OURS.map((error) => [error.name, error] as const))(
  "%s is ours and says what it says",
  (name, error) => {
    expect(error.constructor.name).toBe(name);
    expect(isOurs(error)).toBe(true);
    expect(describeError(error)).toBe("wrong");
  },
);

test.each<[string, unknown, string]>([
  ["an Error", new Error("oops"), "Internal: oops"],
  ["a TypeError", new TypeError("x is undefined"), "Internal: x is undefined"],
  ["a text", "oops", "Internal: oops"],
  ["nothing", undefined, "Internal: undefined"],
])("%s is a bug", (_name, error, text) => {
  expect(isOurs(error)).toBe(false);
  expect(describeError(error)).toBe(text);
});

test.each<[unknown, Record<string, string>, string]>([
  [{ code: "EACCES", message: "EACCES: no" }, {}, "permission denied"],
  [{ code: "ENOENT" }, {}, "there is no such file"],
  [{ code: "ENOENT" }, { ENOENT: "there is no such folder" }, "there is no such folder"],
  [{ code: "ENODEV", message: "ENODEV: no such device" }, {}, "ENODEV: no such device"],
  ["oops", {}, "oops"],
])("what the system says of a file: %j", (error, special, words) => {
  expect(fileFault(error, special)).toBe(words);
});

test("a UsageError keeps every problem", () => {
  expect(new UsageError(["a", "b"])).toMatchObject({
    message: "a\nb",
    problems: [{ what: "a" }, { what: "b" }],
  });
  expect(new UsageError("a").problems).toEqual([{ what: "a" }]);
});

test.each<[UsageProblem, string]>([
  [{ what: "no" }, "no"],
  [{ what: "no", instead: "write yes" }, "no; write yes"],
  [
    { flag: "--for", value: "2", what: "has no unit", instead: "write 2s" },
    '--for: "2" has no unit; write 2s',
  ],
  [
    { what: [{ flag: "-k" }, " does not fit ", { address: "rtmp://h/***" }, ": no"] },
    '-k does not fit "rtmp://h/***": no',
  ],
])("%j as a line", (problem, line) => {
  expect(problemLine(problem)).toBe(line);
  expect(new UsageError(problem).message).toBe(line);
});

describe("withContext", () => {
  test.each(OURS.slice(1, 5).map((error) => [error.name, error] as const))(
    "%s keeps its kind and its cause",
    (_name, error) => {
      const told = withContext(error, 'Cannot play "x"') as Error;
      const {
        message,
        cause,
        stack: _stack,
        ...detail
      } = Object.assign({}, told, { message: told.message, cause: told.cause });
      expect(told.constructor).toBe(error.constructor);
      expect(message).toBe('Cannot play "x": wrong');
      expect(cause).toBe(error);
      expect(error).toMatchObject(detail);
    },
  );

  test.each<[string, unknown]>([
    ["UsageError", OURS[0]],
    ["DiskError", OURS[5]],
    ["a bug", new Error("oops")],
    ["a text", "oops"],
  ])("%s names its place already, or is none of ours", (_name, error) => {
    expect(withContext(error, "context")).toBe(error);
  });
});
