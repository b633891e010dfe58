import { describe, expect, test } from "bun:test";
import { splitAnnexB } from "../support/annexb.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

describe("splitAnnexB", () => {
  test.each([
    ["V-81 two NAL units", "000001 0d0a0f 000001 0a", ["0d0a0f", "0a"]],
    ["V-81 one NAL unit", "00000001 0d0a0f0a", ["0d0a0f0a"]],
    ["V-81 no NAL unit", "000002 0d0a0f0a", []],
    ["nothing", "", []],
    ["a start code alone", "000001", []],
    ["two start codes in a row", "000001 00000001 65", ["65"]],
    [
      "mixed start codes",
      "00000001 09f0 00000001 6742 000001 68ce 000001 65",
      ["09f0", "6742", "68ce", "65"],
    ],
    ["many zeros before the start code", "000000000001 65", ["65"]],
    ["what stands before is ignored", "ffee 000001 65", ["65"]],
    ["padding is no part of a NAL unit", "000001 65aa 000000 000001 41 0000", ["65aa", "41"]],
    ["cabac_zero_words keep their 03", "000001 65 80 000003 000003 000001 41", ["6580000003000003", "41"]],
    ["a cut start code at the end", "000001 65 0000", ["65"]],
  ])("%s", (_name, bytes, nals) => {
    expect(splitAnnexB(fromHex(bytes)).map(toHex)).toEqual(nals);
  });

  test("damage gives NAL units within the buffer and without start codes", () => {
    const good = fromHex("00000001 09f0 00000001 6742c01f8c8d40f028 000001 68ce3c80 000001 658882 000003 01");
    for (const bytes of mutations(good, 2000, 81)) {
      const nals = splitAnnexB(bytes);
      const total = nals.reduce((sum, nal) => sum + nal.length, 0);
      expect(total).toBeLessThanOrEqual(bytes.length);
      for (const nal of nals) expect(toHex(nal).match(/^(..)*?000001/)).toBeNull();
    }
  });
});
