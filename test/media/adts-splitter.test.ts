/** Raw AAC with ADTS headers: frames and their configuration, in every cut, damaged. */
import { describe, expect, test } from "bun:test";
import { AdtsSplitter, type AdtsFrame } from "../../src/media/adts-splitter.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { mutations } from "../support/mutate.ts";
import { needs } from "../support/programs.ts";
import { ffmpeg } from "../support/raw-video.ts";
import { tidy } from "../support/tidy.ts";

tidy();

function read(segments: readonly Uint8Array[]) {
  const frames: AdtsFrame[] = [];
  const splitter = new AdtsSplitter((frame) =>
    frames.push({ ...frame, payload: new Uint8Array(frame.payload) }),
  );
  for (const segment of segments) splitter.feed(segment);
  splitter.end();
  const plain = frames.map(({ config, payload, sampleRate }) => [toHex(config), sampleRate, toHex(payload)]);
  return { frames: plain, skipped: splitter.skippedBytes };
}

/** V-84: 44.1 kHz mono of 11 bytes, stereo of 13. */
const MONO = `fff15040017ffc 01182007`;
const STEREO = `fff1508001bffc 211004608c1c`;

describe("AdtsSplitter", () => {
  test.each([
    [
      "two frames",
      MONO + MONO,
      [
        ["1208", 44_100, "01182007"],
        ["1208", 44_100, "01182007"],
      ],
      0,
    ],
    [
      "a change of channels",
      MONO + STEREO,
      [
        ["1208", 44_100, "01182007"],
        ["1210", 44_100, "211004608c1c"],
      ],
      0,
    ],
    ["noise before", `00ff12${STEREO}`, [["1210", 44_100, "211004608c1c"]], 3],
    [
      "noise between",
      `${STEREO.repeat(3)}aabb${STEREO}`,
      [
        ["1210", 44_100, "211004608c1c"],
        ["1210", 44_100, "211004608c1c"],
        ["1210", 44_100, "211004608c1c"],
        ["1210", 44_100, "211004608c1c"],
      ],
      2,
    ],
    ["a cut end", `${STEREO}fff15080`, [["1210", 44_100, "211004608c1c"]], 4],
    ["a header and a length by chance", `00${STEREO}aabbccddeeff0011`, [], 22],
    ["two of them by chance", `${STEREO}${STEREO}aabbccddeeff0011`, [], 34],
    [
      "three headers, and then noise",
      `${STEREO.repeat(3)}aabbccddeeff0011`,
      Array(3).fill(["1210", 44_100, "211004608c1c"]),
      8,
    ],
    ["a second frame that is cut", `${MONO}fff15040017ffc01`, [["1208", 44_100, "01182007"]], 8],
    ["V-86", "ff092c4000e000fff9", [], 9],
    ["nothing", "", [], 0],
  ])("%s", (_name, text, frames, skipped) => {
    const result = everySplit(fromHex(text), read);
    expect(result).toEqual({ frames, skipped } as typeof result);
  });

  test("damage: only frames that fit come out, the same for every cut", () => {
    const good = fromHex((STEREO + MONO).repeat(6));
    for (const bytes of mutations(good, 1000, 86)) {
      const whole = read([bytes]);
      const size = whole.frames.reduce((sum, [, , payload]) => sum + String(payload).length / 2, 0);
      expect(size + whole.skipped).toBeLessThanOrEqual(bytes.length);
      expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
    }
  });

  test.skipIf(!needs("ffmpeg"))("what ffmpeg writes", async () => {
    const sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-ac", "2", "-t", "2"];
    const raw = await ffmpeg([...sound, "-c:a", "aac", "-f", "adts", "-"]);
    const { frames, skipped } = read([raw]);
    expect(skipped).toBe(0);
    expect(frames.length).toBeGreaterThan(90);
    expect(new Set(frames.map(([config]) => config))).toEqual(new Set(["1190"]));
  });
});
