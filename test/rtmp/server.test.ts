import { describe, expect, test } from "bun:test";
import { servedNames } from "../../src/rtmp/server-requests.ts";
import { hex, toHex } from "../support/bytes.ts";
import { everySplit } from "../support/every-split.ts";
import { randomBytes } from "../support/mutate.ts";
import { amf, type AmfValue, controlBytes, frame, WireReader } from "../support/rtmp-wire.ts";
import {
  audio,
  command,
  connected,
  type Decide,
  drive,
  Driven,
  hello,
  join,
  message,
  playing,
  publishing,
  unless,
} from "./server-driver.ts";

const denial = { code: "NetStream.Publish.BadName", description: "The stream is in use" };

/** The payloads of what was sent after the handshake. */
function payloads(driven: Driven): { type: number; streamId: number; payload: string }[] {
  const messages = new WireReader().feed(Buffer.concat(driven.output).subarray(3073));
  return messages.map(({ type, streamId, payload }) => ({ type, streamId, payload: toHex(payload) }));
}

/** Denies requests of this kind. */
const deny =
  (type: string, answer = denial): Decide =>
  (event) =>
    event.type === type ? answer : true;

describe("connect", () => {
  test("V-11, V-35: window, bandwidth and chunk size come before the answer, in these bytes", () => {
    const driven = drive([connected()]);
    const bytes = toHex(Buffer.concat(driven.output).subarray(3073));
    const control = hex`02 000000 000004 05 00000000 002625a0 02 000000 000005 06 00000000 002625a002
      02 000000 000004 01 00000000 00001000`;
    const result = hex`0200075f726573756c74 003ff0000000000000 03 0006666d73566572
      02000d464d532f332c302c312c313233 000c6361706162696c6974696573 00403f000000000000 000009 03 00056c6576656c
      020006737461747573 0004636f6465 02001d4e6574436f6e6e656374696f6e2e436f6e6e6563742e53756363657373
      000b6465736372697074696f6e 020015436f6e6e656374696f6e207375636365656465642e
      000e6f626a656374456e636f64696e67 000000000000000000 000009`;
    expect(bytes).toBe(toHex(control) + "030000000000be1400000000" + toHex(result));
  });

  test("the chunk size is the owner's to choose", () => {
    const driven = new Driven(() => true, { chunkSize: 65536 }).receive(connected());
    expect(driven.said[2]).toBe("chunk size 65536");
    expect(driven.server.chunkSize).toBe(65536);
  });

  test("AMF3 is answered with AMF0", () => {
    const driven = drive([connected("live", { objectEncoding: 3 })]);
    expect(payloads(driven)[3]?.payload).toEndWith(
      "000e6f626a656374456e636f64696e67000000000000000000000009",
    );
  });

  test("V-47: commands of type 17 with and without the leading byte", () => {
    const body = amf("connect", 1, { app: "live", tcUrl: "rtmp://h/live" });
    for (const payload of [join(Uint8Array.of(0), body), body]) {
      const driven = drive([hello(), frame(3, { type: 17, streamId: 0, timestamp: 0, payload })]);
      expect(driven.said.at(-1)).toBe("_result 1 {} status:NetConnection.Connect.Success @0");
    }
  });

  test.each<[string, AmfValue, object]>([
    ["a plain one", { app: "live", tcUrl: "rtmp://h/live" }, { app: "live", query: "" }],
    ["a query", { app: "live?a=1", tcUrl: "rtmp://h/live?a=1" }, { app: "live", query: "?a=1" }],
    ["a query in tcUrl only", { app: "live", tcUrl: "rtmp://h/live?a=1" }, { app: "live", query: "?a=1" }],
    ["no app", { tcUrl: "rtmp://h:1935/live?a=1" }, { app: "live", query: "?a=1" }],
    ["slashes around", { app: "/live/", tcUrl: "rtmp://h//live/" }, { app: "live" }],
    ["an instance", { app: "live/_definst_" }, { app: "live" }],
    ["tcurl in quotes", { tcurl: '"rtmp://h/live"' }, { app: "live", tcUrl: "rtmp://h/live" }],
    ["nothing at all", {}, { app: "", tcUrl: "", flashVer: "" }],
    ["numbers", { app: 1, tcUrl: null, flashVer: true }, { app: "", tcUrl: "", flashVer: "" }],
    ["no object", null, { app: "" }],
  ])("%s", (_, object, request) => {
    const driven = drive([hello(), command(0, "connect", 1, object)]);
    expect(driven.events[0]).toMatchObject({ type: "connect-request", ...request });
    expect(driven.server.phase).toBe("ready");
  });

  test("a wrong app is denied before any stream command", () => {
    const answer = { code: "NetConnection.Connect.InvalidApp", description: "No such application" };
    const driven = drive([publishing()], deny("connect-request", answer));
    expect(driven.kinds).toEqual(["connect-request"]);
    expect(driven.said).toEqual(["_error 1 null error:NetConnection.Connect.InvalidApp @0"]);
    expect(driven.server.closing).toBe(true);
  });

  test("calls before it are answered, publish and play are not allowed", () => {
    const early = join(hello(), command(0, "_checkbw", 1, null), command(0, "createStream", 2, null));
    expect(drive([early]).said).toEqual(["_result 1 null @0", "_result 2 null 1 @0"]);
    for (const name of ["publish", "play"]) {
      const bytes = join(hello(), command(1, name, 1, null, "x"));
      expect(() => drive([bytes])).toThrow(`asks to ${name} before it connects`);
    }
  });

  test("a second one gets an empty answer", () => {
    const driven = drive([connected(), command(0, "connect", 2, { app: "other" })]);
    expect(driven.said.at(-1)).toBe("_result 2 null @0");
    expect(driven.events).toHaveLength(1);
  });
});

