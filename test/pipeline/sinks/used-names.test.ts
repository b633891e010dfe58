/** The names of a run: no name twice, however many there are, and memory that does not grow with them. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { realDisk } from "../../../src/pipeline/sinks/disk.ts";
import { RecordingFile } from "../../../src/pipeline/sinks/recording-file.ts";
import { UsedNames } from "../../../src/pipeline/sinks/used-names.ts";
import { scratch } from "../../support/scratch.ts";
import { tidy } from "../../support/tidy.ts";

tidy();

const nameOf = (path: string): string => path.split("/").at(-1)!;

test("numbers only grow, and a name that was not used has none", () => {
  const used = new UsedNames();
  used.note("a", 1);
  used.note("b", 4);
  used.note("a", 3);
  used.note("a", 2);
  expect(["a", "b", "c"].map((name) => used.last(name))).toEqual([3, 4, 0]);
});

test("30 days of files of 30 s: the latest names are known, one that is used again and again always", () => {
  const used = new UsedNames();
  for (let n = 1; n <= 86_400; n++) {
    used.note(`show-${n}.flv`, 1);
    used.note("show.flv", n);
  }
  expect([used.last("show-86400.flv"), used.last("show.flv")]).toEqual([1, 86_400]);
  expect(used.last("show-1.flv")).toBe(0);
});

test.each([false, true])(
  "a file that was moved away does not make its name free again (force: %p)",
  async (force) => {
    const folder = scratch("used");
    mkdirSync(join(folder, "moved"));
    const used = new UsedNames();
    // Of an earlier run: only who may overwrite uses the name.
    writeFileSync(join(folder, "show-2.flv"), "earlier");
    const names: string[] = [];
    for (let n = 0; n < 4; n++) {
      const file = await RecordingFile.open(realDisk, join(folder, "show.flv"), { force, used });
      const path = await file.finish();
      names.push(nameOf(path));
      renameSync(path, join(folder, "moved", nameOf(path)));
    }
    const own = force ? [1, 2, 3, 4] : [1, 3, 4, 5];
    expect(names).toEqual(own.map((n) => (n === 1 ? "show.flv" : `show-${n}.flv`)));
    if (!force) expect(readFileSync(join(folder, "show-2.flv"), "utf8")).toBe("earlier");
  },
);

test("the number of files of one name has no end", async () => {
  const folder = scratch("many");
  const used = new UsedNames();
  const path = join(folder, "show.flv");
  used.note(path, 86_400);
  const file = await RecordingFile.open(realDisk, path, { force: false, used });
  const name = await file.finish();
  expect(nameOf(name)).toBe("show-86401.flv");
  rmSync(name);
});
