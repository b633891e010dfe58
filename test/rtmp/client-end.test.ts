import { describe, expect, test } from "bun:test";
import { amfObject } from "../../src/amf/amf0.ts";
import { ProtocolError, RemoteError, TransportError } from "../../src/errors.ts";
import { parseRtmpUrl } from "../../src/rtmp/url.ts";
import { hex } from "../support/bytes.ts";
import { ScriptedServer, SUCCESS, TIMES, PUBLISH, AUDIO, kinds, thrownBy } from "./scripted-server.ts";

describe("questions of the server", () => {
  test("onBWDone gets _checkbw with a transaction of its own", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands();
    server.takeSaid();
    server.command("onBWDone", 0, null, 8192);
    expect(server.takeSaid()).toEqual([["_checkbw", 0, 2, null]]);
    server.result(1, null, SUCCESS).result(5, null, 1);
    expect(server.takeSaid().map(([name, , id]) => [name, id])).toEqual([
      ["releaseStream", 3],
      ["FCPublish", 4],
      ["createStream", 5],
      ["publish", 6],
    ]);
  });

  test("the bandwidth check and the ping of Flash Media Server", () => {
    const server = new ScriptedServer().goLive();
    server.command("_onbwcheck", 9, null, new Array(10).fill(1)).command("onBWCheck", 0, null);
    server.command("ping", 11, null);
    expect(server.takeSaid()).toEqual([
      ["_result", 0, 9, null, 0],
      ["_result", 0, 0, null, 0],
      ["pong", 0, 11, null],
    ]);
  });

  test("a flood of them gets 100 answers a second, and disturbs nothing", () => {
    const server = new ScriptedServer().goLive().wait(1000);
    for (let i = 0; i < 1000; i++) server.command("ping", i, null);
    server.message(8, AUDIO);
    expect(server.takeSaid()).toHaveLength(100);
    expect(kinds(server)).toEqual(["media"]);
  });

  test("calls that nobody knows are reported and not answered", () => {
    const server = new ScriptedServer().goLive();
    server.command("onSomething", 3, null, "x").command("|RtmpSampleAccess", true, true);
    expect(kinds(server)).toEqual(["ignored", "ignored"]);
    expect(server.takeSaid()).toEqual([]);
  });
});

describe("broken commands", () => {
  const broken = hex`02 0007 5f726573756c74 00 3ff0000000000000 03 0004 636f6465 04`;

  test("while connect is not answered they end the session", () => {
    const server = new ScriptedServer().shakeHands();
    expect(() => server.message(20, broken)).toThrow(ProtocolError);
  });

  test("later they are dropped", () => {
    const server = new ScriptedServer().openStream();
    server
      .message(20, broken)
      .message(17, broken)
      .message(20, hex`ff`);
    server.message(18, hex`02 000c 6f6e506c6179537461747573 03 0004 636f6465 04`);
    server.message(20, new Uint8Array(0));
    expect(server.client.live).toBe(false);
    server.status("NetStream.Play.Start");
    expect(server.client.live).toBe(true);
  });

  test("messages larger than 64 KiB before the stream is asked for are an error", () => {
    const server = new ScriptedServer().shakeHands();
    expect(() => server.message(20, new Uint8Array(65_537))).toThrow("the limit here is 65536");
  });
});

