import { describe, expect, test } from "bun:test";
import { ProtocolError, TransportError } from "../../src/errors.ts";
import { SERVER_DEFAULTS } from "../../src/rtmp/server.ts";
import { fixture, hex } from "../support/bytes.ts";
import { mutations, randomBytes } from "../support/mutate.ts";
import { amf, controlBytes, frame, u32 } from "../support/rtmp-wire.ts";
import {
  audio,
  command,
  connected,
  type Decide,
  drive,
  Driven,
  errorOf,
  hello,
  join,
  message,
  playing,
  publishing,
  unless,
} from "./server-driver.ts";

describe("deadlines", () => {
  const past = (driven: Driven, now: number) => errorOf(() => driven.server.advance(now));

  test("the handshake, however slowly it drips", () => {
    const driven = new Driven();
    for (let now = 0; now < 10_000; now += 1000) {
      driven.receive(Uint8Array.of(3), now);
      expect(past(driven, now)).toBeUndefined();
    }
    expect(driven.server.deadline).toBe(10_000);
    expect(past(driven, 10_000)).toEqual(
      new TransportError("the client did not finish the handshake within 10s", "timeout"),
    );
  });

  test("the way to a stream", () => {
    const driven = new Driven().receive(hello(), 5000);
    expect(driven.server.deadline).toBe(25_000);
    driven.receive(connected().subarray(3073), 6000).receive(audio, 7000);
    expect(driven.server.deadline).toBe(26_000);
    expect(past(driven, 25_999)).toBeUndefined();
    expect(past(driven, 26_000)).toMatchObject({
      message: "the client asked for no stream within 20s",
      fault: "timeout",
    });
  });

  test("the owner's own time does not count", () => {
    const driven = new Driven(unless("play-request")).receive(playing(), 1000);
    expect(driven.server.deadline).toBeUndefined();
    expect(past(driven, 90_000)).toBeUndefined();
  });

  test("a publisher that falls silent", () => {
    const driven = new Driven(unless("publish-request")).receive(publishing(), 1000);
    driven.server.accept(2, 90_000);
    expect(driven.server.deadline).toBe(105_000);
    driven.receive(audio.subarray(0, 3), 100_000);
    expect(driven.server.deadline).toBe(115_000);
    expect(past(driven, 115_000)).toMatchObject({
      message: "the publisher sent nothing for 15s",
      fault: "stalled",
    });
  });

  test("a publisher that is not listened to for a while is not silent", () => {
    const driven = new Driven().receive(publishing(), 0);
    driven.server.postpone(15_000);
    expect(past(driven, 29_999)).toBeUndefined();
    expect(past(driven, 30_000)).toMatchObject({ fault: "stalled" });
    const ready = new Driven().receive(connected(), 0);
    ready.server.postpone(15_000);
    expect(ready.server.deadline).toBe(20_000);
  });

  test("after a stream the next one has its time", () => {
    const driven = new Driven().receive(publishing(), 0);
    driven.receive(command(0, "deleteStream", 0, null, 1), 50_000);
    expect(driven.server.deadline).toBe(70_000);
  });

  test("all of them can be chosen", () => {
    const driven = new Driven(() => true, { handshakeTimeout: 1, startTimeout: 2, idleTimeout: 3 });
    expect(driven.server.deadline).toBe(1);
    expect(driven.receive(hello()).server.deadline).toBe(2);
    expect(driven.receive(publishing().subarray(3073)).server.deadline).toBe(3);
    expect(SERVER_DEFAULTS.idleTimeout).toBe(15_000);
  });
});

