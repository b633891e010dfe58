import { describe, expect, test } from "bun:test";
import {
  amf0In,
  amfEcmaArray,
  amfObject,
  type Amf0Value,
  decodeAmf0,
  decodeAmf0Message,
  encodeAmf0,
} from "../../src/amf/amf0.ts";
import { ProtocolError } from "../../src/errors.ts";
import { fixture, fromHex, hex, toHex } from "../support/bytes.ts";
import { mutations } from "../support/mutate.ts";

/** A message body out of a capture whose chunk size is still 128: a one-byte header stands after each 128 bytes. */
function chunkedBody(name: string, at: number, length: number): Uint8Array {
  const bytes = fixture(`rtmp/${name}`);
  return Uint8Array.from({ length }, (_, i) => bytes[at + i + Math.floor(i / 128)]!);
}

function plainBody(name: string, at: number, length: number): Uint8Array {
  return fixture(`rtmp/${name}`).slice(at, at + length);
}

const FFMPEG_CONNECT = chunkedBody("ffmpeg-publish.c2s", 3085, 140);
const RTMPDUMP_CONNECT = chunkedBody("rtmpdump-play.c2s", 3085, 198);
const NGINX_CONNECT = plainBody("nginx-push.c2s", 3117, 167);
const CONNECT_RESULT = chunkedBody("ffmpeg-listen.s2c", 3140, 190);
const FFMPEG_METADATA = plainBody("ffmpeg-publish.c2s", 3405, 309);

const CONNECT_FIELDS = {
  app: "live",
  type: "nonprivate",
  flashVer: "FMLE/3.0 (compatible; Lavf59.27.100)",
  tcUrl: "rtmp://127.0.0.1:29351/live",
};

/** Bodies that are read as these values and written as these bytes. */
const BOTH_WAYS: readonly [string, Uint8Array, Amf0Value[]][] = [
  ["V-31 ffmpeg's connect", FFMPEG_CONNECT, ["connect", 1, amfObject(CONNECT_FIELDS)]],
  [
    "V-32 rtmpdump's connect",
    RTMPDUMP_CONNECT,
    [
      "connect",
      1,
      amfObject({
        app: "live",
        flashVer: "LNX 10,0,32,18",
        tcUrl: "rtmp://127.0.0.1:29353/live",
        fpad: false,
        capabilities: 15,
        audioCodecs: 3191,
        videoCodecs: 252,
        videoFunction: 1,
      }),
    ],
  ],
  [
    "V-33 nginx's connect",
    NGINX_CONNECT,
    [
      "connect",
      1,
      amfObject({
        app: "live",
        tcUrl: "rtmp://127.0.0.1:29360/live",
        pageUrl: "",
        swfUrl: "",
        flashVer: "LNX.11,1,102,55",
        audioCodecs: 3575,
        videoCodecs: 252,
      }),
    ],
  ],
  [
    "V-34 GStreamer's connect",
    plainBody("gstreamer-publish.c2s", 3085, 118),
    [
      "connect",
      1,
      amfObject({
        app: "live",
        type: "nonprivate",
        flashVer: "LNX 10,0,32,18",
        tcUrl: "rtmp://127.0.0.1:29355/live",
      }),
    ],
  ],
  ["V-34 releaseStream", plainBody("gstreamer-publish.c2s", 3227, 31), ["releaseStream", 0, null, "g1"]],
  ["V-34 FCPublish", plainBody("gstreamer-publish.c2s", 3266, 27), ["FCPublish", 0, null, "g1"]],
  ["V-34 createStream", plainBody("gstreamer-publish.c2s", 3301, 25), ["createStream", 2, null]],
  ["V-34 publish", plainBody("gstreamer-publish.c2s", 3338, 32), ["publish", 0, null, "g1", "live"]],
  [
    "V-35 the result of connect",
    CONNECT_RESULT,
    [
      "_result",
      1,
      amfObject({ fmsVer: "FMS/3,0,1,123", capabilities: 31 }),
      amfObject({
        level: "status",
        code: "NetConnection.Connect.Success",
        description: "Connection succeeded.",
        objectEncoding: 0,
      }),
    ],
  ],
  [
    "V-36 createStream",
    hex`02000c63726561746553747265616d 0040100000000000 00 05`,
    ["createStream", 4, null],
  ],
  [
    "V-36 its result",
    hex`0200075f726573756c74 004010000000000000 05 003ff0000000000000`,
    ["_result", 4, null, 1],
  ],
  [
    "V-37 onStatus",
    hex`0200086f6e537461747573 000000000000000000 05 03 00056c6576656c 020006737461747573 0004636f6465
      0200174e657453747265616d2e5075626c6973682e5374617274 000b6465736372697074696f6e
      0200105374617274207075626c697368696e67 000009`,
    [
      "onStatus",
      0,
      null,
      amfObject({
        level: "status",
        code: "NetStream.Publish.Start",
        description: "Start publishing",
      }),
    ],
  ],
  [
    "V-38 ffmpeg's play",
    hex`020004706c6179 004010000000000000 05 0200027331 00c09f400000000000`,
    ["play", 4, null, "s1", -2000],
  ],
  [
    "V-38 rtmpdump's play",
    hex`020004706c6179 004010000000000000 05 0200027331 00c08f400000000000 00409f400000000000`,
    ["play", 4, null, "s1", -1000, 2000],
  ],
  ["V-39 a name and nothing else", hex`02000b6f6e46435075626c697368`, ["onFCPublish"]],
  [
    "V-40 sample access",
    hex`0200117c52746d7053616d706c65416363657373 0101 0101`,
    ["|RtmpSampleAccess", true, true],
  ],
  [
    "V-48 ffmpeg's metadata",
    FFMPEG_METADATA,
    [
      "@setDataFrame",
      "onMetaData",
      amfEcmaArray({
        duration: 14,
        width: 320,
        height: 180,
        videodatarate: 0,
        framerate: 10,
        videocodecid: 7,
        audiodatarate: 31.25,
        audiosamplerate: 44100,
        audiosamplesize: 16,
        stereo: false,
        audiocodecid: 10,
        encoder: "Lavf59.27.100",
        filesize: 0,
      }),
    ],
  ],
  ["an empty object", hex`03 000009`, [amfObject({})]],
  ["an empty ECMA array", hex`08 00000000 000009`, [amfEcmaArray({})]],
  ["an empty array and an empty text", hex`0a 00000000 020000`, [[], ""]],
  ["NUL in text", hex`020003 610062`, ["a\0b"]],
  ["NaN and infinity", hex`007ff8000000000000 007ff0000000000000`, [NaN, Infinity]],
];

