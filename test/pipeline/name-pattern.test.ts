/** Templates turned round: everything that a template can make matches, and as little else as possible. */
import { describe, expect, test } from "bun:test";
import { expandName, numbered, type NameFields } from "../../src/pipeline/file-name.ts";
import { namePattern } from "../../src/pipeline/name-pattern.ts";

const FIELDS: NameFields = { job: "porch", app: "live", stream: "cam.1" };

const TEMPLATES = [
  "/r/{app}-{stream}_%Y-%m-%d_%H-%M-%S.flv",
  "/r/{job}/%Y-%m-%d/%H-%M-%S.flv",
  "/r/{date}/{date}_{time}_{n}.flv",
  "/r/%F/%T",
  "/r/%y%j-%e-%I%p%M%S-%a-%A-%b-%B-%s-100%%.flv",
  "/r/show.flv",
  "/%Y.flv",
  "/r (1)/[a]+{n}.x.flv",
];

describe("what a template makes", () => {
  test.each(TEMPLATES)("%s", (template) => {
    const pattern = namePattern(template, FIELDS);
    for (let i = 0; i < 400; i++) {
      const time = new Date(2024, 1, 27, 3 + i * 11, i * 7, i * 13);
      const path = expandName(template, { ...FIELDS, n: i + 1 }, time);
      expect(pattern.match(path)).toEqual({ base: path, number: 1 });
      expect(pattern.match(numbered(path, 2 + i))).toEqual({ base: path, number: 2 + i });
      const names = path.slice(pattern.folder.length).split("/").filter(Boolean);
      expect(names).toHaveLength(pattern.steps.length);
      for (const [depth, name] of names.entries()) expect(name).toMatch(pattern.steps[depth]!);
    }
  });

  test.each([
    ["/r/{job}/%Y-%m-%d/%H.flv", "/r/porch", false],
    ["/r/{app}-{stream}_%Y.flv", "/r", false],
    ["/r/a/b/show.flv", "/r/a/b", true],
    ["/%Y/x.flv", "/", false],
    ["/r/x{n}.flv", "/r", false],
  ])("%s is below %s", (template, folder, fixed) => {
    expect(namePattern(template, FIELDS)).toMatchObject({ folder, fixed });
  });
});

describe("what a template cannot make", () => {
  test.each([
    ["/r/%Y-%m-%d.flv", "/r/2026-13-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-02-30.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2025-02-29.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-1-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01.flv.part"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01.flv~"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01.mp4"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01xflv"],
    ["/r/%Y-%m-%d.flv", "/r/x2026-01-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r/.2026-01-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01.FLV"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01-1.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01-02.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01-2-3.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01 copy.flv"],
    ["/r/%Y-%m-%d.flv", "/r/2026-01-01.flv\n"],
    ["/r/%Y-%m-%d.flv", "/r/x/2026-01-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r/../2026-01-01.flv"],
    ["/r/%Y-%m-%d.flv", "/other/2026-01-01.flv"],
    ["/r/%Y-%m-%d.flv", "/r2/2026-01-01.flv"],
    ["/r/{date}/{date}.flv", "/r/2026-01-01/2026-01-02.flv"],
    ["/r/%H-%M-%S.flv", "/r/24-00-00.flv"],
    ["/r/%H-%M-%S.flv", "/r/23-60-00.flv"],
    ["/r/{job}-%Y.flv", "/r/other-2026.flv"],
    ["/r/{job}-%Y.flv", "/r/porch2-2026.flv"],
    ["/r/{stream}%Y.flv", "/r/camx12026.flv"],
    ["/r/{n}.flv", "/r/0.flv"],
    ["/r/{n}.flv", "/r/01.flv"],
    ["/r/show.flv", "/r/show-1.flv"],
    ["/r/show.flv", "/r/show-x.flv"],
    ["/r/show.flv", "/r/show2.flv"],
    ["/r/%A.flv", "/r/Mittwoch.flv"],
    ["/r/%q.flv", "/r/q.flv"],
  ])("%s, %j", (template, path) => {
    expect(namePattern(template, FIELDS).match(path)).toBeUndefined();
  });
});
