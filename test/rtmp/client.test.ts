import { describe, expect, test } from "bun:test";
import { amfObject, encodeAmf0, getProperty, type Amf0Value } from "../../src/amf/amf0.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { RtmpClient } from "../../src/rtmp/client.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { fromHex, hex, toHex } from "../support/bytes.ts";
import {
  clientOptions,
  ScriptedServer,
  SUCCESS,
  TIMES,
  PUBLISH,
  AUDIO,
  kinds,
  refusal,
} from "./scripted-server.ts";

describe("publishing", () => {
  test("says what all servers accept, in their order", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands();
    const [size, connect] = server.takeSaid();
    expect(size).toEqual(["set-chunk-size", 65_536]);
    expect(connect?.slice(0, 3)).toEqual(["connect", 0, 1]);
    expect(getProperty(connect?.[3] as Amf0Value, "app")).toBe("live");

    server.result(1, amfObject({ fmsVer: "x" }), SUCCESS);
    expect(server.takeSaid()).toEqual([
      ["releaseStream", 0, 2, null, "name"],
      ["FCPublish", 0, 3, null, "name"],
      ["createStream", 0, 4, null],
    ]);

    server.result(4, null, 1);
    expect(server.takeSaid()).toEqual([["publish", 1, 5, null, "name", "live"]]);
    expect(server.client.live).toBe(false);

    server.status("NetStream.Publish.Start");
    expect(kinds(server)).toEqual(["status", "live"]);
    expect(server.client.live).toBe(true);
    expect(server.client.messageStreamId).toBe(1);
    expect(server.client.chunkSize).toBe(65_536);
    expect(server.client.deadline).toBeUndefined();
  });

  test("finish unpublishes and deletes the stream", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish");
    server.client.finish();
    expect(server.collect().takeSaid()).toEqual([
      ["FCUnpublish", 0, 6, null, "name"],
      ["deleteStream", 0, 7, null, 1],
    ]);
    expect(server.client.live).toBe(false);
    expect(server.client.deadline).toBeUndefined();
    server.client.finish();
    expect(server.collect().takeSaid()).toEqual([]);
  });

  test("finish before there is a stream says nothing", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands();
    server.takeSaid();
    server.client.finish();
    expect(server.collect().takeSaid()).toEqual([]);
  });

  test("V-39 onFCPublish with and without anything behind its name is no answer", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands().result(1, null, SUCCESS);
    server.message(20, hex`02000b6f6e46435075626c697368`, { stream: 0 });
    server.command("onFCPublish", 3, null, amfObject({ code: "NetStream.Publish.Start" }));
    expect(kinds(server)).toEqual(["ignored", "ignored"]);
    server.result(4, null, 1).status("NetStream.Publish.Start");
    expect(server.client.live).toBe(true);
  });

  test("errors on the optional calls change nothing", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands().result(1, null, SUCCESS);
    const failed = amfObject({ level: "error", code: "NetConnection.Call.Failed" });
    server.error(2, null, failed).error(3, null, failed);
    server.result(4, null, 1).status("NetStream.Publish.Start");
    expect(server.client.live).toBe(true);
  });

  test("what the server plays is not reported to a publisher", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish");
    server.message(8, AUDIO).data("onMetaData", amfObject({})).userControl(1);
    server.status("NetStream.Play.Stop").command("onFCUnsubscribe", 0, null);
    expect(kinds(server)).toEqual(["status"]);
    expect(server.client.live).toBe(true);
  });

  test("the end of publishing that the server confirms is only reported", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish").status("NetStream.unpublish.Success");
    expect(kinds(server)).toEqual(["status"]);
  });

  test("close ends it", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish").command("close", 0, null);
    expect(refusal(server).refusal).toBe("failed");
    expect(server.client.live).toBe(false);
  });
});