/** Bodies that are read, but never written like this. */
const READ_ONLY: readonly [string, Uint8Array, Amf0Value[]][] = [
  [
    "V-41 one of each kind",
    hex`0040a24c0000000000 0101 0200086d79737472696e67 05 03 00056d796b6579 0200056d7976616c 000009 06
      08 00000001 00056d796b6579 0200056d7976616c 000009 0a 00000002 02000672616e646f6d 004034000000000000`,
    [
      2342,
      true,
      "mystring",
      null,
      amfObject({ mykey: "myval" }),
      undefined,
      amfEcmaArray({ mykey: "myval" }),
      ["random", 20],
    ],
  ],
  [
    "V-42 an object that ends with the message",
    hex`03 0003617070 0200046c697665`,
    [amfObject({ app: "live" })],
  ],
  [
    "V-42 the same with half an end mark",
    hex`03 0003617070 0200046c697665 0000`,
    [amfObject({ app: "live" })],
  ],
  [
    "V-45 count 0",
    hex`08 00000000 00057769647468 004094000000000000 000009`,
    [amfEcmaArray({ width: 1280 })],
  ],
  [
    "V-45 count ffffffff",
    hex`08 ffffffff 00057769647468 004094000000000000 000009`,
    [amfEcmaArray({ width: 1280 })],
  ],
  [
    "V-46 date, long string, XML document",
    hex`03 000164 0b 427748ec8a8000000000 00016c 0c 0000000568656c6c6f 000178 0f 000000043c612f3e 000009`,
    [amfObject({ d: new Date(1600123348992), l: "hello", x: "<a/>" })],
  ],
  [
    "an entry without a name",
    hex`03 0000 0101 000161 05 000009`,
    [
      {
        kind: "object",
        entries: [
          ["", true],
          ["a", null],
        ],
      },
    ],
  ],
  ["an unsupported value", hex`0d`, [undefined]],
  [
    "a typed object",
    hex`10 000143 000161 05 000009`,
    [{ kind: "typed", className: "C", entries: [["a", null]] }],
  ],
  ["broken UTF-8", hex`020003 61ff62`, ["a\ufffdb"]],
  ["a second end mark", hex`05 03 000009 000009`, [null, amfObject({})]],
  ["zeros after the last value", hex`020001 61 00000000`, ["a"]],
  ["junk after the last value", hex`05 ff010203`, [null]],
  ["a boolean cut off after the last value", hex`05 01`, [null]],
  ["nothing", hex``, []],
];