describe("hostile clients", () => {
  const refused = (bytes: readonly Uint8Array[], decide?: Decide) => errorOf(() => drive(bytes, decide));
  const large = (length: number) => hex`06 000000 ${length.toString(16).padStart(6, "0")} 09 01000000`;

  test("a message above 64 KiB, before anything is published", () => {
    const error = refused([connected(), large(65537)]);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(String(error)).toContain("65537 bytes");
    expect(refused([connected(), large(65536)])).toBeUndefined();
    expect(refused([publishing(), large(0xffffff)])).toBeUndefined();
  });

  test("too much behind a request", () => {
    const part = message(9, randomBytes(60_000, 1));
    const decide = unless("publish-request");
    const many = (count: number) => Array.from({ length: count }, () => part);
    expect(refused([publishing(), ...many(17)], decide)).toBeUndefined();
    expect(String(refused([publishing(), ...many(18)], decide))).toContain("before its request is answered");
    // One message that is never finished.
    const endless = [publishing(), large(0xffffff), ...many(18)];
    expect(String(refused(endless, decide))).toContain("before its request is answered");
    const tiny = Array.from({ length: 4097 }, () => audio);
    expect(refused([publishing(), join(...tiny)], decide)).toBeInstanceOf(ProtocolError);
    expect(refused([publishing(), join(...tiny.slice(1))], decide)).toBeUndefined();
    // Nothing at all, a thousand times.
    const nothing = message(8, hex``);
    expect(refused([publishing(), ...Array.from({ length: 9000 }, () => nothing)], decide)).toBeUndefined();
  });

  test("commands before any stream", () => {
    const flood = (count: number) => Array.from({ length: count }, () => command(0, "x", 2));
    // One of them is connect.
    expect(refused([connected(), ...flood(99)])).toBeUndefined();
    expect(String(refused([connected(), ...flood(100)]))).toContain("100 commands before any stream");
    const broken = frame(3, { type: 20, streamId: 0, timestamp: 0, payload: hex`03` });
    const many = Array.from({ length: 100 }, () => broken);
    expect(refused([connected(), ...many])).toBeInstanceOf(ProtocolError);
  });

  test("commands in a second of a stream", () => {
    const driven = new Driven().receive(publishing(), 0);
    const flood = join(...Array.from({ length: 100 }, () => command(0, "x", 2)));
    for (let now = 1000; now < 10_000; now += 1000) driven.receive(flood, now);
    expect(() => driven.receive(command(0, "x", 2), 9999)).toThrow("100 commands in a second");
  });

  test("publish and goodbye in turns", () => {
    const turn = join(command(1, "publish", 0, null, "k"), command(0, "deleteStream", 0, null, 1));
    expect(refused([publishing(), join(...Array.from({ length: 60 }, () => turn))])).toBeInstanceOf(
      ProtocolError,
    );
  });

  test("unknown types make no events before a stream", () => {
    const driven = drive([connected(), ...Array.from({ length: 500 }, () => message(99, hex`00`))]);
    expect(driven.events).toHaveLength(1);
  });

  test("pings without end are answered within reason", () => {
    const ping = controlBytes(4, hex`0006 00000001`);
    const driven = drive([connected(), join(...Array.from({ length: 5000 }, () => ping))]);
    expect(driven.said.length).toBeLessThan(110);
  });

  test("AMF bombs", () => {
    const deep = join(amf("connect", 1), ...Array.from({ length: 5000 }, () => hex`03 0001 61`));
    const wide = join(amf("connect", 1), hex`0a 00ffffff`);
    // References to references to an array: small on the wire, large written out.
    const array = join(hex`0a 00000100`, ...Array.from({ length: 256 }, () => hex`05`));
    const copies = join(...Array.from({ length: 9000 }, () => hex`07 0000`));
    const echo = join(amf("connect", 1), array, copies);
    for (const payload of [deep, wide, echo]) {
      const bytes = join(controlBytes(1, u32(65536)), frame(3, at0(payload), 65536));
      expect(refused([hello(), bytes])).toBeInstanceOf(ProtocolError);
      // Later it is only one command that is dropped.
      expect(refused([connected(), bytes])).toBeUndefined();
    }
  });

  test("texts without end", () => {
    const long = "x".repeat(4097);
    const connect = command(0, "connect", 1, { app: long });
    expect(String(refused([hello(), connect]))).toContain("4097 characters as app");
    expect(refused([connected(), command(1, "publish", 0, null, long)])).toBeInstanceOf(ProtocolError);
    const error = String(refused([connected(), command(1, "play", 0, null, `${long}secret`)]));
    expect(error).not.toContain("secret");
  });

  test("something that is no RTMP client", () => {
    expect(String(refused([Buffer.from("GET / HTTP/1.1\r\n")]))).toContain("This is no RTMP client");
    expect(String(refused([Uint8Array.of(0x16, 3, 1)]))).toContain("TLS");
  });

  test.each([
    "ffmpeg-publish",
    "ffmpeg-listen",
    "gstreamer-publish",
    "nginx-push",
    "ffmpeg-play",
    "rtmpdump-play",
    "gstreamer-play",
    "nginx-pull",
  ])("damaged bytes of %s", (file) => {
    const bytes = fixture(`rtmp/${file}.c2s`);
    const body = bytes.slice(3073);
    for (const copy of mutations(body, 400, 0xdada)) {
      const driven = new Driven(() => true);
      const error = errorOf(() => {
        driven.receive(bytes.slice(0, 3073));
        for (let at = 0; at < copy.length; at += 1000) driven.receive(copy.slice(at, at + 1000));
      });
      if (error !== undefined) expect(error).toBeInstanceOf(ProtocolError);
      expect(Buffer.concat(driven.output).length).toBeLessThan(40_000);
    }
  });
});

function at0(payload: Uint8Array) {
  return { type: 20, streamId: 0, timestamp: 0, payload };
}