describe("playing", () => {
  test("says what all servers accept, in their order", () => {
    const server = new ScriptedServer().shakeHands();
    const [connect] = server.takeSaid();
    expect(connect?.slice(0, 3)).toEqual(["connect", 0, 1]);

    server.result(1, null, SUCCESS);
    expect(server.takeSaid()).toEqual([
      ["window-size", 2_500_000],
      ["createStream", 0, 2, null],
      ["FCSubscribe", 0, 3, null, "name"],
    ]);
    server.result(2, null, 1);
    expect(server.takeSaid()).toEqual([
      ["play", 1, 4, null, "name", -2000],
      ["user-control", 3, 1],
    ]);
    server.status("NetStream.Play.Start");
    expect(kinds(server)).toEqual(["status", "live"]);
    expect(server.client.deadline).toBe(server.now + TIMES.stall);
  });

  test("the buffer length is announced for the stream, as ffmpeg does", () => {
    const client = new RtmpClient(clientOptions());
    const server = new ScriptedServer();
    expect(client.takeOutput()).toHaveLength(1);
    server.shakeHands().result(1, null, SUCCESS);
    const output: Uint8Array[] = [];
    const reply = frameMessage(
      { typeId: 20, timestamp: 0, payload: encodeAmf0(["_result", 2, null, 7]) },
      { csid: 3, messageStreamId: 0, chunkSize: 128 },
    );
    server.client.receive(reply, server.now);
    output.push(...server.client.takeOutput());
    expect(toHex(output.at(-1)!)).toBe(toHex(fromHex("02 000000 00000a 04 00000000 0003 00000007 00000bb8")));
  });

  test("live only, if the address says so", () => {
    const url = { ...parseRtmpUrl("rtmp://host/live/name"), live: true };
    const server = new ScriptedServer({ url }).openStream();
    expect(server.takeSaid()[0]).toEqual(["play", 1, 4, null, "name", -1000]);
  });

  test("connect longer than a chunk is cut into chunks of 128", () => {
    const client = new ScriptedServer().client;
    const url = parseRtmpUrl(`rtmp://host/live?token=${"t".repeat(400)}/name`);
    const server = new ScriptedServer({ url }).shakeHands();
    const [connect] = server.takeSaid();
    expect(getProperty(connect?.[3] as Amf0Value, "app")).toBe(url.app);
    expect(client.chunkSize).toBe(128);
  });

  test("arguments of connect travel behind the object", () => {
    const url = { ...parseRtmpUrl("rtmp://host/live/name"), connectArgs: ["secret", 7] };
    expect(new ScriptedServer({ url }).shakeHands().takeSaid()[0]?.slice(4)).toEqual(["secret", 7]);
  });

  test("media is reported with time and payload; ids of the message stream do not matter", () => {
    const server = new ScriptedServer().goLive();
    server.message(8, AUDIO, { timestamp: 40, stream: 0 });
    server.message(9, hex`1700`, { timestamp: 0xffffffff, stream: 77 });
    server.data("onMetaData", amfObject({ width: 320 }));
    expect(server.events).toEqual([
      { type: "media", typeId: 8, timestamp: 40, payload: AUDIO, slab: undefined },
      { type: "media", typeId: 9, timestamp: 0xffffffff, payload: hex`1700`, slab: undefined },
      {
        type: "media",
        typeId: 18,
        timestamp: 0,
        payload: encodeAmf0(["onMetaData", amfObject({ width: 320 })]),
        slab: undefined,
      },
    ]);
  });

  test("data of type 15 becomes type 18, with and without its leading byte", () => {
    const payload = encodeAmf0(["onMetaData", amfObject({ width: 320 })]);
    const server = new ScriptedServer().goLive();
    server
      .message(15, hex`00${payload}`)
      .message(15, payload)
      .message(15, hex`00`);
    const expected = { type: "media", typeId: 18, timestamp: 0, payload, slab: undefined } as const;
    expect(server.events).toEqual([expected, expected, { type: "ignored", typeId: 15, length: 1 }]);
  });

  test("V-25 an aggregate is reported as what is in it", () => {
    const aggregate = hex`08000002 0001f4 00 000000 af01 0000000d 09000002 0001fe 00 000000 1700 0000000d`;
    const server = new ScriptedServer().goLive();
    server.message(22, aggregate, { timestamp: 2000 });
    expect(server.events).toEqual([
      { type: "media", typeId: 8, timestamp: 2000, payload: hex`af01`, slab: undefined },
      { type: "media", typeId: 9, timestamp: 2010, payload: hex`1700`, slab: undefined },
    ]);
  });

  test("empty media says nothing: it neither starts the stream nor keeps it alive", () => {
    const server = new ScriptedServer().openStream();
    server.message(8, new Uint8Array(0));
    expect(server.client.live).toBe(false);
    server
      .status("NetStream.Play.Start")
      .wait(TIMES.stall - 1)
      .message(8, new Uint8Array(0));
    expect(kinds(server)).toEqual(["status", "live"]);
    expect(() => server.wait(1)).toThrow("no media for 20s");
  });

  test("unknown types are reported by type and length, empty ones not at all", () => {
    const server = new ScriptedServer().goLive();
    for (const typeId of [7, 10, 14, 16, 19, 21, 99]) server.message(typeId, hex`0102`);
    server.message(99, new Uint8Array(0));
    expect(server.events).toHaveLength(7);
    expect(server.events[0]).toEqual({ type: "ignored", typeId: 7, length: 2 });
  });

  test("finish deletes the stream", () => {
    const server = new ScriptedServer().goLive();
    server.client.finish();
    expect(server.collect().takeSaid()).toEqual([["deleteStream", 0, 5, null, 1]]);
  });

  test("a first key frame may be larger than 64 KiB and come before Play.Start", () => {
    const server = new ScriptedServer().openStream();
    server.chunkSize = 65_536;
    server.send(hex`02 000000 000004 01 00000000 00010000`);
    server.message(9, new Uint8Array(200_000).fill(7));
    expect(kinds(server)).toEqual(["live", "media"]);
  });
});

