import { describe, expect, test } from "bun:test";
import { amfObject, encodeAmf0, getProperty, type Amf0Value } from "../../src/amf/amf0.ts";
import type { Refusal } from "../../src/errors.ts";
import { frameMessage } from "../../src/rtmp/chunk-writer.ts";
import { hex } from "../support/bytes.ts";
import { ScriptedServer, SUCCESS, PUBLISH, kinds, refusal } from "./scripted-server.ts";
import { STATUS_ROWS } from "./status-rows.ts";

describe("status codes", () => {
  const rows = STATUS_ROWS.map((row) => [row[0], row[1], row] as const);

  test.each(rows)("%s before the start: %s", (code, reaction, [, , expected]) => {
    for (const intent of ["publish", "play"] as const) {
      const server = new ScriptedServer({ intent }).openStream();
      server.events.length = 0;
      server.status(code, { level: expected === undefined ? "status" : "error", description: "why" });
      expect(server.events[0]).toEqual({ type: "status", code, description: "why" });
      const live =
        (intent === "publish" && reaction === "publishing") ||
        (intent === "play" && (reaction === "playing" || reaction === "returned"));
      const over = reaction === "refused" || (intent === "play" && reaction === "ended");
      expect(server.client.live).toBe(live);
      expect(kinds(server).includes("refused")).toBe(over);
      if (over) expect(refusal(server).refusal).toBe(expected ?? "failed");
    }
  });

  test.each(rows)("%s while live: %s", (code, reaction, [, , expected]) => {
    for (const intent of ["publish", "play"] as const) {
      const server = new ScriptedServer({ intent }).goLive(intent);
      server.status(code, { description: "why" });
      const rest = kinds(server).slice(1);
      if (reaction === "refused") expect(refusal(server).refusal).toBe(expected!);
      else if (reaction === "ended" && intent === "play") expect(rest).toEqual(["ended"]);
      else if (reaction === "returned" && intent === "play") expect(rest).toEqual(["returned"]);
      else expect(rest).toEqual([]);
    }
  });

  test("a bad name is told with the server's words", () => {
    const server = new ScriptedServer(PUBLISH).openStream();
    server.status("NetStream.Publish.BadName", { level: "error", description: "Already publishing" });
    expect(refusal(server)).toMatchObject({
      code: "NetStream.Publish.BadName",
      refusal: "name",
      message: "the server refused: NetStream.Publish.BadName (Already publishing)",
    });
    expect(server.client.deadline).toBeUndefined();
  });

  test("a stream that is not there, also inside onFCSubscribe", () => {
    const info = amfObject({ level: "error", code: "NetStream.Play.StreamNotFound" });
    const server = new ScriptedServer().openStream().command("onFCSubscribe", 0, null, info);
    expect(refusal(server).refusal).toBe("not-live");
  });

  test("an unknown error before the start is a refusal, later it is not", () => {
    const early = new ScriptedServer().openStream().status("NetStream.Odd", { level: "error" });
    expect(refusal(early).code).toBe("NetStream.Odd");
    const late = new ScriptedServer().goLive().status("NetStream.Odd", { level: "error" });
    expect(kinds(late)).toEqual(["status"]);
    expect(late.client.live).toBe(true);
  });

  test("after a refusal the rest of the segment counts for nothing", () => {
    const server = new ScriptedServer().openStream();
    const bytes = ["NetStream.Play.StreamNotFound", "NetStream.Play.Failed", "NetStream.Play.Start"].map(
      (code) =>
        frameMessage(
          { typeId: 20, timestamp: 0, payload: encodeAmf0(["onStatus", 0, null, amfObject({ code })]) },
          { csid: 5, messageStreamId: 1, chunkSize: 128 },
        ),
    );
    server.events.length = 0;
    server.send(Buffer.concat(bytes));
    server.send(bytes[2]!);
    expect(kinds(server)).toEqual(["status", "refused"]);
  });

  test("a reconnect request does not disturb the stream", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish");
    server.status("NetConnection.Connect.ReconnectRequest", { tcUrl: "rtmp://b.example/live" });
    expect(kinds(server)).toEqual(["status"]);
    expect(server.client.live).toBe(true);
  });
});