describe("the end of a stream", () => {
  const STREAM_BEGIN = 0;
  const STREAM_EOF = 1;

  test("StreamEOF, the grace, the end", () => {
    const server = new ScriptedServer().goLive().userControl(STREAM_EOF);
    expect(server.events).toEqual([{ type: "ended", reason: "StreamEOF", final: false }]);
    expect(server.client.deadline).toBe(server.now + 5000);
    server.wait(4999);
    expect(server.events).toHaveLength(1);
    server.wait(1);
    expect(server.events[1]).toEqual({ type: "ended", reason: "StreamEOF", final: true });
    expect(server.client.deadline).toBeUndefined();
    server.wait(100_000);
    expect(server.events).toHaveLength(2);
  });

  test("further StreamEOF do not prolong the grace", () => {
    const server = new ScriptedServer().goLive().userControl(STREAM_EOF).wait(3000).userControl(STREAM_EOF);
    server.wait(2000);
    expect(server.events.map((event) => event.type === "ended" && event.final)).toEqual([false, true]);
  });

  test("a StreamEOF without its stream id, and on another csid", () => {
    const server = new ScriptedServer().goLive().message(4, hex`0001`, { csid: 3, stream: 9 });
    expect(kinds(server)).toEqual(["ended"]);
  });

  const returns: [name: string, say: (server: ScriptedServer) => unknown, expected: string[]][] = [
    ["StreamBegin", (server) => server.userControl(STREAM_BEGIN), ["returned"]],
    ["PublishNotify", (server) => server.status("NetStream.Play.PublishNotify"), ["status", "returned"]],
    ["media", (server) => server.message(9, hex`1700`), ["returned", "media"]],
  ];

  test.each(returns)("a publisher returns within the grace: %s", (_, say, expected) => {
    const server = new ScriptedServer().goLive().userControl(STREAM_EOF).wait(4000);
    say(server);
    expect(kinds(server)).toEqual(["ended", ...expected]);
    expect(server.client.deadline).toBe(server.now + TIMES.stall);
    server.wait(TIMES.stall - 1);
    expect(() => server.wait(1)).toThrow(TransportError);
  });

  test("StreamBegin without a StreamEOF before it says nothing, and so does StreamEOF before the start", () => {
    const server = new ScriptedServer().goLive().userControl(STREAM_BEGIN);
    expect(server.events).toEqual([]);
    expect(new ScriptedServer().openStream().userControl(STREAM_EOF).events).toEqual([]);
  });

  const ends: [name: string, say: (server: ScriptedServer) => unknown, reason: string][] = [
    [
      "UnpublishNotify",
      (server) => server.status("NetStream.Play.UnpublishNotify"),
      "NetStream.Play.UnpublishNotify",
    ],
    ["Play.Stop", (server) => server.status("NetStream.Play.Stop"), "NetStream.Play.Stop"],
    ["onFCUnsubscribe", (server) => server.command("onFCUnsubscribe", 0, null), "onFCUnsubscribe"],
    ["close", (server) => server.command("close", 0, null), "the server closed the stream"],
    [
      "onPlayStatus Complete as Flash Media Server sends it",
      (server) => server.data("onPlayStatus", amfObject({ code: "NetStream.Play.Complete" })),
      "NetStream.Play.Complete",
    ],
    [
      "onPlayStatus Complete with a transaction id, as nginx-rtmp sends it",
      (server) => server.data("onPlayStatus", 0, amfObject({ code: "NetStream.Play.Complete" })),
      "NetStream.Play.Complete",
    ],
    [
      "onPlayStatus Complete behind null",
      (server) => server.data("onPlayStatus", null, amfObject({ code: "NetStream.Play.Complete" })),
      "NetStream.Play.Complete",
    ],
  ];

  test.each(ends)("%s", (_, say, reason) => {
    const server = new ScriptedServer().goLive();
    say(server);
    expect(server.events.at(-1)).toEqual({ type: "ended", reason, final: true });
  });

  test("onPlayStatus with anything else is not the end, nor data to keep", () => {
    const server = new ScriptedServer().goLive();
    server.data("onPlayStatus", amfObject({ code: "NetStream.Play.Switch" })).data("onPlayStatus");
    expect(kinds(server)).toEqual(["ignored", "ignored"]);
  });
});

