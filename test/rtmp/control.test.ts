import { describe, expect, test } from "bun:test";
import * as control from "../../src/rtmp/control.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import { randomBytes } from "../support/mutate.ts";

describe("decodeControl", () => {
  const cases: [name: string, typeId: number, body: string, expected: control.ControlMessage | undefined][] =
    [
      ["V-10 set chunk size 4096", 1, "00001000", { type: "set-chunk-size", size: 4096 }],
      ["V-10 with its top bit set", 1, "80001000", { type: "set-chunk-size", size: 4096 }],
      ["chunk size 1", 1, "00000001", { type: "set-chunk-size", size: 1 }],
      ["chunk size 0", 1, "00000000", { type: "set-chunk-size", size: 0 }],
      [
        "the largest chunk size that means anything",
        1,
        "00ffffff",
        { type: "set-chunk-size", size: 0xffffff },
      ],
      ["MonaServer's 128 MiB", 1, "08000000", { type: "set-chunk-size", size: 0xffffff }],
      ["the largest number", 1, "7fffffff", { type: "set-chunk-size", size: 0xffffff }],
      ["V-24 abort", 2, "0000001b", { type: "abort", csid: 27 }],
      ["abort with the largest number", 2, "ffffffff", { type: "abort", csid: 0xffffffff }],
      ["V-30 acknowledgement", 3, "02bd33b0", { type: "acknowledgement", bytes: 45_953_968 }],
      ["V-26 ping", 4, "000621f6fbc3", { type: "user-control", event: 6, data: 0x21f6fbc3 }],
      ["V-27 set buffer length", 4, "00030000000100000bb8", { type: "user-control", event: 3, data: 1 }],
      ["V-28 buffer empty without data", 4, "001f", { type: "user-control", event: 31, data: undefined }],
      ["V-28 buffer ready without data", 4, "0020", { type: "user-control", event: 32, data: undefined }],
      ["V-29 stream dry", 4, "000200008ace", { type: "user-control", event: 2, data: 0x8ace }],
      ["an event with half its data", 4, "00010000", { type: "user-control", event: 1, data: undefined }],
      ["SWF verification", 4, "001a000000", { type: "user-control", event: 26, data: undefined }],
      ["V-12 window", 5, "004c4b40", { type: "window-size", size: 5_000_000 }],
      ["V-11 peer bandwidth", 6, "002625a002", { type: "peer-bandwidth", size: 2_500_000 }],
      ["peer bandwidth without limit type", 6, "002625a0", { type: "peer-bandwidth", size: 2_500_000 }],
      ["the largest window", 5, "ffffffff", { type: "window-size", size: 0xffffffff }],
      ["bytes behind what is needed", 1, "0000100099", { type: "set-chunk-size", size: 4096 }],
      ["a type that is none", 0, "00001000", undefined],
      ["a type that is none of these", 7, "00001000", undefined],
    ];

  test.each(cases)("%s", (_, typeId, body, expected) => {
    expect(control.decodeControl(typeId, fromHex(body))).toEqual(expected as never);
  });

  test.each([1, 2, 3, 5, 6])("type %d with a body that is too short says nothing", (typeId) => {
    for (let length = 0; length < 4; length++) {
      expect(control.decodeControl(typeId, new Uint8Array(length))).toBeUndefined();
    }
  });

  test("a user control without its event says nothing", () => {
    expect(control.decodeControl(4, new Uint8Array(0))).toBeUndefined();
    expect(control.decodeControl(4, hex`00`)).toBeUndefined();
  });

  test("any bytes at all are understood or left", () => {
    for (let seed = 0; seed < 500; seed++) control.decodeControl(seed % 8, randomBytes(seed % 9, seed));
  });
});

describe("messages to send", () => {
  const cases: [name: string, bytes: Uint8Array, expected: string][] = [
    ["V-10 set chunk size", control.setChunkSize(4096), "02 000000 000004 01 00000000 00001000"],
    ["V-30 acknowledgement", control.acknowledgement(45_953_968), "02 000000 000004 03 00000000 02bd33b0"],
    ["V-11 window", control.windowAcknowledgementSize(2_500_000), "02 000000 000004 05 00000000 002625a0"],
    ["V-11 peer bandwidth", control.setPeerBandwidth(2_500_000), "02 000000 000005 06 00000000 002625a002"],
    ["V-26 pong", control.pingResponse(0x21f6fbc3), "02 000000 000006 04 00000000 0007 21f6fbc3"],
    [
      "V-27 buffer length",
      control.userControl(3, [1, 3000]),
      "02 000000 00000a 04 00000000 0003 00000001 00000bb8",
    ],
    ["largest ping", control.pingResponse(0xffffffff), "02 000000 000006 04 00000000 0007 ffffffff"],
  ];

  test.each(cases)("%s", (_, bytes, expected) => {
    expect(toHex(bytes)).toBe(toHex(fromHex(expected)));
  });

  test("an acknowledgement beyond 4 GiB has the lower 32 bits of the count", () => {
    const counts = [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 3 * 2 ** 40 + 0x80000001];
    expect(counts.map((count) => toHex(control.acknowledgement(count)).slice(24))).toEqual([
      "ffffffff",
      "00000000",
      "00000005",
      "80000001",
    ]);
  });
});
