/**
 * Hostile clients of a listening relay, one kind after the other, while somebody publishes and is recorded: not one
 * frame is lost, memory stays bounded, each is closed, and the log has a line a second for them, not one for each.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  commandWith,
  ENDLESS_ARRAY,
  ENDLESS_STRING,
  GIANT_CSIDS,
  giantBegun,
  giantContinued,
  nestedObjects,
  noise,
} from "../support/attacks.ts";
import { differences, type FlvTag, joinDifferences, readFlvFile, toTag } from "../support/flv-compare.ts";
import { LISTEN_KEY, type ListeningRelay, startListening } from "../support/listening.ts";
import { decodingErrors, publish, show } from "../support/media.ts";
import { peakMemory } from "../support/memory.ts";
import { until } from "../support/ports.ts";
import type { Child } from "../support/process.ts";
import { needs } from "../support/programs.ts";
import { WireClient } from "../support/rtmp-client.ts";
import { commandBytes, controlBytes, frame, u32 } from "../support/rtmp-wire.ts";
import { expectExit, expectLastLine, expectNoSecret } from "../support/runnel.ts";
import { tidy } from "../support/tidy.ts";

tidy();

const MEMORY_LIMIT = 150 * 2 ** 20;
/** How many of a kind come at once. */
const CROWD = 5;
/** The longest that a client may take to say what it wants is 20 s. */
const SHOW_SECONDS = 24;

/** What the log says of clients: the reasons, and how many clients each line stands for. */
function notices(relay: ListeningRelay): { reason: string; times: number }[] {
  return relay.process.stderr.split("\n").flatMap((line) => {
    const match = /(?:127\.0\.0\.1: |other addresses)(.*?)(?: \((\d+) times\))?$/.exec(line);
    return match === null ? [] : [{ reason: match[1]!, times: Number(match[2] ?? 1) }];
  });
}

/** For how many clients the log has had a word, of a kind or in all. */
function clientsNoticed(relay: ListeningRelay, reason = /(?:)/): number {
  return notices(relay).reduce((sum, notice) => sum + (reason.test(notice.reason) ? notice.times : 0), 0);
}

