import { describe, expect, test } from "bun:test";
import { amfEcmaArray, amfObject, type Amf0Value } from "../../src/amf/amf0.ts";
import { type Reaction, reactionTo, readStatus, refusalError, type Status } from "../../src/rtmp/status.ts";
import { STATUS_ROWS } from "./status-rows.ts";

const status = (code: string, level = ""): Status => ({
  code,
  level,
  description: "",
  redirect: undefined,
  redirectHasStream: false,
});

describe("reactionTo", () => {
  test.each(STATUS_ROWS.map((row) => [row[0], row[1], row] as const))("%s: %s", (code, reaction, row) => {
    for (const spelling of [code, code.toLowerCase(), code.toUpperCase()]) {
      for (const level of ["status", "error", ""]) {
        expect(reactionTo(status(spelling, level), false)).toBe(reaction);
        expect(reactionTo(status(spelling, level), true)).toBe(reaction);
      }
      expect(refusalError(status(spelling)).refusal).toBe(row[2] ?? "failed");
    }
  });

  const unknown: [code: string, level: string, live: boolean, expected: Reaction][] = [
    ["NetStream.Publish.Start.Again", "status", false, "publishing"],
    ["NetStream.Whatever", "error", false, "refused"],
    ["NetStream.Whatever", "Error", false, "refused"],
    ["NetStream.Whatever", "error", true, "ignore"],
    ["NetStream.Whatever", "status", false, "ignore"],
    ["NetStream.Whatever", "warning", false, "ignore"],
    ["NetStream.Whatever", "", false, "ignore"],
    ["", "error", false, "refused"],
    // Names that every JavaScript object has are no rows of the table.
    ["constructor", "status", false, "ignore"],
    ["__proto__", "error", false, "refused"],
    ["toString", "", true, "ignore"],
  ];

  test.each(unknown)("an unknown code %s, level %s, live %s: %s", (code, level, live, expected) => {
    expect(reactionTo(status(code, level), live)).toBe(expected);
    expect(refusalError(status(code, level)).refusal).toBe("failed");
  });
});

describe("readStatus", () => {
  const info = { level: "error", code: "NetStream.Failed", description: "why" };
  const expected = { ...info, redirect: undefined, redirectHasStream: false };

  test.each<[string, Amf0Value[]]>([
    ["as the second value, behind null", [null, amfObject(info)]],
    ["as the first value", [amfObject(info)]],
    ["behind another object", [amfObject({ fmsVer: "FMS/3,0" }), amfObject(info)]],
    ["as an ECMA array", [null, amfEcmaArray(info)]],
    ["with more behind it", [null, amfObject(info), 7, "x"]],
  ])("finds the information object %s", (_, values) => {
    expect(readStatus(values)).toEqual(expected);
  });

  test.each<[string, Amf0Value[]]>([
    ["no values", []],
    ["no object", [null, 1, "NetStream.Play.Start", true, undefined]],
    ["an object without code", [null, amfObject({ level: "error" })]],
    ["a code that is a number", [null, amfObject({ code: 302 })]],
    ["an array", [null, ["code", "x"]]],
  ])("finds nothing in %s", (_, values) => {
    expect(readStatus(values)).toBeUndefined();
  });

  test("a missing level is a good one where the code sounds well", () => {
    const levelOf = (code: string): string | undefined => readStatus([amfObject({ code })])?.level;
    expect(levelOf("NetStream.Publish.Start")).toBe("status");
    expect(levelOf("NetStream.Unpublish.Success")).toBe("status");
    expect(levelOf("NetStream.Play.PublishNotify")).toBe("status");
    expect(levelOf("NetStream.Play.Something")).toBe("");
  });

  test("details stand in for a description", () => {
    expect(readStatus([amfObject({ code: "x", details: "y" })])?.description).toBe("y");
  });

  test("a redirect as Flash Media Server gives it: the other server", () => {
    const ex = amfObject({ code: 302, redirect: "rtmp://b.example/live" });
    expect(readStatus([null, amfObject({ ...info, ex })])).toEqual({
      ...expected,
      redirect: "rtmp://b.example/live",
      redirectHasStream: false,
    });
  });

  test("a redirect as SRS gives it: the stream too", () => {
    const ex = amfObject({
      code: 302,
      redirect: "rtmp://b.example/live",
      redirect2: "rtmp://b.example/live/s",
    });
    expect(readStatus([null, amfObject({ ...info, ex })])).toEqual({
      ...expected,
      redirect: "rtmp://b.example/live/s",
      redirectHasStream: true,
    });
  });

  test("an empty redirect is none", () => {
    const ex = amfObject({ code: 302, redirect: "", redirect2: "" });
    expect(readStatus([amfObject({ ...info, ex })])?.redirect).toBeUndefined();
  });
});

describe("refusalError", () => {
  test("names the code as the server wrote it, and its description", () => {
    const refused = refusalError({
      ...status("NetStream.Publish.BadName"),
      description: "Already publishing",
    });
    expect(refused.message).toBe("the server refused: NetStream.Publish.BadName (Already publishing)");
    expect(refused.code).toBe("NetStream.Publish.BadName");
    expect(refusalError(status("NetStream.Failed")).message).toBe("the server refused: NetStream.Failed");
  });
});
