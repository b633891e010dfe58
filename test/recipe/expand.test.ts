/** Variables in recipes: every form, what they put in, and what of it is a secret. */
import { describe, expect, test } from "bun:test";
import { expandScalar } from "../../src/recipe/expand.ts";
import type { RecipeProblem } from "../../src/recipe/problems.ts";
import { scalar } from "../../src/recipe/tree.ts";
import { aroundOf } from "../support/recipes.ts";

const WORLD = {
  variables: { A: "one", B: "two", EMPTY: "", DOLLAR: "${A}", CREDENTIALS_DIRECTORY: "/cred" },
  files: { "/run/key": "  from file\n", "/run/empty": "\n", "/cred/k": "from cred", "near.key": "near" },
};

function expand(text: string) {
  const problems: RecipeProblem[] = [];
  const node = expandScalar(scalar(text, { kind: "none" }), aroundOf(WORLD), problems);
  return { node, problems: problems.map((problem) => problem.text) };
}

describe("a text", () => {
  test.each<[string, string]>([
    ["plain", "plain"],
    ["", ""],
    ["${A}", "one"],
    ["x${A}y${B}z", "xoneytwoz"],
    ["${A}${B}", "onetwo"],
    ["${A:-default}", "one"],
    ["${NONE:-default}", "default"],
    ["${NONE:-}", ""],
    ["${EMPTY:-default}", "default"],
    ["${NONE:-a b/c:d}", "a b/c:d"],
    ["${NONE:-${B}}", "two"],
    ["${NONE:-<${EMPTY:-${A}}>}", "<one>"],
    ["${A:?never said}", "one"],
    ["${file:/run/key}", "from file"],
    ["${file:near.key}", "near"],
    ["${cred:k}", "from cred"],
    ["$$", "$"],
    ["$$A", "$A"],
    ["$${A}", "${A}"],
    ["$$$${A}", "$${A}"],
    ["$$$$", "$$"],
    ["5$", "5$"],
    ["5$ and", "5$ and"],
    ["$1", "$1"],
    ["${DOLLAR}", "${A}"],
    ["{job}_{date}", "{job}_{date}"],
    ["%Y", "%Y"],
  ])("%p becomes %p", (text, expected) => {
    expect(expand(text)).toMatchObject({ node: { value: expected }, problems: [] });
  });

  test("that is no text stays as it is", () => {
    for (const value of [5, true, null]) {
      const node = scalar(value, { kind: "none" });
      expect(expandScalar(node, aroundOf(WORLD), [])).toBe(node);
    }
  });
});

describe("what was put in", () => {
  test.each<[string, string[]]>([
    ["x${A}y", ["one"]],
    ["${A}${B}", ["one", "two"]],
    ["${NONE:-default}", []],
    ["<${NONE:-a${B}c}>", ["two"]],
    ["${A:-a${B}c}", ["one"]],
    ["<${file:/run/key}>", ["from file!"]],
    ["${cred:k}", ["from cred!"]],
    ["$$", []],
  ])("%p is remembered", (text, expected) => {
    const { node } = expand(text);
    const value = String(node.value);
    expect(
      node.inserted.map((piece) => value.slice(piece.start, piece.end) + (piece.private ? "!" : "")),
    ).toEqual(expected);
  });
});

const FORMS =
  "write ${V}, ${V:-default}, ${V:?message}, ${file:PATH} or ${cred:NAME}, and $$ for a dollar sign";

describe("a problem", () => {
  test.each<[string, string]>([
    [
      "${NONE}",
      "${NONE} is not set — set it in the environment, or use ${file:PATH} or ${cred:NAME}; ${NONE:-} allows it to be empty",
    ],
    [
      "${EMPTY}",
      "${EMPTY} is set to nothing — set it in the environment, or use ${file:PATH} or ${cred:NAME}; ${EMPTY:-} allows it to be empty",
    ],
    ["${NONE:?the key of OBS}", "${NONE} is not set: the key of OBS — set it in the environment"],
    ["${EMPTY:?the key of OBS}", "${EMPTY} is set to nothing: the key of OBS — set it in the environment"],
    ["$NONE", "$NONE has no braces — write ${NONE} for the variable, $$NONE for a dollar sign"],
    ["${", `\${ is not closed — ${FORMS}`],
    ["${A", `\${ is not closed — ${FORMS}`],
    ["${A:-x", `\${ is not closed — ${FORMS}`],
    ["${}", `this \${...} cannot be read — ${FORMS}`],
    ["${A-x}", `this \${...} cannot be read — ${FORMS}`],
    ["${A:x}", `this \${...} cannot be read — ${FORMS}`],
    ["${1A}", `this \${...} cannot be read — ${FORMS}`],
    ["${A B}", `this \${...} cannot be read — ${FORMS}`],
    ["${file:}", "${file:} names no file — write ${file:PATH}"],
    [
      "${file:/nowhere}",
      "${file:/nowhere} cannot be read: there is no such file — make it a file that this user may read",
    ],
    ["${file:/run/empty}", "${file:/run/empty} is empty — put the value into that file"],
    ["${cred:a/b}", "${cred:a/b} is no name of a credential — write ${cred:NAME}"],
    [
      "${cred:none}",
      "${cred:none} cannot be read: there is no such file — make it a file that this user may read",
    ],
  ])("%p is said", (text, problem) => {
    expect(expand(text).problems).toEqual([problem]);
  });

  test("of a credential without a folder of credentials says who makes one", () => {
    const problems: RecipeProblem[] = [];
    expandScalar(scalar("${cred:key}", { kind: "none" }), aroundOf({}), problems);
    expect(problems.map(({ text }) => text)).toEqual([
      "${cred:key} cannot be read: CREDENTIALS_DIRECTORY is not set — start runnel from a unit with LoadCredential=key:PATH",
    ]);
  });

  test("nested without end is refused", () => {
    expect(expand("${N:-".repeat(40) + "}".repeat(40)).problems.length).toBeGreaterThan(0);
  });
});