const BROKEN: readonly [string, string, number][] = [
  ["four zero bytes", "00000000", 1],
  ["an unknown type", "12", 1],
  ["a movie clip", "04", 1],
  ["an end mark", "09", 1],
  ["text longer than the message", "02 0005 6162", 3],
  ["long text longer than the message", "0c ffffffff 6162", 5],
  ["an array longer than the message", "0a ffffffff 05", 5],
  ["a key cut off", "03 0005 6162", 3],
  ["a key length cut off", "03 000161 05 00", 5],
  ["a value cut off", "03 000161 00 3ff0", 5],
  ["a value missing", "03 000161", 4],
  ["a second value cut off", "05 02 0003 61", 4],
  ["a reference to nothing", "05 07 0000", 4],
];

describe("decodeAmf0 and encodeAmf0", () => {
  test.each(BOTH_WAYS)("%s", (_, body, values) => {
    expect(decodeAmf0(body)).toEqual(values);
    expect(toHex(encodeAmf0(values))).toBe(toHex(body));
  });
});

describe("decodeAmf0", () => {
  test.each(READ_ONLY)("%s", (_, body, values) => {
    expect(decodeAmf0(body)).toEqual(values);
  });

  test.each(BROKEN)("%s is the peer's fault", (_, digits, offset) => {
    let thrown: unknown;
    try {
      decodeAmf0(fromHex(digits));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProtocolError);
    if (!(thrown instanceof ProtocolError)) return;
    expect(thrown.place).toEqual({ layer: "amf", offset });
    expect(thrown.cause).toBeInstanceOf(RangeError);
    expect(thrown.message).toStartWith("Cannot read AMF0: ");
  });

  test("every body cut anywhere gives values or the peer's fault", () => {
    for (const [, body] of [...BOTH_WAYS, ...READ_ONLY]) {
      for (let end = 0; end < body.length; end++) survives(body.slice(0, end));
    }
  });

  test.each([...BOTH_WAYS, ...READ_ONLY])("damaged: %s", (_, body) => {
    for (const copy of mutations(body, 400, body.length)) survives(copy);
  });

  test("V-47 type 17 has a byte in front of its values, or forgot it", () => {
    const values = decodeAmf0(FFMPEG_CONNECT);
    expect(decodeAmf0Message(17, hex`00 ${FFMPEG_CONNECT}`)).toEqual(values);
    expect(decodeAmf0Message(17, FFMPEG_CONNECT)).toEqual(values);
    expect(decodeAmf0Message(20, FFMPEG_CONNECT)).toEqual(values);
    expect(decodeAmf0Message(15, hex`00 ${FFMPEG_METADATA}`)).toEqual(decodeAmf0(FFMPEG_METADATA));
    expect(decodeAmf0Message(17, hex``)).toEqual([]);
    expect(decodeAmf0Message(17, hex`00 020001 61 11 04 07`)).toEqual(["a", 7]);
  });

  test("a date without meaning stays a date", () => {
    const [date] = decodeAmf0(hex`0b 7ff8000000000000 0000`);
    expect(Number(date)).toBeNaN();
    expect(toHex(encodeAmf0([date]))).toBe("007ff8000000000000");
  });
});

/** Damaged bytes may give anything but an error that is not ours; what they give can be written again. */
function survives(bytes: Uint8Array): void {
  try {
    const values = decodeAmf0(bytes);
    decodeAmf0(encodeAmf0(values));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

test.each([
  ["behind its byte", [0, 2, 0, 1, 0x61], [2, 0, 1, 0x61]],
  ["without it", [2, 0, 1, 0x61], [2, 0, 1, 0x61]],
  ["as nothing", [], []],
  ["as the byte alone", [0], []],
])("AMF0 stands in a body of type 15 %s", (_name, body, expected) => {
  expect([...amf0In(Uint8Array.from(body))]).toEqual(expected);
});
