/** Names of recordings: every letter and field, names that must not leave their folder, and numbers. */
import { describe, expect, test } from "bun:test";
import { UsageError } from "../../src/errors.ts";
import { DEFAULT_TEMPLATE, expandName, numbered, type NameFields } from "../../src/pipeline/file-name.ts";

const FIELDS: NameFields = { job: "porch", app: "live", stream: "cam1" };
const MORNING = new Date(2026, 2, 5, 7, 8, 9);
const NIGHT = new Date(2024, 11, 31, 23, 59, 58);
const MIDNIGHT = new Date(2026, 0, 1, 0, 0, 0);
const NOON = new Date(2026, 5, 15, 12, 30, 0);

describe("letters", () => {
  test.each([
    ["%Y", MORNING, "2026"],
    ["%y", MORNING, "26"],
    ["%m", MORNING, "03"],
    ["%d", MORNING, "05"],
    ["%e", MORNING, "5"],
    ["%H", MORNING, "07"],
    ["%I", MORNING, "07"],
    ["%I", NIGHT, "11"],
    ["%I", MIDNIGHT, "12"],
    ["%I", NOON, "12"],
    ["%M", MORNING, "08"],
    ["%S", MORNING, "09"],
    ["%p", MORNING, "AM"],
    ["%p", NOON, "PM"],
    ["%j", MORNING, "064"],
    ["%j", NIGHT, "366"],
    ["%j", MIDNIGHT, "001"],
    ["%a", MORNING, "Thu"],
    ["%A", MORNING, "Thursday"],
    ["%b", MORNING, "Mar"],
    ["%B", NIGHT, "December"],
    ["%F", MORNING, "2026-03-05"],
    ["%T", MORNING, "07-08-09"],
    ["%s", MORNING, String(MORNING.getTime() / 1000)],
    ["%%", MORNING, "%"],
    ["100%%Y", MORNING, "100%Y"],
  ])("%p", (template, time, name) => {
    expect(expandName(template, FIELDS, time)).toBe(name);
  });

  test.each(["%q", "%-d", "a%", "% d"])("%p is none", (template) => {
    expect(() => expandName(template, FIELDS, MORNING)).toThrow(UsageError);
  });
});

describe("fields", () => {
  test.each([
    ["{job}", "porch"],
    ["{app}", "live"],
    ["{stream}", "cam1"],
    ["{date}", "2026-03-05"],
    ["{time}", "07-08-09"],
    ["{job}/{app}-{stream}_{date}.flv", "porch/live-cam1_2026-03-05.flv"],
    ["no field at all.flv", "no field at all.flv"],
    [DEFAULT_TEMPLATE, "live-cam1_2026-03-05_07-08-09.flv"],
  ])("%p", (template, name) => {
    expect(expandName(template, FIELDS, MORNING)).toBe(name);
  });

  test.each(["{name}", "{}", "{jobs}"])("%p is none", (template) => {
    expect(() => expandName(template, FIELDS, MORNING)).toThrow(
      /\{job\} \{app\} \{stream\} \{date\} \{time\}/,
    );
  });
});

describe("a name from a URL stays within its folder", () => {
  test.each([
    ["../../etc/passwd", "__.._etc_passwd"],
    ["..", "_"],
    [".hidden", "_hidden"],
    ["a/b", "a_b"],
    ["a\\b", "a_b"],
    ["cam?token=secret", "cam"],
    ["cam?a=1\nb", "cam"],
    ["", "stream"],
    ["?token=secret", "stream"],
    ["кот 1", "кот_1"],
    ["a\u0000b\u001bc", "a_b_c"],
    ["%Y{job}", "_Y_job_"],
    ["name.with-all_3", "name.with-all_3"],
  ])("%p", (stream, name) => {
    expect(expandName("{stream}", { ...FIELDS, stream }, MORNING)).toBe(name);
    expect(expandName("{app}", { ...FIELDS, app: stream }, MORNING)).toBe(name);
  });
});

describe("numbered", () => {
  test.each([
    ["show.flv", 2, "show-2.flv"],
    ["/a.b/show", 3, "/a.b/show-3"],
    ["/a.b/show.flv", 10, "/a.b/show-10.flv"],
    ["two.dots.flv", 2, "two.dots-2.flv"],
    [".flv", 2, ".flv-2"],
    ["/a/.flv", 2, "/a/.flv-2"],
  ])("%p, %p", (path, n, name) => {
    expect(numbered(path, n)).toBe(name);
  });
});
