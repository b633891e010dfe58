/**
 * A hostile server after a valid handshake. Whatever it sends, runnel ends by itself with an exit code of its table
 * and a line in words, and its memory stays bounded.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  ENDLESS_ARRAY,
  ENDLESS_STRING,
  GIANT_CSIDS,
  giantBegun,
  giantContinued,
  nestedObjects,
  noise,
} from "../support/attacks.ts";
import { differences, type FlvTag, mediaOf, readFlvFile } from "../support/flv-compare.ts";
import { show } from "../support/media.ts";
import { peakMemory } from "../support/memory.ts";
import { needs } from "../support/programs.ts";
import { type Handlers, type Peer, serveRtmp } from "../support/rtmp-server.ts";
import { amf, commandBytes, controlBytes, frame, statusBytes, u32 } from "../support/rtmp-wire.ts";
import { expectExit, expectLastLine, runnel, startRunnel } from "../support/runnel.ts";
import { scratch } from "../support/scratch.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const MIB = 2 ** 20;
const MEMORY_LIMIT = 150 * MIB;
/** 4 never live, 5 refused, 6 unreachable or stalled, 3 begun and incomplete, 0 ended as by the server's wish. */
const PROPER = [0, 3, 4, 5, 6];

/** Sends the parts that `next` makes, as fast as the client takes them, until it hangs up or `next` has no more. */
function flood(
  next: (peer: Peer) => Uint8Array | undefined,
): Required<Pick<Handlers, "drained">> & { begin(peer: Peer): void } {
  const pump = (peer: Peer) => {
    // A round is bounded, so that the server's loop also sees the client hang up.
    for (let round = 0; round < 256 && !peer.gone; round++) {
      const part = next(peer);
      if (part === undefined || peer.send(part) > 0) return;
    }
    if (!peer.gone) setTimeout(pump, 0, peer);
  };
  return { begin: pump, drained: pump };
}

const endless = (bytes: Uint8Array) => flood(() => bytes);
const once = (...parts: Uint8Array[]) => flood(() => parts.shift());

/** The first chunk of a message of almost 16 MiB on each of 64 chunk streams, then one chunk after the other. */
function hugeMessages(): ReturnType<typeof flood> {
  const first = GIANT_CSIDS.map(giantBegun);
  const more = GIANT_CSIDS.map(giantContinued);
  const parts = [controlBytes(1, u32(65_536)), ...first];
  let at = 0;
  return flood(() => parts.shift() ?? (at < 61 * 200 ? more[at++ % 61] : undefined));
}

const nested = (depth: number) => Buffer.concat([amf("onStatus", 0, null), nestedObjects(depth)]);

const data = (type: number, payload: Uint8Array) =>
  frame(5, { type, streamId: 1, timestamp: 0, payload }, 128);
const strictArray = Buffer.concat([amf("onMetaData"), ENDLESS_ARRAY]);
const longString = Buffer.concat([amf("onMetaData"), ENDLESS_STRING]);
const ping = controlBytes(4, Buffer.concat([Buffer.from([0, 6]), u32(1)]));
const pings = Buffer.concat(Array.from({ length: 2_000 }, () => ping));
const bits = { type: 9, streamId: 1, timestamp: 0, payload: noise(700) };