describe("a server that hangs up", () => {
  const refusedWith = (server: ScriptedServer): unknown => {
    const error = server.client.closedByPeer(server.now);
    return error instanceof RemoteError ? error.refusal : error instanceof TransportError && error.fault;
  };
  const connected = (intent: "publish" | "play"): ScriptedServer =>
    new ScriptedServer({ intent }).shakeHands().result(1, null, SUCCESS);

  test("in the handshake", () => {
    const server = new ScriptedServer();
    expect(refusedWith(server)).toBe("closed");
    expect(server.client.unheard).toBe(true);
    expect(server.client.closedByPeer(server.now).message).toContain("the handshake");
  });

  test("after connect: the application is not known", () => {
    const url = parseRtmpUrl("rtmp://host/live?token=hush/name");
    const server = new ScriptedServer({ url }).shakeHands();
    expect(refusedWith(server)).toBe("app");
    expect(server.client.unheard).toBe(true);
    expect(server.client.closedByPeer(server.now).message).toContain('"live"');
    expect(server.client.closedByPeer(server.now).message).not.toContain("hush");
    server.send(hex`02 000000 000004 05 00000000 002625a0`);
    expect(server.client.unheard).toBe(false);
  });

  test("after createStream, publish and play: the name", () => {
    expect(refusedWith(connected("publish"))).toBe("name");
    expect(refusedWith(connected("play"))).toBe("not-live");
    expect(refusedWith(new ScriptedServer(PUBLISH).openStream())).toBe("name");
    expect(refusedWith(new ScriptedServer().openStream())).toBe("not-live");
    expect(connected("publish").client.closedByPeer(1000).message).not.toContain("name");
  });

  test("while live: the connection is lost", () => {
    expect(refusedWith(new ScriptedServer(PUBLISH).goLive("publish").wait(3000))).toBe("closed");
    expect(refusedWith(new ScriptedServer().goLive().message(8, AUDIO))).toBe("closed");
  });

  test("right after it took a publisher (nginx-rtmp's access rules, MediaMTX): the name", () => {
    expect(refusedWith(new ScriptedServer(PUBLISH).goLive("publish").wait(2999))).toBe("name");
  });

  test("before a player got any audio or video: there is no such stream", () => {
    const server = new ScriptedServer()
      .goLive()
      .data("onMetaData", amfObject({}))
      .message(8, new Uint8Array(0));
    expect(refusedWith(server)).toBe("not-live");
  });
});

describe("deadlines", () => {
  const phases: [name: string, make: () => ScriptedServer, limit: number, message: string][] = [
    ["handshake", () => new ScriptedServer(), TIMES.stepTimeout, "did not answer the handshake within 10s"],
    [
      "connect",
      () => new ScriptedServer().shakeHands(),
      TIMES.stepTimeout,
      "did not answer connect within 10s",
    ],
    [
      "createStream",
      () => new ScriptedServer().shakeHands().result(1, null, SUCCESS),
      TIMES.stepTimeout,
      "did not answer createStream within 10s",
    ],
    ["publish", () => new ScriptedServer(PUBLISH).openStream(), TIMES.startTimeout, "within 15s"],
    ["play", () => new ScriptedServer().openStream(), TIMES.startTimeout, "within 15s"],
    ["stall", () => new ScriptedServer().goLive(), TIMES.stall, "no media for 20s"],
  ];

  test.each(phases)("%s", (name, make, limit, message) => {
    const server = make();
    expect(server.client.deadline).toBe(server.now + limit);
    server.wait(limit - 1);
    const error = thrownBy(() => server.wait(1));
    expect(error).toBeInstanceOf(TransportError);
    expect((error as TransportError).fault).toBe(name === "stall" ? "stalled" : "timeout");
    expect((error as TransportError).message).toContain(message);
    expect(server.client.deadline).toBeUndefined();
  });

  test("bytes that are no answer do not move them", () => {
    const server = new ScriptedServer().shakeHands();
    const { deadline } = server.client;
    server.wait(5000).userControl(0, 0).command("onBWDone", 0, null);
    expect(server.client.deadline).toBe(deadline!);
  });

  test("media moves the stall, metadata and control messages do not", () => {
    const server = new ScriptedServer().goLive();
    server.wait(TIMES.stall - 1).message(8, AUDIO);
    expect(server.client.deadline).toBe(server.now + TIMES.stall);
    const { deadline } = server.client;
    server.wait(5).data("onMetaData", amfObject({})).userControl(6);
    expect(server.client.deadline).toBe(deadline!);
  });

  test("a publisher has none while live", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish").wait(1_000_000);
    expect(server.client.live).toBe(true);
  });
});
