/** Opus: the length of packets of each mode, and identification headers. */
import { describe, expect, test } from "bun:test";
import { isOpusTags, opusChannels, opusSamples } from "../../src/media/opus.ts";
import { fromHex } from "../support/bytes.ts";

describe("opusSamples", () => {
  // Modes and frame lengths as RFC 6716 lists them, table 2.
  test.each([
    ["SILK, narrow, 10 ms", 0, 480],
    ["SILK, narrow, 60 ms", 3, 2880],
    ["SILK, wide, 20 ms", 9, 960],
    ["SILK, wide, 40 ms", 10, 1920],
    ["hybrid, super-wide, 10 ms", 12, 480],
    ["hybrid, full, 20 ms", 15, 960],
    ["CELT, narrow, 2.5 ms", 16, 120],
    ["CELT, full, 5 ms", 29, 240],
    ["CELT, full, 20 ms", 31, 960],
  ])("%s", (_name, mode, samples) => {
    expect(opusSamples(Uint8Array.of(mode << 3, 1, 2))).toBe(samples);
    expect(opusSamples(Uint8Array.of((mode << 3) | 1, 1, 2))).toBe(2 * samples);
    expect(opusSamples(Uint8Array.of((mode << 3) | 2, 1, 2))).toBe(2 * samples);
    const two = opusSamples(Uint8Array.of((mode << 3) | 3, 0xc2, 2));
    expect(two).toBe(2 * samples);
  });

  test.each([
    ["nothing", "", 0],
    ["48 frames of 2.5 ms", "833000", 48 * 120],
    ["longer than 120 ms", "833100", 0],
    ["no frame at all", "fb00", 0],
    ["a count that is cut off", "fb", 0],
  ])("%s", (_name, text, samples) => {
    expect(opusSamples(fromHex(text))).toBe(samples);
  });
});

describe("the first packets", () => {
  const head = "4f707573486561640101380180bb0000000000";
  test.each([
    ["mono", head, 1],
    ["stereo", head.replace("0101", "0102"), 2],
    ["a later version that reads the same", head.replace("640101", "640f01"), 1],
    ["a version of another kind", head.replace("640101", "641001"), undefined],
    ["no channels", head.replace("640101", "640100"), undefined],
    ["cut", head.slice(0, -2), undefined],
    ["comments", "4f70757354616773", undefined],
  ])("%s", (_name, text, channels) => {
    expect(opusChannels(fromHex(text))).toBe(channels);
  });

  test("comments are known by their name", () => {
    expect(isOpusTags(fromHex("4f7075735461677300"))).toBe(true);
    expect(isOpusTags(fromHex("4f70757354616773").subarray(0, 7))).toBe(false);
    expect(isOpusTags(fromHex(head))).toBe(false);
  });
});
