/** Sizes of AV1, VP8 and VP9: heads that libaom, SVT-AV1, rav1e and libvpx wrote, and one with every option of AV1. */
import { describe, expect, test } from "bun:test";
import { readCodecFacts, refineFacts } from "../../src/media/codec-facts.ts";
import { TrackFacts } from "../../src/media/recording-facts.ts";
import { readAv1Shape } from "../../src/media/video-heads.ts";
import { fromHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

/** ffmpeg -f lavfi -i testsrc2=size=322x182 -frames:v 3 -c:v ENCODER, the record of its MP4 or its first IVF frame. */
const AV1_RECORDS = {
  libaom: "81000c000a0b000000043d06d4daf90040",
  "SVT-AV1": "81000c000a0b000000043d06d402f80040",
  rav1e: "811f0c000a0e000000fa1e836a210a88101010a0",
};
const LIBAOM_UNIT = "12000a0b000000043d06d4daf9004032c5181400a0b010db6f11a5fbb603";
const VP9_FRAMES = {
  "4:2:0": "824983420014100b560438241c184a00",
  "10 bits": "92498342000a0805ab011c120e0c2c00",
  "4:4:4": "a2498342000282016ac0870483830940",
  RGB: "a2498342e014100b560438241c184a00",
};
const VP8_FRAME = "f067009d012a4201b6000007088585888584";
const SIZE = { width: 322, height: 182 };

/** Bits as text, spaces left out, as whole bytes in hex. */
function packed(...bits: string[]): string {
  const all = bits.join("");
  const padded = all.padEnd(Math.ceil(all.length / 8) * 8, "0");
  return (padded.match(/.{8}/g) ?? [])
    .map((byte) => parseInt(byte, 2).toString(16).padStart(2, "0"))
    .join("");
}
const u = (value: number, bits: number): string => value.toString(2).padStart(bits, "0");

/** 30000/1001 Hz, a decoder model, delays, two operating points. */
const FULL = packed(
  ...["001", "0", "0", "1", u(1001, 32), u(30_000, 32), "1", "1"],
  ...["1", u(3, 5), u(1, 32), u(7, 5), u(7, 5)],
  ...["1", u(1, 5), u(0, 12), u(8, 5), "1", "1", u(9, 4), u(9, 4), "0", "1", u(2, 4)],
  ...[u(0, 12), u(1, 5), "0", "0"],
  ...[u(10, 4), u(10, 4), u(1919, 11), u(1079, 11)],
);
const REDUCED = packed("000", "1", "1", u(4, 5), u(8, 4), u(7, 4), u(321, 9), u(181, 8));
const length = (hex: string): string => (hex.length / 2).toString(16).padStart(2, "0");

describe("AV1", () => {
  test.each(Object.entries(AV1_RECORDS))("the record of %s", (_name, record) => {
    const facts = readCodecFacts("video", fromHex(`80 61763031 ${record}`));
    expect(facts).toMatchObject({ codec: "av01", profile: "Main", ...SIZE, problem: undefined });
  });

  test.each([
    ["every option", `0a ${length(FULL)} ${FULL}`, { width: 1920, height: 1080, fps: 29.97 }],
    ["a reduced header", `0a ${length(REDUCED)} ${REDUCED}`, SIZE],
    ["no length: to the end", `08 ${REDUCED}`, SIZE],
    ["an extension", `0e 08 ${length(REDUCED)} ${REDUCED}`, SIZE],
    ["behind other units", `1200 2a 03 040000 0a ${length(REDUCED)} ${REDUCED}`, SIZE],
    ["a long length", `0a ${(REDUCED.length / 2 + 128).toString(16)} 00 ${REDUCED}`, SIZE],
    ["none", "1200", undefined],
    ["nothing", "", undefined],
  ])("%s", (_name, obus, expected) => {
    expect(readAv1Shape(fromHex(obus))).toEqual(expected);
  });

  test("a record that is cut keeps what it says, and the keyframe tells the rest", () => {
    const cut = readCodecFacts("video", fromHex("80 61763031 81080c00 0a0b0000"))!;
    expect(cut).toMatchObject({ profile: "Main", level: "4.0", width: undefined });
    expect(cut.problem).toBeString();
    const key = { kind: "video", role: "key", body: fromHex(`91 61763031 ${LIBAOM_UNIT}`) } as const;
    expect(refineFacts(cut, key)).toMatchObject({ profile: "Main", level: "4.0", ...SIZE });
  });
});

describe("a keyframe tells", () => {
  const bodies: [name: string, codec: string, body: string][] = [
    ...Object.entries(VP9_FRAMES).map(([name, frame]): [string, string, string] => [
      `VP9 ${name}`,
      "vp09",
      `91 76703039 ${frame}`,
    ]),
    ["legacy VP9", "vp09", `1f ${VP9_FRAMES["4:2:0"]}`],
    ["VP8", "vp08", `91 76703038 ${VP8_FRAME}`],
    ["legacy VP8", "vp08", `1e ${VP8_FRAME}`],
    ["AV1", "av01", `91 61763031 ${LIBAOM_UNIT}`],
  ];

  test.each(bodies)("the size of %s", (_name, codec, body) => {
    expect(readCodecFacts("video", fromHex(body))).toMatchObject({ codec, ...SIZE, problem: undefined });
  });

  test.each(bodies)("damage of %s never throws", (_name, _codec, body) => {
    for (const bytes of mutations(fromHex(body), 300, 7)) readCodecFacts("video", bytes);
  });

  test("nothing about size where it is an interframe", () => {
    expect(readCodecFacts("video", fromHex("91 76703039 86004040"))).toBeUndefined();
    expect(readCodecFacts("video", fromHex("91 76703038 110000000000000000"))).toBeUndefined();
  });

  test("the head of a recording the size that the sequence header of VP9 does not have", () => {
    const facts = new TrackFacts();
    const learn = (role: "header" | "key" | "frame", body: string): void =>
      facts.learn({ kind: "video", role, codec: "vp09", track: 0, body: fromHex(body) });
    learn("header", "80 76703039 01000000 00 28 82 02 02 02 0000");
    learn("frame", "a1 76703039 86004040");
    expect(facts.known.width).toBeUndefined();
    learn("key", `91 76703039 ${VP9_FRAMES["4:2:0"]}`);
    expect(facts.known).toMatchObject({ ...SIZE, videocodecid: 0x76703039 });
    learn("frame", "a1 76703039 86004040");
    expect(facts.known).toMatchObject(SIZE);
    // A stream that changes its size has a new header, and the next keyframe says what it is.
    learn("header", "80 76703039 01000000 00 29 82 02 02 02 0000");
    expect(facts.known.width).toBeUndefined();
    learn("key", `91 76703039 ${VP9_FRAMES["4:2:0"]}`);
    expect(facts.known).toMatchObject(SIZE);
  });
});