/** Sends what `next` makes for as long as the server listens to it. */
async function pour(client: WireClient, next: () => Uint8Array): Promise<void> {
  while (!client.gone) {
    await client.sendAll(next());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A crowd that was let in as far as `open` goes, and its clean-up. */
async function crowd(
  size: number,
  open: (i: number) => Promise<WireClient>,
): Promise<{ clients: WireClient[] } & Disposable> {
  const clients = await Promise.all(Array.from({ length: size }, (_, i) => open(i)));
  return { clients, [Symbol.dispose]: () => clients.forEach((client) => client[Symbol.dispose]()) };
}

const chunkSize = controlBytes(1, u32(65_536));
const ping = controlBytes(4, Buffer.concat([Buffer.from([0, 6]), u32(1)]));
const pings = Buffer.concat(Array.from({ length: 2_000 }, () => ping));
const command = Buffer.concat(Array.from({ length: 50 }, () => commandBytes(0, "_checkbw", 7, null)));
const createStreams = Buffer.concat(
  Array.from({ length: 50 }, () => commandBytes(0, "createStream", 7, null)),
);
const emptyMessages = Buffer.concat(
  Array.from({ length: 999 }, () =>
    frame(4, { type: 9, streamId: 1, timestamp: 0, payload: Buffer.alloc(0) }),
  ),
);
const frames = Buffer.concat(
  Array.from({ length: 50 }, () => frame(4, { type: 9, streamId: 1, timestamp: 0, payload: noise(4_000) })),
);

/** Messages of 16 MiB on many chunk streams, a chunk of each in turn. */
function giants(): () => Uint8Array {
  const parts = [chunkSize, ...GIANT_CSIDS.map(giantBegun)];
  let at = 0;
  return () => parts.shift() ?? giantContinued(GIANT_CSIDS[at++ % GIANT_CSIDS.length]!);
}

const always = (bytes: Uint8Array) => () => bytes;
const open = (port: number) => WireClient.open(port);
const shaken = (port: number) => WireClient.shaken(port);
const connected = (port: number) => WireClient.connected(port, "live");
const player = (port: number) => WireClient.playing(port, "live", "live");
const stranger = (port: number) => WireClient.publishing(port, "live", "wrong");
const hello = (rest: Uint8Array) => Buffer.concat([Buffer.from([3]), rest]);

type Attack = [name: string, enter: (port: number) => Promise<WireClient>, next: () => () => Uint8Array];

const ATTACKS: Attack[] = [
  ["noise from the first byte on", open, () => always(noise(65_536))],
  ["noise as a handshake, and then more", open, () => always(hello(noise(65_536)))],
  ["HTTP", open, () => always(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))],
  ["TLS", open, () => always(Buffer.from("16030100f8010000f40303", "hex"))],
  ["noise after the handshake", shaken, () => always(noise(65_536))],
  ["noise after connect", connected, () => always(noise(65_536))],
  ["noise of a player", player, () => always(noise(65_536))],
  ["giant messages before connect", shaken, giants],
  ["giant messages after connect", connected, giants],
  ["giant messages of a player", player, giants],
  ["giant messages with a wrong key", stranger, giants],
  ["commands without end before connect", shaken, () => always(command)],
  ["commands without end", connected, () => always(command)],
  ["commands without end of a player", player, () => always(command)],
  ["streams without end", connected, () => always(createStreams)],
  ["connects without end", shaken, () => always(commandBytes(0, "connect", 1, { app: "live" }))],
  ["objects in objects in connect", shaken, () => always(commandWith(nestedObjects(15_000)))],
  ["objects in objects", connected, () => always(commandWith(nestedObjects(15_000), "x"))],
  ["an array of 2^32 items", shaken, () => always(commandWith(ENDLESS_ARRAY))],
  ["a string of 4 GiB", shaken, () => always(commandWith(ENDLESS_STRING))],
  ["the same in publish", connected, () => always(commandWith(ENDLESS_STRING, "publish"))],
];

describe.skipIf(!needs("ffmpeg"))("while somebody publishes", () => {
  let relay: ListeningRelay;
  let publisher: Child;
  let peak: Promise<number>;
  let sent: FlvTag[];
  let patient: Awaited<ReturnType<typeof crowd>>;
  let drip: Timer;
  /** Clients that were closed, so the log has to know of them. */
  let closed = 0;

  beforeAll(async () => {
    const file = await show({ seconds: SHOW_SECONDS });
    sent = await readFlvFile(file);
    relay = await startListening(["--serve"]);
    peak = peakMemory(relay.process.pid);
    publisher = publish(file, relay.url());
    await relay.process.says("rec.flv] live");
    // These are silent for ever, the second in the middle of its handshake, or send a byte a second.
    const kinds = [open, open, open, shaken, connected, connected];
    patient = await crowd(kinds.length, (i) => kinds[i]!(relay.port));
    patient.clients[1]?.send(hello(Buffer.alloc(700)));
    const said = [hello(Buffer.alloc(1_536)), commandBytes(0, "connect", 1, { app: "live" })];
    let at = 0;
    drip = setInterval(() => {
      for (const [i, bytes] of said.entries()) patient.clients[2 + i]?.send(bytes.subarray(at, at + 1));
      at += 1;
    }, 1_000);
  }, 60_000);

  afterAll(() => {
    clearInterval(drip);
    patient[Symbol.dispose]();
  });

  test.each(ATTACKS)("%s", async (_name, enter, next) => {
    using hostile = await crowd(CROWD, () => enter(relay.port));
    await Promise.all(hostile.clients.map((client) => pour(client, next())));
    closed += CROWD;
  });

  // What is sent costs time but no memory, and ends when they leave.
  test.each([
    ["pings without end, answers never read", shaken, pings],
    ["pings of a player, answers never read", player, pings],
    ["empty messages", connected, emptyMessages],
    ["media of a player", player, frames],
    ["media that nobody asked for", connected, frames],
  ] as const)("%s", async (_name, enter, bytes) => {
    using hostile = await crowd(CROWD, () => enter(relay.port));
    for (const client of hostile.clients) client.stopReading();
    const enough = 4 * 2 ** 20;
    const some = async (client: WireClient) => {
      for (let size = 0; size < enough && !client.gone; size += bytes.length) {
        client.send(bytes);
        await until(
          "sent, or not taken",
          () => client.gone || client.socket.writableLength < 2 ** 20,
          2_000,
        ).catch(() => (size = enough));
      }
    };
    await Promise.all(hostile.clients.map(some));
  });

  test("500 connections at once", async () => {
    using hostile = await crowd(500, () => open(relay.port));
    const shut = () => hostile.clients.filter((client) => client.gone).length;
    await until("all of them are let in", () => shut() >= 440);
    expect(shut()).toBeLessThan(500);
    closed += 440;
  });

  test("connections that are closed at once, a thousand of them", async () => {
    for (let i = 0; i < 20; i++) {
      using _ = await crowd(50, () => open(relay.port));
    }
  });

  test("a player still comes in", async () => {
    using client = await player(relay.port);
    await until("no keyframe", () => client.media.some((tag) => tag.role === "key"));
    expect(joinDifferences(sent, client.media)).toEqual([]);
  });

  test("those who never say what they want are closed", async () => {
    await Promise.all(patient.clients.map((client) => client.left(40_000)));
    closed += patient.clients.length;
    const late = () => clientsNoticed(relay, /within \d+s/);
    await until("the log knows of them", () => late() === patient.clients.length);
    expect(clientsNoticed(relay)).toBeGreaterThanOrEqual(closed);
    expect(clientsNoticed(relay, /too many connections/)).toBeGreaterThanOrEqual(440);
    expect(notices(relay).length).toBeLessThan(60);
  });

  test("not one frame is lost", async () => {
    expect((await publisher.finished).code).toBe(0);
    await relay.lostPublisher();
    const result = await relay.end();
    expectExit(result, 0);
    expectLastLine(result);
    expectNoSecret(result, LISTEN_KEY);
    expect(result.stderr).not.toMatch(/internal/i);
    expect(differences(sent, await readFlvFile(relay.file))).toEqual([]);
    expect(await decodingErrors(relay.file)).toBe("");
    expect(await peak).toBeLessThan(MEMORY_LIMIT);
  });
});

/** 5 MB a second of what looks like pictures; what is in them does not matter here. */
function heavyShow(seconds: number): FlvTag[] {
  const header = Buffer.from("17000000000164001fffe1000467640000010004689b0000", "hex");
  const body = noise(200_000);
  const tags = [toTag(9, 0, header)!];
  for (let i = 0; i < seconds * 25; i++) {
    const payload = Buffer.concat([Buffer.from([i % 25 === 0 ? 0x17 : 0x27, 1, 0, 0, 0]), u32(i), body]);
    tags.push(toTag(9, i * 40, payload)!);
  }
  return tags;
}

test("players that never read are closed, and nobody else feels them", async () => {
  await using relay = await startListening(["--serve", "--stall", "2s"]);
  const peak = peakMemory(relay.process.pid);
  const sent = heavyShow(6);
  using publisher = await WireClient.publishing(relay.port, "live", LISTEN_KEY);
  await publisher.hears("NetStream.Publish.Start");
  publisher.setChunkSize(65_536);
  using idle = await crowd(CROWD, () => player(relay.port));
  for (const client of idle.clients) {
    await client.hears("NetStream.Play.Start");
    client.stopReading();
  }
  using reader = await player(relay.port);
  await reader.hears("NetStream.Play.Start");
  await publisher.sendTags(sent, { realtime: true });
  await until("they are closed", () => clientsNoticed(relay, /takes no data/) >= CROWD, 20_000);
  await publisher.unpublish(LISTEN_KEY);
  await relay.lostPublisher();
  await until("the reader has it all", () => reader.media.length >= sent.length);
  expectExit(await relay.end(), 0);
  expect(differences(sent, reader.media)).toEqual([]);
  expect(differences(sent, await readFlvFile(relay.file))).toEqual([]);
  expect(await peak).toBeLessThan(MEMORY_LIMIT);
});