describe("calls", () => {
  const said = (...bytes: Uint8Array[]) => drive([connected(), ...bytes]).said.slice(4);

  test.each([
    "releaseStream",
    "FCPublish",
    "FCUnpublish",
    "FCSubscribe",
    "_checkbw",
    "setPeerInfo",
    "startTransmit",
    "pause",
    "anything",
  ])("%s has a null for an answer, unless its transaction is 0", (name) => {
    expect(said(command(0, name, 7, null, "key"))).toEqual(["_result 7 null @0"]);
    expect(said(command(0, name, 0, null, "key"))).toEqual([]);
  });

  test("V-36: createStream gives stream 1, every time", () => {
    const driven = drive([connected(), command(0, "createStream", 4, null)]);
    const result = "0200075f726573756c7400401000000000000005003ff0000000000000";
    expect(payloads(driven).at(-1)).toEqual({ type: 20, streamId: 0, payload: result });
    expect(said(command(0, "createStream", 5, null), command(0, "createStream", 6))).toEqual([
      "_result 5 null 1 @0",
      "_result 6 null 1 @0",
    ]);
  });

  test("the length of a live stream is 0", () => {
    expect(said(command(0, "getStreamLength", 3, null, "x"))).toEqual(["_result 3 null 0 @0"]);
  });

  test("answers are not answered, names without a number neither", () => {
    const answers = ["_result", "_error", "onStatus"].map((name) => command(0, name, 7, null));
    expect(said(...answers, command(0, "FCPublish"))).toEqual([]);
  });

  test("deleteStream and closeStream of nothing say nothing", () => {
    expect(said(command(0, "deleteStream", 7, null, 1), command(0, "closeStream", 8, null))).toEqual([]);
  });

  test("broken commands, empty messages and foreign types are skipped", () => {
    const broken = frame(3, { type: 20, streamId: 0, timestamp: 0, payload: hex`02 0003 616263 00 40` });
    const shared = frame(3, { type: 19, streamId: 0, timestamp: 0, payload: hex`0001` });
    const unknown = frame(3, { type: 99, streamId: 0, timestamp: 0, payload: hex`00` });
    const empty = frame(3, { type: 20, streamId: 0, timestamp: 0, payload: hex`` });
    expect(said(broken, shared, unknown, empty, command(0, "x", 2))).toEqual(["_result 2 null @0"]);
  });

  test("a ping is answered with its bytes", () => {
    expect(said(controlBytes(4, hex`0006 21f6fbc3`))).toEqual(["event 7 569834435"]);
  });
});