describe("what counts as the start", () => {
  const starts: [name: string, intent: "publish" | "play", start: (server: ScriptedServer) => unknown][] = [
    ["Play.Start", "play", (server) => server.status("NetStream.Play.Start")],
    ["Play.Reset", "play", (server) => server.status("NetStream.Play.Reset")],
    ["Play.PublishNotify", "play", (server) => server.status("NetStream.Play.PublishNotify")],
    ["audio without Play.Start", "play", (server) => server.message(8, AUDIO)],
    ["video without Play.Start", "play", (server) => server.message(9, hex`1700`)],
    ["metadata without Play.Start", "play", (server) => server.data("onMetaData", amfObject({}))],
    ["_result of play", "play", (server) => server.result(4, null)],
    ["_result of publish", "publish", (server) => server.result(5, null)],
    ["Publish.Start", "publish", (server) => server.status("NetStream.Publish.Start")],
    ["Publish.Start with more behind", "publish", (server) => server.status("NetStream.Publish.Start.OK")],
    ["lower case", "publish", (server) => server.status("netstream.publish.start")],
    [
      "no level (go2rtc)",
      "publish",
      (server) => server.status("NetStream.Publish.Start", { level: undefined }),
    ],
    [
      "the code in the third value",
      "publish",
      (server) => server.command("onStatus", 0, amfObject({ code: "NetStream.Publish.Start" })),
    ],
    [
      "the code in the second value",
      "publish",
      (server) => server.command("onStatus", amfObject({ code: "NetStream.Publish.Start" })),
    ],
    [
      "a status on another message stream (Reolink)",
      "play",
      (server) =>
        server.message(20, encodeAmf0(["onStatus", 5, null, amfObject({ code: "NetStream.Play.Start" })]), {
          stream: 42,
        }),
    ],
    [
      "a status in an AMF3 message",
      "play",
      (server) => {
        const body = encodeAmf0(["onStatus", 0, null, amfObject({ code: "NetStream.Play.Start" })]);
        server.message(17, hex`00${body}`);
      },
    ],
  ];

  test.each(starts)("%s, as %s", (_, intent, start) => {
    const server = new ScriptedServer({ intent }).openStream();
    server.events.length = 0;
    start(server);
    expect(kinds(server)).toContain("live");
    expect(server.client.live).toBe(true);
  });

  const noStarts: [name: string, intent: "publish" | "play", say: (server: ScriptedServer) => unknown][] = [
    ["Play.Start for a publisher", "publish", (server) => server.status("NetStream.Play.Start")],
    ["media for a publisher", "publish", (server) => server.message(9, hex`1700`)],
    ["Publish.Start for a player", "play", (server) => server.status("NetStream.Publish.Start")],
    ["_result of another call", "publish", (server) => server.result(3, null)],
    ["|RtmpSampleAccess", "play", (server) => server.data("|RtmpSampleAccess", true, true)],
    ["data whose name only begins so", "play", (server) => server.data("onMetaDatabase")],
    ["StreamBegin", "play", (server) => server.userControl(0)],
    ["Data.Start", "play", (server) => server.status("NetStream.Data.Start")],
  ];

  test.each(noStarts)("not %s", (_, intent, say) => {
    const server = new ScriptedServer({ intent }).openStream();
    say(server);
    expect(server.client.live).toBe(false);
    expect(kinds(server)).not.toContain("refused");
  });

  const ids: [name: string, given: Amf0Value[], expected: number][] = [
    ["1", [null, 1], 1],
    ["0", [null, 0], 0],
    ["7", [null, 7], 7],
    ["the largest", [null, 0xffffffff], 0xffffffff],
    ["one that is not whole", [null, 1.5], 1],
    ["behind no null", [3], 3],
    ["none", [null], 1],
    ["a negative one", [null, -1], 1],
    ["one that is no number", [null, NaN], 1],
    ["one that is too large", [null, 2 ** 33], 1],
    ["text", [null, "1"], 1],
  ];

  test.each(ids)("a stream id of %s", (_, given, expected) => {
    const server = new ScriptedServer(PUBLISH)
      .shakeHands()
      .result(1, null, SUCCESS)
      .result(4, ...given);
    expect(server.client.messageStreamId).toBe(expected);
    expect(server.takeSaid().at(-1)?.slice(0, 2)).toEqual(["publish", expected]);
  });
});
