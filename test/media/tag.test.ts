import { describe, expect, test } from "bun:test";
import { readTagHeader } from "../../src/media/tag.ts";
import { fromHex, hex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";
import { AUDIO, DATA, EMPTY, PLAIN, VIDEO } from "./tag-cases.ts";

describe("readTagHeader", () => {
  test.each([...VIDEO, ...AUDIO, ...DATA])("%s", (_name, kind, body, expected) => {
    expect(readTagHeader(kind, fromHex(body))).toEqual({ ...PLAIN, ...expected });
  });

  test.each(EMPTY)("%s is a no-op", (_name, kind, body, expected) => {
    expect(readTagHeader(kind, fromHex(body))).toEqual({ ...PLAIN, empty: true, ...expected });
  });

  test("fields always come in the same order, so that all headers share a shape", () => {
    const shapes = new Set(
      [...VIDEO, ...AUDIO, ...DATA, ...EMPTY].map(([, kind, body]) =>
        Object.keys(readTagHeader(kind, fromHex(body))).join(" "),
      ),
    );
    expect(shapes.size).toBe(1);
  });

  test("a chain of ModEx is not followed without end", () => {
    const body = new Uint8Array(3 * 100_000 + 8);
    body[0] = 0x97;
    for (let at = 1; at + 2 < body.length; at += 3) body[at + 2] = 0x07;
    expect(readTagHeader("video", body)).toMatchObject({ role: "frame", empty: true });
  });

  test("every cut and every damage of a body gives a header", () => {
    for (const [, kind, text] of [...VIDEO, ...AUDIO, ...DATA]) {
      const body = fromHex(text);
      const damaged = [...mutations(body, 100, body.length)];
      for (let cut = 0; cut <= body.length; cut++) damaged.push(body.subarray(0, cut));
      for (const bytes of damaged) {
        const header = readTagHeader(kind, bytes);
        expect(header.payloadOffset).toBeLessThanOrEqual(bytes.length);
        expect(Math.abs(header.compositionTime)).toBeLessThanOrEqual(0x800000);
      }
    }
  });

  test("a view into a larger buffer is read from its own start", () => {
    const buffer = hex`ffff 17 01 ffffde 010203`;
    expect(readTagHeader("video", buffer.subarray(2)).compositionTime).toBe(-34);
  });
});