const scenarios: [string, "shaken" | "play", () => ReturnType<typeof flood>][] = [
  ["noise after the handshake", "shaken", () => endless(noise(65_536))],
  ["noise after play", "play", () => endless(noise(65_536))],
  ["messages of 16 MiB on 61 chunk streams", "play", hugeMessages],
  ["the same before connect is answered", "shaken", hugeMessages],
  ["pings without end, answers never read", "play", () => endless(pings)],
  ["chunk size 0", "play", () => once(controlBytes(1, u32(0)), frame(6, bits))],
  ["chunk size 2^31-1", "play", () => once(controlBytes(1, u32(0x7fffffff)), frame(6, bits, 2 ** 31 - 1))],
  ["chunk size with its top bit set", "play", () => once(controlBytes(1, u32(0xffffffff)), frame(6, bits))],
  ["objects in objects, 15,000 deep", "play", () => once(data(20, nested(15_000)))],
  ["metadata 15,000 deep, without end", "play", () => endless(data(18, nested(15_000)))],
  ["an array that says it has 2^32 items", "play", () => once(data(18, strictArray))],
  ["a string that says it has 4 GiB", "play", () => once(data(18, longString), data(20, longString))],
  ["unknown messages without end", "play", () => endless(data(99, noise(4_000)))],
  [
    "empty messages without end",
    "play",
    () => endless(Buffer.concat(Array.from({ length: 999 }, () => data(9, Buffer.alloc(0))))),
  ],
  [
    "new metadata without end",
    "play",
    () => endless(data(18, amf("onMetaData", { title: "x".repeat(30_000) }))),
  ],
  ["a status of another life", "play", () => once(statusBytes("error", "\0\u001b[2J".repeat(300)))],
  [
    "commands without arguments",
    "shaken",
    () => once(commandBytes(0, "_result"), commandBytes(0, "_error"), commandBytes(0)),
  ],
  [
    "a stream id that is no number",
    "shaken",
    () => once(commandBytes(0, "_result", 1, null, {}), commandBytes(0, "_result", 2, null, Number.NaN)),
  ],
];

test.each(scenarios)("%s", async (_name, moment, make) => {
  const attack = make();
  using server = serveRtmp({
    shaken: (peer) => {
      if (moment === "play") return;
      attack.begin(peer);
      return "mine";
    },
    play: (peer) => {
      // Nothing of what the client still says is read: its answers have to pile up somewhere.
      peer.discard = true;
      attack.begin(peer);
    },
    drained: attack.drained,
  });
  const url = `rtmp://127.0.0.1:${server.port}/live/show`;
  const flags = ["--stall", "2s", "--for", "5s"];
  await using pull = await startRunnel(["pull", url, join(scratch(), "out.flv"), ...flags], {
    timeout: 25_000,
  });
  const peak = peakMemory(pull.pid);
  const result = await pull.finished;
  expectExit(result, ...PROPER);
  expectLastLine(result);
  expect(result.stderr).not.toContain(String.fromCharCode(27));
  expect(await peak).toBeLessThan(MEMORY_LIMIT);
});

test("a server that speaks HTTP is called by its name", async () => {
  using server = serveRtmp({
    opened: (peer) => {
      peer.discard = true;
      peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
      peer.leave();
    },
  });
  const result = await runnel([
    "pull",
    `rtmp://127.0.0.1:${server.port}/live/show`,
    join(scratch(), "out.flv"),
  ]);
  expectExit(result, 5, 6);
  expectLastLine(result, /127\.0\.0\.1/);
});

/** A whole file as the bytes of a play server. */
function stream(tags: FlvTag[]): Buffer {
  const media = mediaOf(tags).map((tag) => {
    const type = tag.kind === "video" ? 9 : 8;
    return frame(
      type === 9 ? 6 : 4,
      { type, streamId: 1, timestamp: tag.timestamp, payload: tag.payload },
      128,
    );
  });
  const eof = controlBytes(4, Buffer.concat([Buffer.from([0, 1]), u32(1)]));
  return Buffer.concat([...media, eof, statusBytes("status", "NetStream.Play.UnpublishNotify")]);
}

test.skipIf(!needs("ffmpeg"))("a slow server that sends a byte at a time is a good server", async () => {
  const tags = await readFlvFile(await show({ seconds: 1 }));
  const bytes = stream(tags).subarray();
  let at = 0;
  const trickle = (peer: Peer) => {
    peer.socket.setNoDelay(true);
    for (let i = 0; i < 50 && at < bytes.length; i++) {
      peer.send(bytes.subarray(at, at + 1));
      at += 1;
    }
    if (at < bytes.length) setTimeout(trickle, 0, peer);
    else peer.leave();
  };
  using server = serveRtmp({ play: trickle });
  const out = join(scratch(), "out.flv");
  const result = await runnel(["pull", `rtmp://127.0.0.1:${server.port}/live/show`, out, "--stall", "10s"]);
  expectExit(result, 0);
  expect(differences(tags, await readFlvFile(out))).toEqual([]);
});
