import { describe, expect, test } from "bun:test";
import { amfObject, getProperty } from "../../src/amf/amf0.ts";
import { ProtocolError } from "../../src/errors.ts";
import { decodeCommand, encodeCommand } from "../../src/rtmp/command.ts";
import { connectObject, NO_FOURCCS } from "../../src/rtmp/connect.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { fixture, fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";
import { readMessages, readRows } from "./chunk-cases.ts";

describe("decodeCommand", () => {
  test("V-13 publish", () => {
    const body = hex`0200077075626c6973680040140000000000000502000273310200046c697665`;
    expect(decodeCommand(20, body)).toEqual({
      name: "publish",
      transactionId: 5,
      values: [null, "s1", "live"],
    });
  });

  test("V-36 createStream and its answer", () => {
    const call = hex`02000c63726561746553747265616d00401000000000000005`;
    expect(decodeCommand(20, call)).toEqual({ name: "createStream", transactionId: 4, values: [null] });
    const answer = hex`0200075f726573756c7400401000000000000005003ff0000000000000`;
    expect(decodeCommand(20, answer)).toEqual({ name: "_result", transactionId: 4, values: [null, 1] });
  });

  test("V-37 onStatus", () => {
    const body = hex`0200086f6e53746174757300000000000000000005030005 6c6576656c 020006 737461747573
      0004 636f6465 020017 4e657453747265616d2e5075626c6973682e5374617274 000009`;
    const command = decodeCommand(20, body);
    expect(command?.transactionId).toBe(0);
    expect(getProperty(command?.values[1], "code")).toBe("NetStream.Publish.Start");
  });

  test("V-39 a name and nothing else", () => {
    const body = hex`02000b6f6e46435075626c697368`;
    expect(decodeCommand(20, body)).toEqual({ name: "onFCPublish", transactionId: 0, values: [] });
  });

  test("V-47 type 17, with and without the byte in front", () => {
    const body = hex`02000c63726561746553747265616d00401000000000000005`;
    const expected = { name: "createStream", transactionId: 4, values: [null] };
    expect(decodeCommand(17, hex`00${body}`)).toEqual(expected);
    expect(decodeCommand(17, body)).toEqual(expected);
  });

  test("without a transaction id all values are kept", () => {
    const body = hex`02000c6f6e506c617953746174757303 0004 636f6465 020001 78 000009`;
    const command = decodeCommand(18, body);
    expect(command?.transactionId).toBe(0);
    expect(getProperty(command?.values[0], "code")).toBe("x");
  });

  test("what does not begin with a name is none", () => {
    expect(decodeCommand(20, new Uint8Array(0))).toBeUndefined();
    expect(decodeCommand(20, hex`05`)).toBeUndefined();
    expect(decodeCommand(20, hex`003ff0000000000000`)).toBeUndefined();
  });

  test("damage gives a command, none, or ProtocolError", () => {
    const bodies = readMessages([fixture("rtmp/ffmpeg-play.s2c").subarray(3073)]).filter(
      ({ typeId }) => typeId === 20,
    );
    for (const { payload } of bodies) {
      for (const damaged of mutations(payload, 500, 3)) {
        try {
          decodeCommand(20, damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }
    }
  });
});

describe("encodeCommand", () => {
  test("V-13 publish, on our csid for commands", () => {
    const command = { name: "publish", transactionId: 5, values: [null, "s1", "live"] };
    const bytes = encodeCommand(command, { messageStreamId: 1, chunkSize: 128 });
    expect(toHex(bytes)).toBe(
      toHex(
        fromHex(
          "03 000000 000020 14 01000000 0200077075626c6973680040140000000000000502000273310200046c697665",
        ),
      ),
    );
  });

  test("a long one is cut into chunks and reads back", () => {
    const values = [amfObject({ app: "a".repeat(300), tcUrl: "rtmp://host/a" })];
    const bytes = encodeCommand(
      { name: "connect", transactionId: 1, values },
      { messageStreamId: 0, chunkSize: 128 },
    );
    expect([128 + 12, 2 * 128 + 13].map((at) => bytes[at])).toEqual([0xc3, 0xc3]);
    const [row] = readRows([bytes]);
    expect(decodeCommand(20, fromHex(row![3]))).toEqual({ name: "connect", transactionId: 1, values });
  });
});

describe("connectObject", () => {
  const options = { authQuery: "", fourCcs: NO_FOURCCS };
  const connect = (text: string, intent: "publish" | "play", more = {}): [string, unknown][] => {
    const object = connectObject({ ...options, url: parseRtmpUrl(text), intent, ...more });
    return (object as { entries: [string, unknown][] }).entries;
  };

  test("a publisher says what FMLE says", () => {
    expect(connect("rtmp://host/live/key", "publish")).toEqual([
      ["app", "live"],
      ["type", "nonprivate"],
      ["flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"],
      ["swfUrl", "rtmp://host/live"],
      ["tcUrl", "rtmp://host/live"],
    ]);
  });

  test("a player says what librtmp says", () => {
    expect(connect("rtmp://host:1936/live/name", "play")).toEqual([
      ["app", "live"],
      ["flashVer", "LNX 10,0,32,18"],
      ["tcUrl", "rtmp://host:1936/live"],
      ["fpad", false],
      ["capabilities", 15],
      ["audioCodecs", 4071],
      ["videoCodecs", 252],
      ["videoFunction", 1],
    ]);
  });

  test("an answer to a challenge goes behind app and tcUrl", () => {
    const entries = connect("rtmp://host/live/key", "publish", { authQuery: "?authmod=adobe&user=u" });
    expect(entries.filter(([key]) => key === "app" || key === "tcUrl")).toEqual([
      ["app", "live?authmod=adobe&user=u"],
      ["tcUrl", "rtmp://host/live?authmod=adobe&user=u"],
    ]);
  });

  test("codecs beyond the legacy ones are announced with the capabilities", () => {
    const entries = connect("rtmp://host/live/key", "publish", {
      fourCcs: { video: ["hvc1"], audio: ["Opus"] },
    });
    expect(entries.slice(-4)).toEqual([
      ["fourCcList", ["hvc1", "Opus"]],
      ["videoFourCcInfoMap", { kind: "object", entries: [["hvc1", 4]] }],
      ["audioFourCcInfoMap", { kind: "object", entries: [["Opus", 4]] }],
      ["capsEx", 6],
    ]);
  });
});