describe("publish", () => {
  test("V-37: the status, in these bytes", () => {
    const status =
      "0200086f6e53746174757300000000000000000005030005" +
      "6c6576656c0200067374617475730004636f64650200174e657453747265616d2e5075626c6973682e5374617274" +
      "000b6465736372697074696f6e0200105374617274207075626c697368696e67000009";
    expect(payloads(drive([publishing()])).at(-1)).toEqual({ type: 20, streamId: 1, payload: status });
  });

  test.each<[string, string, AmfValue[], object]>([
    ["plain", "live", ["key", "live"], { app: "live", streamName: "key", publishType: "live" }],
    ["no type", "live", ["key"], { streamName: "key", publishType: "live" }],
    ["an odd type", "live", ["key", "LIVE"], { publishType: "LIVE" }],
    ["a type that is no text", "live", ["key", 1], { publishType: "live" }],
    ["a query", "live", ["key?a=b/c"], { streamName: "key", query: "?a=b/c" }],
    ["two queries", "live?a=1", ["key?b=2"], { streamName: "key", query: "?a=1&b=2" }],
    ["an empty name", "live/key", [""], { app: "live", streamName: "key" }],
    ["no name", "live/key", [], { app: "live", streamName: "key" }],
    ["an empty name and a query", "live/key?a=1", [""], { app: "live", streamName: "key", query: "?a=1" }],
    ["FMLE's form", "live?a=1/key", [""], { app: "live", streamName: "key", query: "?a=1" }],
    ["no name anywhere", "live", [""], { app: "live", streamName: "" }],
    ["a host", "live?vhost=v.example", ["key"], { vhost: "v.example" }],
    ["slashes and colons", "live", ["mp4:a/b@c"], { streamName: "mp4:a/b@c" }],
  ])("%s", (_, app, values, request) => {
    for (const streamId of [0, 1]) {
      const driven = drive([connected(app), command(streamId, "publish", 0, null, ...values)]);
      expect(driven.events[1]).toMatchObject({ type: "publish-request", ...request });
      expect(driven.said.at(-1)).toBe("onStatus 0 null status:NetStream.Publish.Start @1");
    }
  });

  test("denied: a status, and nothing more is read", () => {
    const driven = drive([publishing(), audio, command(0, "x", 9)], deny("publish-request"));
    expect(driven.kinds).toEqual(["connect-request", "publish-request"]);
    expect(driven.said.at(-1)).toBe("onStatus 0 null error:NetStream.Publish.BadName @1");
    expect([driven.server.closing, driven.server.deadline]).toEqual([true, undefined]);
  });

  test.each(["Error 403", "we need auth here", "needauth"])("OBS must not read %p", (description) => {
    const driven = drive([publishing()], deny("publish-request", { ...denial, description }));
    const sent = Buffer.concat(driven.output).toString("latin1");
    expect(sent).toContain(`description\u0002\0\u0019${denial.code}`);
    expect(sent).not.toContain(description);
  });

  test("media before it is dropped and counted", () => {
    const driven = drive([connected(), audio, message(22, randomBytes(40, 1)), message(18, hex`0200`)]);
    expect(driven.events).toHaveLength(1);
    expect(driven.server.dropped).toBe(3);
  });

  test("media behind a request waits for the answer", () => {
    const driven = new Driven(unless("publish-request")).receive(join(publishing(), audio, audio));
    expect(driven.kinds).toEqual(["connect-request", "publish-request"]);
    expect(driven.server.accept(1, 5)).toBe(false);
    expect(driven.server.accept(2, 5)).toBe(true);
    expect(driven.server.accept(2, 5)).toBe(false);
    expect(driven.settle().kinds.slice(2)).toEqual(["media 8", "media 8"]);
    expect(driven.server.dropped).toBe(0);
  });

  test("a goodbye behind a request comes after its media", () => {
    const goodbye = command(0, "deleteStream", 4, null, 1);
    const again = command(1, "publish", 5, null, "key");
    const bytes = join(publishing(), audio, goodbye, audio, again, audio);
    const kinds = everySplit(bytes, (segments) => drive(segments).kinds);
    expect(kinds.slice(1)).toEqual(["publish-request", "media 8", "unpublish", "publish-request", "media 8"]);
  });

  test.each(["FCUnpublish", "deleteStream", "closeStream"])("%s ends it, and it may begin anew", (name) => {
    const driven = drive([publishing(), audio, command(1, name, 0, null, 1)]);
    expect(driven.events.at(-1)).toEqual({ type: "unpublish", reason: name });
    expect(driven.said.at(-1)).toBe("onStatus 0 null status:NetStream.Unpublish.Success @1");
    driven.receive(join(command(1, "publish", 9, null, "key"), audio));
    expect(driven.kinds.slice(-2)).toEqual(["publish-request", "media 8"]);
  });

  test("a second publish ends the first; publish(false) is the end", () => {
    const driven = drive([publishing(), command(1, "publish", 9, null, "other")]);
    expect(driven.kinds.slice(2)).toEqual(["unpublish", "publish-request"]);
    driven.receive(command(1, "publish", 0, null, false));
    expect(driven.kinds.slice(4)).toEqual(["unpublish"]);
    expect(driven.server.phase).toBe("ready");
  });

  test("types 15, 18 and 22 come as media of types that files know", () => {
    const data = amf("onMetaData", { width: 1 });
    const setData = amf("@setDataFrame", "onMetaData", { width: 1 });
    const tag = hex`08 000003 000000 00 000000 af0102 0000000e`;
    const driven = drive([
      publishing(),
      message(15, join(Uint8Array.of(0), data)),
      message(15, data),
      message(18, setData),
      message(22, tag, 7),
      message(8, hex``),
      message(15, hex`00`),
      message(99, hex`0000`),
    ]);
    const body = new Uint8Array(data);
    expect(driven.events.slice(2)).toEqual([
      { type: "media", typeId: 18, timestamp: 0, payload: body, slab: undefined },
      { type: "media", typeId: 18, timestamp: 0, payload: body, slab: undefined },
      { type: "media", typeId: 18, timestamp: 0, payload: new Uint8Array(setData), slab: undefined },
      { type: "media", typeId: 8, timestamp: 7, payload: hex`af0102`, slab: undefined },
      { type: "ignored", typeId: 99, length: 2 },
    ]);
  });

  test("the owner ends it", () => {
    const driven = drive([publishing()]);
    driven.server.dismiss({ code: "NetConnection.Connect.AppShutdown", description: "bye" });
    driven.receive(audio);
    expect(driven.said.at(-1)).toBe("onStatus 0 null error:NetConnection.Connect.AppShutdown @1");
    expect([driven.kinds.length, driven.server.closing]).toEqual([2, true]);
  });
});

