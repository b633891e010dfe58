/** A first word that is no command: what was meant, and no key of an address that stands there. */
import { describe, expect, test } from "bun:test";
import { unknownCommand } from "../../src/commands/unknown-command.ts";

describe("a first word that is no command", () => {
  const ALL = "there are pull, push, relay, run, probe, repair, check, schema";

  test.each([
    ["pul", 'there is no command "pul" - did you mean pull?'],
    ["xyzzy", `there is no command "xyzzy"; ${ALL}`],
    ["h/app/SECRET", `there is no command of that name; ${ALL}`],
    ["shows/show.yaml", '"shows/show.yaml" is a recipe; write runnel run shows/show.yaml'],
    ["--json", "--json stands before the command; write runnel COMMAND --json"],
    ["--key=SECRET", "--key stands before the command; write runnel COMMAND --key"],
  ])("%s", (word, sentence) => {
    expect(unknownCommand(word)).toBe(sentence);
  });

  test.each(["rtmp://h/app/SECRET", "rtmps://u:SECRET@h/a/b", "listen:1935/live/SECRET", "exec:x SECRET"])(
    "%s is not repeated",
    (word) => {
      expect(unknownCommand(word)).toStartWith("a command comes first: runnel pull SOURCE records");
      expect(unknownCommand(word)).not.toContain("SECRET");
    },
  );
});