describe("refusals of connect and createStream", () => {
  const info = (code: string, description = ""): Amf0Value =>
    amfObject({ level: "error", code, description });
  const refusals: [name: string, values: Amf0Value[], expected: Refusal, code: string][] = [
    [
      "InvalidApp",
      [null, info("NetConnection.Connect.InvalidApp")],
      "app",
      "NetConnection.Connect.InvalidApp",
    ],
    ["Rejected", [null, info("NetConnection.Connect.Rejected")], "auth", "NetConnection.Connect.Rejected"],
    ["Failed", [null, info("NetConnection.Connect.Failed")], "failed", "NetConnection.Connect.Failed"],
    [
      "the object first",
      [info("NetConnection.Connect.InvalidApp")],
      "app",
      "NetConnection.Connect.InvalidApp",
    ],
    ["text only", [null, "go away"], "failed", "_error"],
    ["nothing", [], "failed", "_error"],
  ];

  test.each(refusals)("_error of connect with %s", (_, values, expected, code) => {
    const server = new ScriptedServer().shakeHands().error(1, ...values);
    expect(refusal(server)).toMatchObject({ refusal: expected, code });
    expect(server.client.deadline).toBeUndefined();
  });

  test("the text of an _error is told", () => {
    const server = new ScriptedServer().shakeHands().error(1, null, "go away");
    expect(refusal(server).message).toBe("the server refused: _error (go away)");
  });

  test("_result of connect with a refusal in it", () => {
    const server = new ScriptedServer().shakeHands().result(1, null, info("NetConnection.Connect.Rejected"));
    expect(refusal(server).refusal).toBe("auth");
  });

  test("only an answer with our transaction id decides", () => {
    const server = new ScriptedServer().shakeHands();
    server.takeSaid();
    server.result(2, null, SUCCESS).error(0, null, info("NetConnection.Connect.Rejected"));
    server.command("_result").command("_error", null);
    expect(server.takeSaid()).toEqual([]);
    expect(server.events).toEqual([]);
  });

  test("_error of createStream and of publish", () => {
    const create = new ScriptedServer(PUBLISH).shakeHands().result(1, null, SUCCESS).error(4, null);
    expect(refusal(create).code).toBe("_error");
    const publish = new ScriptedServer(PUBLISH)
      .openStream()
      .error(5, null, info("NetStream.Publish.BadName"));
    expect(refusal(publish).refusal).toBe("name");
  });

  test("close instead of an answer", () => {
    const server = new ScriptedServer().shakeHands().command("close", 0, null);
    expect(refusal(server).refusal).toBe("failed");
  });

  test("all the messages that may come before the answer", () => {
    const server = new ScriptedServer().shakeHands();
    server.send(hex`02 000000 000004 05 00000000 002625a0`);
    server.send(hex`02 000000 000005 06 00000000 002625a002`);
    server.send(hex`02 000000 000004 01 00000000 00001000`);
    server.userControl(0, 0).command("onBWDone", 0, null, 8192);
    server.chunkSize = 4096;
    server.result(1, amfObject({ fmsVer: "x".repeat(300) }), SUCCESS);
    expect(server.takeSaid().map(([name]) => name)).toEqual([
      "connect",
      "window-size",
      "_checkbw",
      "createStream",
      "FCSubscribe",
    ]);
  });
});

describe("redirects", () => {
  const rejected = (ex: Record<string, Amf0Value>): Amf0Value =>
    amfObject({
      level: "error",
      code: "NetConnection.Connect.Rejected",
      description: "RTMP 302 Redirect",
      ex: amfObject({ code: 302, ...ex }),
    });
  const other = "rtmp://b.example/live";

  test("(a) in the _error of connect: the other server", () => {
    const server = new ScriptedServer().shakeHands().error(1, null, rejected({ redirect: other }));
    expect(server.events).toEqual([{ type: "redirect", url: other, hasStream: false }]);
    expect(server.client.deadline).toBeUndefined();
  });

  test("(b) in the status of play: the other server's stream", () => {
    const server = new ScriptedServer().openStream();
    const ex = { redirect: other, redirect2: `${other}/name` };
    server.command("onStatus", 0, null, rejected(ex));
    expect(server.events.at(-1)).toEqual({ type: "redirect", url: `${other}/name`, hasStream: true });
    expect(kinds(server)).not.toContain("refused");
  });

  test("(b) for a publisher, without redirect2", () => {
    const server = new ScriptedServer(PUBLISH).openStream();
    server.command("onStatus", 0, null, rejected({ redirect: other }));
    expect(server.events.at(-1)).toEqual({ type: "redirect", url: other, hasStream: false });
  });

  test("of a stream that is live is a loss: the next connection will be told where to go", () => {
    const server = new ScriptedServer(PUBLISH).goLive("publish");
    server.command("onStatus", 0, null, rejected({ redirect: other }));
    expect(kinds(server)).toEqual(["status", "refused"]);
  });
});

describe("authentication", () => {
  const needAuth = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
  const info = (description: string): Amf0Value =>
    amfObject({ level: "error", code: "NetConnection.Connect.Rejected", description });

  test("a challenge in the _error of connect", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands().error(1, null, info(needAuth));
    expect(server.events).toEqual([{ type: "auth", description: needAuth }]);
    expect(server.client.live).toBe(false);
    expect(server.client.deadline).toBeUndefined();
  });

  test("a challenge in a text, and in a status", () => {
    const text = new ScriptedServer(PUBLISH).shakeHands().error(1, null, needAuth);
    expect(text.events).toEqual([{ type: "auth", description: needAuth }]);
    const status = new ScriptedServer(PUBLISH).shakeHands().command("onStatus", 0, null, info(needAuth));
    expect(kinds(status)).toEqual(["status", "auth"]);
  });

  test("other rejections are none", () => {
    const server = new ScriptedServer(PUBLISH).shakeHands().error(1, null, info("403 go away"));
    expect(refusal(server).refusal).toBe("auth");
  });

  test("the answer of the next connection is in its connect", () => {
    const server = new ScriptedServer({ ...PUBLISH, authQuery: "?authmod=adobe&user=u" }).shakeHands();
    const connect = server.takeSaid()[1]?.[3] as Amf0Value;
    expect(getProperty(connect, "app")).toBe("live?authmod=adobe&user=u");
    expect(getProperty(connect, "tcUrl")).toBe("rtmp://host.example/live?authmod=adobe&user=u");
  });
});