describe("play", () => {
  test.each<[string, AmfValue[], object]>([
    ["V-38 ffmpeg", ["s1", -2000], { streamName: "s1", start: -2000 }],
    ["V-38 GStreamer", ["s1", -2], { start: -2 }],
    ["V-38 rtmpdump", ["s1", -1000, 2000], { start: -1000 }],
    ["no start", ["s1"], { start: -2 }],
    ["not a number", ["s1", NaN], { start: -2 }],
    ["a reset", ["s1", -2000, -1000, false], { start: -2000 }],
    ["a query", ["s1?a=1", -2000], { streamName: "s1", query: "?a=1" }],
    ["no name", [], { streamName: "" }],
  ])("%s", (_, values, request) => {
    const driven = drive([connected(), command(1, "play", 0, null, ...values)]);
    expect(driven.events[1]).toMatchObject({ type: "play-request", app: "live", ...request });
  });

  test("V-40: the answer, and what media must be framed with", () => {
    const driven = drive([playing()]);
    const access = "0200117c52746d7053616d706c6541636365737301010101";
    expect(payloads(driven).at(-1)).toEqual({ type: 18, streamId: 1, payload: access });
    expect([driven.server.messageStreamId, driven.server.chunkSize]).toEqual([1, 4096]);
    expect([driven.server.phase, driven.server.deadline]).toEqual(["playing", undefined]);
  });

  test("a stream that is not there", () => {
    const answer = { code: "NetStream.Play.StreamNotFound", description: "No such stream" };
    const driven = drive([playing()], deny("play-request", answer));
    expect(driven.said.at(-1)).toBe("onStatus 0 null error:NetStream.Play.StreamNotFound @1");
    expect(driven.server.closing).toBe(true);
  });

  test("the end of the stream, in words for everybody", () => {
    const driven = drive([playing()]);
    driven.server.endOfStream();
    driven.server.endOfStream();
    expect(driven.settle().said.slice(-3)).toEqual([
      "onStatus 0 null status:NetStream.Play.UnpublishNotify @1",
      "event 1 1",
      "onStatus 0 null status:NetStream.Play.Stop @1",
    ]);
    expect(driven.server.closing).toBe(true);
  });

  test("a player stops and plays again; its media is nobody's", () => {
    const again = command(1, "play", 4, null, "other");
    const driven = drive([playing(), audio, command(0, "deleteStream", 0, null, 1), again, again]);
    expect(driven.kinds.slice(2)).toEqual(["stop-play", "play-request", "stop-play", "play-request"]);
    expect(driven.server.dropped).toBe(1);
  });

  test.each([
    ["show", ["show"]],
    ["mp4:show", ["mp4:show", "show"]],
    ["flv:show.flv", ["flv:show.flv", "show"]],
    ["show.flv", ["show.flv", "show"]],
    [".flv", [".flv"]],
    ["show.mp4", ["show.mp4"]],
  ])("%s is looked up as %p", (name, names) => {
    expect(servedNames(name)).toEqual(names);
  });
});
