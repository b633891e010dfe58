import { describe, expect, test } from "bun:test";
import { formatInspection } from "../../src/media/probe-text.ts";
import { type Inspection, Inspector } from "../../src/media/repair-inspection.ts";
import { fixture } from "../support/bytes.ts";

const SHOW = fixture("flv/show.flv");
const FILE = { whole: true, stopped: false };
const PIPE = { whole: false, stopped: false };

function inspect(bytes: Uint8Array, end: { whole: boolean; stopped: boolean }): Inspection {
  const inspector = new Inspector();
  inspector.feed(bytes.subarray(0, 1000));
  inspector.feed(bytes.subarray(1000));
  return inspector.end(end);
}

describe("Inspector", () => {
  test("a file that only lacks its index is not damaged", () => {
    const inspection = inspect(SHOW, FILE);
    expect(inspection).toMatchObject({ damaged: false, count: 1, counts: { index: 1 } });
    expect(formatInspection(inspection, "runnel repair show.flv")).toEqual([
      "file: a missing or wrong keyframe index; to mend it: runnel repair show.flv",
      "  offset 13: there is no keyframe index",
    ]);
  });

  test("a pipe has no head to speak of, and a stop is no cut", () => {
    expect(inspect(SHOW, PIPE)).toEqual({ damaged: false, count: 0, counts: {}, findings: [] });
    expect(formatInspection(inspect(SHOW, PIPE), undefined)).toEqual(["input: sound"]);
    const cut = SHOW.subarray(0, -100);
    expect(inspect(cut, PIPE)).toMatchObject({ damaged: true, counts: { torn: 1 } });
    expect(inspect(cut, { whole: true, stopped: true })).toMatchObject({ damaged: false, count: 0 });
  });

  test("many findings are counted, some are kept, a few are shown", () => {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 150; i++) parts.push(SHOW, new Uint8Array(7));
    const inspection = inspect(new Uint8Array(Buffer.concat(parts)), PIPE);
    expect(inspection.counts).toMatchObject({ zeros: 150, session: 149 });
    expect(inspection.findings).toHaveLength(100);
    const lines = formatInspection(inspection, undefined);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toBe("  and 289 more");
  });
});
